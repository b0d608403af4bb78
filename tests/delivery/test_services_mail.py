"""A mail service behind Anymail, chosen by settings alone: what each of its answers does to the rows."""

from __future__ import annotations

import json

import pytest
from django.core.mail import EmailMultiAlternatives

from campaigns.delivery import engine
from campaigns.delivery.models import Message, SenderAccount
from campaigns.delivery.outbox import AccountTrouble, Outbox
from campaigns.delivery.types import MessageState
from personalize.core.clock import now
from personalize.core.tokens import Purpose, unseal
from segments.consent.models import Suppression
from tests.delivery.conftest import look_on, send
from tests.factories import make_follower
from tests.postmark import HANG_UP, postmark_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def service(settings):
    with postmark_server() as running:
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        settings.ANYMAIL = {"POSTMARK_API_URL": running.url, "POSTMARK_SERVER_TOKEN": "a-token-of-the-shop"}
        yield running
        engine.renderer().close()


@pytest.fixture
def people(mailing):
    return [make_follower(mailing.topic) for _ in range(4)]


def headers(mail):
    return {header["Name"]: header["Value"] for header in mail["Headers"]}


def wake_account():
    SenderAccount.objects.update(paused_at=now() - engine.ACCOUNT_REST)


def test_everyone_is_posted_once_with_what_a_marketing_mail_needs(service, mailing, people):
    figures = send(mailing)
    assert (figures.sent, figures.open, figures.balances) == (4, 0, True)
    assert sorted(service.addresses()) == sorted(person.email for person in people)
    assert service.tokens == {"a-token-of-the-shop"}
    for mail in service.taken:
        message = Message.objects.get(subscriber__email=mail["To"])
        unsubscribe = headers(mail)["List-Unsubscribe"].strip("<>")
        assert unseal(unsubscribe.rstrip("/").rpartition("/")[2], Purpose.UNSUBSCRIBE).id == message.uuid
        assert headers(mail)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["Metadata"] == {"mid": str(message.uuid)}
        assert message.esp_id
        assert mailing.uuid.hex in mail["Tag"]


def test_the_service_does_not_count_opens_and_clicks_beside_us(service, mailing, people):
    send(mailing)
    assert {(mail["TrackOpens"], mail["TrackLinks"]) for mail in service.taken} == {(False, "None")}


def test_an_account_may_name_a_service_of_its_own(service, mailing, people, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    SenderAccount.objects.update(backend="anymail.backends.postmark.EmailBackend")
    assert send(mailing).sent == 4


def test_a_service_that_knows_no_tracking_switch_gets_the_mail_without_it(service, mailing, people, settings):
    settings.EMAIL_BACKEND = "tests.delivery.backends.PlainPostmark"
    assert send(mailing).sent == 4
    assert [mail["Metadata"]["mid"] for mail in service.taken]
    assert not [mail for mail in service.taken if "TrackOpens" in mail or "TrackLinks" in mail]


def test_an_inactive_recipient_fails_and_the_neighbours_get_their_mail(service, mailing, people):
    service.script.refuse(people[1].email)
    figures = send(mailing)
    assert (figures.sent, figures.failed, figures.reasons) == (3, 1, {"rejected": 1})
    assert Message.objects.get(state=MessageState.FAILED).subscriber == people[1]
    assert people[1].email not in service.addresses()
    assert not Suppression.objects.exists()


def test_a_refusal_that_names_an_address_is_that_person_s_alone(service, mailing, people):
    words = json.dumps({"ErrorCode": 999, "Message": f"{people[0].email} will never do."})
    service.script.answers[people[0].email] = (422, words)
    figures = send(mailing)
    assert (figures.sent, figures.failed) == (3, 1)


def test_a_refusal_that_names_nobody_is_tried_again_while_attempts_are_left(service, mailing, people, settings):
    settings.DELIVERY_MAX_ATTEMPTS = 2
    service.script.everybody = (422, json.dumps({"ErrorCode": 400, "Message": "The sender signature was not found."}))
    assert (send(mailing).open, Message.objects.filter(attempt=1).count()) == (4, 4)
    Message.objects.filter(subscriber__in=people[:3]).update(due_at=now())
    look_on()
    assert Message.objects.filter(state=MessageState.FAILED, reason="expired").count() == 3
    service.script.everybody = None
    Message.objects.filter(state=MessageState.READY).update(due_at=now())
    look_on()
    assert service.addresses() == [people[3].email]


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_when_the_service_lets_nobody_in_the_account_rests_and_the_rows_wait(service, mailing, people, status):
    service.script.everybody = (status, json.dumps({"ErrorCode": 10, "Message": "Not now."}))
    figures = send(mailing)
    assert (figures.open, figures.balances) == (4, True)
    assert len(service.asked) == 1, "an account in trouble is asked once"
    assert str(status) in SenderAccount.objects.get().paused_reason
    service.script.everybody = None
    wake_account()
    look_on()
    assert sorted(service.addresses()) == sorted(person.email for person in people)
    assert Message.objects.filter(attempt__gt=0).count() == 0


@pytest.mark.parametrize(
    "answer",
    [
        (500, "{}"),
        (502, ""),
        (504, "late"),
        (520, "?"),
        (200, ""),
        (200, '["well"]'),
        (200, '{"Message": "OK"}'),
        HANG_UP,
    ],
    ids=str,
)
def test_an_answer_that_proves_nothing_is_a_doubt_and_is_never_sent_again(service, mailing, people, answer):
    doubtful = people[0]
    service.script.answers[doubtful.email] = answer
    service.script.taken_anyway = True
    figures = send(mailing)
    assert (figures.sent, figures.in_doubt, figures.open, figures.balances) == (3, 1, 0, True)
    Message.objects.filter(due_at__isnull=False).update(due_at=now())
    look_on()
    assert service.asked.count(doubtful.email) == 1
    assert sorted(service.addresses()) == sorted(person.email for person in people)


def test_doubt_upon_doubt_rests_the_account_before_everyone_is_in_doubt(service, mailing, people):
    service.script.everybody = (500, "{}")
    figures = send(mailing)
    assert (figures.in_doubt, figures.open) == (3, 1)
    assert "replies were lost" in SenderAccount.objects.get().paused_reason


def test_rows_wait_while_nothing_listens_where_the_service_should_be(service, mailing, people, settings):
    right = settings.ANYMAIL
    settings.ANYMAIL = {**right, "POSTMARK_API_URL": "http://127.0.0.1:1/"}
    figures = send(mailing)
    assert (figures.open, figures.in_doubt) == (4, 0)
    assert SenderAccount.objects.get().paused_reason
    settings.ANYMAIL = right
    wake_account()
    look_on()
    assert sorted(service.addresses()) == sorted(person.email for person in people)


def test_a_missing_token_is_said_at_the_account_and_harms_no_row(service, mailing, people, settings):
    settings.ANYMAIL = {}
    assert send(mailing).open == 4
    assert "POSTMARK_SERVER_TOKEN" in SenderAccount.objects.get().paused_reason


def test_an_address_of_the_service_that_is_none_harms_no_row(service, mailing, people, settings):
    settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_API_URL": "nowhere"}
    assert send(mailing).open == 4
    assert SenderAccount.objects.get().paused_reason


def test_an_outbox_in_trouble_says_so_without_a_row(service, settings):
    settings.ANYMAIL = {}
    mail = EmailMultiAlternatives("Hello", "words", "hello@news.alderandwren.example", ["ann@post.example"])
    with Outbox(SenderAccount()) as outbox, pytest.raises(AccountTrouble, match="settings"):
        outbox.send(mail, 0)
