"""The questions S1 to S9 as SQL written by hand: for each the forms that a careful author would try.

Every form gives the ids of the people meant. ``%(…)s`` are the parameters of ``parameters``.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection

from personalize.core import localtime
from personalize.core.database import is_postgres
from tests.benchmarks.segments_shop import AT

YOUNGEST, OLDEST = 30, 60
CITY = "Bristol"
SPENT = 320
POINTS = 920
OFTEN = 2
SUM = 150
MONEY = 10_000

PEOPLE = "SELECT s.id FROM subscribers_subscriber s WHERE s.erased_at IS NULL"


def parameters() -> dict[str, Any]:
    """What the statements are given: the instants, and today as a number by the calendars of the world."""

    def ago(days: int) -> Any:
        return connection.ops.adapt_datetimefield_value(AT - dt.timedelta(days=days))

    days = {one.key: _number(AT.astimezone(localtime.zone(one.key)).date()) for one in localtime.every_zone()}
    shop = _number(AT.astimezone(localtime.zone("Europe/London")).date())
    earlier, later = [zone for zone, day in days.items() if day < shop], [z for z, day in days.items() if day > shop]
    assert not later, "The instant is one at which no calendar is ahead of the shop's."
    return {
        "at": ago(0),
        "ago14": ago(14),
        "ago30": ago(30),
        "ago90": ago(90),
        "ago180": ago(180),
        "today": shop,
        "yesterday": min(days.values()),
        "earlier": tuple(earlier),
        "year": shop // 10_000,
        "city": CITY.lower(),
        "spent": SPENT * MONEY,
        "points": POINTS,
        "often": OFTEN,
        "sum": SUM * MONEY,
    }


def _number(day: dt.date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _earlier() -> str:
    """The list of zones, written out: SQLite takes no list as a parameter."""
    return ", ".join(f"'{zone}'" for zone in parameters()["earlier"])


def s1() -> str:
    """Who is of an age, by the calendar of their own zone, and lives in a city; what follows SELECT … WHERE."""
    today = f"CASE WHEN s.time_zone IN ({_earlier()}) THEN %(yesterday)s ELSE %(today)s END"
    born = "s.birth_year * 10000 + s.birth_month * 100 + s.birth_day"
    return f"""s.city_folded = %(city)s AND s.birth_year BETWEEN %(year)s - {OLDEST + 1} AND %(year)s - {YOUNGEST}
      AND ({today} - ({born})) / 10000 BETWEEN {YOUNGEST} AND {OLDEST}"""


_BALANCE = """SELECT m.subscriber_id FROM (
    SELECT o.subscriber_id, o.total FROM commerce_order o
     WHERE o.placed_at < %(at)s AND o.status <> 'cancelled' AND o.subscriber_id IS NOT NULL
    UNION ALL
    SELECT r.subscriber_id, -r.total FROM commerce_refund r LEFT JOIN commerce_order o ON o.id = r.order_id
     WHERE r.refunded_at < %(at)s AND r.subscriber_id IS NOT NULL AND (o.status IS NULL OR o.status <> 'cancelled')
    ) m GROUP BY m.subscriber_id HAVING SUM(m.total) > %(spent)s"""
_BALANCE_JOINED = """SELECT g.subscriber_id FROM (
    SELECT o.subscriber_id, SUM(o.total) AS total FROM commerce_order o
     WHERE o.placed_at < %(at)s AND o.status <> 'cancelled' AND o.subscriber_id IS NOT NULL GROUP BY o.subscriber_id) g
    LEFT JOIN (
    SELECT r.subscriber_id, SUM(r.total) AS total FROM commerce_refund r LEFT JOIN commerce_order o ON o.id = r.order_id
     WHERE r.refunded_at < %(at)s AND r.subscriber_id IS NOT NULL AND (o.status IS NULL OR o.status <> 'cancelled')
     GROUP BY r.subscriber_id) b ON b.subscriber_id = g.subscriber_id
    WHERE g.total - COALESCE(b.total, 0) > %(spent)s"""
_OFTEN = """SELECT e.subscriber_id FROM events_event e
     WHERE e.name = 'order_placed' AND e.occurred_at >= %(ago90)s AND e.occurred_at < %(at)s
     GROUP BY e.subscriber_id HAVING COUNT(*) >= %(often)s"""
_SUM = """SELECT e.subscriber_id FROM events_event e
     WHERE e.name = 'order_placed' AND e.occurred_at >= %(ago90)s AND e.occurred_at < %(at)s
     GROUP BY e.subscriber_id HAVING SUM(e.amount) > %(sum)s"""
_BOUGHT = """SELECT DISTINCT e.subscriber_id FROM events_event e
     WHERE e.name = 'order_placed' AND e.occurred_at >= %(ago30)s AND e.occurred_at < %(at)s"""
_OPENED = """FROM events_event e
     WHERE e.name = 'email_opened' AND e.occurred_at >= %(ago180)s AND e.occurred_at < %(at)s"""
_ABANDONED = """SELECT c.subscriber_id FROM events_event c
     WHERE c.name = 'cart_updated' AND c.occurred_at >= %(ago14)s AND c.occurred_at < %(at)s"""
# Of one instant, what was received later came later.
_BOUGHT_SINCE = """SELECT 1 FROM events_event p WHERE p.subscriber_id = c.subscriber_id AND p.name = 'order_placed'
       AND p.occurred_at >= c.occurred_at AND p.occurred_at >= %(ago14)s AND p.occurred_at < %(at)s
       AND (p.occurred_at, p.received_at, p.id) > (c.occurred_at, c.received_at, c.id)"""
_LATEST = """SELECT c.subscriber_id, MAX(c.occurred_at) AS occurred_at FROM events_event c
     WHERE c.name = 'cart_updated' AND c.occurred_at >= %(ago14)s AND c.occurred_at < %(at)s GROUP BY c.subscriber_id"""
_LAST_BOUGHT = """SELECT p.subscriber_id, MAX(p.occurred_at) AS occurred_at FROM events_event p
     WHERE p.name = 'order_placed' AND p.occurred_at >= %(ago14)s AND p.occurred_at < %(at)s GROUP BY p.subscriber_id"""


def _those(ids: str) -> list[str]:
    """People among some ids: by IN, by a join, by a list made first."""
    made = "MATERIALIZED " if is_postgres() else ""
    return [
        f"{PEOPLE} AND s.id IN ({ids})",
        f"SELECT s.id FROM ({ids}) t JOIN subscribers_subscriber s ON s.id = t.subscriber_id WHERE s.erased_at IS NULL",
        f"WITH t AS {made}({ids}) SELECT s.id FROM subscribers_subscriber s JOIN t ON t.subscriber_id = s.id"
        " WHERE s.erased_at IS NULL",
    ]


def _json_is(key: str, text: str) -> str:
    return f"s.attributes ->> '{key}' = '{text}'"


def forms() -> dict[str, list[str]]:
    """Each question with its forms."""
    both = {"tier": "gold", "plan": "pro"}
    equal = " AND ".join(_json_is(key, text) for key, text in both.items())
    # A value of another type is no value; a mere cast would stop at the first one.
    points = (
        "CASE WHEN jsonb_typeof(s.attributes -> 'points') = 'number' THEN (s.attributes ->> 'points')::numeric END"
        if is_postgres()
        else "CASE WHEN json_type(s.attributes, '$.points') IN ('integer', 'real')"
        " THEN json_extract(s.attributes, '$.points') END"
    )
    never = f"NOT EXISTS (SELECT 1 {_OPENED} AND e.subscriber_id = s.id)"
    never_in = f"s.id NOT IN (SELECT e.subscriber_id {_OPENED})"
    few_often = f"({_OFTEN.replace('WHERE', 'WHERE e.subscriber_id = s.id AND')})"
    found: dict[str, list[str]] = {
        "S1 age and city": [f"{PEOPLE} AND {s1()}"],
        "S2 spent": _those(_BALANCE) + _those(_BALANCE_JOINED),
        "S3 two attributes": [f"{PEOPLE} AND {equal}"],
        "S3b a number": [f"{PEOPLE} AND {points} > %(points)s"],
        "S4 bought often": [*_those(_OFTEN), f"{PEOPLE} AND EXISTS {few_often}"],
        "S4b bought lately": [
            *_those(_BOUGHT),
            f"{PEOPLE} AND EXISTS ({_BOUGHT.replace('WHERE', 'WHERE e.subscriber_id = s.id AND')})",
        ],
        "S5 sum of amounts": _those(_SUM),
        "S6 never opened": [
            f"{PEOPLE} AND {never}",
            f"{PEOPLE} AND {never_in}",
            f"SELECT s.id FROM subscribers_subscriber s LEFT JOIN (SELECT DISTINCT e.subscriber_id {_OPENED}) t"
            " ON t.subscriber_id = s.id WHERE s.erased_at IS NULL AND t.subscriber_id IS NULL",
            f"{PEOPLE} EXCEPT SELECT e.subscriber_id {_OPENED}",
        ],
        "S7 left a cart": [
            *_those(f"SELECT DISTINCT subscriber_id FROM ({_ABANDONED} AND NOT EXISTS ({_BOUGHT_SINCE})) d"),
            *_those(
                f"SELECT l.subscriber_id FROM ({_LATEST}) l LEFT JOIN ({_LAST_BOUGHT}) b"
                " ON b.subscriber_id = l.subscriber_id"
                " WHERE b.occurred_at IS NULL OR b.occurred_at < l.occurred_at OR (b.occurred_at = l.occurred_at"
                f" AND EXISTS ({_ABANDONED} AND c.subscriber_id = l.subscriber_id AND c.occurred_at = l.occurred_at"
                f" AND NOT EXISTS ({_BOUGHT_SINCE})))"
            ),
        ],
        "S8 S1 and never opened": [
            f"{PEOPLE} AND {s1()} AND {never}",
            f"{PEOPLE} AND {s1()} AND {never_in}",
            f"WITH t AS {'MATERIALIZED ' if is_postgres() else ''}({PEOPLE} AND {s1()})"
            f" SELECT s.id FROM t s WHERE {never}",
        ],
        "S9 S1 or spent and often": [
            f"{PEOPLE} AND (({s1()}) OR (s.id IN ({_BALANCE}) AND s.id IN ({_OFTEN})))",
            f"{PEOPLE} AND {s1()} UNION {PEOPLE} AND s.id IN ({_BALANCE}) AND s.id IN ({_OFTEN})",
            f"{PEOPLE} AND {s1()} UNION SELECT s.id FROM ({_OFTEN}) o JOIN ({_BALANCE}) b"
            " ON b.subscriber_id = o.subscriber_id JOIN subscribers_subscriber s ON s.id = o.subscriber_id"
            " WHERE s.erased_at IS NULL",
            f"{PEOPLE} AND {s1()} UNION ALL {PEOPLE} AND NOT COALESCE({s1()}, {'false' if is_postgres() else '0'})"
            f" AND s.id IN ({_BALANCE}) AND s.id IN ({_OFTEN})",
        ],
    }
    if is_postgres():
        found["S3b a number"].append(f"{PEOPLE} AND s.attributes @? '$.points ? (@ > {POINTS})'")
        found["S3 two attributes"].append(f"""{PEOPLE} AND s.attributes @> '{{"tier": "gold", "plan": "pro"}}'""")
    return found
