"""Calendars, clocks and places, for tests of rules: random ones, and a naive reading of rules about them in plain Python."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

ZONES = [
    "",
    "Pacific/Honolulu",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
    "America/St_Johns",
    "America/Havana",
    "Mars/Base",
]
FIELDS = {"renewal": "date", "seen": "datetime"}
RENEWALS = [
    "2024-02-29",
    "2026-10-19",
    "2026-10-31",
    "2026-11-01",
    "2026-11-18",
    "2026-11-19",
    "2026-11-20",
    "2026-12-19",
]
SEEN = [
    "2026-10-19T08:40:00",
    "2026-11-18T08:39:59",
    "2026-11-18T08:40:00",
    "2026-11-19T08:40:00",
    "2026-11-30T00:00:00",
]
BORN = [(1990, 11, 18), (1990, 11, 19), (1990, 11, 20), (2000, 2, 29), (2000, 11, 25), (1961, 5, 1), (1999, 12, 31)]
PLACES = [
    (51.4545, -2.5879),
    (51.38, -2.36),
    (0.0, 179.9),
    (0.0, -179.9),
    (89.9, 10.0),
    (-89.5, -100.0),
    (-51.5, 177.4),
]
EARTH = 6371.0088
INSTANTS = [
    dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 19, 10, 30, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 1, 4, 30, tzinfo=dt.UTC),
    dt.datetime(2028, 2, 28, 23, 30, tzinfo=dt.UTC),
    dt.datetime(2027, 2, 28, 9, 59, tzinfo=dt.UTC),
    dt.datetime(2027, 1, 1, 3, 30, tzinfo=dt.UTC),
]
"""Instants at which there are two or three dates on earth: an ordinary day, the end of summer time, a leap day, a new year."""


@dataclass(frozen=True)
class Own:
    """What is a person's own: their zone as it is stored, their place, since when they are known and subscribed."""

    zone: str = ""
    place: tuple[float, float] | None = None
    added: dt.datetime = INSTANTS[0]
    subscribed: dt.datetime = INSTANTS[0]


class Bought(Protocol):
    """An order or a refund."""

    at: dt.datetime
    status: str | None


class Known(Protocol):
    """What of a person the reading needs."""

    born: tuple[int, int, int] | None
    attributes: dict[str, Any]
    topic: str | None
    own: Own

    @property
    def orders(self) -> Sequence[Bought]: ...


_moments = st.builds(
    lambda as_of, hours, minutes: as_of - dt.timedelta(hours=hours, minutes=minutes),
    st.sampled_from(INSTANTS),
    st.sampled_from([0, 4, 14, 24, 30, 24 * 31]),
    st.sampled_from([-1, 0, 1, 30]),
)
owns = st.builds(
    Own,
    zone=st.sampled_from(ZONES),
    place=st.none() | st.sampled_from(PLACES),
    added=_moments,
    subscribed=_moments,
)
ATTRIBUTES = {
    "renewal": st.sampled_from(RENEWALS),
    "seen": st.sampled_from(SEEN).map(lambda text: f"{text}+00:00"),
}

