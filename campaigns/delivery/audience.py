"""From an audience to rows: everyone it names gets a message, and those who may not be mailed get the reason at once."""

from __future__ import annotations

import datetime as dt

from django.db import connection, transaction
from django.db.models import Case, CharField, F, Q, QuerySet, Value, When

from campaigns.delivery.ledger import refusals
from campaigns.delivery.models import Mailing, Message, Run, RunState
from campaigns.delivery.types import MessageState, SkipReason
from personalize.core.clock import now
from personalize.core.database import new_uuid_sql
from personalize.core.states import move
from segments.subscribers.models import Subscriber

SLICE = 20_000
"""Subscriber ids looked at in one transaction."""


def materialise(
    *, run: Run, people: QuerySet[Subscriber], mailing: Mailing, due_at: dt.datetime, excluded: Q | None = None
) -> bool:
    """List the next slice of ``people`` in ``run``; true while there may be more.

    The slice and the cursor that remembers it commit together, and a row exists at most once a person, so two processes
    at work on one run, or one killed and another begun, end with the same set.
    """
    with transaction.atomic():
        locked = Run.objects.select_for_update().get(pk=run.pk)
        if locked.state != RunState.EXPANDING:
            return False
        ids = Subscriber.objects.filter(pk__gt=locked.cursor, pk__lte=locked.upper).order_by("pk")
        upper = ids.values_list("pk", flat=True)[SLICE - 1 : SLICE].first() or locked.upper
        audience = people.filter(pk__gt=locked.cursor, pk__lte=upper)
        listed = _insert(locked, audience, mailing, due_at, excluded)
        Run.objects.filter(pk=run.pk).update(cursor=upper, audience=F("audience") + listed)
        if upper >= locked.upper:
            move(locked, old=RunState.EXPANDING, new=RunState.EXPANDED, expanded_at=now())
            return False
        return True


def _insert(run: Run, audience: QuerySet[Subscriber], mailing: Mailing, due_at: dt.datetime, excluded: Q | None) -> int:
    why = [*([(SkipReason.EXCLUDED, excluded)] if excluded else []), *refusals(mailing, person="")]
    reason = Case(
        *(When(condition, then=Value(word.value)) for word, condition in why),
        default=Value(""),
        output_field=CharField(),
    )
    rows = (
        audience.order_by().annotate(who=F("pk"), its_key=F("address_key"), why=reason).values("who", "its_key", "why")
    )
    sql, parameters = rows.query.sql_with_params()
    at, due = (connection.ops.adapt_datetimefield_value(value) for value in (now(), due_at))
    with connection.cursor() as cursor:
        # The person's own key stands for the dedupe key's uniqueness: one row for each in this mailing.
        cursor.execute(
            f"""
            INSERT INTO {Message._meta.db_table}
                   (uuid, mailing_id, run_id, subscriber_id, address_key, dedupe_key, state, due_at, attempt, reason,
                    created_at, settled_at, settled_by, reply, esp_id)
            SELECT {new_uuid_sql()}, %s, %s, a.who, a.its_key, '',
                   CASE WHEN a.why = '' THEN {MessageState.READY.value} ELSE {MessageState.SKIPPED.value} END,
                   CASE WHEN a.why = '' THEN {_instant()} END, 0, a.why,
                   {_instant()}, CASE WHEN a.why = '' THEN NULL ELSE {_instant()} END, '', '', ''
              FROM ({sql}) AS a
             WHERE true
            ON CONFLICT DO NOTHING
            """,
            [mailing.pk, run.pk, due, at, at, *parameters],
        )
        return cursor.rowcount


def _instant() -> str:
    return "CAST(%s AS timestamptz)" if connection.vendor == "postgresql" else "%s"
