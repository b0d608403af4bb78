"""Whose day has come is brought in: by their own clock, once, as soon as it is known and never a day late."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.automations.calendar import due_dates, due_silences, sweep_calendar
from campaigns.automations.models import Automation, DaySwept, Enrolment, LeftOut
from campaigns.automations.nodes import DateTrigger, Duration, QuietTrigger
from campaigns.automations.redating import follow_dates
from campaigns.automations.types import EnrolmentState
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from segments.subscribers.services import change_subscriber, define_attribute
from tests.automations.date_cases import Case, cases
from tests.factories import make_automation, make_enrolment, make_order, make_subscriber

pytestmark = pytest.mark.usefixtures("brand")
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}:00+00:00")


def sweep(at: dt.datetime) -> list[tuple[str, str]]:
    """Everybody who came in by a sweep, by address and entry key."""
    before = set(Enrolment.objects.values_list("pk", flat=True))
    sweep_calendar(at)
    new = Enrolment.objects.exclude(pk__in=before).order_by("pk")
    return sorted(new.values_list("subscriber__email", "entry_key"))


def make_dated(trigger: dict[str, Any], *, since: dt.datetime = LONG_AGO, **fields: Any) -> Automation:
    definition = {
        "v": 1,
        "trigger": trigger,
        "steps": fields.pop("steps", [{"id": "wait", "type": "wait", "for": [1, "days"]}]),
        "entry": fields.pop("entry", {}),
    }
    automation = make_automation(fields.pop("name", "Birthday"), definition=definition, **fields)
    Automation.objects.filter(pk=automation.pk).update(live_since=since)
    automation.refresh_from_db()
    return automation


BIRTHDAY = {"on": "date", "field": "birthday"}


def make_ann(month: int = 11, day: int = 23, **fields: Any) -> Subscriber:
    given = {"time_zone": "Europe/London", "updated_at": LONG_AGO, **fields}
    return make_subscriber("ann.whitaker@post.example", birth_month=month, birth_day=day, **given)


ANN = "ann.whitaker@post.example"


# --- the table of dates, on the database --------------------------------------------------------------------------------


def fits(case: Case) -> bool:
    return case.date.year is None or 1901 <= case.date.year < 9000


SHARE = [case for number, case in enumerate(cases()) if case.instant and fits(case) and number % 3 == 0]


@pytest.mark.parametrize("case", SHARE, ids=str)
def test_a_sweep_finds_people_at_the_instant_of_the_table(case: Case):
    assert case.instant is not None
    trigger = {
        "on": "date",
        "field": "birthday" if case.year != "once" else "since",
        "every": case.trigger.every,
        "offset": case.trigger.offset,
        "at": f"{case.trigger.at:%H:%M}",
        "feb29": case.trigger.feb29,
    }
    make_dated(trigger, since=case.instant - 2 * HOUR)
    date = case.date
    if case.year == "once":
        known: dict[str, Any] = {"attributes": {"since": f"{date.year}-{date.month:02}-{date.day:02}"}}
    else:
        known = {"birth_month": date.month, "birth_day": date.day, "birth_year": date.year}
    make_subscriber(ANN, time_zone=case.zone, updated_at=LONG_AGO - 4000 * 10 * DAY, **known)
    assert sweep(case.instant - MINUTE) == []
    assert sweep(case.instant) == [(ANN, case.key)]
    assert sweep(case.instant + HOUR) == []


# --- when -----------------------------------------------------------------------------------------------------------------


def test_people_come_in_within_seconds_of_the_hour_in_their_own_zone():
    make_dated(BIRTHDAY, since=utc("2026-11-22T00:00"))
    for where in ("Asia/Tokyo", "Europe/London", "America/New_York", "", "Mars/Olympus"):
        make_subscriber(f"{where or 'none'}@post.example", time_zone=where, birth_month=11, birth_day=23)
    assert sweep(utc("2026-11-22T23:59")) == []
    assert sweep(utc("2026-11-23T00:00")) == [("Asia/Tokyo@post.example", "2026")]
    assert sweep(utc("2026-11-23T08:59")) == []
    # Whose zone is not known lives where the brand does.
    london = ["Europe/London", "Mars/Olympus", "none"]
    assert sweep(utc("2026-11-23T09:00")) == [(f"{where}@post.example", "2026") for where in london]
    assert sweep(utc("2026-11-23T14:00")) == [("America/New_York@post.example", "2026")]
    assert sweep(utc("2026-11-23T20:00")) == []


def test_a_look_between_the_hours_costs_one_query_and_does_nothing():
    make_dated(BIRTHDAY, since=utc("2026-11-22T00:00"))
    make_ann()
    sweep(utc("2026-11-23T09:01"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert not sweep_calendar(utc("2026-11-23T09:02"))
    assert len(queries) == 1


def test_the_number_of_queries_does_not_depend_on_the_number_of_people():
    make_dated(BIRTHDAY, since=utc("2026-11-22T00:00"))

    def asked(at: dt.datetime) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert sweep_calendar(at)
        return len(queries)

    make_ann()
    few = asked(utc("2026-11-23T09:00"))
    DaySwept.objects.update(up_to=utc("2026-11-23T08:00"))
    for number in range(30):
        make_subscriber(f"p{number}@post.example", birth_month=11, birth_day=23)
    assert asked(utc("2026-11-23T09:00")) <= few


def test_a_missed_hour_is_caught_up_on_the_same_day_and_not_later():
    make_dated(BIRTHDAY, since=utc("2026-11-20T00:00"))
    make_ann()
    make_subscriber("bob@post.example", time_zone="Europe/London", birth_month=11, birth_day=22)
    sweep(utc("2026-11-21T12:00"))
    assert sweep(utc("2026-11-23T15:30")) == [(ANN, "2026")]


def test_who_was_looked_for_is_not_looked_for_again_by_anybody():
    automation = make_dated(BIRTHDAY, since=utc("2026-11-22T00:00"))
    make_ann()
    assert sweep(utc("2026-11-23T09:00")) == [(ANN, "2026")]
    for at in ("2026-11-23T09:00", "2026-11-23T08:00", "2026-11-23T09:20", "2026-11-23T09:00"):
        assert sweep(utc(at)) == []
    DaySwept.objects.filter(automation=automation).delete()
    assert sweep(utc("2026-11-23T10:00")) == []


def test_who_was_left_out_in_the_morning_may_come_in_once_what_was_wrong_is_mended_that_day():
    british = {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}
    make_dated(BIRTHDAY, since=utc("2026-11-22T00:00"), entry={"rule": british})
    ann = make_ann()
    assert sweep(utc("2026-11-23T09:00")) == []
    assert LeftOut.objects.get().reason == "rule"
    Subscriber.objects.filter(pk=ann.pk).update(country="GB", updated_at=utc("2026-11-23T10:00"))
    assert sweep(utc("2026-11-23T10:15")) == [(ANN, "2026")]
    assert not LeftOut.objects.exists()


def test_nobody_comes_into_what_is_off_or_for_what_was_before_it_was_turned_on():
    automation = make_dated(BIRTHDAY, since=utc("2026-11-23T09:30"))
    make_ann()
    assert sweep(utc("2026-11-23T10:00")) == []
    Automation.objects.filter(pk=automation.pk).update(state="off", live_since=utc("2026-11-22T00:00"))
    assert sweep(utc("2026-11-23T10:30")) == []


def test_a_birthday_learnt_in_the_afternoon_still_counts_today_and_one_learnt_tomorrow_does_not():
    make_dated(BIRTHDAY, since=utc("2026-11-20T00:00"))
    sweep(utc("2026-11-23T14:00"))
    make_ann(updated_at=utc("2026-11-23T14:05"))
    make_subscriber("bob@post.example", time_zone="Europe/London", birth_month=11, birth_day=22)
    assert sweep(utc("2026-11-23T14:15")) == [(ANN, "2026")]
    Enrolment.objects.all().delete()
    assert sweep(utc("2026-11-24T00:15")) == []


def test_erased_people_have_no_birthdays():
    make_dated(BIRTHDAY, since=utc("2026-11-20T00:00"))
    make_subscriber(ANN, birth_month=11, birth_day=23)
    Subscriber.objects.update(email=None, erased_at=utc("2026-11-22T00:00"))
    assert sweep(utc("2026-11-23T09:00")) == []


# --- which dates ----------------------------------------------------------------------------------------------------------


def arrivals_of(trigger: DateTrigger, since: str, until: str) -> list[tuple[str, str, int | None]]:
    found = due_dates(
        trigger=trigger,
        since=utc(since),
        until=utc(until),
        zone="Europe/London",
        people=Subscriber.objects.present(),
    )
    return [(arrival.started_at.isoformat()[:16], arrival.entry_key, arrival.context["years"]) for arrival in found]


def test_a_year_of_birthdays_is_found_in_one_go():
    make_ann(2, 29, birth_year=1996)
    found = arrivals_of(DateTrigger("birthday"), "2026-01-01T00:00", "2029-01-01T00:00")
    assert found == [
        ("2026-02-28T09:00", "2026", 30),
        ("2027-02-28T09:00", "2027", 31),
        ("2028-02-29T09:00", "2028", 32),
    ]


@pytest.mark.parametrize(("born", "years"), [(None, None), (1990, 36), (2015, None), (1902, None)])
def test_an_age_is_known_only_where_it_may_be_said(born: int | None, years: int | None):
    make_ann(5, 4, birth_year=born)
    assert arrivals_of(DateTrigger("birthday"), "2026-05-04T00:00", "2026-05-05T00:00")[0][2] == years


def test_the_anniversary_of_the_first_order_counts_the_years_and_leaves_out_cancelled_ones():
    ann = make_ann()
    make_order(ann, placed_at=utc("2023-06-01T10:00"), status="cancelled")
    make_order(ann, placed_at=utc("2024-06-09T23:30"))
    make_order(ann, placed_at=utc("2025-06-10T10:00"))
    # Half past eleven in London's winter is not the day it is in summer: the day is the person's.
    found = arrivals_of(DateTrigger("first_order"), "2025-01-01T00:00", "2027-01-01T00:00")
    assert found == [("2025-06-10T08:00", "2025", 1), ("2026-06-10T08:00", "2026", 2)]


def test_the_anniversary_of_joining_begins_with_the_first_year():
    make_ann(created_at=utc("2024-02-29T12:00"))
    found = arrivals_of(DateTrigger("joined", feb29="mar01"), "2024-01-01T00:00", "2027-01-01T00:00")
    assert found == [("2025-03-01T09:00", "2025", 1), ("2026-03-01T09:00", "2026", 2)]


@pytest.mark.parametrize("field", ["joined", "first_order"])
@pytest.mark.parametrize("back", [0, 1, 2, 7])
@pytest.mark.parametrize("offset", [-366, -7, 0, 366])
def test_an_anniversary_is_found_by_a_sweep_of_its_minute(field: str, back: int, offset: int):
    began = utc("2019-12-31T23:30")
    ann = make_ann(time_zone="Pacific/Auckland", created_at=began)
    make_order(ann, placed_at=began)
    day = dt.datetime(2020 + back, 1, 1, 9, tzinfo=dt.UTC) + offset * DAY - 13 * HOUR
    if day.replace(tzinfo=None).month not in (1, 12):
        day += HOUR
    found = due_dates(
        trigger=DateTrigger(field, offset=offset),
        since=day - MINUTE,
        until=day,
        zone="UTC",
        people=Subscriber.objects.present(),
    )
    assert [(one.entry_key, one.context["years"]) for one in found] == ([(str(2020 + back), back)] if back else [])


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("2026-12-01", [("2026-12-01T09:00", "2026-12-01", None)]),
        ("2026-11-30T23:30:00+00:00", [("2026-11-30T09:00", "2026-11-30", None)]),
        ("2026-12-01T10:00:00+00:00", [("2026-12-01T09:00", "2026-12-01", None)]),
        ("soon", []),
        (20261201, []),
        (None, []),
    ],
)
def test_a_date_attribute_comes_once_whatever_is_stored_there(stored: Any, expected: list[Any]):
    make_ann(attributes={"renewal": stored} if stored else {})
    trigger = DateTrigger("renewal", every="once")
    assert arrivals_of(trigger, "2026-11-29T00:00", "2026-12-03T00:00") == expected


def test_a_date_attribute_may_come_every_year_and_an_instant_is_the_day_it_was_where_they_live():
    make_ann(attributes={"since": "2020-12-31T23:30:00+00:00"}, time_zone="Asia/Tokyo")
    found = arrivals_of(DateTrigger("since"), "2026-12-31T20:00", "2027-01-01T04:00")
    assert found == [("2027-01-01T00:00", "2027", 6)]


@pytest.mark.parametrize("field", ["shoe size", 'a"b', "birth'day", "nothing", "%s"])
def test_a_field_that_nobody_has_brings_nobody_in(field: str):
    make_ann()
    assert arrivals_of(DateTrigger(field), "2026-01-01T00:00", "2027-01-01T00:00") == []
    assert arrivals_of(DateTrigger(field, every="once"), "2026-11-23T08:59", "2026-11-23T09:00") == []


# --- silence --------------------------------------------------------------------------------------------------------------

QUIET = {"on": "quiet", "what": "orders", "after": [30, "days"]}


def make_click(person: Subscriber, at: dt.datetime) -> Event:
    return Event.objects.create(
        subscriber=person,
        name="email_clicked",
        occurred_at=at,
        received_at=at,
        source="mail",
        idempotency_key=f"{person.pk} {at}",
        processed_at=at,
    )


def test_who_falls_silent_comes_in_once_for_each_silence():
    make_dated(QUIET, since=utc("2026-06-01T00:00"))
    ann = make_ann()
    make_order(ann, placed_at=utc("2026-06-01T10:00"))
    assert sweep(utc("2026-07-01T09:45")) == []
    assert sweep(utc("2026-07-01T10:00")) == [(ANN, "2026-06-01")]
    assert sweep(utc("2026-07-08T10:00")) == []
    make_order(ann, placed_at=utc("2026-07-10T10:00"))
    assert sweep(utc("2026-08-09T10:15")) == [(ANN, "2026-07-10")]


def test_an_order_in_time_breaks_the_silence_and_a_cancelled_one_does_not():
    make_dated(QUIET, since=utc("2026-06-01T00:00"))
    ann = make_ann()
    bob = make_subscriber("bob@post.example")
    for person in (ann, bob):
        make_order(person, placed_at=utc("2026-06-01T10:00"))
    make_order(ann, placed_at=utc("2026-06-20T10:00"))
    make_order(bob, placed_at=utc("2026-06-20T10:00"), status="cancelled")
    make_subscriber("never@post.example")
    assert sweep(utc("2026-07-01T10:00")) == [("bob@post.example", "2026-06-01")]


@pytest.mark.parametrize(
    ("what", "expected"),
    [("orders", ["2026-07-01"]), ("clicks", ["2026-07-20"]), ("both", ["2026-07-20"])],
)
def test_silence_is_of_orders_of_clicks_or_of_both(what: Any, expected: list[str]):
    ann = make_ann()
    make_order(ann, placed_at=utc("2026-06-01T10:00"))
    make_click(ann, utc("2026-06-20T10:00"))
    found = due_silences(
        trigger=QuietTrigger(what, Duration(30, "days")),
        since=utc("2026-06-10T00:00"),
        until=utc("2026-12-01T00:00"),
        people=Subscriber.objects.present(),
    )
    assert [f"{arrival.started_at:%Y-%m-%d}" for arrival in found] == expected


def test_who_did_something_while_nobody_looked_is_not_silent_now():
    make_dated(QUIET, since=utc("2026-06-01T00:00"))
    ann = make_ann()
    make_order(ann, placed_at=utc("2026-06-01T10:00"))
    make_order(ann, placed_at=utc("2026-07-02T10:00"))
    assert sweep(utc("2026-07-03T10:00")) == []


def test_a_silence_that_began_to_be_long_before_the_catching_up_is_let_be():
    make_dated(QUIET, since=utc("2026-01-01T00:00"))
    make_order(make_ann(), placed_at=utc("2026-06-01T10:00"))
    assert sweep(utc("2026-07-08T10:01")) == []


# --- corrections ----------------------------------------------------------------------------------------------------------

SERIES = [
    {"id": "until", "type": "wait_date", "field": "birthday", "next": "after"},
    {"id": "after", "type": "wait", "for": [1, "days"]},
]


@pytest.fixture
def correct(django_capture_on_commit_callbacks) -> Callable[..., None]:
    """Changes what is known of Ann, as a committed transaction does."""

    def do(**known: Any) -> None:
        ann = Subscriber.objects.get(email=ANN)
        with django_capture_on_commit_callbacks(execute=True):
            changed = change_subscriber(subscriber=ann, changes=known, lock_version=ann.lock_version, actor=None)
        assert isinstance(changed, Subscriber)

    return do


def make_waiting(step: str, due: str, **fields: Any) -> Enrolment:
    """Ann, who came in a week before her birthday on 10 December."""
    automation = make_dated({**BIRTHDAY, "offset": -7}, steps=SERIES, since=utc("2026-11-01T00:00"))
    ann = make_ann(12, 10)
    began = utc("2026-12-03T09:00")
    given = {
        "entry_key": "2026",
        "step": step,
        "started_at": began,
        "activity_at": began,
        "came_at": began,
        "due_at": utc(due),
        "context": {"about": "", "date": "2026-12-10", "years": None},
        **fields,
    }
    return make_enrolment(automation, ann, **given)


@pytest.mark.parametrize(
    ("corrected", "due"),
    [
        ("--12-20", "2026-12-20T09:00"),
        ("--12-07", "2026-12-07T09:00"),
        # Beyond the end of the year it is still this year's birthday, which has been: too late for its mail.
        ("--01-10", "2026-01-10T09:00"),
        ("1990-12-12", "2026-12-12T09:00"),
    ],
)
def test_a_wait_for_a_birthday_ends_on_the_corrected_one(correct, corrected: str, due: str):
    enrolment = make_waiting("until", "2026-12-10T09:00")
    correct(birth_date=corrected)
    enrolment.refresh_from_db()
    assert (enrolment.due_at, enrolment.state) == (utc(due), EnrolmentState.WAITING)
    assert enrolment.context["date"] == due[:10]
    assert enrolment.entry_key == "2026"
    assert sweep(utc("2026-12-05T10:15")) == []


def test_a_plain_wait_moves_with_the_corrected_birthday(correct):
    enrolment = make_waiting("after", "2026-12-04T09:00")
    correct(birth_date="--12-20")
    enrolment.refresh_from_db()
    assert enrolment.started_at == utc("2026-12-13T09:00")
    assert enrolment.due_at == utc("2026-12-14T09:00")


def test_whoever_was_mailed_for_this_years_birthday_is_not_mailed_for_a_corrected_one(correct):
    enrolment = make_waiting("after", "2026-12-04T09:00", mailed_at=utc("2026-12-03T09:01"))
    correct(birth_date="--12-20")
    enrolment.refresh_from_db()
    assert enrolment.due_at == utc("2026-12-04T09:00")
    assert sweep(utc("2026-12-13T09:00")) == []
    assert sweep(utc("2027-12-13T09:00")) == [(ANN, "2027")]


def test_a_birthday_that_is_not_known_any_more_ends_the_way_to_it(correct):
    enrolment = make_waiting("until", "2026-12-10T09:00")
    correct(birth_date="")
    enrolment.refresh_from_db()
    assert (enrolment.state, enrolment.reason, enrolment.due_at) == (EnrolmentState.EXITED, "date_gone", None)


def test_another_time_zone_is_followed_too(correct):
    enrolment = make_waiting("until", "2026-12-10T09:00")
    correct(time_zone="America/New_York")
    enrolment.refresh_from_db()
    assert enrolment.due_at == utc("2026-12-10T14:00")


def test_a_postponed_renewal_is_one_coming_while_unmailed_and_another_one_after_the_mail(maya, correct):
    define_attribute(key="renewal", label="Renewal", type="date", actor=maya)
    trigger = {"on": "date", "field": "renewal", "every": "once", "offset": -30}
    make_dated(trigger, since=utc("2026-11-01T00:00"))
    ann = make_ann(attributes={"renewal": "2026-12-31"})
    assert sweep(utc("2026-12-01T09:00")) == [(ANN, "2026-12-31")]

    correct(attributes={"renewal": "2027-01-31"})
    enrolment = Enrolment.objects.get(subscriber=ann)
    assert (enrolment.entry_key, enrolment.started_at) == ("2027-01-31", utc("2027-01-01T09:00"))
    Enrolment.objects.update(mailed_at=utc("2027-01-01T09:01"))
    correct(attributes={"renewal": "2028-01-31"})
    assert sweep(utc("2028-01-01T09:00")) == [(ANN, "2028-01-31")]


def test_two_unmailed_ways_to_one_date_become_one(maya):
    define_attribute(key="renewal", label="Renewal", type="date", actor=maya)
    automation = make_dated({"on": "date", "field": "renewal", "every": "once"}, since=utc("2026-11-01T00:00"))
    ann = make_ann(attributes={"renewal": "2026-12-31"})
    for day in ("2026-12-01", "2026-12-02"):
        make_enrolment(automation, ann, entry_key=day, context={"date": day})
    assert follow_dates(people=[ann.pk], at=utc("2026-12-03T09:00")) == 2
    kept, left = Enrolment.objects.order_by("pk")
    assert (kept.entry_key, kept.ended_at, left.reason) == ("2026-12-31", None, "date_gone")


def test_following_asks_as_often_for_many_people_as_for_one():
    automation = make_dated(BIRTHDAY, steps=SERIES)

    def asked(people: list[Subscriber]) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert follow_dates(people=[one.pk for one in people], at=utc("2026-12-05T00:00")) == len(people)
        return len(queries)

    def some(count: int) -> list[Subscriber]:
        found = [make_subscriber(birth_month=12, birth_day=20) for _ in range(count)]
        for one in found:
            make_enrolment(automation, one, step="until", entry_key="2026", context={"date": "2026-12-10"})
        return found

    assert asked(some(1)) == asked(some(20))


def test_people_who_are_in_nothing_cost_one_query():
    make_dated(BIRTHDAY)
    ann = make_ann()
    with CaptureQueriesContext(connection) as queries:
        follow_dates(people=[ann.pk], at=utc("2026-12-05T00:00"))
    assert len([one for one in queries if "SELECT" in one["sql"]]) == 1
