"""From an audience to rows: everyone it names gets a message, and those who may not be mailed get the reason at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When

from campaigns.delivery.ledger import refusals
from campaigns.delivery.models import Mailing, Message, Run, RunState
from campaigns.delivery.types import MailingKind, MessageState, SkipReason
from personalize.core.clock import now
from personalize.core.database import new_uuid_sql
from personalize.core.states import move
from segments.consent.models import Topic
from segments.segmentation.audience import planned
from segments.subscribers.models import Subscriber

SLICE = 20_000
"""Subscriber ids looked at in one transaction."""

MANY = 10
"""In more slices than this, asking about the people of each costs less than gathering the facts of all every time."""


def comes_in_many_slices(run: Run) -> bool:
    """Whether so many people are known that a slice of them is few: it is cheaper then to ask about each one of it."""
    return run.upper > MANY * SLICE


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


@dataclass(frozen=True)
class Foreseen:
    """What a drawing would find now: how many people are named, and how many of them are left out for which reason."""

    named: int
    left_out: dict[SkipReason, int]

    @property
    def mailed(self) -> int:
        return self.named - sum(self.left_out.values())


def foresee(*, people: QuerySet[Subscriber], topic: Topic, excluded: Q | None = None) -> Foreseen:
    """Count what ``materialise`` would list, by one query, without writing anything."""
    rows = _with_reason(people, Mailing(kind=MailingKind.MARKETING, topic=topic), excluded)
    counts = dict(rows.values_list("why").annotate(n=Count("pk")).values_list("why", "n"))
    return Foreseen(
        named=sum(counts.values()),
        left_out={SkipReason(word): number for word, number in counts.items() if word},
    )


def _with_reason(people: QuerySet[Subscriber], mailing: Mailing, excluded: Q | None) -> QuerySet[Any]:
    """The people with ``why``: the reason for which each is not mailed, empty for those who are."""
    why = [*([(SkipReason.EXCLUDED, excluded)] if excluded else []), *refusals(mailing, person="")]
    reason = Case(
        *(When(condition, then=Value(word.value)) for word, condition in why),
        default=Value(""),
        output_field=CharField(),
    )
    return people.order_by().annotate(why=reason)


def _insert(run: Run, audience: QuerySet[Subscriber], mailing: Mailing, due_at: dt.datetime, excluded: Q | None) -> int:
    reasoned = _with_reason(audience, mailing, excluded).annotate(who=F("pk"), its_key=F("address_key"))
    sql, parameters = reasoned.values("who", "its_key", "why").query.sql_with_params()
    at, due = (connection.ops.adapt_datetimefield_value(value) for value in (now(), due_at))
    with planned(), connection.cursor() as cursor:
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
        return int(cursor.rowcount)


def _instant() -> str:
    return "CAST(%s AS timestamptz)" if connection.vendor == "postgresql" else "%s"