_ORDER = ["is", "is_not", "<", "<=", ">", ">="]
_days = st.builds(
    lambda way, count, unit: {way: [count, unit]},
    st.sampled_from(["ago", "in"]),
    st.sampled_from([0, 1, 12, 30]),
    st.sampled_from(["days", "weeks", "months"]),
)
_times = st.builds(
    lambda way, count, unit: {way: [count, unit]},
    st.sampled_from(["ago", "in"]),
    st.sampled_from([0, 1, 24, 31]),
    st.sampled_from(["minutes", "hours", "days", "months"]),
)
_anchors = st.sampled_from(
    ["last_order", {"topic": "news"}, {"attr": "renewal"}, {"attr": "seen"}, {"attr": "created_at"}]
)
windows = st.one_of(
    st.builds(
        lambda unit, offset, own: {"calendar": [unit, offset], **({"zone": "person"} if own else {})},
        st.sampled_from(["day", "week", "month", "year"]),
        st.integers(-2, 0),
        st.booleans(),
    ),
    st.builds(lambda way, anchor: {way: anchor}, st.sampled_from(["since", "not_since"]), _anchors),
)
leaves = st.one_of(
    st.builds(
        lambda op, value: {"attr": "age", "op": op, "value": value},
        st.sampled_from(_ORDER),
        st.sampled_from([25, 26, 27, 35, 36]),
    ),
    st.builds(lambda value: {"attr": "age", "op": "between", "value": value}, st.just([26, 36])),
    st.builds(
        lambda count, unit: {"attr": "birthday", "op": "within_next", "value": [count, unit]},
        st.sampled_from([1, 2, 7, 12]),
        st.sampled_from(["days", "weeks", "months"]),
    ),
    st.builds(lambda op: {"attr": "birthday", "op": op}, st.sampled_from(["is_known", "not_known"])),
    st.builds(lambda op, v: {"attr": "renewal", "op": op, "value": v}, st.sampled_from(_ORDER), _days),
    st.builds(
        lambda low, high: {"attr": "renewal", "op": "between", "value": [{"ago": low}, high]},
        st.just([1, "months"]),
        st.sampled_from(["2026-11-18", "2026-11-19", {"in": [0, "days"]}, {"in": [1, "months"]}]),
    ),
    st.builds(lambda op, v: {"attr": "seen", "op": op, "value": v}, st.sampled_from(_ORDER), _times),
    st.builds(
        lambda place, km: {"near": {"latitude": place[0], "longitude": place[1], "km": km}},
        st.sampled_from([*PLACES, (0.0, 180.0), (90, 0.0), (-90, 0.0)]),
        st.sampled_from([0.1, 19.5, 25, 100, 5_000, 15_000, 20_000, 20_038]),
    ),
)


def holds(rule: dict[str, Any], person: Known, as_of: dt.datetime, shop: str = "UTC") -> bool:
    """Whether one of ``leaves`` is true of a person at an instant, where ``shop`` is the time zone of the brand."""
    if "near" in rule:
        return _is_near(rule["near"], person.own.place)
    today = as_of.astimezone(zone_of(person, shop)).date()
    key, op, wanted = rule["attr"], rule["op"], rule.get("value")
    if key == "birthday":
        if op != "within_next":
            return (person.born is not None) == (op == "is_known")
        return person.born is not None and _is_coming(person.born[1:], today, *rule["value"])
    actual: Any = person.attributes.get(key)
    if key == "age":
        actual = _age(person.born, today) if person.born else None
    if op in ("is_known", "not_known"):
        return (actual is not None) == (op == "is_known")
    if actual is None:
        return False
    if key == "age":
        return _compares(actual, op, wanted)
    items = wanted if isinstance(wanted, list) else [wanted]
    if key == "renewal":
        actual, values = dt.date.fromisoformat(actual), [_day(item, today) for item in items]
    else:
        actual, values = dt.datetime.fromisoformat(actual), [_time(item, as_of) for item in items]
    return _compares(actual, op, values if op == "between" else values[0])


def is_inside(at: dt.datetime, window: Mapping[str, Any], person: Known, as_of: dt.datetime, shop: str = "UTC") -> bool:
    """Whether an instant before ``as_of`` lies in one of ``windows``; never where the anchor is missing."""
    if "calendar" in window:
        unit, offset = window["calendar"]
        zone = zone_of(person, shop) if "zone" in window else _zone(shop)
        return _same(unit, at.astimezone(zone).date(), as_of.astimezone(zone).date(), offset)
    start = anchor_of(window, person, as_of, shop)
    return start is not None and (at >= start if "since" in window else at < start)


def anchor_of(window: Mapping[str, Any], person: Known, as_of: dt.datetime, shop: str = "UTC") -> dt.datetime | None:
    """The instant from which a window is measured; None where the person has none."""
    anchor = window.get("since") or window.get("not_since")
    if anchor == "last_order":
        return max((one.at for one in person.orders if one.status != "cancelled" and one.at < as_of), default=None)
    if anchor == {"topic": "news"}:
        return person.own.subscribed if person.topic == "subscribed" else None
    if anchor == {"attr": "created_at"}:
        return person.own.added
    key = anchor.get("attr", "") if isinstance(anchor, dict) else ""
    if key not in person.attributes:
        return None
    if key == "seen":
        return dt.datetime.fromisoformat(person.attributes[key])
    return midnight(dt.date.fromisoformat(person.attributes[key]), zone_of(person, shop).key)


