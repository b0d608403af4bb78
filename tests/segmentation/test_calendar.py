"""Days, ages and dates by people's own clocks: instants written out by hand, with a system's own ``date`` and ``zdump``."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import pytest
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personalize.accounts.models import Brand
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import CalendarUnit
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.windows import calendar_span
from segments.subscribers.models import AttributeDefinition, Subscriber
from tests.factories import make_order, make_subscriber, make_topic
from tests.segmentation import calendars, worlds

SECOND = dt.timedelta(seconds=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def told(rule: dict[str, Any], as_of: dt.datetime) -> set[int]:
    """Whom a rule means; the same whether few people are asked about or all."""
    node = parse(rule)
    many, few = (
        set(Subscriber.objects.filter(compile_rule(node, as_of=as_of, few=few)).values_list("pk", flat=True))
        for few in (False, True)
    )
    assert many == few
    everyone = set(Subscriber.objects.values_list("pk", flat=True))
    none = Subscriber.objects.filter(compile_rule(parse({"none": [rule]}), as_of=as_of)).values_list("pk", flat=True)
    assert set(none) == everyone - many
    return many


SPANS: list[tuple[str, str, CalendarUnit, int, str, str]] = [
    # Summer time begins and ends: days of 23 and 25 hours, and the weeks and months around them.
    ("Europe/London", "2026-03-29T12:00", "day", 0, "2026-03-29T00:00", "2026-03-29T23:00"),
    ("Europe/London", "2026-03-30T12:00", "day", -1, "2026-03-29T00:00", "2026-03-29T23:00"),
    ("Europe/London", "2026-10-25T12:00", "day", 0, "2026-10-24T23:00", "2026-10-26T00:00"),
    ("Europe/London", "2026-04-01T12:00", "month", -1, "2026-03-01T00:00", "2026-03-31T23:00"),
    ("Europe/London", "2026-11-01T00:00", "month", -1, "2026-09-30T23:00", "2026-11-01T00:00"),
    ("Europe/London", "2026-03-29T12:00", "week", 0, "2026-03-23T00:00", "2026-03-29T23:00"),
    ("Europe/London", "2026-03-29T23:00", "week", 0, "2026-03-29T23:00", "2026-04-05T23:00"),
    ("America/New_York", "2026-03-08T12:00", "week", 0, "2026-03-02T05:00", "2026-03-09T04:00"),
    ("America/New_York", "2026-11-30T04:59", "month", 0, "2026-11-01T04:00", "2026-12-01T05:00"),
    ("America/St_Johns", "2026-03-08T12:00", "day", 0, "2026-03-08T03:30", "2026-03-09T02:30"),
    ("America/St_Johns", "2026-11-01T12:00", "day", 0, "2026-11-01T02:30", "2026-11-02T03:30"),
    ("America/St_Johns", "2026-11-01T12:00", "month", 0, "2026-11-01T02:30", "2026-12-01T03:30"),
    # Half an hour of summer time.
    ("Australia/Lord_Howe", "2026-04-05T00:00", "day", 0, "2026-04-04T13:00", "2026-04-05T13:30"),
    ("Australia/Lord_Howe", "2026-10-04T00:00", "day", 0, "2026-10-03T13:30", "2026-10-04T13:00"),
    # Summer time that is left for a month.
    ("Africa/Casablanca", "2025-02-23T12:00", "day", 0, "2025-02-22T23:00", "2025-02-24T00:00"),
    # A midnight that clocks jump over: the day begins at one.
    ("America/Sao_Paulo", "2018-11-04T12:00", "day", 0, "2018-11-04T03:00", "2018-11-05T02:00"),
    ("America/Santiago", "2018-08-12T12:00", "day", 0, "2018-08-12T04:00", "2018-08-13T03:00"),
    ("Asia/Beirut", "2018-03-25T12:00", "day", 0, "2018-03-24T22:00", "2018-03-25T21:00"),
    ("Africa/Cairo", "2024-04-26T12:00", "day", 0, "2024-04-25T22:00", "2024-04-26T21:00"),
    # A midnight that comes twice: the first.
    ("America/Havana", "2018-11-04T12:00", "day", 0, "2018-11-04T04:00", "2018-11-05T05:00"),
    ("Atlantic/Azores", "2018-10-28T12:00", "day", 0, "2018-10-28T00:00", "2018-10-29T01:00"),
    # Clocks that go back at midnight: the hour before it comes twice, the midnight once.
    ("Asia/Beirut", "2018-10-27T12:00", "day", 0, "2018-10-26T21:00", "2018-10-27T22:00"),
    ("America/Sao_Paulo", "2018-02-17T12:00", "day", 0, "2018-02-17T02:00", "2018-02-18T03:00"),
    # Just before and after midnight.
    ("Europe/London", "2026-06-30T23:30", "day", 0, "2026-06-30T23:00", "2026-07-01T23:00"),
    ("Europe/London", "2026-06-30T22:59", "day", 0, "2026-06-29T23:00", "2026-06-30T23:00"),
    ("Asia/Kathmandu", "2026-11-19T18:14", "day", 0, "2026-11-18T18:15", "2026-11-19T18:15"),
    ("Asia/Kathmandu", "2026-11-19T18:15", "day", 0, "2026-11-19T18:15", "2026-11-20T18:15"),
    ("Asia/Kathmandu", "2026-03-31T18:15", "month", 0, "2026-03-31T18:15", "2026-04-30T18:15"),
    # Year ends.
    ("Europe/London", "2026-12-31T23:59", "year", 0, "2026-01-01T00:00", "2027-01-01T00:00"),
    ("Europe/London", "2027-01-01T00:00", "year", -1, "2026-01-01T00:00", "2027-01-01T00:00"),
    ("America/St_Johns", "2027-01-01T03:29", "year", 0, "2026-01-01T03:30", "2027-01-01T03:30"),
    ("Pacific/Pago_Pago", "2027-01-01T10:59", "year", 0, "2026-01-01T11:00", "2027-01-01T11:00"),
    ("Pacific/Pago_Pago", "2027-01-01T11:00", "year", 0, "2027-01-01T11:00", "2028-01-01T11:00"),
    ("Pacific/Kiritimati", "2026-12-31T10:00", "year", 0, "2026-12-31T10:00", "2027-12-31T10:00"),
    # The ends of the earth.
    ("Pacific/Kiritimati", "2026-11-19T10:00", "day", 0, "2026-11-19T10:00", "2026-11-20T10:00"),
    ("Pacific/Kiritimati", "2026-11-19T09:59", "day", 0, "2026-11-18T10:00", "2026-11-19T10:00"),
    ("Pacific/Kiritimati", "2026-11-22T10:00", "week", 0, "2026-11-22T10:00", "2026-11-29T10:00"),
    ("Etc/GMT+12", "2026-11-20T11:59", "day", 0, "2026-11-19T12:00", "2026-11-20T12:00"),
    ("Etc/GMT+12", "2026-11-20T11:59", "day", -1, "2026-11-18T12:00", "2026-11-19T12:00"),
    # Samoa left out 30 December 2011: yesterday was never, the day before was the 29th.
    ("Pacific/Apia", "2011-12-30T12:00", "day", 0, "2011-12-30T10:00", "2011-12-31T10:00"),
    ("Pacific/Apia", "2011-12-30T12:00", "day", -1, "2011-12-30T10:00", "2011-12-30T10:00"),
    ("Pacific/Apia", "2011-12-30T12:00", "day", -2, "2011-12-29T10:00", "2011-12-30T10:00"),
    ("Pacific/Apia", "2011-12-29T12:00", "week", 0, "2011-12-26T10:00", "2012-01-01T10:00"),
    ("Pacific/Apia", "2011-12-29T12:00", "month", 0, "2011-12-01T10:00", "2011-12-31T10:00"),
    ("Pacific/Apia", "2012-01-05T12:00", "year", -1, "2011-01-01T10:00", "2011-12-31T10:00"),
    # Leap days and months of every length.
    ("UTC", "2024-02-29T12:00", "day", 0, "2024-02-29T00:00", "2024-03-01T00:00"),
    ("UTC", "2024-03-01T00:00", "day", -1, "2024-02-29T00:00", "2024-03-01T00:00"),
    ("UTC", "2026-03-01T00:00", "day", -1, "2026-02-28T00:00", "2026-03-01T00:00"),
    ("UTC", "2024-03-15T00:00", "month", -1, "2024-02-01T00:00", "2024-03-01T00:00"),
    ("UTC", "2026-03-31T12:00", "month", -1, "2026-02-01T00:00", "2026-03-01T00:00"),
    ("UTC", "2026-01-31T12:00", "month", -11, "2025-02-01T00:00", "2025-03-01T00:00"),
    ("UTC", "2024-02-29T12:00", "month", -12, "2023-02-01T00:00", "2023-03-01T00:00"),
    ("UTC", "2024-02-29T12:00", "year", -1, "2023-01-01T00:00", "2024-01-01T00:00"),
    # Weeks begin on Monday, also across a new year.
    ("UTC", "2026-01-01T00:00", "week", 0, "2025-12-29T00:00", "2026-01-05T00:00"),
    ("UTC", "2026-01-01T00:00", "week", -1, "2025-12-22T00:00", "2025-12-29T00:00"),
    ("UTC", "2026-11-22T23:59", "week", 0, "2026-11-16T00:00", "2026-11-23T00:00"),
    ("UTC", "2026-11-23T00:00", "week", 0, "2026-11-23T00:00", "2026-11-30T00:00"),
]


@pytest.mark.parametrize(("zone", "as_of", "unit", "offset", "start", "end"), SPANS)
def test_a_calendar_window_begins_and_ends_at_midnights_of_its_zone(
    zone: str, as_of: str, unit: CalendarUnit, offset: int, start: str, end: str
) -> None:
    assert calendar_span(unit, offset, utc(as_of), zone) == (utc(start), utc(end))


@pytest.mark.django_db
@pytest.mark.parametrize("own", [True, False], ids=["person", "shop"])
@pytest.mark.parametrize(("zone", "as_of", "unit", "offset", "start", "end"), SPANS[::2])
def test_a_calendar_window_sees_orders_from_its_start_until_before_its_end(
    brand: Brand, zone: str, as_of: str, unit: CalendarUnit, offset: int, start: str, end: str, own: bool
) -> None:
    Brand.objects.update(time_zone="Asia/Tokyo" if own else zone)
    instants = [utc(start) - SECOND, utc(start), utc(end) - SECOND, utc(end)]
    people = []
    for at in instants:
        people.append(make_subscriber(time_zone=zone if own else "Asia/Tokyo"))
        make_order(people[-1], ("A", 1, 10_000), placed_at=at)
    window = {"calendar": [unit, offset], **({"zone": "person"} if own else {})}
    rule = {"orders": {"metric": "count", "op": ">=", "value": 1, "window": window}}
    expected = {
        person.pk
        for person, at in zip(people, instants, strict=True)
        if utc(start) <= at < utc(end) and at < utc(as_of)
    }
    assert told(rule, utc(as_of)) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("born", "zone", "as_of", "age"),
    [
        # The day before a birthday, and the birthday, by clocks on both sides of the earth at one instant.
        ("1990-11-19", "UTC", "2026-11-18T23:59", 35),
        ("1990-11-19", "UTC", "2026-11-19T00:00", 36),
        ("1990-11-19", "Europe/London", "2026-11-19T00:00", 36),
        ("1990-11-19", "Pacific/Kiritimati", "2026-11-18T09:59", 35),
        ("1990-11-19", "Pacific/Kiritimati", "2026-11-18T10:00", 36),
        ("1990-11-20", "Pacific/Kiritimati", "2026-11-19T10:30", 36),
        ("1990-11-20", "Pacific/Pago_Pago", "2026-11-19T10:30", 35),
        ("1990-11-19", "Pacific/Pago_Pago", "2026-11-19T10:30", 35),
        ("1990-11-19", "Pacific/Pago_Pago", "2026-11-19T11:00", 36),
        ("1990-11-18", "Pacific/Pago_Pago", "2026-11-19T10:30", 36),
        ("1990-11-19", "Asia/Kathmandu", "2026-11-18T18:14", 35),
        ("1990-11-19", "Asia/Kathmandu", "2026-11-18T18:15", 36),
        ("1990-11-19", "America/St_Johns", "2026-11-19T03:29", 35),
        ("1990-11-19", "America/St_Johns", "2026-11-19T03:30", 36),
        # The shop's zone, Tokyo, stands in for one that is not known.
        ("1990-11-19", "", "2026-11-18T14:59", 35),
        ("1990-11-19", "", "2026-11-18T15:00", 36),
        ("1990-11-19", "Mars/Base", "2026-11-18T15:00", 36),
        # Year ends.
        ("2000-01-01", "Pacific/Kiritimati", "2026-12-31T09:59", 26),
        ("2000-01-01", "Pacific/Kiritimati", "2026-12-31T10:00", 27),
        ("2000-12-31", "America/St_Johns", "2027-01-01T03:29", 26),
        ("2000-12-31", "America/St_Johns", "2026-12-31T03:29", 25),
        # Born on a leap day: kept on 28 February in common years.
        ("2000-02-29", "UTC", "2027-02-27T23:59", 26),
        ("2000-02-29", "UTC", "2027-02-28T00:00", 27),
        ("2000-02-29", "UTC", "2027-03-01T00:00", 27),
        ("2000-02-29", "UTC", "2028-02-28T23:59", 27),
        ("2000-02-29", "UTC", "2028-02-29T00:00", 28),
        ("2000-02-29", "Pacific/Kiritimati", "2027-02-27T10:00", 27),
        ("2000-02-28", "UTC", "2028-02-28T00:00", 28),
        ("2000-03-01", "UTC", "2027-02-28T23:59", 26),
        # The day of birth, and the day before it.
        ("2026-11-19", "UTC", "2026-11-19T08:40", 0),
        ("2026-11-20", "UTC", "2026-11-19T08:40", -1),
    ],
)
def test_age_is_counted_by_the_persons_own_date(brand: Brand, born: str, zone: str, as_of: str, age: int) -> None:
    Brand.objects.update(time_zone="Asia/Tokyo")
    year, month, day = map(int, born.split("-"))
    ann = make_subscriber(time_zone=zone, birth_year=year, birth_month=month, birth_day=day)
    make_subscriber(time_zone=zone, birth_month=month, birth_day=day)
    at = utc(as_of)
    for op, holds in {
        "is": lambda value: age == value,
        "is_not": lambda value: age != value,
        "<": lambda value: age < value,
        "<=": lambda value: age <= value,
        ">": lambda value: age > value,
        ">=": lambda value: age >= value,
    }.items():
        for value in (age - 1, age, age + 1):
            expected = {ann.pk} if holds(value) else set()
            assert told({"attr": "age", "op": op, "value": value}, at) == expected, (op, value)
    assert told({"attr": "age", "op": "between", "value": [age, age]}, at) == {ann.pk}
    assert told({"attr": "age", "op": "between", "value": [age + 1, age + 9]}, at) == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("birthday", "zone", "as_of", "ahead", "comes"),
    [
        ("11-19", "UTC", "2026-11-19T08:40", [1, "days"], True),
        ("11-18", "UTC", "2026-11-19T08:40", [1, "days"], False),
        ("11-20", "UTC", "2026-11-19T08:40", [1, "days"], False),
        ("11-25", "UTC", "2026-11-19T08:40", [7, "days"], True),
        ("11-26", "UTC", "2026-11-19T08:40", [7, "days"], False),
        ("11-25", "UTC", "2026-11-19T08:40", [1, "weeks"], True),
        ("11-20", "Pacific/Kiritimati", "2026-11-19T10:30", [1, "days"], True),
        ("11-18", "Pacific/Pago_Pago", "2026-11-19T10:30", [1, "days"], True),
        ("11-20", "", "2026-11-19T15:00", [1, "days"], True),
        ("11-20", "", "2026-11-19T14:59", [1, "days"], False),
        # Across a new year.
        ("01-04", "UTC", "2026-12-29T12:00", [7, "days"], True),
        ("01-05", "UTC", "2026-12-29T12:00", [7, "days"], False),
        ("12-28", "UTC", "2026-12-29T12:00", [7, "days"], False),
        ("12-31", "UTC", "2026-12-29T12:00", [7, "days"], True),
        ("01-01", "Pacific/Kiritimati", "2026-12-31T10:00", [1, "days"], True),
        # Leap days.
        ("02-29", "UTC", "2027-02-28T12:00", [1, "days"], True),
        ("02-29", "UTC", "2027-02-22T12:00", [7, "days"], True),
        ("02-29", "UTC", "2027-03-01T12:00", [30, "days"], False),
        ("02-29", "UTC", "2028-02-28T12:00", [1, "days"], False),
        ("02-29", "UTC", "2028-02-28T12:00", [2, "days"], True),
        ("03-01", "UTC", "2028-02-28T12:00", [2, "days"], False),
        ("03-01", "UTC", "2027-02-28T12:00", [2, "days"], True),
        # Months by the calendar, and the longest search there is.
        ("02-27", "UTC", "2027-01-31T12:00", [1, "months"], True),
        ("02-28", "UTC", "2027-01-31T12:00", [1, "months"], False),
        ("11-18", "UTC", "2026-11-19T08:40", [12, "months"], True),
        ("11-18", "UTC", "2026-11-19T08:40", [364, "days"], False),
        ("11-18", "UTC", "2026-11-19T08:40", [365, "days"], True),
        ("11-19", "UTC", "2026-11-19T08:40", [366, "days"], True),
    ],
)
def test_birthdays_come_within_days_of_which_today_is_the_first(
    brand: Brand, birthday: str, zone: str, as_of: str, ahead: list[Any], comes: bool
) -> None:
    Brand.objects.update(time_zone="Asia/Tokyo")
    month, day = map(int, birthday.split("-"))
    ann = make_subscriber(time_zone=zone, birth_month=month, birth_day=day)
    make_subscriber(time_zone=zone)
    rule = {"attr": "birthday", "op": "within_next", "value": ahead}
    assert told(rule, utc(as_of)) == ({ann.pk} if comes else set())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stored", "zone", "as_of", "op", "value", "holds"),
    [
        ("2026-11-19", "UTC", "2026-11-19T08:40", "is", {"in": [0, "days"]}, True),
        ("2026-11-19", "Pacific/Kiritimati", "2026-11-19T10:00", "is", {"in": [0, "days"]}, False),
        ("2026-11-20", "Pacific/Kiritimati", "2026-11-19T10:00", "is", {"ago": [0, "days"]}, True),
        ("2026-11-20", "Pacific/Kiritimati", "2026-11-19T10:00", "is_not", {"ago": [0, "days"]}, False),
        ("2026-11-18", "Pacific/Pago_Pago", "2026-11-19T10:30", "is", {"in": [0, "days"]}, True),
        ("2026-11-20", "", "2026-11-19T15:00", "is", {"in": [0, "days"]}, True),
        ("2026-10-20", "UTC", "2026-11-19T08:40", ">=", {"ago": [30, "days"]}, True),
        ("2026-10-19", "UTC", "2026-11-19T08:40", ">=", {"ago": [30, "days"]}, False),
        ("2026-10-20", "UTC", "2026-11-19T08:40", "<", {"ago": [30, "days"]}, False),
        ("2026-10-20", "UTC", "2026-11-19T08:40", "<=", {"ago": [30, "days"]}, True),
        ("2026-10-20", "Pacific/Kiritimati", "2026-11-19T10:00", ">", {"ago": [30, "days"]}, False),
        ("2026-10-20", "Pacific/Pago_Pago", "2026-11-19T10:00", ">", {"ago": [30, "days"]}, True),
        # From the 31st a shorter month's last day.
        ("2026-02-28", "UTC", "2026-03-31T12:00", "is", {"ago": [1, "months"]}, True),
        ("2028-02-29", "UTC", "2028-03-31T12:00", "is", {"ago": [1, "months"]}, True),
        ("2027-02-28", "UTC", "2027-01-31T12:00", "is", {"in": [1, "months"]}, True),
        ("2027-02-28", "UTC", "2024-02-29T12:00", "is", {"in": [36, "months"]}, True),
        ("2027-01-02", "UTC", "2026-12-26T12:00", "is", {"in": [1, "weeks"]}, True),
        # A span ahead takes both ends in.
        ("2026-11-19", "UTC", "2026-11-19T08:40", "between", [{"in": [0, "days"]}, {"in": [30, "days"]}], True),
        ("2026-12-19", "UTC", "2026-11-19T08:40", "between", [{"in": [0, "days"]}, {"in": [30, "days"]}], True),
        ("2026-12-20", "UTC", "2026-11-19T08:40", "between", [{"in": [0, "days"]}, {"in": [30, "days"]}], False),
        ("2026-11-18", "UTC", "2026-11-19T08:40", "between", [{"in": [0, "days"]}, {"in": [30, "days"]}], False),
        ("2026-12-20", "Pacific/Kiritimati", "2026-11-19T10:00", "between", ["2026-01-01", {"in": [30, "days"]}], True),
        ("2026-12-20", "Pacific/Pago_Pago", "2026-11-19T10:00", "between", ["2026-01-01", {"in": [30, "days"]}], False),
        # Beyond the calendar's ends.
        ("2026-12-20", "UTC", "2026-11-19T10:00", "<", {"in": [100_000, "months"]}, True),
        ("2026-12-20", "UTC", "2026-11-19T10:00", ">", {"ago": [100_000, "months"]}, True),
    ],
)
def test_a_date_is_compared_with_the_persons_own_today(
    brand: Brand, stored: str, zone: str, as_of: str, op: str, value: Any, holds: bool
) -> None:
    Brand.objects.update(time_zone="Asia/Tokyo")
    AttributeDefinition.objects.create(key="renewal", label="Renewal", type="date")
    ann = make_subscriber(time_zone=zone, attributes={"renewal": stored})
    make_subscriber(time_zone=zone)
    assert told({"attr": "renewal", "op": op, "value": value}, utc(as_of)) == ({ann.pk} if holds else set())


@pytest.mark.django_db
def test_a_time_is_compared_with_the_instant_asked_about() -> None:
    at = utc("2026-11-19T08:40")
    old, new = (make_subscriber(created_at=at - dt.timedelta(days=30) + shift) for shift in (-SECOND, SECOND))
    assert told({"attr": "created_at", "op": ">", "value": {"ago": [30, "days"]}}, at) == {new.pk}
    assert told({"attr": "created_at", "op": "<", "value": {"ago": [43_200, "minutes"]}}, at) == {old.pk}


MIDNIGHTS = [
    ("Europe/London", "2026-06-01", "2026-05-31T23:00"),
    ("Europe/London", "2026-03-29", "2026-03-29T00:00"),
    ("Europe/Berlin", "1970-01-01", "1969-12-31T23:00"),
    ("Asia/Tokyo", "2026-01-01", "2025-12-31T15:00"),
    ("America/New_York", "2024-02-29", "2024-02-29T05:00"),
    ("Asia/Kathmandu", "2026-11-19", "2026-11-18T18:15"),
    ("Pacific/Kiritimati", "2026-11-19", "2026-11-18T10:00"),
    ("Etc/GMT+12", "2026-11-19", "2026-11-19T12:00"),
    # Jumped over.
    ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),
    ("Asia/Beirut", "2018-03-25", "2018-03-24T22:00"),
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),
    ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
    # Come twice: the first.
    ("America/Havana", "2018-11-04", "2018-11-04T04:00"),
    ("Atlantic/Azores", "2018-10-28", "2018-10-28T00:00"),
    # Not twice, though the hour before it is.
    ("Asia/Beirut", "2018-10-28", "2018-10-27T22:00"),
    ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00"),
    # The shop's zone, Tokyo, stands in.
    ("", "2026-01-01", "2025-12-31T15:00"),
    ("Mars/Base", "2026-01-01", "2025-12-31T15:00"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("zone", "day", "midnight"), MIDNIGHTS)
def test_a_date_on_file_begins_at_midnight_by_the_persons_clock(
    brand: Brand, zone: str, day: str, midnight: str
) -> None:
    Brand.objects.update(time_zone="Asia/Tokyo")
    AttributeDefinition.objects.create(key="contract_start", label="contract start", type="date")
    before, since = (make_subscriber(time_zone=zone, attributes={"contract_start": day}) for _ in range(2))
    stranger = make_subscriber(time_zone=zone)
    make_order(before, ("A", 1, 10_000), placed_at=utc(midnight) - SECOND)
    for person in (since, stranger):
        make_order(person, ("A", 1, 10_000), placed_at=utc(midnight))
    anchor = {"attr": "contract_start"}
    for way, person in (("since", since), ("not_since", before)):
        rule = {"orders": {"metric": "count", "op": ">=", "value": 1, "window": {way: anchor}}}
        assert told(rule, utc("2030-01-01T00:00")) == {person.pk}


@pytest.mark.django_db
@settings(
    max_examples=600 if os.environ.get("FULL") else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    world=st.lists(worlds.people, min_size=1, max_size=5),
    leaves=st.lists(calendars.leaves, min_size=3, max_size=3),
    windows=st.lists(calendars.windows, min_size=2, max_size=2),
    as_of=st.sampled_from(calendars.INSTANTS),
    shop=st.sampled_from(["UTC", "Europe/London", "America/St_Johns", "Pacific/Kiritimati"]),
)
def test_sql_agrees_with_a_naive_reading_of_every_calendar(
    world: list[worlds.Person], leaves: list[Any], windows: list[Any], as_of: dt.datetime, shop: str
) -> None:
    with transaction.atomic():
        Brand.objects.create(pk=1, name="Alder & Wren", time_zone=shop)
        worlds.build(world, make_topic())
        vocabulary = Vocabulary.of(fields=worlds.FIELDS)
        expected = [
            (rule, {p.row.pk for p in world if p.row and calendars.holds(rule, p, as_of, shop)}) for rule in leaves
        ]
        for window in windows:
            rule = {"orders": {"metric": "count", "op": ">=", "value": 1, "window": window}}
            expected.append((rule, {p.row.pk for p in world if p.row and _bought(p, window, as_of, shop)}))
        for rule, people in expected:
            for few in (False, True):
                condition = compile_rule(parse(rule, vocabulary=vocabulary), as_of=as_of, few=few)
                rows = Subscriber.objects.annotate(told=ExpressionWrapper(condition, BooleanField()))
                answers = dict(rows.values_list("pk", "told"))
                assert answers.keys() == {p.row.pk for p in world if p.row}
                assert {pk for pk, holds in answers.items() if holds} == people, (rule, few)
                assert None not in answers.values(), (rule, few)
        transaction.set_rollback(True)


def _bought(person: worlds.Person, window: dict[str, Any], as_of: dt.datetime, shop: str) -> bool:
    return any(
        one.at < as_of and one.status != "cancelled" and calendars.is_inside(one.at, window, person, as_of, shop)
        for one in person.orders
    )
