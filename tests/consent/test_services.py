"""What a person allows follows what they said last, and the proof of it is kept."""

from __future__ import annotations

import datetime as dt

import pytest

from personalize.accounts.models import AuditEntry
from personalize.core import hooks
from segments.consent import services
from segments.consent.models import ConsentEntry, OptIn, Subscription, Suppression, Topic
from segments.consent.types import BulkCounts, Outcome, Unsuppressed
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_subscriber, make_subscription, make_topic

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def ann(db):
    return make_subscriber("ann@post.example", first_name="Ann", last_name="Whitaker")


@pytest.fixture
def news(db):
    return make_topic("news")


@pytest.fixture
def told(monkeypatch):
    """Whom consent_changed told of, with the action said."""
    heard = []
    monkeypatch.setattr(
        hooks.consent_changed,
        "_listeners",
        [lambda *, subscriber, topic, entry: heard.append((subscriber.pk, topic, entry and entry.action))],
    )
    return heard


def state(subscriber: Subscriber, topic: Topic) -> str:
    return Subscription.objects.get(subscriber=subscriber, topic=topic).state


def said(subscriber: Subscriber) -> list[str]:
    return list(ConsentEntry.objects.filter(subscriber=subscriber).order_by("pk").values_list("action", flat=True))


def test_joining_and_leaving_is_proved_and_done_once(ann, news, told):
    join = {"subscriber": ann, "topic": news, "source": "footer form", "wording": "Yes, send me news"}
    assert services.subscribe(**join) is Outcome.CHANGED
    assert services.subscribe(**join) is Outcome.UNCHANGED
    assert state(ann, news) == "subscribed"
    assert services.unsubscribe(subscriber=ann, topic=news, source="one-click") is Outcome.CHANGED
    assert services.unsubscribe(subscriber=ann, topic=news, source="one-click") is Outcome.UNCHANGED
    assert state(ann, news) == "unsubscribed"
    assert said(ann) == ["subscribed", "unsubscribed"]
    assert ConsentEntry.objects.get(action="subscribed").wording == "Yes, send me news"
    assert told == [(ann.pk, news, "subscribed"), (ann.pk, news, "unsubscribed")]


def test_double_opt_in_waits_for_the_person_and_asks_for_one_mail(ann, monkeypatch):
    wanted = []
    monkeypatch.setattr(hooks.mail_requested, "_listeners", [lambda **facts: wanted.append(facts)])
    winter = make_topic("winter", opt_in=OptIn.DOUBLE)
    assert services.subscribe(subscriber=ann, topic=winter, source="form") is Outcome.PENDING
    assert services.subscribe(subscriber=ann, topic=winter, source="form") is Outcome.UNCHANGED
    assert [(mail["kind"], mail["subscriber"], mail["context"]["topics"]) for mail in wanted] == [
        ("confirmation", ann, ["Winter"])
    ]
    assert not Subscription.objects.in_force(NOW).exists()
    assert services.confirm(subscriber=ann, topic=None, source="confirmation page") is Outcome.CHANGED
    assert services.confirm(subscriber=ann, topic=None, source="confirmation page") is Outcome.UNCHANGED
    assert said(ann) == ["requested", "confirmed"]
    assert state(ann, winter) == "subscribed"


def test_leaving_everything_bars_the_address_and_can_be_undone_exactly(ann, news):
    winter, spring = make_topic("winter"), make_topic("spring")
    for topic in (news, winter):
        services.subscribe(subscriber=ann, topic=topic, source="form")
    make_subscription(ann, spring, "unsubscribed")
    assert services.unsubscribe(subscriber=ann, topic=None, source="unsubscribe page") is Outcome.CHANGED
    assert services.unsubscribe(subscriber=ann, topic=None, source="unsubscribe page") is Outcome.UNCHANGED
    assert Suppression.objects.in_force(NOW).concerning(news.pk).get().reason == "unsubscribed"
    assert not Subscription.objects.in_force(NOW).exists()
    services.set_tracking(subscriber=ann, allowed=False, source="preferences")
    assert services.restore(subscriber=ann, topic=None, source="unsubscribe page") is Outcome.CHANGED
    assert services.restore(subscriber=ann, topic=None, source="unsubscribe page") is Outcome.UNCHANGED
    assert (state(ann, news), state(ann, winter), state(ann, spring)) == ("subscribed", "subscribed", "unsubscribed")
    assert not Suppression.objects.exists()


def test_a_person_who_joins_again_by_their_own_word_is_mailed_again(ann, news):
    services.unsubscribe(subscriber=ann, topic=None, source="unsubscribe page")
    assert services.subscribe(subscriber=ann, topic=news, source="form") is Outcome.CHANGED
    assert not Suppression.objects.exists()


def test_an_older_yes_does_not_beat_a_later_no(ann, news):
    services.unsubscribe(subscriber=ann, topic=news, source="one-click", at=NOW)
    late = services.subscribe(subscriber=ann, topic=news, source="form", at=NOW - DAY)
    assert (late, state(ann, news)) == (Outcome.REFUSED, "unsubscribed")


