"""Service mails: what the product and the shop must tell a person, whatever they follow, once for each request."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings as configured
from django.db import transaction
from django.test import Client

from campaigns.delivery import engine
from campaigns.delivery.audience import materialise
from campaigns.delivery.models import FrequencyCount, Mailing, Message, Sender
from campaigns.delivery.services import begin_run, send_service_mail
from campaigns.delivery.types import MessageState, Refused, SkipReason
from personalize.accounts.models import Brand
from personalize.content.models import Template
from personalize.content.preview import preview
from personalize.content.services import create_template, save_version, service_version, update_template
from personalize.core.clock import now
from personalize.core.hooks import mail_requested
from personalize.core.tokens import Purpose, seal, unseal
from segments.consent.models import Suppression, SuppressionReason
from segments.subscribers.models import Rhythm, Subscriber, Tracking
from tests.delivery.conftest import look_on, send
from tests.factories import NOW, make_follower, make_sender, make_subscriber, make_topic

pytestmark = pytest.mark.django_db(transaction=True)

CONFIRM = "https://news.alderandwren.example/c/AQABCg-_x?a=1&b=2"


@pytest.fixture
def receipt(brand, maya):
    """A receipt as Priya would write it: fields of the order, a button to the parcel."""
    template = create_template(
        name="Receipt",
        subject="Your order {{ trigger.order.number }}",
        preheader="",
        blocks=[
            {"id": "words", "type": "text", "text": "Thank you. You paid {{ trigger.order.total }}."},
            {"id": "trace", "type": "button", "label": "Where is it?", "url": "{{ trigger.trace }}"},
            {"id": "shop", "type": "button", "label": "Visit us", "url": "https://alderandwren.example/visit"},
            {"id": "note", "type": "text", "text": "{{ trigger.note | default('No note.') }}"},
        ],
        actor=maya,
    )
    version = save_version(template=template, actor=maya, marketing=False)
    assert not isinstance(version, list), version
    return version


CONTEXT = {"order": {"number": "A-7", "total": "£14.00"}, "trace": "https://parcels.example/t?id=7&to=Ann"}


def write(person, version, key="order-A-7", context=CONTEXT) -> Message:
    written = send_service_mail(
        subscriber=person, version=version, context=context, key=key, name="Receipt", sender=make_sender()
    )
    assert isinstance(written, Message), written
    return written


def suppressed(person, reason, **fields):
    Suppression.objects.create(address_key=person.address_key, reason=reason, source="test", created_at=NOW, **fields)


def test_a_service_mail_needs_no_consent_and_carries_what_triggered_it(server, receipt):
    ann = make_subscriber("ann@post.example", rhythm=Rhythm.WEEKLY)
    message = write(ann, receipt)
    look_on()
    [post] = server.accepted
    message.refresh_from_db()
    assert message.state == MessageState.SENT
    assert post.to == "ann@post.example"
    assert post.mail["Subject"] == "Your order A-7"
    assert "You paid £14.00." in post.text
    assert 'href="https://parcels.example/t?id=7&amp;to=Ann"' in post.html
    assert "Where is it?: https://parcels.example/t?id=7&to=Ann" in post.text
    assert "No note." in post.text


def test_a_service_mail_is_never_tracked_and_offers_no_one_click_leaving(server, receipt):
    write(make_subscriber(tracking=Tracking.GRANTED), receipt)
    look_on()
    [post] = server.accepted
    assert "List-Unsubscribe" not in post.mail
    assert "List-Unsubscribe-Post" not in post.mail
    assert 'href="https://alderandwren.example/visit"' in post.html
    assert "/t/" not in post.html + post.text
    mailing = Mailing.objects.get()
    assert (mailing.track_opens, mailing.track_clicks) == (False, False)


def test_the_same_key_gives_the_same_message_also_under_a_newer_version(receipt, maya):
    ann, ben = make_subscriber(), make_subscriber()
    first = write(ann, receipt)
    template = receipt.template
    update_template(
        template=template,
        lock_version=0,
        actor=maya,
        name="Receipt",
        subject="Order {{ trigger.order.number }}",
        preheader="",
        blocks=template.blocks,
    )
    newer = save_version(template=template, actor=maya, marketing=False)
    assert write(ann, newer) == first
    assert write(ann, newer, key="order-A-8") != first
    assert write(ben, newer).subscriber == ben
    assert Message.objects.count() == 3


def test_a_long_key_still_counts_in_full_and_an_empty_one_is_an_error(receipt):
    ann = make_subscriber()
    one = write(ann, receipt, key="k" * 300 + "1")
    assert write(ann, receipt, key="k" * 300 + "1") == one
    assert write(ann, receipt, key="k" * 300 + "2") != one
    with pytest.raises(ValueError, match="key"):
        write(ann, receipt, key="")


def test_an_empty_field_of_the_trigger_fails_the_mail_and_says_which(server, receipt):
    message = write(make_subscriber(), receipt, context={"order": {"number": "A-7"}, "trace": "https://p.example/"})
    without_link = write(make_subscriber(), receipt, context={"order": CONTEXT["order"]})
    look_on()
    assert server.accepted == []
    message.refresh_from_db()
    without_link.refresh_from_db()
    assert (message.state, message.reason) == (MessageState.FAILED, "render")
    assert "trigger.order.total" in message.reply
    assert "trigger.trace" in without_link.reply


def test_a_link_out_of_the_trigger_cannot_run_anything(server, receipt):
    write(make_subscriber(), receipt, context={**CONTEXT, "trace": 'javascript:alert("x")'})
    look_on()
    [post] = server.accepted
    assert "javascript" not in post.html + post.text


@pytest.mark.parametrize("reason", [SuppressionReason.UNSUBSCRIBED, SuppressionReason.COMPLAINED])
def test_who_left_or_complained_about_marketing_still_gets_a_receipt(server, receipt, reason):
    ann = make_subscriber()
    suppressed(ann, reason)
    write(ann, receipt)
    look_on()
    assert server.addresses() == [ann.email]


@pytest.mark.parametrize("reason", [SuppressionReason.BOUNCED, SuppressionReason.MANUAL, SuppressionReason.ERASED])
def test_a_dead_a_barred_and_an_erased_address_gets_no_mail_at_all(server, receipt, reason):
    ann = make_subscriber()
    suppressed(ann, reason)
    message = write(ann, receipt)
    look_on()
    message.refresh_from_db()
    assert server.accepted == []
    assert (message.state, message.reason) == (MessageState.SKIPPED, SkipReason.SUPPRESSED)


def test_a_bar_on_one_topic_or_one_that_is_over_stops_no_receipt(server, receipt):
    ann, ben = make_subscriber(), make_subscriber()
    suppressed(ann, SuppressionReason.MANUAL, topic=make_topic())
    suppressed(ben, SuppressionReason.MANUAL, until=NOW - dt.timedelta(days=900))
    write(ann, receipt)
    write(ben, receipt)
    look_on()
    assert sorted(server.addresses()) == sorted([str(ann.email), str(ben.email)])


def test_service_mails_count_to_no_cap_and_are_held_back_by_none(server, receipt, settings):
    settings.DELIVERY_DAILY_CAP = 1
    ann = make_subscriber(rhythm=Rhythm.WEEKLY)
    for number in range(3):
        write(ann, receipt, key=f"order-{number}")
    look_on()
    assert server.addresses() == [ann.email] * 3
    assert not FrequencyCount.objects.exists()


def test_a_service_mail_goes_before_marketing_that_was_due_earlier(server, mailing, receipt):
    readers = [make_follower(mailing.topic) for _ in range(3)]
    run = begin_run(owner_kind="test", owner=mailing.owner, as_of=now())
    materialise(run=run, people=Subscriber.objects.all(), mailing=mailing, due_at=now() - dt.timedelta(hours=1))
    write(make_subscriber("ann@post.example"), receipt)
    engine.look()
    assert server.addresses()[0] == "ann@post.example"
    assert sorted(server.addresses()[1:]) == sorted(str(person.email) for person in readers)


def ask(person, kind="confirmation", key="k1", **context):
    mail_requested(kind=kind, subscriber=person, context={"url": CONFIRM, "topics": ["News"], "key": key, **context})


def test_a_confirmation_is_sent_from_the_built_in_template_with_its_link_as_it_is(server, brand):
    make_sender()
    ann = make_subscriber("ann@post.example", first_name="Ann", tracking=Tracking.GRANTED)
    ask(ann, topics=["Winter and gifts", "News & notes"])
    look_on()
    [post] = server.accepted
    assert post.mail["Subject"] == "Please confirm: Winter and gifts, News & notes"
    assert CONFIRM in post.text
    assert f'href="{CONFIRM.replace("&", "&amp;")}"' in post.html
    assert "Hi Ann," in post.text
    assert "Alder & Wren" in post.text


@pytest.mark.parametrize("kind", ["confirmation", "preferences_link", "undo"])
def test_every_kind_that_can_be_asked_for_has_a_mail_and_can_be_looked_at(server, brand, kind):
    make_sender()
    ann = make_subscriber()
    ask(ann, kind=kind)
    look_on()
    [post] = server.accepted
    assert CONFIRM in post.text
    shown = preview(content=Template.objects.get(key=kind), subscriber=ann, brand=brand)
    assert shown.problems == []
    assert shown.html


def test_asking_twice_with_one_key_sends_once_and_another_kind_is_another_mail(brand):
    make_sender()
    ann = make_subscriber()
    for kind in ("confirmation", "confirmation", "undo"):
        ask(ann, kind=kind)
    assert Message.objects.count() == 2
    assert Template.objects.count() == 2


def test_what_a_marketer_makes_of_a_built_in_mail_is_what_goes_out(server, brand, priya):
    make_sender()
    template = service_version(key="undo").template
    update_template(
        template=template,
        lock_version=0,
        actor=priya,
        name="Was that you?",
        subject="Was that you?",
        preheader="",
        blocks=template.blocks,
    )
    assert not isinstance(save_version(template=template, actor=priya, marketing=False), list)
    ask(make_subscriber(), kind="undo")
    look_on()
    assert [post.mail["Subject"] for post in server.accepted] == ["Was that you?"]


def test_a_template_that_already_has_the_name_keeps_it(brand, priya):
    make_sender()
    create_template(name="Confirm your subscription", subject="Mine", preheader="", blocks=[], actor=priya)
    ask(make_subscriber())
    assert Template.objects.get(key="confirmation").name == "Confirm your subscription (confirmation)"


def test_without_a_sender_one_is_made_of_the_brand(brand):
    ask(make_subscriber())
    sender = Sender.objects.get()
    assert (sender.name, sender.email) == ("Alder & Wren", "hello@alderandwren.example")
    assert Message.objects.get().state == MessageState.READY


def test_with_nothing_to_make_a_sender_of_the_refusal_is_a_value_and_is_logged(brand, receipt, caplog):
    Brand.objects.update(website="")
    ann = make_subscriber()
    refused = send_service_mail(subscriber=ann, version=receipt, context={}, key="k", name="Receipt")
    assert refused is Refused.NO_SENDER
    ask(ann)
    assert "no sender" in caplog.text
    assert not Message.objects.exists()


def test_a_request_that_is_rolled_back_leaves_no_mail(brand):
    make_sender()
    ann = make_subscriber()
    service_version(key="confirmation")
    with transaction.atomic():
        ask(ann)
        transaction.set_rollback(True)
    assert not Message.objects.exists()


def test_every_marketing_mail_leads_to_the_person_s_own_preferences(server, mailing):
    ann = make_follower(mailing.topic)
    send(mailing)
    [post] = server.accepted
    start = f"{configured.BASE_URL}/p/"
    for body in (post.html, post.text):
        token = body.split(start)[1].split('"')[0].split()[0]
        ticket = unseal(token, Purpose.PREFERENCES)
        assert ticket is not None
        assert ticket.id == ann.uuid
    [message] = Message.objects.all()
    copy = Client().get(f"/t/v/{seal(Purpose.VIEW, message.uuid, issued_at=NOW)}").content.decode()
    token = copy.split(start)[1].split('"')[0]
    assert unseal(token, Purpose.PREFERENCES).id == ann.uuid


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("said", list(Tracking))
def test_the_mail_that_leaves_is_tracked_only_as_far_as_the_person_allows(server, mailing, brand, said, asked):
    Brand.objects.update(track_unknown=asked)
    make_follower(mailing.topic, tracking=said)
    send(mailing)
    [post] = server.accepted
    whole = post.html + post.text
    allowed = said == Tracking.GRANTED or (said == Tracking.UNKNOWN and asked)
    assert ("/t/o/" in whole) is allowed
    assert ("/t/c/" in whole) is allowed
    assert ("https://alderandwren.example/winter" in whole) is not allowed


@pytest.mark.parametrize("off", ["track_opens", "track_clicks"])
def test_a_mailing_that_asks_for_no_tracking_gets_none(server, mailing, off):
    Mailing.objects.update(**{off: False})
    make_follower(mailing.topic, tracking=Tracking.GRANTED)
    send(mailing)
    [post] = server.accepted
    assert "/t/o/" not in post.html
    assert "/t/c/" not in post.html + post.text
