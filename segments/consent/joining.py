"""Writing the same word of many people: one statement for their subscriptions, one for the proof."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection, models

from personalize.core.copy import stored_moment
from personalize.core.database import ids_parameter, ids_sql
from segments.consent.models import ConsentAction, ConsentEntry, Subscription, SubscriptionState, Topic


def join(people: Sequence[int], topic: Topic, state: SubscriptionState, at: dt.datetime) -> None:
    """Set where people stand with a topic."""
    _insert(
        Subscription,
        people,
        {"topic_id": topic.pk, "state": state.value, "changed_at": stored_moment(at)},
        "ON CONFLICT (subscriber_id, topic_id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at",
    )


def prove(
    people: Sequence[int],
    topic: Topic,
    action: ConsentAction,
    *,
    at: dt.datetime,
    recorded_at: dt.datetime,
    **said: str,
) -> None:
    """Add an entry of proof for everyone; ``said`` are further texts of it."""
    moments = {"at": stored_moment(at), "recorded_at": stored_moment(recorded_at)}
    _insert(ConsentEntry, people, {"topic_id": topic.pk, "action": action.value, **moments, **said})


def _insert(model: type[models.Model], people: Sequence[int], values: dict[str, Any], conflict: str = "") -> None:
    """Insert a row for every person; the columns not named get what the model says they begin with."""
    if not people:
        return
    own = {"id", "subscriber_id", *values}
    columns: dict[str, Any] = values | {
        str(field.column): field.get_db_prep_save(field.get_default(), connection)
        for field in model._meta.concrete_fields
        if field.column not in own
    }
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {model._meta.db_table} (subscriber_id, {", ".join(map(quote, columns))})
                SELECT ids.id, {", ".join(["%s"] * len(columns))} FROM {ids_sql()} WHERE true {conflict}""",
            [*columns.values(), ids_parameter(people)],
        )
