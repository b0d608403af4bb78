"""The engine over a real SMTP line: one mail each, what the server's answers do, and nobody's mail with another's data."""

from __future__ import annotations

import pytest

from campaigns.delivery import engine
from campaigns.delivery.audience import materialise
from campaigns.delivery.models import Link, Message, Outcome, SenderAccount
from campaigns.delivery.services import begin_run
from campaigns.delivery.types import MessageState, OutcomeKind
from personalize.core.clock import now
from personalize.core.tokens import Purpose, unseal
from segments.consent.models import Suppression
from segments.subscribers.models import Subscriber, Tracking
from tests.delivery.conftest import look_on, send
from tests.factories import make_follower, make_order, make_product

pytestmark = pytest.mark.django_db(transaction=True)


def test_everyone_gets_one_mail_with_their_own_words(server, mailing):
    topic = mailing.topic
    people = {f"p{n}@post.example": f"Nina{chr(97 + n)}" for n in range(20)}
    for address, name in people.items():
        make_follower(topic, address, first_name=name, city=f"City of {name}")
    figures = send(mailing)
    assert figures.balances
    assert (figures.sent, figures.open) == (20, 0)
    assert sorted(server.addresses()) == sorted(people)
    for post in server.accepted:
        assert post.mail["To"] == post.to
        others = [name for address, name in people.items() if address != post.to]
        assert people[post.to] in post.html
        assert f"City of {people[post.to]}" in post.text
        assert not [name for name in others if name in post.html + post.text + str(post.mail["Subject"])]


def test_a_marketing_mail_carries_both_unsubscribe_headers_and_stored_links(server, mailing):
    make_product("MUG", title="Stoneware mug, moss")
    buyer = make_follower(mailing.topic)
    make_order(buyer, ("OTHER", 1, 10_000))
    make_order(None, (make_product("TEA", title="Teapot"), 1, 10_000))
    send(mailing)
    [post] = server.accepted
    [message] = Message.objects.all()
    address = post.mail["List-Unsubscribe"].strip("<>")
    assert post.mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert unseal(address.rstrip("/").rpartition("/")[2], Purpose.UNSUBSCRIBE).id == message.uuid
    assert post.mail["Message-ID"].startswith(f"<{message.uuid}@")
    assert "personalize.invalid" not in post.html + post.text
    assert 'href="#"' not in post.html
    assert "https://alderandwren.example/winter" not in post.html
    assert set(Link.objects.values_list("url", flat=True)) >= {"https://alderandwren.example/winter"}
    assert Link.objects.filter(product_code="TEA").count() == 1


def test_a_person_who_refused_tracking_gets_plain_links_and_no_pixel(server, mailing):
    make_follower(mailing.topic, tracking=Tracking.DENIED)
    send(mailing)
    [post] = server.accepted
    assert "https://alderandwren.example/winter" in post.html
    assert "/t/c/" not in post.html + post.text
    assert "/t/o/" not in post.html


def test_a_dead_address_fails_is_blocked_and_its_neighbours_get_their_mail(server, mailing):
    good, dead = make_follower(mailing.topic), make_follower(mailing.topic)
    server.script.at_rcpt[dead.email] = "550 5.1.1 no such mailbox"
    figures = send(mailing)
    assert (figures.sent, figures.failed, figures.reasons) == (1, 1, {"rejected": 1})
    assert server.addresses() == [good.email]
    assert Suppression.objects.get().address_key == dead.address_key
    assert Outcome.objects.get().kind == OutcomeKind.BOUNCED


def test_a_policy_refusal_blocks_nobody(server, mailing):
    person = make_follower(mailing.topic)
    server.script.at_dot[person.email] = "550 5.7.1 not from you"
    assert send(mailing).failed == 1
    assert not Suppression.objects.exists()


def test_a_full_mailbox_is_tried_again_later_and_then_once(server, mailing):
    person = make_follower(mailing.topic)
    server.script.at_rcpt[person.email] = "452 4.2.2 full"
    assert send(mailing).open == 1
    message = Message.objects.get()
    assert message.attempt == 1
    assert message.due_at > now()
    server.script.at_rcpt.clear()
    Message.objects.update(due_at=now())
    look_on()
    assert server.addresses() == [person.email]


def test_a_lost_reply_is_a_doubt_and_is_never_sent_again(server, mailing):
    person = make_follower(mailing.topic)
    server.script.at_dot[person.email] = "hang up"
    server.script.accept_then_hang_up.add(person.email)
    figures = send(mailing)
    assert (figures.in_doubt, figures.open, figures.balances) == (1, 0, True)
    look_on()
    assert server.addresses() == [person.email]


def test_a_server_that_refuses_everybody_rests_the_account_and_loses_nobody(settings, server, mailing):
    for _ in range(3):
        make_follower(mailing.topic)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    figures = send(mailing)
    assert (figures.open, figures.failed) == (3, 0)
    account = SenderAccount.objects.get()
    assert "No connection" in account.paused_reason
    assert not engine.look(), "an account in trouble is left alone"
    settings.EMAIL_PORT = port
    SenderAccount.objects.update(paused_at=now() - engine.ACCOUNT_REST)
    look_on()
    assert len(server.addresses()) == 3
    account.refresh_from_db()
    assert account.paused_at is None


def test_names_cannot_write_headers_or_markup(server, mailing):
    hostile = make_follower(
        mailing.topic, first_name="<b>Eve</b>\r\nBcc: thief@evil.example", city="{{ brand.name }} <script>"
    )
    figures = send(mailing)
    assert figures.sent == 1
    [post] = server.accepted
    assert post.to == hostile.email
    assert post.mail["Bcc"] is None
    assert "<script>" not in post.html
    assert "{{ brand.name }}" in post.text


def test_the_number_of_queries_does_not_depend_on_the_number_of_people(
    server, mailing, django_assert_max_num_queries, settings
):
    settings.DELIVERY_WINDOW = 100
    for _ in range(2):
        make_follower(mailing.topic)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    run = begin_run(owner_kind="test", owner=mailing.owner, as_of=now())
    materialise(run=run, people=Subscriber.objects.all(), mailing=mailing, due_at=now())
    with CaptureQueriesContext(
        connection,
    ) as few:
        engine.look()
    for _ in range(40):
        make_follower(mailing.topic)
    Message.objects.all().delete()
    run = begin_run(owner_kind="test", owner=mailing.owner, as_of=now())
    materialise(run=run, people=Subscriber.objects.all(), mailing=mailing, due_at=now())
    with django_assert_max_num_queries(len(few)):
        engine.look()
    assert Message.objects.filter(state=MessageState.SENT).count() == 42
