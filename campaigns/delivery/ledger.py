"""The statements that move messages: claim, hand-over, results, giving back, and the sweep of the dead.

The order of commits carries the promise. A row becomes ``sending`` by a durable commit before its first byte leaves, and
nothing but evidence takes it out of there again; so nobody is mailed twice, and what cannot be known is said.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from campaigns.delivery.limits import keep_limits
from campaigns.delivery.models import Batch, Mailing, Message
from campaigns.delivery.policies import Asking, hold_places, release_places
from campaigns.delivery.querysets import MessageQuerySet
from campaigns.delivery.types import Gate, MailingKind, MessageState, SkipReason
from personalize.core import hooks
from personalize.core.clock import now
from personalize.core.database import in_seconds_sql, json_cast_sql, json_parameter, now_sql, skip_locked_sql
from segments.consent.models import Subscription, SubscriptionState, Suppression, SuppressionReason

BARS_SERVICE_MAIL = (SuppressionReason.BOUNCED, SuppressionReason.MANUAL, SuppressionReason.ERASED)
"""What stops receipts and confirmations too. To leave, or to complain of marketing, is a word about marketing alone."""

_ANY_TIME = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
"""Stands for the present in SQL that is kept."""


@dataclass(frozen=True)
class Result:
    """What became of one message that was handed over.

    ``state`` is sent, failed, skipped, in_doubt, or ready (known not accepted: tried again after ``wait`` seconds).
    ``counted`` says whether a return to ready uses up one of the message's attempts.
    """

    message: int
    state: MessageState
    reason: str = ""
    code: int | None = None
    reply: str = ""
    wait: float = 0.0
    counted: bool = False
    esp_id: str = ""
    trace: dict[str, Any] | None = None


def claim(mailing: Mailing, worker: uuid.UUID, limit: int) -> tuple[int, list[int]]:
    """Take up to ``limit`` due messages, oldest first; gives the claim's token and the ids.

    The token is random, not counted: a sequence value whose commit a crash forgot could be given out again. What is due is
    chosen once, in a materialised step: a planner may run a plain sub-select with LIMIT again and again, and take too many.
    """
    token = secrets.randbits(62)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH due AS MATERIALIZED (
                   SELECT id FROM delivery_message
                    WHERE mailing_id = %s AND due_at IS NOT NULL AND due_at <= {now_sql()} AND state = %s
                      AND EXISTS (SELECT 1 FROM delivery_mailing g WHERE g.id = %s AND g.gate = %s)
                    ORDER BY due_at, id LIMIT %s {skip_locked_sql()})
            UPDATE delivery_message SET state = %s, token = %s, due_at = NULL WHERE id IN (SELECT id FROM due)
            RETURNING id
            """,
            [mailing.pk, MessageState.READY, mailing.pk, Gate.OPEN, limit, MessageState.CLAIMED, token],
        )
        ids = sorted(row[0] for row in cursor.fetchall())
        if ids:
            cursor.execute(
                f"INSERT INTO delivery_batch (token, worker, lease_until) VALUES (%s, %s, {in_seconds_sql()})",
                [token, _uuid_parameter(worker), settings.DELIVERY_LEASE_SECONDS],
            )
    return token, ids


def hand_over(mailing: Mailing, token: int, window: Sequence[int], results: Sequence[Result]) -> set[int]:
    """Record ``results`` and take ``window`` into sending, in one durable commit; only the ids that come back may leave.

    Everything that forbids a mail is asked inside the statement: the mailing's gate, the lease, suppression, consent,
    erasure, whether it is too late; then the frequency rules, and the daily cap and the weekly rhythm, on whose count a
    place is held.
    """
    with transaction.atomic():
        record(token, results)
        _renew(token)
        with connection.cursor() as cursor:
            allowed, parameters = _allowed_sql(mailing, window)
            cursor.execute(
                f"""
                UPDATE delivery_message SET state = %s, handed_at = {now_sql()}
                 WHERE id IN ({_places(window)}) AND token = %s AND state = %s
                   AND EXISTS (SELECT 1 FROM delivery_mailing g WHERE g.id = delivery_message.mailing_id AND g.gate = %s)
                   AND EXISTS (SELECT 1 FROM delivery_batch b
                                WHERE b.token = delivery_message.token AND b.lease_until > {now_sql()})
                   AND {allowed}
                RETURNING id, subscriber_id,
                          (SELECT s.rhythm FROM subscribers_subscriber s WHERE s.id = delivery_message.subscriber_id),
                          cap_day, EXISTS (SELECT 1 FROM delivery_frequencyrule r WHERE r.enabled)
                """,
                [MessageState.SENDING, *window, token, MessageState.CLAIMED, Gate.OPEN, *parameters],
            )
            asking = [Asking(*row) for row in cursor.fetchall()]
        handed = {one.message for one in asking}
        if mailing.kind == MailingKind.MARKETING:
            if any(one.limited for one in asking):
                handed -= keep_limits(mailing, asking)
            handed -= hold_places([one for one in asking if one.message in handed])
    return handed


