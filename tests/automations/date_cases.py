"""When people come in for their dates: a table, reckoned without this code by the calendar and the zones of the C library,
and by hand where clocks jump.

A row is: zone, date (``--`` where the year is not known), offset in days, local time, how 29 February is kept, the year for
which (or ``once``), and the instant; ``-`` where nobody ever comes in.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from campaigns.automations.nodes import DateTrigger
from campaigns.automations.timing import PersonDate

TABLE = """
# Ordinary days on both sides of the clock changes.
Europe/London                    --01-15        0  09:00  feb28     2026  2026-01-15T09:00Z
Europe/London                    --07-15        0  09:00  feb28     2026  2026-07-15T08:00Z
Europe/London                    --12-31       +1  00:05  feb28     2026  2027-01-01T00:05Z
Europe/Dublin                    --01-15        0  09:00  feb28     2026  2026-01-15T09:00Z
Europe/Dublin                    --07-15        0  09:00  feb28     2026  2026-07-15T08:00Z
Europe/Dublin                    --12-31       +1  00:05  feb28     2026  2027-01-01T00:05Z
Europe/Berlin                    --01-15        0  09:00  feb28     2026  2026-01-15T08:00Z
Europe/Berlin                    --07-15        0  09:00  feb28     2026  2026-07-15T07:00Z
Europe/Berlin                    --12-31       +1  00:05  feb28     2026  2026-12-31T23:05Z
Europe/Athens                    --01-15        0  09:00  feb28     2026  2026-01-15T07:00Z
Europe/Athens                    --07-15        0  09:00  feb28     2026  2026-07-15T06:00Z
Europe/Athens                    --12-31       +1  00:05  feb28     2026  2026-12-31T22:05Z
Europe/Moscow                    --01-15        0  09:00  feb28     2026  2026-01-15T06:00Z
Europe/Moscow                    --07-15        0  09:00  feb28     2026  2026-07-15T06:00Z
Europe/Moscow                    --12-31       +1  00:05  feb28     2026  2026-12-31T21:05Z
Africa/Casablanca                --01-15        0  09:00  feb28     2026  2026-01-15T08:00Z
Africa/Casablanca                --07-15        0  09:00  feb28     2026  2026-07-15T08:00Z
Africa/Casablanca                --12-31       +1  00:05  feb28     2026  2026-12-31T23:05Z
Africa/Cairo                     --01-15        0  09:00  feb28     2026  2026-01-15T07:00Z
Africa/Cairo                     --07-15        0  09:00  feb28     2026  2026-07-15T06:00Z
Africa/Cairo                     --12-31       +1  00:05  feb28     2026  2026-12-31T22:05Z
Asia/Tehran                      --01-15        0  09:00  feb28     2026  2026-01-15T05:30Z
Asia/Tehran                      --07-15        0  09:00  feb28     2026  2026-07-15T05:30Z
Asia/Tehran                      --12-31       +1  00:05  feb28     2026  2026-12-31T20:35Z
Asia/Kolkata                     --01-15        0  09:00  feb28     2026  2026-01-15T03:30Z
Asia/Kolkata                     --07-15        0  09:00  feb28     2026  2026-07-15T03:30Z
Asia/Kolkata                     --12-31       +1  00:05  feb28     2026  2026-12-31T18:35Z
Asia/Kathmandu                   --01-15        0  09:00  feb28     2026  2026-01-15T03:15Z
Asia/Kathmandu                   --07-15        0  09:00  feb28     2026  2026-07-15T03:15Z
Asia/Kathmandu                   --12-31       +1  00:05  feb28     2026  2026-12-31T18:20Z
Asia/Tokyo                       --01-15        0  09:00  feb28     2026  2026-01-15T00:00Z
Asia/Tokyo                       --07-15        0  09:00  feb28     2026  2026-07-15T00:00Z
Asia/Tokyo                       --12-31       +1  00:05  feb28     2026  2026-12-31T15:05Z
Australia/Sydney                 --01-15        0  09:00  feb28     2026  2026-01-14T22:00Z
Australia/Sydney                 --07-15        0  09:00  feb28     2026  2026-07-14T23:00Z
Australia/Sydney                 --12-31       +1  00:05  feb28     2026  2026-12-31T13:05Z
Australia/Lord_Howe              --01-15        0  09:00  feb28     2026  2026-01-14T22:00Z
Australia/Lord_Howe              --07-15        0  09:00  feb28     2026  2026-07-14T22:30Z
Australia/Lord_Howe              --12-31       +1  00:05  feb28     2026  2026-12-31T13:05Z
Pacific/Auckland                 --01-15        0  09:00  feb28     2026  2026-01-14T20:00Z
Pacific/Auckland                 --07-15        0  09:00  feb28     2026  2026-07-14T21:00Z
Pacific/Auckland                 --12-31       +1  00:05  feb28     2026  2026-12-31T11:05Z
Pacific/Chatham                  --01-15        0  09:00  feb28     2026  2026-01-14T19:15Z
Pacific/Chatham                  --07-15        0  09:00  feb28     2026  2026-07-14T20:15Z
Pacific/Chatham                  --12-31       +1  00:05  feb28     2026  2026-12-31T10:20Z
Pacific/Apia                     --01-15        0  09:00  feb28     2026  2026-01-14T20:00Z
Pacific/Apia                     --07-15        0  09:00  feb28     2026  2026-07-14T20:00Z
Pacific/Apia                     --12-31       +1  00:05  feb28     2026  2026-12-31T11:05Z
Pacific/Kiritimati               --01-15        0  09:00  feb28     2026  2026-01-14T19:00Z
Pacific/Kiritimati               --07-15        0  09:00  feb28     2026  2026-07-14T19:00Z
Pacific/Kiritimati               --12-31       +1  00:05  feb28     2026  2026-12-31T10:05Z
Etc/GMT+12                       --01-15        0  09:00  feb28     2026  2026-01-15T21:00Z
Etc/GMT+12                       --07-15        0  09:00  feb28     2026  2026-07-15T21:00Z
Etc/GMT+12                       --12-31       +1  00:05  feb28     2026  2027-01-01T12:05Z
Pacific/Pago_Pago                --01-15        0  09:00  feb28     2026  2026-01-15T20:00Z
Pacific/Pago_Pago                --07-15        0  09:00  feb28     2026  2026-07-15T20:00Z
Pacific/Pago_Pago                --12-31       +1  00:05  feb28     2026  2027-01-01T11:05Z
Pacific/Honolulu                 --01-15        0  09:00  feb28     2026  2026-01-15T19:00Z
Pacific/Honolulu                 --07-15        0  09:00  feb28     2026  2026-07-15T19:00Z
Pacific/Honolulu                 --12-31       +1  00:05  feb28     2026  2027-01-01T10:05Z
America/Los_Angeles              --01-15        0  09:00  feb28     2026  2026-01-15T17:00Z
America/Los_Angeles              --07-15        0  09:00  feb28     2026  2026-07-15T16:00Z
America/Los_Angeles              --12-31       +1  00:05  feb28     2026  2027-01-01T08:05Z
America/New_York                 --01-15        0  09:00  feb28     2026  2026-01-15T14:00Z
America/New_York                 --07-15        0  09:00  feb28     2026  2026-07-15T13:00Z
America/New_York                 --12-31       +1  00:05  feb28     2026  2027-01-01T05:05Z
America/St_Johns                 --01-15        0  09:00  feb28     2026  2026-01-15T12:30Z
America/St_Johns                 --07-15        0  09:00  feb28     2026  2026-07-15T11:30Z
America/St_Johns                 --12-31       +1  00:05  feb28     2026  2027-01-01T03:35Z
America/Sao_Paulo                --01-15        0  09:00  feb28     2026  2026-01-15T12:00Z
America/Sao_Paulo                --07-15        0  09:00  feb28     2026  2026-07-15T12:00Z
America/Sao_Paulo                --12-31       +1  00:05  feb28     2026  2027-01-01T03:05Z
America/Santiago                 --01-15        0  09:00  feb28     2026  2026-01-15T12:00Z
America/Santiago                 --07-15        0  09:00  feb28     2026  2026-07-15T13:00Z
America/Santiago                 --12-31       +1  00:05  feb28     2026  2027-01-01T03:05Z
America/Nuuk                     --01-15        0  09:00  feb28     2026  2026-01-15T11:00Z
America/Nuuk                     --07-15        0  09:00  feb28     2026  2026-07-15T10:00Z
America/Nuuk                     --12-31       +1  00:05  feb28     2026  2027-01-01T02:05Z
Atlantic/Azores                  --01-15        0  09:00  feb28     2026  2026-01-15T10:00Z
Atlantic/Azores                  --07-15        0  09:00  feb28     2026  2026-07-15T09:00Z
Atlantic/Azores                  --12-31       +1  00:05  feb28     2026  2027-01-01T01:05Z
Antarctica/Troll                 --01-15        0  09:00  feb28     2026  2026-01-15T09:00Z
Antarctica/Troll                 --07-15        0  09:00  feb28     2026  2026-07-15T07:00Z
Antarctica/Troll                 --12-31       +1  00:05  feb28     2026  2027-01-01T00:05Z
UTC                              --01-15        0  09:00  feb28     2026  2026-01-15T09:00Z
UTC                              --07-15        0  09:00  feb28     2026  2026-07-15T09:00Z
UTC                              --12-31       +1  00:05  feb28     2026  2027-01-01T00:05Z
# Offsets over the ends of years and months; the year is that of the date.
Europe/London                    --01-01     -366  09:00  feb28     2027  2025-12-31T09:00Z
Pacific/Auckland                 --12-31     -366  09:00  feb28     2026  2025-12-29T20:00Z
America/New_York                 --03-01     -366  09:00  feb28     2028  2027-03-01T14:00Z
Europe/London                    --01-01     -365  09:00  feb28     2027  2026-01-01T09:00Z
Pacific/Auckland                 --12-31     -365  09:00  feb28     2026  2025-12-30T20:00Z
America/New_York                 --03-01     -365  09:00  feb28     2028  2027-03-02T14:00Z
Europe/London                    --01-01      -31  09:00  feb28     2027  2026-12-01T09:00Z
Pacific/Auckland                 --12-31      -31  09:00  feb28     2026  2026-11-29T20:00Z
America/New_York                 --03-01      -31  09:00  feb28     2028  2028-01-30T14:00Z
Europe/London                    --01-01      -14  09:00  feb28     2027  2026-12-18T09:00Z
Pacific/Auckland                 --12-31      -14  09:00  feb28     2026  2026-12-16T20:00Z
America/New_York                 --03-01      -14  09:00  feb28     2028  2028-02-16T14:00Z
Europe/London                    --01-01       -7  09:00  feb28     2027  2026-12-25T09:00Z
Pacific/Auckland                 --12-31       -7  09:00  feb28     2026  2026-12-23T20:00Z
America/New_York                 --03-01       -7  09:00  feb28     2028  2028-02-23T14:00Z
Europe/London                    --01-01       -1  09:00  feb28     2027  2026-12-31T09:00Z
Pacific/Auckland                 --12-31       -1  09:00  feb28     2026  2026-12-29T20:00Z
America/New_York                 --03-01       -1  09:00  feb28     2028  2028-02-29T14:00Z
Europe/London                    --01-01       +1  09:00  feb28     2027  2027-01-02T09:00Z
Pacific/Auckland                 --12-31       +1  09:00  feb28     2026  2026-12-31T20:00Z
America/New_York                 --03-01       +1  09:00  feb28     2028  2028-03-02T14:00Z
Europe/London                    --01-01       +7  09:00  feb28     2027  2027-01-08T09:00Z
Pacific/Auckland                 --12-31       +7  09:00  feb28     2026  2027-01-06T20:00Z
America/New_York                 --03-01       +7  09:00  feb28     2028  2028-03-08T14:00Z
Europe/London                    --01-01      +31  09:00  feb28     2027  2027-02-01T09:00Z
Pacific/Auckland                 --12-31      +31  09:00  feb28     2026  2027-01-30T20:00Z
America/New_York                 --03-01      +31  09:00  feb28     2028  2028-04-01T13:00Z
Europe/London                    --01-01     +365  09:00  feb28     2027  2028-01-01T09:00Z
Pacific/Auckland                 --12-31     +365  09:00  feb28     2026  2027-12-30T20:00Z
America/New_York                 --03-01     +365  09:00  feb28     2028  2029-03-01T14:00Z
Europe/London                    --01-01     +366  09:00  feb28     2027  2028-01-02T09:00Z
Pacific/Auckland                 --12-31     +366  09:00  feb28     2026  2027-12-31T20:00Z
America/New_York                 --03-01     +366  09:00  feb28     2028  2029-03-02T14:00Z
# 29 February.
Europe/London                    --02-29       -7  09:00  feb28     2026  2026-02-21T09:00Z
Europe/London                    --02-29       -7  09:00  mar01     2026  2026-02-22T09:00Z
Europe/London                    --02-29       -7  09:00  leap_only 2026  -
Europe/London                    --02-29        0  09:00  feb28     2026  2026-02-28T09:00Z
Europe/London                    --02-29        0  09:00  mar01     2026  2026-03-01T09:00Z
Europe/London                    --02-29        0  09:00  leap_only 2026  -
Europe/London                    --02-29       +1  09:00  feb28     2026  2026-03-01T09:00Z
Europe/London                    --02-29       +1  09:00  mar01     2026  2026-03-02T09:00Z
Europe/London                    --02-29       +1  09:00  leap_only 2026  -
Europe/London                    --02-29       -7  09:00  feb28     2027  2027-02-21T09:00Z
Europe/London                    --02-29       -7  09:00  mar01     2027  2027-02-22T09:00Z
Europe/London                    --02-29       -7  09:00  leap_only 2027  -
Europe/London                    --02-29        0  09:00  feb28     2027  2027-02-28T09:00Z
Europe/London                    --02-29        0  09:00  mar01     2027  2027-03-01T09:00Z
Europe/London                    --02-29        0  09:00  leap_only 2027  -
Europe/London                    --02-29       +1  09:00  feb28     2027  2027-03-01T09:00Z
Europe/London                    --02-29       +1  09:00  mar01     2027  2027-03-02T09:00Z
Europe/London                    --02-29       +1  09:00  leap_only 2027  -
Europe/London                    --02-29       -7  09:00  feb28     2028  2028-02-22T09:00Z
Europe/London                    --02-29       -7  09:00  mar01     2028  2028-02-22T09:00Z
Europe/London                    --02-29       -7  09:00  leap_only 2028  2028-02-22T09:00Z
Europe/London                    --02-29        0  09:00  feb28     2028  2028-02-29T09:00Z
Europe/London                    --02-29        0  09:00  mar01     2028  2028-02-29T09:00Z
Europe/London                    --02-29        0  09:00  leap_only 2028  2028-02-29T09:00Z
Europe/London                    --02-29       +1  09:00  feb28     2028  2028-03-01T09:00Z
Europe/London                    --02-29       +1  09:00  mar01     2028  2028-03-01T09:00Z
Europe/London                    --02-29       +1  09:00  leap_only 2028  2028-03-01T09:00Z
Pacific/Kiritimati               --02-29        0  00:00  feb28     2100  2100-02-27T10:00Z
Pacific/Kiritimati               --02-29        0  00:00  mar01     2100  2100-02-28T10:00Z
Etc/GMT+12                       --02-29        0  23:59  feb28     2100  2100-03-01T11:59Z
Etc/GMT+12                       --02-29        0  23:59  mar01     2000  2000-03-01T11:59Z
Europe/Berlin                    1996-02-29     0  09:00  feb28     2027  2027-02-28T08:00Z
Europe/Berlin                    1996-02-29     0  09:00  mar01     2027  2027-03-01T08:00Z
Europe/Berlin                    --02-28       +1  09:00  leap_only 2027  2027-03-01T08:00Z
Europe/Berlin                    --02-28       +1  09:00  leap_only 2028  2028-02-29T08:00Z
# A time that clocks jump over is the first instant after the jump.
Europe/London                    --03-29        0  00:59  feb28     2026  2026-03-29T00:59Z
Europe/London                    --03-29        0  01:00  feb28     2026  2026-03-29T01:00Z
Europe/London                    --03-29        0  01:30  feb28     2026  2026-03-29T01:00Z
Europe/London                    --03-29        0  02:00  feb28     2026  2026-03-29T01:00Z
Europe/Dublin                    --03-29        0  01:30  feb28     2026  2026-03-29T01:00Z
Europe/Berlin                    --03-29        0  02:30  feb28     2026  2026-03-29T01:00Z
Europe/Berlin                    --03-28       +1  02:59  feb28     2026  2026-03-29T01:00Z
Europe/Berlin                    --03-29        0  03:00  feb28     2026  2026-03-29T01:00Z
America/New_York                 --03-08        0  02:30  feb28     2026  2026-03-08T07:00Z
America/St_Johns                 --03-08        0  02:30  feb28     2026  2026-03-08T05:30Z
Australia/Lord_Howe              --10-04        0  02:15  feb28     2026  2026-10-03T15:30Z
Pacific/Chatham                  --09-27        0  03:15  feb28     2026  2026-09-26T14:00Z
Africa/Cairo                     --04-24        0  00:00  feb28     2026  2026-04-23T22:00Z
Africa/Cairo                     --04-24        0  00:30  feb28     2026  2026-04-23T22:00Z
Africa/Casablanca                --03-22        0  02:30  feb28     2026  2026-03-22T02:00Z
Asia/Beirut                      --03-29        0  00:15  feb28     2026  2026-03-28T22:00Z
Asia/Tehran                      --03-22        0  00:30  feb28     2022  2022-03-21T20:30Z
America/Santiago                 --09-06        0  00:30  feb28     2026  2026-09-06T04:00Z
America/Havana                   --03-08        0  00:15  feb28     2026  2026-03-08T05:00Z
America/Nuuk                     --03-28        0  23:30  feb28     2026  2026-03-29T01:00Z
America/Caracas                  --05-01        0  02:45  feb28     2016  2016-05-01T07:00Z
Asia/Pyongyang                   --05-04        0  23:45  feb28     2018  2018-05-04T15:00Z
Antarctica/Troll                 --03-29        0  02:00  feb28     2026  2026-03-29T01:00Z
# A day that was never lived is kept when the next one begins.
Pacific/Apia                     --12-29        0  09:00  feb28     2011  2011-12-29T19:00Z
Pacific/Apia                     --12-30        0  09:00  feb28     2011  2011-12-30T10:00Z
Pacific/Apia                     --12-30        0  23:59  feb28     2011  2011-12-30T10:00Z
Pacific/Apia                     --12-28       +2  09:00  feb28     2011  2011-12-30T10:00Z
Pacific/Apia                     --12-31        0  09:00  feb28     2011  2011-12-30T19:00Z
Pacific/Kwajalein                --08-21        0  12:00  feb28     1993  1993-08-21T12:00Z
# Of a time that comes twice, the first counts.
Europe/London                    --10-25        0  01:30  feb28     2026  2026-10-25T00:30Z
Europe/Dublin                    --10-25        0  01:30  feb28     2026  2026-10-25T00:30Z
Europe/Berlin                    --10-25        0  02:00  feb28     2026  2026-10-25T00:00Z
Europe/Berlin                    --10-25        0  02:30  feb28     2026  2026-10-25T00:30Z
Europe/Berlin                    --10-25        0  03:00  feb28     2026  2026-10-25T02:00Z
America/New_York                 --11-01        0  01:30  feb28     2026  2026-11-01T05:30Z
America/New_York                 --11-01        0  02:00  feb28     2026  2026-11-01T07:00Z
Australia/Lord_Howe              --04-05        0  01:45  feb28     2026  2026-04-04T14:45Z
Pacific/Chatham                  --04-05        0  03:00  feb28     2026  2026-04-04T13:15Z
Africa/Cairo                     --10-29        0  23:30  feb28     2026  2026-10-29T20:30Z
Africa/Casablanca                --02-15        0  02:30  feb28     2026  2026-02-15T01:30Z
America/Santiago                 --04-04        0  23:30  feb28     2026  2026-04-05T02:30Z
America/Havana                   --11-01        0  00:30  feb28     2026  2026-11-01T04:30Z
America/Nuuk                     --10-24        0  23:30  feb28     2026  2026-10-25T00:30Z
Antarctica/Troll                 --10-25        0  01:30  feb28     2026  2026-10-24T23:30Z
# What comes once has its own year; without one it never comes.
Europe/London                    2027-03-10   -30  09:00  feb28     once  2027-02-08T09:00Z
Europe/London                    2027-01-05   -30  09:00  feb28     once  2026-12-06T09:00Z
Europe/London                    2026-12-20   +30  09:00  feb28     once  2027-01-19T09:00Z
Asia/Tokyo                       2027-01-01     0  08:00  feb28     once  2026-12-31T23:00Z
America/Los_Angeles              2026-12-31     0  21:00  feb28     once  2027-01-01T05:00Z
Europe/Berlin                    2024-02-29  +365  09:00  feb28     once  2025-02-28T08:00Z
Europe/Berlin                    2024-02-29  +366  09:00  feb28     once  2025-03-01T08:00Z
Europe/Berlin                    2027-03-28     0  02:30  feb28     once  2027-03-28T01:00Z
Europe/London                    --03-10        0  09:00  feb28     once  -
Europe/London                    0001-01-01     0  09:00  feb28     once  -
Europe/London                    9999-12-31    +1  09:00  feb28     once  -
# Where the year is known, what is only beginning is not kept yet.
Europe/London                    2026-05-04     0  09:00  feb28     2026  -
Europe/London                    2026-05-04     0  09:00  feb28     2027  2027-05-04T08:00Z
Europe/London                    2027-05-04     0  09:00  feb28     2026  -
Europe/London                    1990-05-04     0  09:00  feb28     2026  2026-05-04T08:00Z
Europe/London                    2024-02-29     0  09:00  mar01     2024  -
Europe/London                    2024-02-29     0  09:00  leap_only 2028  2028-02-29T09:00Z
Europe/London                    9999-05-04     0  09:00  feb28     2026  -
"""


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    zone: str
    date: PersonDate
    trigger: DateTrigger
    year: str
    instant: dt.datetime | None

    def __str__(self) -> str:
        date = f"{self.date.year or '-'}-{self.date.month:02}-{self.date.day:02}"
        trigger = self.trigger
        return f"{self.zone} {date} {trigger.offset:+} {trigger.at:%H:%M} {trigger.feb29} {self.year}"

    @property
    def key(self) -> str:
        """The entry key."""
        date = self.date
        return self.year if self.year != "once" else f"{date.year:04}-{date.month:02}-{date.day:02}"


def cases() -> list[Case]:
    """All rows."""
    return [_case(*line.split()) for line in TABLE.splitlines() if line and not line.startswith("#")]


def _case(zone: str, date: str, offset: str, at: str, feb29: str, year: str, instant: str) -> Case:
    month, day = date[-5:].split("-")
    trigger = DateTrigger(
        field="since",
        every="once" if year == "once" else "year",
        offset=int(offset),
        at=dt.time.fromisoformat(at),
        feb29=feb29,
    )
    known = PersonDate(int(month), int(day), None if date.startswith("--") else int(date[:4]))
    return Case(zone, known, trigger, year, None if instant == "-" else dt.datetime.fromisoformat(instant))
