"""Dates of people: the instant at which each comes in, whatever the zone, the clock and the calendar do."""

from __future__ import annotations

import datetime as dt

import pytest

from campaigns.automations.nodes import DateTrigger, Duration, WaitDateStep, WaitStep, WaitTimeStep
from campaigns.automations.timing import (
    Clock,
    Occasion,
    PersonDate,
    days_in_play,
    is_too_late,
    meant,
    occasion,
    occasions,
    occurrence,
    wait_is_over,
)
from personalize.core.localtime import zone
from tests.automations.date_cases import Case, cases

SECOND = dt.timedelta(seconds=1)
CASES = cases()
BIRTHDAY = DateTrigger("birthday")


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}:00+00:00")


def test_the_table_is_as_long_as_promised():
    assert len({str(case) for case in CASES}) == len(CASES) > 200


@pytest.mark.parametrize("case", CASES, ids=str)
def test_people_come_in_at_this_very_instant_and_only_then(case: Case):
    where = zone(case.zone)
    if case.instant is None:
        never = occasions(case.trigger, case.date, utc("1990-01-01T00:00"), utc("2101-01-01T00:00"), where)
        assert [one for one in never if one.key == case.key] == []
        return
    (found,) = occasions(case.trigger, case.date, case.instant - SECOND, case.instant, where)
    assert (found.at, found.key) == (case.instant, case.key)
    assert not occasions(case.trigger, case.date, case.instant, case.instant + SECOND, where)
    year = dt.timedelta(days=367)
    around = occasions(case.trigger, case.date, case.instant - year, case.instant + year, where)
    assert [one.at for one in around if one.key == case.key] == [case.instant]


@pytest.mark.parametrize("case", [case for case in CASES if case.instant], ids=str)
def test_a_search_by_day_looks_at_the_day_the_date_is_kept_on(case: Case):
    assert case.instant is not None
    (found,) = occasions(case.trigger, case.date, case.instant - SECOND, case.instant, zone(case.zone))
    assert found.day in days_in_play(case.trigger, case.instant - SECOND, case.instant)


@pytest.mark.parametrize("year", [0, 1, 9999, 10_000, -4])
@pytest.mark.parametrize("date", [PersonDate(1, 1), PersonDate(12, 31), PersonDate(2, 29)])
def test_years_at_the_ends_of_the_calendar_have_no_day(year: int, date: PersonDate):
    assert occurrence(date, year) is None


@pytest.mark.parametrize("date", [PersonDate(2, 30), PersonDate(13, 1), PersonDate(4, 31)])
def test_days_that_no_calendar_has_are_never_kept(date: PersonDate):
    assert occasions(BIRTHDAY, date, utc("2024-01-01T00:00"), utc("2028-12-31T00:00"), zone("UTC")) == []


@pytest.mark.parametrize(
    ("field", "born", "years"),
    [
        ("birthday", None, None),
        ("birthday", 2015, None),
        ("birthday", 2014, None),
        ("birthday", 2013, 13),
        ("birthday", 1990, 36),
        ("birthday", 1916, 110),
        ("birthday", 1915, None),
        ("joined", 2025, 1),
        ("joined", 2021, 5),
        ("first_order", 1890, 136),
        ("since", None, None),
    ],
)
def test_years_are_counted_and_an_age_only_where_it_may_be_said(field: str, born: int | None, years: int | None):
    found = occasion(DateTrigger(field), PersonDate(5, 4, born), 2026, zone("UTC"))
    assert found is not None
    assert found.years == years


# --- late ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "where", "begun", "now", "too_late"),
    [
        ((20, "hours"), "UTC", "2026-05-04T09:00", "2026-05-04T09:00", False),
        ((20, "hours"), "UTC", "2026-05-04T09:00", "2026-05-04T23:59", False),
        ((20, "hours"), "UTC", "2026-05-04T09:00", "2026-05-05T00:00", True),
        ((20, "hours"), "UTC", "2026-05-04T09:00", "2026-05-05T04:59", True),
        ((20, "hours"), "UTC", "2026-05-04T01:00", "2026-05-04T21:00", False),
        ((20, "hours"), "UTC", "2026-05-04T01:00", "2026-05-04T21:01", True),
        ((2, "hours"), "UTC", "2026-05-04T09:00", "2026-05-04T11:00", False),
        ((2, "hours"), "UTC", "2026-05-04T09:00", "2026-05-04T11:01", True),
        ((2, "hours"), "UTC", "2026-05-04T23:00", "2026-05-05T00:30", True),
        ((3, "days"), "UTC", "2026-05-04T09:00", "2026-05-07T09:00", False),
        ((3, "days"), "UTC", "2026-05-04T09:00", "2026-05-07T09:01", True),
        # The day is the person's: in Auckland it begins at noon, in Honolulu it ends at ten in the morning.
        ((20, "hours"), "Pacific/Auckland", "2026-05-03T21:00", "2026-05-04T11:59", False),
        ((20, "hours"), "Pacific/Auckland", "2026-05-03T21:00", "2026-05-04T12:00", True),
        ((20, "hours"), "Pacific/Honolulu", "2026-05-04T19:00", "2026-05-05T09:59", False),
        ((20, "hours"), "Pacific/Honolulu", "2026-05-04T19:00", "2026-05-05T10:00", True),
    ],
)
def test_a_mail_that_says_today_does_not_go_tomorrow(late, where: str, begun: str, now: str, too_late: bool):
    kept = Occasion(dt.date(2026, 5, 4), utc(begun), "2026", None)
    assert is_too_late(DateTrigger("birthday", late=Duration(*late)), kept, utc(now), zone(where)) is too_late


# --- waits --------------------------------------------------------------------------------------------------------------


