"""Local times: which instant a wall clock means, and when a window of local times is open. Knows no Django."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

ONE_DAY = dt.timedelta(days=1)


@lru_cache(maxsize=1024)
def zone(name: str, otherwise: str = "UTC") -> ZoneInfo:
    """The time zone of this name; that of ``otherwise`` when the name is empty or not known."""
    for candidate in (name, otherwise):
        try:
            if candidate:
                return ZoneInfo(candidate)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


@lru_cache(maxsize=1)
def every_zone() -> tuple[ZoneInfo, ...]:
    """All zones that this machine knows."""
    return tuple(zone(name) for name in sorted(available_timezones()))


def strikes(at: dt.time, after: dt.datetime) -> dt.datetime:
    """The first instant after ``after`` at which clocks show ``at`` somewhere on earth."""
    days = [after.date() + number * ONE_DAY for number in (-1, 0, 1, 2)]
    return min(found for day in days for found in _struck(at, day) if found > after)


def striking(at: dt.time, since: dt.datetime, until: dt.datetime) -> frozenset[str]:
    """The names of the zones whose clocks came to ``at`` after ``since``, at ``until`` at the latest."""
    days = [since.date() + number * ONE_DAY for number in range(-2, (until - since).days + 4)]
    struck = [names for day in days for found, names in _struck(at, day).items() if since < found <= until]
    return frozenset().union(*struck)


@lru_cache(maxsize=256)
def _struck(at: dt.time, day: dt.date) -> dict[dt.datetime, frozenset[str]]:
    """The zones by the instant at which their clocks show ``at`` on ``day``: a few dozen instants, for many share one."""
    found: dict[dt.datetime, set[str]] = {}
    for one in every_zone():
        found.setdefault(instant(day, at, one), set()).add(one.key)
    return {moment: frozenset(names) for moment, names in found.items()}


def instant(day: dt.date, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    """The instant, in UTC, at which clocks of the zone show ``at`` on ``day``.

    A time that clocks jump over is the first instant after the jump; of a time that comes twice, the first.
    """
    local = dt.datetime.combine(day, at.replace(fold=0), zone)
    utc = local.astimezone(dt.UTC)
    if utc.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return utc
    # Read with the offset before the jump it lies as far behind the jump as it was into the gap.
    before = local.utcoffset() or dt.timedelta()
    after = local.replace(fold=1).utcoffset() or dt.timedelta()
    return _jump(utc - abs(before - after), utc, zone)


def is_lived(day: dt.date, zone: ZoneInfo) -> bool:
    """Whether the day was, or will be, lived in the zone: those who move over the date line leave one out."""
    return instant(day, dt.time.min, zone).astimezone(zone).date() == day


def _jump(low: dt.datetime, high: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The first instant between the two that has the offset of the later one; to the second, by halves."""
    offset = high.astimezone(zone).utcoffset()
    while high - low > dt.timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)


@dataclass(frozen=True)
class Window:
    """When a mail may go out: half-open local times that may cross midnight, beginning on these ISO weekdays (1 is Monday).

    ``zone`` says whose clock counts. ``otherwise`` says what becomes of a mail that comes outside: it waits, or is skipped.
    """

    start: dt.time
    end: dt.time
    days: frozenset[int] = frozenset(range(1, 8))
    zone: Literal["person", "brand"] = "person"
    otherwise: Literal["wait", "skip"] = "wait"

    def opens(self, at: dt.datetime, zone: ZoneInfo) -> dt.datetime:
        """The first instant from ``at`` on at which the window is open: ``at`` itself when it is.

        A window that falls wholly into hours or a day that clocks jump over does not open at all that time.
        """
        today = at.astimezone(zone).date()
        # From yesterday, whose window may cross midnight, for two weeks, for this week's may have been jumped over.
        for number in range(-1, 16):
            day = today + number * ONE_DAY
            if day.isoweekday() not in self.days:
                continue
            start = instant(day, self.start, zone)
            end = instant(day if self.end > self.start else day + ONE_DAY, self.end, zone)
            if start < end and at < end:
                return max(at, start)
        raise ValueError("A window without weekdays never opens.")

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "from": f"{self.start:%H:%M}",
            "to": f"{self.end:%H:%M}",
            "days": sorted(self.days),
            "zone": self.zone,
            "otherwise": self.otherwise,
        }

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Window:
        """What ``as_json`` made."""
        return cls(
            dt.time.fromisoformat(stored["from"]),
            dt.time.fromisoformat(stored["to"]),
            frozenset(stored["days"]),
            stored["zone"],
            stored["otherwise"],
        )