def record(token: int, results: Sequence[Result]) -> None:
    """Write results of this claim's messages. Late evidence counts: a row already in doubt takes it too."""
    if not results:
        return
    row = (
        "(CAST(%s AS bigint), CAST(%s AS smallint), CAST(%s AS varchar(40)), CAST(%s AS smallint), CAST(%s AS varchar(255)),"
        f" CAST(%s AS double precision), CAST(%s AS smallint), CAST(%s AS varchar(255)), {json_cast_sql()})"
    )
    due = in_seconds_sql().replace("%s", "v.column6")
    values: list[Any] = []
    for result in results:
        values += [
            result.message,
            result.state,
            result.reason,
            result.code,
            result.reply[:255],
            result.wait,
            int(result.counted),
            result.esp_id[:255],
            json_parameter(result.trace),
        ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE delivery_message SET
                   state = v.column2, reason = v.column3, code = v.column4, reply = v.column5,
                   attempt = attempt + v.column7, esp_id = v.column8,
                   trace = COALESCE(v.column9, delivery_message.trace),
                   settled_at = CASE WHEN v.column2 IN (0, 6) THEN NULL ELSE {now_sql()} END, settled_by = '',
                   due_at = CASE WHEN v.column2 = 0 THEN {due} END,
                   token = CASE WHEN v.column2 = 0 THEN NULL ELSE delivery_message.token END
              FROM (VALUES {", ".join([row] * len(results))}) AS v
             WHERE delivery_message.id = v.column1 AND delivery_message.token = %s AND delivery_message.state IN (%s, %s)
            RETURNING subscriber_id
            """,
            [*values, token, MessageState.SENDING, MessageState.IN_DOUBT],
        )
        people = [row[0] for row in cursor.fetchall()]
    if people:
        hooks.facts_changed(subscriber_ids=people)
    release_places([r.message for r in results if r.state in (MessageState.FAILED, MessageState.SKIPPED)])


def explain(mailing: Mailing, token: int, ids: Sequence[int]) -> None:
    """Settle the claimed messages that the hand-over did not return: skipped with the reason, else back to waiting."""
    mine = Message.objects.filter(pk__in=ids, token=token, state=MessageState.CLAIMED)
    with transaction.atomic():
        for reason, why in refusals(mailing):
            mine.filter(why).skip(reason, at=now())
        mine.filter(expires_at__lte=now()).skip(SkipReason.TOO_LATE, at=now())
        if Mailing.objects.filter(pk=mailing.pk, gate=Gate.CLOSED).exists():
            mine.skip(SkipReason.CANCELLED, at=now())
        mine.update(state=MessageState.READY, token=None, due_at=now())


def give_back(token: int, ids: Sequence[int]) -> None:
    """Return messages of which, by this process's own evidence, nothing was transmitted."""
    mine = Message.objects.filter(pk__in=ids, token=token)
    with transaction.atomic():
        _concerns(mine.filter(state=MessageState.IN_DOUBT))
        mine.filter(state__in=(MessageState.CLAIMED, MessageState.SENDING, MessageState.IN_DOUBT)).update(
            state=MessageState.READY, token=None, due_at=now(), settled_at=None, settled_by=""
        )


def _concerns(messages: MessageQuerySet) -> None:
    """Tell whose mails are about to count, or not to count any more, as sent."""
    if people := list(messages.values_list("subscriber_id", flat=True)):
        hooks.facts_changed(subscriber_ids=people)


def finish(token: int, results: Sequence[Result]) -> None:
    """Record the last results of a claim, return what is left of it, and end its lease, in one commit."""
    with transaction.atomic():
        record(token, results)
        Message.objects.filter(token=token, state=MessageState.CLAIMED).update(
            state=MessageState.READY, token=None, due_at=now()
        )
        Batch.objects.filter(pk=token).delete()


@dataclass(frozen=True)
class Swept:
    """What a sweep found: rows of dead claims given back, and rows nobody can know about any more."""

    given_back: int
    in_doubt: int


def sweep() -> Swept:
    """Settle claims whose lease ran out: claimed goes back to waiting, sending becomes in doubt and is never resent."""
    given_back = in_doubt = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT token FROM delivery_batch WHERE lease_until <= {now_sql()} ORDER BY token {skip_locked_sql()}"
        )
        tokens = [row[0] for row in cursor.fetchall()]
        if tokens:
            held = Message.objects.filter(token__in=tokens)
            given_back = held.filter(state=MessageState.CLAIMED).update(
                state=MessageState.READY, token=None, due_at=now()
            )
            _concerns(held.filter(state=MessageState.SENDING))
            in_doubt = held.filter(state=MessageState.SENDING).update(
                state=MessageState.IN_DOUBT,
                reply="The sending process stopped before the reply.",
            )
            Batch.objects.filter(pk__in=tokens).delete()
    return Swept(given_back, in_doubt)