@cache
def midnight(day: dt.date, zone: str) -> dt.datetime:
    """The first quarter of an hour at which the clocks of a zone show the day, or a later one."""
    at = dt.datetime.combine(day, dt.time.min, dt.UTC) - dt.timedelta(hours=16)
    while at.astimezone(ZoneInfo(zone)).date() < day:
        at += dt.timedelta(minutes=15)
    return at


def zone_of(person: Known, shop: str) -> ZoneInfo:
    """The zone by which a person lives: the shop's where theirs is not known, or nonsense."""
    return _zone(shop if person.own.zone in ("", "Mars/Base") else person.own.zone)


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _kept(year: int, month: int, day: int) -> dt.date:
    """The day of a year on which a birthday is kept."""
    return dt.date(year, month, 28 if (month, day) == (2, 29) and year % 4 else day)


def _age(born: tuple[int, int, int], today: dt.date) -> int:
    """The birthdays somebody has had."""
    return sum(_kept(year, *born[1:]) <= today for year in range(born[0] + 1, today.year + 1))


def _is_coming(birthday: tuple[int, ...], today: dt.date, count: int, unit: str) -> bool:
    end = today + dt.timedelta(days=count * {"days": 1, "weeks": 7}.get(unit, 0))
    if unit == "months":
        end = _months_on(today, count)
    keeps = [_kept(today.year, *birthday), _kept(today.year + 1, *birthday)]
    return any(today <= day < end for day in keeps)


def _months_on(day: dt.date, count: int) -> dt.date:
    """The same day so many months on, or the last one of a shorter month."""
    step, year, month = (1 if count > 0 else -1), day.year, day.month
    for _ in range(abs(count)):
        month += step
        if month in (0, 13):
            year, month = year + step, 12 if month == 0 else 1
    last = {2: 28 if year % 4 else 29, 4: 30, 6: 30, 9: 30, 11: 30}.get(month, 31)
    return dt.date(year, month, min(day.day, last))


def _day(value: Any, today: dt.date) -> dt.date:
    if isinstance(value, str):
        return dt.date.fromisoformat(value)
    ((way, (count, unit)),) = value.items()
    count = -count if way == "ago" else count
    if unit == "months":
        return _months_on(today, count)
    return today + dt.timedelta(days=count * (7 if unit == "weeks" else 1))


def _time(value: Any, as_of: dt.datetime) -> dt.datetime:
    ((way, (count, unit)),) = value.items()
    count = -count if way == "ago" else count
    if unit == "months":
        return dt.datetime.combine(_months_on(as_of.date(), count), as_of.timetz())
    return as_of + dt.timedelta(**{unit: count})


def _same(unit: str, day: dt.date, today: dt.date, offset: int) -> bool:
    """Whether a day is in the day, week, month or year so many from today's."""
    match unit:
        case "day":
            return (day - today).days == offset
        case "week":
            mondays = [one - dt.timedelta(days=one.isoweekday() - 1) for one in (day, today)]
            return (mondays[0] - mondays[1]).days == 7 * offset
        case "month":
            return (day.year - today.year) * 12 + day.month - today.month == offset
    return day.year - today.year == offset


def _is_near(near: dict[str, float], place: tuple[float, float] | None) -> bool:
    """By the angle between two arrows from the middle of the earth."""
    if place is None:
        return False
    one, other = _arrow(near["latitude"], near["longitude"]), _arrow(*place)
    apart = math.dist(one, other)
    return EARTH * 2 * math.atan2(apart, math.sqrt(max(0.0, 4 - apart * apart))) <= near["km"]


def _arrow(latitude: float, longitude: float) -> tuple[float, float, float]:
    up, round_ = math.radians(latitude), math.radians(longitude)
    return math.cos(up) * math.cos(round_), math.cos(up) * math.sin(round_), math.sin(up)


def _compares(actual: Any, op: str, wanted: Any) -> bool:
    match op:
        case "is":
            return bool(actual == wanted)
        case "is_not":
            return bool(actual != wanted)
        case "<":
            return bool(actual < wanted)
        case "<=":
            return bool(actual <= wanted)
        case ">":
            return bool(actual > wanted)
        case ">=":
            return bool(actual >= wanted)
    return bool(wanted[0] <= actual <= wanted[1])
