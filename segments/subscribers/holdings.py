"""What is known of everybody, field by field: of how many people, how many different values, and the usual ones.

Two statements answer for all fields, built-in and registered, however many there are. Of very many people some are looked
at, spread evenly over time, and the figures say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import Mod

from personalize.core.database import is_postgres
from segments.subscribers.models import AttributeDefinition, Subscriber
from segments.subscribers.querysets import SubscriberQuerySet

COUNTED = 100_000  # Up to so many people it is counted of whom something is known; that takes half a second.
LOOKED_AT = 5_000  # The values of so many are read; that takes as long again.
SAMPLES = 4

# The built-in columns, by what stands for "not known" in them.
TEXTS = (
    *("first_name", "last_name", "preferred_name", "title", "language", "time_zone", "country", "region", "city"),
    "postal_code",
)
PRESENCE: Mapping[str, Q] = {
    "email": Q(email__isnull=False),
    **{name: ~Q(**{name: ""}) for name in TEXTS},
    "birthday": Q(birth_month__isnull=False),
    "position": Q(latitude__isnull=False),
}
# Of the others the values would name single people.
SHOWN = ("first_name", "title", "language", "time_zone", "country", "region", "city")


@dataclass(frozen=True)
class Values:
    """How many values differ, and the most frequent ones with how many people have them, among those looked at."""

    distinct: int = 0
    samples: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True)
class Holdings:
    """``filled`` says of how many of the ``counted`` people a field is known; ``values`` is about ``looked_at`` of them.

    ``people`` is everybody; where a figure is about fewer, it is an estimate for them.
    """

    people: int
    counted: int
    looked_at: int
    filled: Mapping[str, int]
    values: Mapping[str, Values]


def holdings(*, count: int = COUNTED, look_at: int = LOOKED_AT) -> Holdings:
    """The figures of all fields; of more than ``count`` people (``look_at`` for values) every second, third … is taken."""
    everybody = Subscriber.objects.present()
    definitions = list(AttributeDefinition.objects.all())
    people = everybody.count()
    known = {definition.key: Q(attributes__has_key=definition.key) for definition in definitions} | dict(PRESENCE)
    found = _every(everybody, _step(people, count)).aggregate(
        people=Count("pk"), **{f"known_{key}": Count("pk", filter=condition) for key, condition in known.items()}
    )
    step = _step(people, look_at)
    hidden = {definition.key for definition in definitions if definition.sensitive}
    return Holdings(
        people=people,
        counted=found["people"],
        looked_at=people if step == 1 else _every(everybody, step).count(),
        filled={key: found[f"known_{key}"] for key in known},
        values=_values(step, hidden),
    )


def holders(key: str) -> dict[str, int]:
    """How many people have each value of one attribute, or each item where it holds several; all people are counted."""
    sql = f"""
        WITH held AS ({_held("attributes", "erased_at IS NULL")})
        SELECT value, count(*) FROM held WHERE name = %s AND value IS NOT NULL GROUP BY value
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [key])
        return dict(cursor.fetchall())


def _step(people: int, most: int) -> int:
    return max(1, -(-people // most))


def _every(people: SubscriberQuerySet, step: int) -> SubscriberQuerySet:
    return people if step == 1 else people.alias(turn=Mod("pk", step)).filter(turn=0)


def _values(step: int, hidden: set[str]) -> dict[str, Values]:
    pairs = ", ".join(f"'{name}', {name}" for name in SHOWN)
    known = (
        f"attributes || jsonb_build_object({pairs})"
        if is_postgres()
        else f"json_patch(attributes, json_object({pairs}))"
    )
    sql = f"""
        WITH held AS ({_held(known, "erased_at IS NULL AND id %% %s = 0")}),
        counted AS (SELECT name, value, count(*) AS people FROM held WHERE value <> '' GROUP BY name, value),
        ranked AS (
            SELECT name, value, people, count(*) OVER (PARTITION BY name) AS different,
                   row_number() OVER (PARTITION BY name ORDER BY people DESC, value) AS place
              FROM counted
        )
        SELECT name, value, people, different FROM ranked WHERE place <= {SAMPLES} ORDER BY name, place
    """
    found: dict[str, Values] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [step])
        for name, value, people, different in cursor:
            before = found.get(name, Values(different)).samples
            found[name] = Values(different, () if name in hidden else (*before, (value, people)))
    return found


def _held(known: str, where: str) -> str:
    """SQL of (name, value): a row for each value of each person, and for each item of a list."""
    people = f"(SELECT {known} AS known FROM {Subscriber._meta.db_table} WHERE {where}) AS people"
    if is_postgres():
        return f"""
            SELECT one.key AS name,
                   CASE WHEN jsonb_typeof(one.value) = 'array' THEN item.value ELSE one.value #>> '{{}}' END AS value
              FROM {people}
             CROSS JOIN LATERAL jsonb_each(people.known) AS one
              LEFT JOIN LATERAL jsonb_array_elements_text(
                   CASE WHEN jsonb_typeof(one.value) = 'array' THEN one.value ELSE '[]' END
              ) AS item (value) ON true
        """
    return f"""
        SELECT one.key AS name,
               CASE one.type WHEN 'array' THEN item.value WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'
                             ELSE CAST(one.value AS TEXT) END AS value
          FROM {people}
          JOIN json_each(people.known) AS one
          LEFT JOIN json_each(CASE one.type WHEN 'array' THEN one.value ELSE '[]' END) AS item
    """