def test_a_no_of_somebody_who_never_joined_is_remembered(ann, news):
    assert services.unsubscribe(subscriber=ann, topic=news, source="one-click") is Outcome.CHANGED
    counts = services.bulk_subscribe(subscriber_ids=[ann.pk], topic=news, source="import", basis="contract")
    assert (counts.kept_out, state(ann, news)) == (1, "unsubscribed")


def test_a_complaint_takes_the_person_off_and_stands(ann, news, told):
    services.subscribe(subscriber=ann, topic=news, source="form")
    complain = {"address_key": ann.address_key, "reason": "complained", "source": "feedback loop"}
    assert services.suppress(**complain) is True
    assert services.suppress(**complain) is False
    assert said(ann) == ["subscribed", "complained"]
    assert services.subscribe(subscriber=ann, topic=news, source="form") is Outcome.REFUSED
    assert services.restore(subscriber=ann, topic=None, source="form") is Outcome.UNCHANGED
    assert told[-1] == (ann.pk, None, "complained")


def test_suppression_by_hand_is_audited_and_proves_nothing(ann):
    bar = {"address_key": ann.address_key, "reason": "manual", "source": "dashboard", "actor": "priya"}
    assert services.suppress(**bar, note="Asked by phone") is True
    assert services.suppress(**bar) is False
    assert list(AuditEntry.objects.values_list("action", "reason")) == [("suppression.added", "Asked by phone")]
    assert said(ann) == []


def test_the_stronger_and_longer_suppression_stays(ann):
    def bar(reason: str, until: dt.datetime | None) -> bool:
        return services.suppress(address_key=ann.address_key, reason=reason, source="test", until=until)

    assert bar("bounced", NOW + 400 * DAY)
    assert not bar("unsubscribed", NOW + 300 * DAY)
    assert bar("unsubscribed", None)
    stored = Suppression.objects.get()
    assert (stored.reason, stored.until) == ("bounced", None)
    assert not bar("complained", NOW + 10 * DAY)
    assert bar("erased", NOW + 10 * DAY)
    stored.refresh_from_db()
    assert (stored.reason, stored.until) == ("erased", None)


def test_allowing_mail_again_is_audited_joins_nobody_and_never_frees_the_erased(ann, news):
    services.unsubscribe(subscriber=ann, topic=None, source="unsubscribe page")
    free = {"address_key": ann.address_key, "actor": "maya", "reason": "Asked in writing"}
    assert services.unsuppress(**free) is Unsuppressed.REMOVED
    assert services.unsuppress(**free) is Unsuppressed.NOTHING
    assert not Subscription.objects.in_force(NOW).exists()
    services.suppress(address_key=ann.address_key, reason="erased", source="erasure")
    assert services.unsuppress(**free) is Unsuppressed.ERASED_STAYS
    assert Suppression.objects.count() == 1
    assert AuditEntry.objects.count() == 1


def test_tracking_is_set_once_and_proved(ann):
    assert services.set_tracking(subscriber=ann, allowed=False, source="preferences") is Outcome.CHANGED
    assert services.set_tracking(subscriber=ann, allowed=False, source="preferences") is Outcome.UNCHANGED
    assert Subscriber.objects.get().tracking == "denied"
    assert said(ann) == ["tracking_denied"]


def test_an_import_joins_new_people_and_never_who_said_no(news):
    people = {
        name: make_subscriber(f"{name}@post.example") for name in ("new", "in", "asked", "left", "all", "spam", "gone")
    }
    make_subscription(people["in"], news)
    make_subscription(people["asked"], news, "pending")
    services.unsubscribe(subscriber=people["left"], topic=news, source="one-click")
    services.unsubscribe(subscriber=people["all"], topic=None, source="one-click")
    Suppression.objects.all().delete()  # Even without the suppression, the word counts.
    services.suppress(address_key=people["spam"].address_key, reason="complained", source="feedback loop")
    Subscriber.objects.filter(pk=people["gone"].pk).update(email=None, erased_at=NOW)
    join = {
        "subscriber_ids": [one.pk for one in people.values()],
        "topic": news,
        "source": "import",
        "basis": "form 2024",
    }
    assert services.bulk_subscribe(**join) == BulkCounts(subscribed=2, pending=0, unchanged=1, kept_out=4)
    assert services.bulk_subscribe(**join) == BulkCounts(subscribed=0, pending=0, unchanged=3, kept_out=4)
    following = set(Subscription.objects.in_force(NOW + DAY).values_list("subscriber", flat=True))
    assert following == {people[name].pk for name in ("new", "in", "asked")}
    assert ConsentEntry.objects.filter(action="subscribed", basis="form 2024").count() == 2


def test_an_import_without_a_basis_leaves_people_waiting_and_sends_nothing(ann, news, monkeypatch):
    wanted = []
    monkeypatch.setattr(hooks.mail_requested, "_listeners", [lambda **facts: wanted.append(facts)])
    counts = services.bulk_subscribe(subscriber_ids=[ann.pk], topic=news, source="import", basis="")
    assert (counts.pending, state(ann, news), said(ann), wanted) == (1, "pending", ["requested"], [])


def test_a_bulk_join_takes_a_fixed_number_of_statements(news, django_assert_max_num_queries):
    people = [make_subscriber().pk for _ in range(60)]
    with django_assert_max_num_queries(12):
        services.bulk_subscribe(subscriber_ids=people, topic=news, source="import", basis="form 2024")
