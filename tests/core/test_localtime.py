"""Windows of local times, on ordinary days and on those on which clocks jump."""

from __future__ import annotations

import datetime as dt

import pytest

from personalize.core.localtime import Window, is_lived, zone

EVERY_DAY = "1234567"


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}:00+00:00")


@pytest.mark.parametrize(
    ("where", "hours", "days", "at", "opens"),
    [
        ("Europe/London", "08:00-21:00", EVERY_DAY, "2026-11-23T07:59", "2026-11-23T08:00"),
        ("Europe/London", "08:00-21:00", EVERY_DAY, "2026-11-23T08:00", "2026-11-23T08:00"),
        ("Europe/London", "08:00-21:00", EVERY_DAY, "2026-11-23T20:59", "2026-11-23T20:59"),
        ("Europe/London", "08:00-21:00", EVERY_DAY, "2026-11-23T21:00", "2026-11-24T08:00"),
        ("Europe/London", "08:00-21:00", "1", "2026-11-23T21:00", "2026-11-30T08:00"),
        ("Europe/London", "08:00-21:00", "12345", "2026-11-27T21:00", "2026-11-30T08:00"),
        ("America/Los_Angeles", "08:00-21:00", EVERY_DAY, "2026-11-23T06:00", "2026-11-23T16:00"),
        ("Pacific/Kiritimati", "08:00-21:00", "1", "2026-11-22T17:00", "2026-11-22T18:00"),
        ("Etc/GMT+12", "08:00-21:00", "1", "2026-11-23T19:00", "2026-11-23T20:00"),
        # Over midnight: the weekday is that of the evening.
        ("Europe/London", "20:00-02:00", "1", "2026-11-24T01:59", "2026-11-24T01:59"),
        ("Europe/London", "20:00-02:00", "1", "2026-11-24T02:00", "2026-11-30T20:00"),
        ("Europe/London", "20:00-02:00", "2", "2026-11-24T01:00", "2026-11-24T20:00"),
        ("Europe/London", "20:00-00:00", EVERY_DAY, "2026-11-24T00:00", "2026-11-24T20:00"),
        # Over midnight on nights whose clocks jump forward and back: open until clocks show the end.
        ("Europe/London", "22:00-06:00", "6", "2026-03-29T04:59", "2026-03-29T04:59"),
        ("Europe/London", "22:00-06:00", "6", "2026-03-29T05:00", "2026-04-04T21:00"),
        ("Europe/London", "22:00-06:00", "6", "2026-10-25T05:59", "2026-10-25T05:59"),
        ("Europe/London", "22:00-06:00", "6", "2026-10-25T06:00", "2026-10-31T22:00"),
        # It begins in the hour that is left out, or lies in it and does not open at all.
        ("Europe/Berlin", "02:30-04:00", "7", "2026-03-29T00:59", "2026-03-29T01:00"),
        ("Europe/Berlin", "02:00-03:00", EVERY_DAY, "2026-03-29T00:30", "2026-03-30T00:00"),
        ("Europe/Berlin", "02:00-03:00", "7", "2026-03-29T00:30", "2026-04-05T00:00"),
        ("Australia/Lord_Howe", "02:00-02:30", EVERY_DAY, "2026-10-03T15:00", "2026-10-04T15:00"),
        # The Friday that Samoa left out.
        ("Pacific/Apia", "08:00-21:00", "5", "2011-12-29T20:00", "2012-01-05T18:00"),
        ("Pacific/Apia", "08:00-21:00", EVERY_DAY, "2011-12-30T09:00", "2011-12-30T18:00"),
        # Of the hour that comes twice, the first opens and the first closes.
        ("Europe/London", "01:00-01:30", EVERY_DAY, "2026-10-25T00:15", "2026-10-25T00:15"),
        ("Europe/London", "01:00-01:30", EVERY_DAY, "2026-10-25T01:15", "2026-10-26T01:00"),
    ],
)
def test_a_window_opens_at_this_instant(where, hours, days, at, opens):
    start, end = (dt.time.fromisoformat(part) for part in hours.split("-"))
    window = Window(start, end, frozenset(map(int, days)))
    assert window.opens(utc(at), zone(where)) == utc(opens)
    assert window.opens(utc(opens), zone(where)) == utc(opens)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "Europe", "../etc/passwd", "a\0b", "É"])
def test_a_zone_that_nobody_knows_is_the_other_one(name: str):
    assert zone(name, "Europe/London").key == "Europe/London"
    assert zone(name, name).key == "UTC"


def test_a_day_is_lived_everywhere_but_where_it_was_left_out():
    assert not is_lived(dt.date(2011, 12, 30), zone("Pacific/Apia"))
    assert is_lived(dt.date(2011, 12, 30), zone("Pacific/Auckland"))
    assert is_lived(dt.date(2026, 4, 24), zone("Africa/Cairo"))