def clock(came_at: str, where: str = "Europe/London", **parts: str) -> Clock:
    came = utc(came_at)
    times = {name: utc(parts[name]) if name in parts else came for name in ("started_at", "activity_at")}
    return Clock(came, times["started_at"], times["activity_at"], zone(where))


@pytest.mark.parametrize(
    ("where", "came", "at", "days", "over"),
    [
        ("Europe/London", "2026-11-23T08:00", "09:00", "1234567", "2026-11-23T09:00"),
        ("Europe/London", "2026-11-23T09:00", "09:00", "1234567", "2026-11-23T09:00"),
        ("Europe/London", "2026-11-23T09:01", "09:00", "1234567", "2026-11-24T09:00"),
        ("Europe/London", "2026-11-23T09:01", "09:00", "1", "2026-11-30T09:00"),
        ("Europe/London", "2026-11-23T08:00", "09:00", "67", "2026-11-28T09:00"),
        ("America/New_York", "2026-11-24T02:00", "21:30", "1", "2026-11-24T02:30"),
        ("Pacific/Auckland", "2026-11-22T19:00", "09:00", "1", "2026-11-22T20:00"),
        ("Europe/Berlin", "2026-03-28T20:00", "02:30", "7", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-24T20:00", "02:30", "7", "2026-10-25T00:30"),
        ("Europe/Berlin", "2026-10-25T01:00", "02:30", "1234567", "2026-10-26T01:30"),
        # The Friday that Samoa left out: the next Friday is a week later, any day is the Saturday.
        ("Pacific/Apia", "2011-12-29T20:00", "09:00", "5", "2012-01-05T19:00"),
        ("Pacific/Apia", "2011-12-29T20:00", "09:00", "1234567", "2011-12-30T19:00"),
        ("Pacific/Apia", "2011-12-23T20:00", "09:00", "5", "2012-01-05T19:00"),
        ("America/Nuuk", "2026-03-28T20:00", "23:30", "6", "2026-03-29T01:00"),
    ],
)
def test_a_wait_for_a_time_ends_when_clocks_show_it(where, came, at, days, over):
    step = WaitTimeStep(id="w", at=dt.time.fromisoformat(at), days=frozenset(map(int, days)))
    assert wait_is_over(step, clock(came, where)) == utc(over)


NEW_YEAR = PersonDate(1, 1)
LEAP = PersonDate(2, 29)


@pytest.mark.parametrize(
    ("field", "date", "offset", "came", "over"),
    [
        ("birthday", PersonDate(12, 10), 0, "2026-11-23T10:00", "2026-12-10T09:00"),
        ("birthday", PersonDate(11, 1), 0, "2026-11-23T10:00", "2027-11-01T09:00"),
        ("birthday", PersonDate(11, 1, 1990), 0, "2026-11-23T10:00", "2027-11-01T09:00"),
        ("birthday", NEW_YEAR, -7, "2026-12-24T10:00", "2026-12-25T09:00"),
        ("birthday", NEW_YEAR, -7, "2026-12-26T10:00", "2027-12-25T09:00"),
        ("birthday", NEW_YEAR, 366, "2026-12-24T10:00", "2027-01-02T09:00"),
        ("birthday", PersonDate(12, 31), 366, "2026-12-31T10:00", "2027-01-01T09:00"),
        ("birthday", PersonDate(12, 31), -366, "2026-12-29T10:00", "2026-12-30T09:00"),
        ("birthday", LEAP, 0, "2027-02-01T10:00", "2027-02-28T09:00"),
        ("birthday", LEAP, 0, "2028-02-28T10:00", "2028-02-29T09:00"),
        ("renewal", PersonDate(12, 10, 2026), -3, "2026-11-23T10:00", "2026-12-07T09:00"),
        # Over already: the wait ends at the instant that has passed, from which what follows knows how late it is.
        ("renewal", PersonDate(11, 10, 2026), 0, "2026-11-23T10:00", "2026-11-10T09:00"),
        ("renewal", PersonDate(1, 1, 1), 0, "2026-11-23T10:00", "2026-11-23T10:00"),
        ("renewal", None, 0, "2026-11-23T10:00", "2026-11-23T10:00"),
    ],
)
def test_a_wait_for_a_date_ends_on_its_day(field, date, offset, came, over):
    step = WaitDateStep(id="w", field=field, offset=offset)
    assert wait_is_over(step, clock(came), date) == utc(over)


def test_who_came_in_for_a_birthday_waits_for_that_one_and_follows_its_correction():
    context = {"date": "2026-12-10"}
    step = WaitDateStep(id="w", field="birthday")
    late = clock("2026-12-11T10:00")
    kept = meant(BIRTHDAY, "birthday", PersonDate(12, 10), context)
    assert wait_is_over(step, late, kept) == utc("2026-12-10T09:00")
    corrected = meant(BIRTHDAY, "birthday", PersonDate(12, 20), context)
    assert wait_is_over(step, late, corrected) == utc("2026-12-20T09:00")
    another = meant(DateTrigger("joined"), "birthday", PersonDate(12, 10), context)
    assert wait_is_over(step, late, another) == utc("2027-12-10T09:00")


def test_a_wait_since_the_last_activity_ends_after_the_longest_time_all_the_same():
    step = WaitStep(id="w", duration=Duration(2, "hours"), since="activity", most=Duration(24, "hours"))
    busy = clock("2026-11-23T10:00", activity_at="2026-11-24T09:30")
    assert wait_is_over(step, clock("2026-11-23T10:00", activity_at="2026-11-23T15:00")) == utc("2026-11-23T17:00")
    assert wait_is_over(step, busy) == utc("2026-11-24T10:00")
