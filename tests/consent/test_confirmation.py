"""Double opt-in: nothing is sent before the person pressed the button in their own mail."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine

from personalize.core import registries
from personalize.core.tokens import Purpose
from segments.consent import services
from segments.consent.models import ConsentEntry, Subscription, Topic
from segments.consent.types import Outcome
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.consent.conftest import page_of, path
from tests.factories import NOW, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def ask(ann: Subscriber, topic: Topic, after: dt.timedelta = dt.timedelta()) -> Outcome:
    with time_machine.travel(NOW + after, tick=False):
        return services.subscribe(subscriber=ann, topic=topic, source="form:footer", wording="Yes")


def state(topic: Topic) -> str:
    return Subscription.objects.get(topic=topic).state


def test_the_mail_leads_to_a_page_where_one_button_confirms(ann, winter, wanted, stranger):
    ask(ann, winter)
    mail = wanted[0]
    assert set(mail) == {"kind", "subscriber", "context"}
    assert (mail["kind"], mail["subscriber"], mail["context"]["topics"]) == ("confirmation", ann, ["Winter and gifts"])
    assert mail["context"]["url"].startswith("http://127.0.0.1:8000/c/")
    with time_machine.travel(NOW + HOUR, tick=False):
        page = stranger.get(path(mail)).content.decode()
        assert "Winter and gifts" in page
        assert "a…@post.example" in page
        assert "whitaker" not in page.lower()
        assert state(winter) == "pending"
        welcome = stranger.post(path(mail), REMOTE_ADDR="203.0.113.77").content.decode()
    assert "Welcome" in welcome
    assert state(winter) == "subscribed"
    entry = ConsentEntry.objects.get(action="confirmed")
    assert (entry.ip_prefix, entry.source) == ("203.0.113.0/24", "form:footer")
    assert Event.objects.get().name == "subscription_confirmed"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_scanner_that_opens_the_link_confirms_nothing(ann, winter, wanted, stranger, method):
    ask(ann, winter)
    with time_machine.travel(NOW + HOUR, tick=False):
        assert stranger.generic(method, path(wanted[0])).status_code == 200
    assert state(winter) == "pending"


def test_pressing_twice_says_that_it_is_done(ann, winter, wanted, stranger):
    ask(ann, winter)
    with time_machine.travel(NOW + HOUR, tick=False):
        stranger.post(path(wanted[0]))
        for answer in (stranger.post(path(wanted[0])), stranger.get(path(wanted[0]))):
            assert answer.status_code == 200
            assert "Already confirmed" in answer.content.decode()
    assert ConsentEntry.objects.filter(action="confirmed").count() == 1
    assert Event.objects.count() == 1


def test_after_thirty_days_the_link_shows_the_way_to_sign_up_again(ann, signup, winter, wanted, stranger):
    ask(ann, winter)
    with time_machine.travel(NOW + 30 * DAY, tick=False):
        for answer in (stranger.get(path(wanted[0])), stranger.post(path(wanted[0]))):
            assert "Nothing waits here" in answer.content.decode()
            assert "/f/footer/" in answer.content.decode()
    assert state(winter) == "pending"
    with time_machine.travel(NOW + 29 * DAY, tick=False):
        stranger.post(path(wanted[0]))
    assert state(winter) == "subscribed"


def test_asking_again_mails_once_an_hour_and_three_times_a_day(ann, winter, wanted):
    mailed = []
    for minutes in range(0, 24 * 60, 20):
        ask(ann, winter, dt.timedelta(minutes=minutes))
        mailed.append(len(wanted))
    assert mailed[:8] == [1, 1, 1, 2, 2, 2, 3, 3]
    assert mailed[-1] == 3
    assert len({mail["context"]["key"] for mail in wanted}) == 3
    assert ConsentEntry.objects.filter(action="requested").count() == 3
    ask(ann, winter, dt.timedelta(minutes=30))
    assert len(wanted) == 3
    ask(ann, winter, DAY + HOUR)
    assert len(wanted) == 4


def test_another_wish_is_mailed_at_once_and_one_press_confirms_both(ann, winter, wanted, stranger):
    garden = make_topic("garden", opt_in="double")
    ask(ann, winter)
    ask(ann, garden, dt.timedelta(minutes=5))
    assert [mail["context"]["topics"] for mail in wanted] == [["Winter and gifts"], ["Garden", "Winter and gifts"]]
    with time_machine.travel(NOW + HOUR, tick=False):
        stranger.post(path(wanted[1]))
    assert (state(winter), state(garden)) == ("subscribed", "subscribed")


def test_asking_again_after_the_time_is_over_starts_it_anew(ann, winter, wanted, stranger):
    ask(ann, winter)
    ask(ann, winter, 40 * DAY)
    with time_machine.travel(NOW + 41 * DAY, tick=False):
        stranger.post(path(wanted[1]))
    assert state(winter) == "subscribed"


def test_a_complaint_between_asking_and_confirming_wins(ann, winter, wanted, stranger):
    ask(ann, winter)
    services.suppress(address_key=ann.address_key, reason="complained", source="feedback loop")
    with time_machine.travel(NOW + HOUR, tick=False):
        stranger.post(path(wanted[0]))
    assert state(winter) == "unsubscribed"


def test_the_link_of_one_page_opens_no_other(ann, winter, stranger):
    ask(ann, winter)
    token = page_of(ann, Purpose.CONFIRM)[3:]
    with time_machine.travel(NOW + HOUR, tick=False):
        assert stranger.get(f"/p/{token}").status_code == 404
        assert stranger.get(f"/b/{token}").status_code == 404
        assert stranger.get(f"/t/u/{token}").status_code == 404


def test_a_late_confirmation_opens_no_fresh_preferences(ann, winter, wanted, stranger):
    ask(ann, winter)
    with time_machine.travel(NOW + 3 * DAY, tick=False):
        welcome = stranger.post(path(wanted[0])).content.decode()
        link = welcome.split('href="http://127.0.0.1:8000')[1].split('"')[0]
        assert "Send me a new link" in stranger.get(link).content.decode()


def test_what_nobody_confirmed_is_forgotten_after_thirty_days(ann, winter, wanted):
    with time_machine.travel(NOW, tick=False):
        services.subscribe(
            subscriber=ann,
            topic=winter,
            source="form:x",
            ip_prefix="203.0.113.0/24",
            details={"answers": {"first_name": "A"}},
        )
    kept = registries.retention.get("unconfirmed")
    assert kept is not None
    assert (kept.days, kept.count(NOW), kept.count(NOW + HOUR)) == (30, 0, 1)
    assert (kept.prune(NOW), kept.prune(NOW + HOUR), kept.prune(NOW + HOUR)) == (0, 1, 0)
    assert not Subscription.objects.exists()
    entry = ConsentEntry.objects.get()
    assert (entry.action, entry.details, entry.ip_prefix) == ("requested", {}, "")


def test_leaving_while_waiting_and_undoing_it_joins_nobody(ann, winter, wanted):
    ask(ann, winter)
    assert services.unsubscribe(subscriber=ann, topic=winter, source="one-click") is Outcome.CHANGED
    services.restore(subscriber=ann, topic=winter, source="undo")
    assert state(winter) == "unsubscribed"
    assert [mail["kind"] for mail in wanted] == ["confirmation"]