def refusals(mailing: Mailing, person: str = "subscriber", at: dt.datetime | None = None) -> list[tuple[SkipReason, Q]]:
    """Why a person may not get this mailing at ``at`` (now), in the order in which it is said; ``person`` is the path to
    them.

    The same conditions decide when an audience is drawn and, as SQL, inside the hand-over.
    """
    at = at or now()
    prefix = f"{person}__" if person else ""
    who = f"{prefix}pk" if person else "pk"
    erased = (SkipReason.ERASED, Q(**{f"{prefix}erased_at__isnull": False}))
    suppressed = Suppression.objects.in_force(at).filter(address_key=OuterRef(f"{prefix}address_key"))
    if mailing.kind == MailingKind.SERVICE:
        gone = suppressed.filter(topic__isnull=True, reason__in=BARS_SERVICE_MAIL)
        return [erased, (SkipReason.SUPPRESSED, Q(Exists(gone)))]
    joined = Subscription.objects.filter(
        Q(topic_id=mailing.topic_id), subscriber_id=OuterRef(who), state=SubscriptionState.SUBSCRIBED
    )
    return [
        erased,
        (SkipReason.SUPPRESSED, Q(Exists(suppressed.concerning(mailing.topic_id)))),
        (SkipReason.NO_CONSENT, ~Q(Exists(joined))),
        (SkipReason.PAUSED, Q(Exists(joined.filter(paused_until__gt=at)))),
    ]


def _allowed_sql(mailing: Mailing, window: Sequence[int]) -> tuple[str, list[Any]]:
    """The refusals turned round, and the time for the mail not over, as one SQL condition on the rows of the window."""
    sql, parameters = _allowed_form(mailing.kind, mailing.topic_id, len(window))
    adapt = connection.ops.adapt_datetimefield_value
    blanks: dict[Any, Any] = {
        **{-place: pk for place, pk in enumerate(window, start=1)},
        adapt(_ANY_TIME): adapt(now()),
    }
    return sql, [blanks.get(value, value) for value in parameters]


@lru_cache(maxsize=64)
def _allowed_form(kind: str, topic: int | None, size: int) -> tuple[str, tuple[Any, ...]]:
    """The condition with blanks for ids (-1, -2, …) and time. Building it takes longer than asking it, and windows are many."""
    rows = Message.objects.order_by().filter(pk__in=[-place for place in range(1, size + 1)])
    for _, why in refusals(Mailing(kind=kind, topic_id=topic), at=_ANY_TIME):
        rows = rows.exclude(why)
    rows = rows.exclude(expires_at__lte=_ANY_TIME)
    sql, parameters = rows.values("pk").query.sql_with_params()
    return f"id IN ({sql})", tuple(parameters)


def _renew(token: int) -> None:
    """Push the lease out once a quarter of it is used."""
    lease = settings.DELIVERY_LEASE_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE delivery_batch SET lease_until = {in_seconds_sql()}
                 WHERE token = %s AND lease_until > {now_sql()} AND lease_until < {in_seconds_sql()}""",
            [lease, token, lease * 0.75],
        )


def _places(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _uuid_parameter(value: uuid.UUID) -> str:
    return str(value) if connection.vendor == "postgresql" else value.hex
