"""A large made-up shop, written into the product's own tables by SQL: quick to make, and the same on both engines.

What looks random comes of the row's number alone, so that every run asks about the same people.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence

from django.db import connection, models

from personalize.core.database import is_postgres, refresh_statistics
from segments.commerce.models import Order, OrderLine, Product, Refund
from segments.events.models import Event
from segments.subscribers.models import AttributeDefinition, Subscriber
from tests.factories import make_product

AT = dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC)
DAYS = 730
EVENTS_EACH = 10
LINES = 1.5
"""Order lines a person."""

PRODUCTS = 2_000
CATEGORIES = ("Garden", "Kitchen", "Candles", "Textiles")
ATTRIBUTES = {"tier": "enum", "plan": "enum", "points": "int", "likes": "multi"}
PRIME = 2_147_483_647


def make_shop(people: int) -> None:
    """Fill the empty database."""
    AttributeDefinition.objects.bulk_create(
        AttributeDefinition(key=key, label=key, type=type) for key, type in ATTRIBUTES.items()
    )
    for number in range(PRODUCTS):
        make_product(f"P{number}", category=CATEGORIES[number % len(CATEGORIES)])
    _fill(Subscriber, _people(), people)
    lines = int(people * LINES)
    _fill(Order, _orders(people, lines // 2), lines // 2)
    _fill(OrderLine, _order_lines(), lines)
    _fill(Refund, _refunds(), lines // 2)
    orders = lines // 2
    _fill(Event, _order_events(), orders)
    _fill(Event, _events(people, orders), people * EVENTS_EACH - orders)
    refresh_statistics()
    if is_postgres():
        with connection.cursor() as cursor:
            # Autovacuum would do it a little later; reading an index alone depends on it.
            for table in (Event, Order, OrderLine, Refund, Subscriber):
                cursor.execute(f"VACUUM {table._meta.db_table}")


def _people() -> str:
    country = _pick("n", 11, ["GB"] * 6 + ["IE", "DE", "FR", "US"])
    city = _pick("n", 12, ["Bristol"] + [f"Town {number}" for number in range(149)])
    zone = _pick("n", 13, ["Europe/London"] * 16 + ["Europe/Dublin", "Europe/Berlin", "Pacific/Honolulu", ""])
    attributes = _json(
        tier=_pick("n", 14, ["gold", "silver", "bronze", "bronze"]),
        plan=_pick("n", 15, ["pro"] + ["free"] * 19),
        points=f"{_chance('n', 16, 1000)} + 0",
        likes=f"CASE {_chance('n', 17, 3)} WHEN 0 THEN {_list('candles', 'garden')} ELSE {_list('tableware')} END",
    )
    born = f"{_chance('n', 18, 10)} > 0"
    return f"""
    INSERT INTO {Subscriber._meta.db_table}
           (id, uuid, email, address_key, first_name, last_name, preferred_name, title, language, time_zone, country, region,
            city, postal_code, birth_year, birth_month, birth_day, attributes, tracking, rhythm, first_name_folded,
            last_name_folded, region_folded, city_folded, attributes_folded, created_at, updated_at, erased_at, lock_version)
    SELECT n, {_uuid()}, CASE WHEN n % 97 = 0 THEN NULL ELSE 'person' || n || '@post.example' END, 'key' || n, 'Ann',
           'Whitaker', '', '', 'en', {zone}, {country}, '', {city}, '', CASE WHEN {born} THEN 1940 + {_chance("n", 19, 66)} END,
           CASE WHEN {born} THEN 1 + {_chance("n", 20, 12)} END, CASE WHEN {born} THEN 1 + {_chance("n", 21, 28)} END,
           {attributes}, 'granted', '', 'ann', 'whitaker', '', lower({city}), {_json()},
           {_moment("0")}, {_moment("0")}, CASE WHEN n % 97 = 0 THEN {_moment("0")} END, 0
      FROM ({_series()}) AS series"""


def _orders(people: int, orders: int) -> str:
    status = _pick("n", 31, ["placed", "paid", "fulfilled", "delivered", "delivered", "delivered", "cancelled"])
    return f"""
    INSERT INTO {Order._meta.db_table} (id, uuid, source, number, subscriber_id, placed_at, status, total, updated_at)
    SELECT n, {_uuid()}, 'shop', 'N' || n, CASE WHEN n % 50 = 0 THEN NULL ELSE {_someone("n", 32, people)} END,
           {_past("n", 33, orders)}, {status}, 2 * (50000 + 10000 * {_chance("n", 34, 60)}), {_moment("0")}
      FROM ({_series()}) AS series"""


def _order_lines() -> str:
    """Two of each order, each of half its total."""
    product = f"(SELECT MIN(id) FROM {Product._meta.db_table}) + {_chance('n', 41, PRODUCTS)}"
    return f"""
    INSERT INTO {OrderLine._meta.db_table}
           (id, order_id, subscriber_id, placed_at, position, product_id, code, quantity, unit_price, amount)
    SELECT n, o.id, o.subscriber_id, o.placed_at, 1 + n % 2, {product}, 'P' || {_chance("n", 41, PRODUCTS)}, 1,
           o.total / 2, o.total / 2
      FROM ({_series()}) AS series JOIN {Order._meta.db_table} o ON o.id = (n + 1) / 2"""


def _refunds() -> str:
    """Of every twentieth order, half of it a week later."""
    return f"""
    INSERT INTO {Refund._meta.db_table}
           (uuid, source, number, order_id, subscriber_id, refunded_at, total, updated_at)
    SELECT {_uuid()}, 'shop', 'R' || o.id, o.id, o.subscriber_id, {_later("o.placed_at", 7)}, o.total / 2, {_moment("0")}
      FROM ({_series()}) AS series JOIN {Order._meta.db_table} o ON o.id = n
     WHERE n % 20 = 0 AND o.subscriber_id IS NOT NULL"""


def _order_events() -> str:
    """Each order is an event as well."""
    return f"""
    INSERT INTO {Event._meta.db_table} ({_EVENT_COLUMNS})
    SELECT {_uuid()}, o.subscriber_id, 'order_placed', o.number, o.placed_at, o.placed_at, 'shop', 'order' || n, {_json()},
           o.total, {_false()}, {_moment("0")}
      FROM ({_series()}) AS series JOIN {Order._meta.db_table} o ON o.id = n
     WHERE o.subscriber_id IS NOT NULL"""


_EVENT_COLUMNS = (
    "uuid, subscriber_id, name, subject, occurred_at, received_at, source, idempotency_key, properties, amount, historic, "
    "processed_at"
)


def _events(people: int, orders: int) -> str:
    """Whatever else people do."""
    events = people * EVENTS_EACH - orders
    name = _pick(
        "n", 51, ["product_viewed"] * 9 + ["email_delivered"] * 5 + ["email_opened"] * 4 + ["cart_updated", "page_read"]
    )
    happened = _past("n", 52, events)
    return f"""
    INSERT INTO {Event._meta.db_table} ({_EVENT_COLUMNS})
    SELECT {_uuid()}, {_someone("n", 53, people)}, {name}, 'P' || {_chance("n", 54, PRODUCTS)}, {happened}, {happened},
           'shop', 'event' || n, {_json(channel="'app'", items=f"{_chance('n', 55, 5)} + 0")}, NULL, {_false()}, {_moment("0")}
      FROM ({_series()}) AS series"""


def _chance(number: str, salt: int, choices: int) -> str:
    """A whole number from 0 to ``choices`` - 1 that looks random; it tells one ``salt`` from another."""
    factor = pow(48_271, salt * 31, PRIME)
    return f"(((({number}) % {PRIME}) * {factor} + {salt * 7_919}) % {PRIME} % {choices})"


def _pick(number: str, salt: int, texts: Sequence[str]) -> str:
    """One of some texts, said as often as it is to come."""
    cases = " ".join(f"WHEN {place} THEN '{text}'" for place, text in enumerate(texts) if text != texts[-1])
    return f"CASE {_chance(number, salt, len(texts))} {cases} ELSE '{texts[-1]}' END"


def _someone(number: str, salt: int, people: int) -> str:
    """One of the people, some of whom do far more than others, wherever they stand in their table."""
    drawn = _chance(number, salt, 1_000_003)
    return f"(1 + ({people} * {drawn} / 1000003 * {drawn} / 1000003) * 7919003 % {people})"


def _past(number: str, salt: int, rows: int) -> str:
    """An instant of the last two years; rows come in the order of time, more or less."""
    seconds = DAYS * 86_400
    return _moment(f"({seconds} - {number} * {seconds} / {rows + 1} + {_chance(number, salt, 86_400)})")


def _moment(seconds: str) -> str:
    """So many seconds before the instant asked about."""
    if is_postgres():
        return f"(TIMESTAMPTZ '{AT.isoformat()}' - {seconds} * INTERVAL '1 second')"
    return f"strftime('%Y-%m-%d %H:%M:%S', {int(AT.timestamp())} - {seconds}, 'unixepoch')"


def _later(column: str, days: int) -> str:
    return f"{column} + INTERVAL '{days} days'" if is_postgres() else f"datetime({column}, '+{days} days')"


def _series() -> str:
    if is_postgres():
        return "SELECT n FROM generate_series(CAST(%s AS bigint), %s) AS n"
    return "WITH RECURSIVE one(n) AS (SELECT %s UNION ALL SELECT n + 1 FROM one WHERE n < %s) SELECT n FROM one"


def _uuid() -> str:
    return "gen_random_uuid()" if is_postgres() else "lower(hex(randomblob(16)))"


def _json(**values: str) -> str:
    pairs = ", ".join(f"'{key}', {value}" for key, value in values.items())
    return f"{'jsonb_build_object' if is_postgres() else 'json_object'}({pairs})"


def _list(*texts: str) -> str:
    items = ", ".join(f"'{text}'" for text in texts)
    return f"{'jsonb_build_array' if is_postgres() else 'json_array'}({items})"


def _false() -> str:
    return "false" if is_postgres() else "0"


def _fill(model: type[models.Model], sql: str, rows: int) -> None:
    with _without_indexes(model._meta.db_table), connection.cursor() as cursor:
        cursor.execute(sql.replace("%", "%%").replace("%%s", "%s"), [1, rows])


@contextlib.contextmanager
def _without_indexes(table: str) -> Iterator[None]:
    """Let PostgreSQL build the indexes and check the keys after the rows are there, which takes a fraction of the time."""
    if not is_postgres():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'u'"
            " AND NOT EXISTS (SELECT 1 FROM pg_constraint f WHERE f.confrelid = conrelid AND f.conindid = pg_constraint.conindid)",
            [table],
        )
        constraints = cursor.fetchall()
        for name, _definition in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(
            "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = %s::regclass AND NOT i.indisprimary",
            [table],
        )
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for name, definition in constraints:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for _name, definition in indexes:
            cursor.execute(definition)
        cursor.execute("RESET session_replication_role; RESET synchronous_commit; RESET maintenance_work_mem")
