"""The sending engine: claims what is due, prepares it by the batch, and hands it over window by window.

For each window one durable commit records the results before it and takes its messages into sending; then each is
rendered and sent. Windows do not overlap, so at most one window of a process is in doubt when it is killed.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from email.errors import MessageError
from functools import lru_cache

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from campaigns.delivery import ledger
from campaigns.delivery.compose import compose
from campaigns.delivery.ledger import Result
from campaigns.delivery.links import LinkBook, Target, resolver
from campaigns.delivery.models import Mailing, Message, SenderAccount
from campaigns.delivery.outbox import AccountTrouble, Outbox
from campaigns.delivery.outcomes import note_refusals
from campaigns.delivery.policies import tracks
from campaigns.delivery.quiet import QuietHours
from campaigns.delivery.types import Gate, MailingKind, MessageState, SkipReason
from personalize.accounts.models import Brand
from personalize.content.contexts import prepare
from personalize.content.types import PersonContext
from personalize.core import queue
from personalize.core.clock import now
from personalize.core.database import durable_commits
from personalize.rendering.links import replace, sentinel
from personalize.rendering.renderer import Renderer
from personalize.rendering.types import Failure, Job, Rendered

logger = logging.getLogger(__name__)

TURN_SECONDS = 50.0
"""How long one look sends before it lets others have a turn."""

ACCOUNT_REST = dt.timedelta(seconds=30)
"""How long an account in trouble is left alone before one more try."""

_WORKER = uuid.uuid4()


def look() -> bool:
    """Settle what dead senders left, then send what is due, for at most TURN_SECONDS; true when there was anything."""
    swept = ledger.sweep()
    if swept.in_doubt or swept.given_back:
        logger.warning(
            "A sender stopped without a word: %s messages wait again, %s are in doubt.",
            swept.given_back,
            swept.in_doubt,
        )
    until = time.monotonic() + TURN_SECONDS
    worked = _send_due(MailingKind.SERVICE, until)
    return _send_due(MailingKind.MARKETING, until) or worked


def _send_due(kind: MailingKind, until: float) -> bool:
    """Send what is due of one kind; between two batches of marketing, the service mails that have come since."""
    worked = False
    for mailing in due_mailings(kind):
        with Sending(mailing) as sending:
            while time.monotonic() < until and not queue.stopping.is_set() and sending.turn():
                worked = True
                if kind == MailingKind.MARKETING:
                    _send_due(MailingKind.SERVICE, until)
    return worked


def due_mailings(kind: MailingKind) -> list[Mailing]:
    """Open mailings of a kind with something due, over accounts that are not resting; the more important first."""
    at = now()
    due = Message.objects.filter(mailing=OuterRef("pk"), due_at__lte=at)
    return list(
        Mailing.objects.filter(
            Exists(due),
            Q(sender__account__paused_at__isnull=True) | Q(sender__account__paused_at__lte=at - ACCOUNT_REST),
            kind=kind,
            gate=Gate.OPEN,
        )
        .select_related("sender__account", "version", "topic")
        .order_by("-priority", "pk")
    )


@lru_cache(maxsize=1)
def renderer() -> Renderer:
    """This process's renderer: its child lives as long as the process does."""
    return Renderer(
        memory_mb=settings.RENDER_MEMORY_MB,
        message_seconds=settings.RENDER_MESSAGE_SECONDS,
        compile_seconds=settings.RENDER_COMPILE_SECONDS,
    )


class Sending:
    """One mailing being sent by this process; a context manager around the open connection."""

    def __init__(self, mailing: Mailing) -> None:
        self.mailing = mailing
        self.account = mailing.sender.account
        self.brand = Brand.objects.get()
        self.links = LinkBook(mailing)
        self.outbox = Outbox(self.account)
        self.max_age = min(settings.DELIVERY_LEASE_SECONDS / 2, 30.0)
        durable_commits()

    def __enter__(self) -> Sending:
        return self

    def __exit__(self, *error: object) -> None:
        self.outbox.__exit__(*error)

    def turn(self) -> bool:
        """Claim one batch and send it; false when nothing was due or the account is in trouble."""
        token, ids = ledger.claim(self.mailing, _WORKER, settings.DELIVERY_CLAIM)
        if not ids:
            return False
        results: list[Result] = []
        try:
            hours = QuietHours(self.mailing, self.brand, ids)
            ids = list(hours.may_go(token, ids))
            batch = self._load(token)
            ids = self._leave_out(token, ids, batch)
            for window in _windows(ids, settings.DELIVERY_WINDOW):
                if queue.stopping.is_set():
                    break
                # The window may have closed while the batch was being sent.
                going = hours.may_go(token, window)
                if going:
                    results = self._send_window(token, going, batch, results)
        except AccountTrouble as trouble:
            self._rest(str(trouble))
            return False
        finally:
            ledger.finish(token, results)
            note_refusals(results)
        return True

    def _load(self, token: int) -> Batch:
        """Everything the batch's mails need, by a number of queries that does not depend on its size."""
        rows = Message.objects.filter(token=token)
        messages = {message.pk: message for message in rows.select_related("run")}
        as_of = next((message.run.as_of for message in messages.values() if message.run), now())
        contexts = prepare(
            version=self.mailing.version,
            people=rows,
            person="subscriber",
            as_of=as_of,
            brand=self.brand,
            required=("trigger",) if self.mailing.kind == MailingKind.SERVICE else (),
        )
        self._link_products(contexts)
        return Batch(messages, contexts)

    def _leave_out(self, token: int, ids: Sequence[int], batch: Batch) -> list[int]:
        """Skip those whose context says that there is nothing to send; gives the others."""
        found: dict[str, list[int]] = {}
        # Whoever has no context was taken back since the claim.
        for pk in (pk for pk in ids if pk in batch.contexts):
            found.setdefault(batch.contexts[pk].skip, []).append(pk)
        going = found.pop("", [])
        for reason, empty in found.items():
            Message.objects.filter(pk__in=empty, token=token, state=MessageState.CLAIMED).skip(
                SkipReason(reason), at=now()
            )
        return going

    def _link_products(self, contexts: Mapping[int, PersonContext]) -> None:
        """Give every product of a tracked person's mail the placeholder of its stored link."""
        items = [
            (Target(block=block, url=item["url"], label=item["title"], product_code=item["code"]), item)
            for context in contexts.values()
            if tracks(self.mailing, context)
            for block, shown in context.data["products"].items()
            for item in shown
            if item["url"]
        ]
        numbers = self.links.numbers({target for target, _ in items})
        for target, item in items:
            if target in numbers:
                item["href"] = sentinel(str(numbers[target]))

    def _send_window(self, token: int, window: Sequence[int], batch: Batch, results: list[Result]) -> list[Result]:
        """Hand over and send one window; gives its results, which ride with the next commit."""
        handed = ledger.hand_over(self.mailing, token, window, results)
        note_refusals(results)
        handed_at = _boot_seconds()
        refused = [pk for pk in window if pk not in handed]
        if refused:
            ledger.explain(self.mailing, token, refused)
        going = [pk for pk in window if pk in handed]
        sent: list[Result] = []
        try:
            for pk, rendered in zip(going, self._render(going, batch), strict=True):
                if _boot_seconds() - handed_at > self.max_age:
                    break
                sent.append(self._send_one(batch.messages[pk], batch.contexts[pk], rendered))
        finally:
            if self.outbox.abandoned:
                # This process was interrupted between the mail's last byte and the reply.
                sent.append(Result(going[len(sent)], MessageState.IN_DOUBT, reply="The sender was interrupted."))
            left = going[len(sent) :]
            if left:
                # Of these not a byte has left: an exception or a stale hand-over came first.
                ledger.give_back(token, left)
            results[:] = sent
        return results

    def _render(self, ids: Sequence[int], batch: Batch) -> list[Rendered | Failure]:
        version = self.mailing.version
        jobs = [
            Job(
                id=str(pk), parts=_parts(tracked=tracks(self.mailing, batch.contexts[pk])), data=batch.contexts[pk].data
            )
            for pk in ids
        ]
        return renderer().render(version.content_hash, version.compiled, jobs)

    def _send_one(self, message: Message, context: PersonContext, rendered: Rendered | Failure) -> Result:
        if isinstance(rendered, Failure):
            return Result(message.pk, MessageState.FAILED, reason="render", reply=rendered.reason, trace=context.trace)
        try:
            return self._hand_to_outbox(message, context, rendered)
        except (ValueError, MessageError) as error:
            # The mail could not be built, so not a byte of it left; its neighbours go on.
            return Result(message.pk, MessageState.FAILED, reason="render", reply=str(error), trace=context.trace)

    def _hand_to_outbox(self, message: Message, context: PersonContext, rendered: Rendered) -> Result:
        at = now()
        resolve = resolver(message.uuid, context.person, at)
        subject, html, text = (rendered.parts[part] for part in _parts(tracked=tracks(self.mailing, context)))
        mail = compose(
            mailing=self.mailing,
            message=message,
            to=context.address,
            parts={"subject": subject, "html": replace(html, resolve), "text": replace(text, resolve)},
            at=at,
        )
        verdict = self.outbox.send(mail, message.attempt)
        if self.account.paused_at:
            self._resume()
        # Whom it gave way to stays known.
        before = message.trace or {}
        trace = {
            **before,
            **context.trace,
            "fallbacks": sorted({*context.trace.get("fallbacks", []), *rendered.fallbacks}),
        }
        return Result(
            message=message.pk,
            state=verdict.state,
            reason=verdict.reason,
            code=verdict.code,
            reply=verdict.reply,
            wait=verdict.wait,
            counted=verdict.counted,
            esp_id=verdict.esp_id,
            trace=trace,
        )

    def _rest(self, reason: str) -> None:
        logger.warning("The sender account %s is left alone for a while: %s", self.account, reason)
        SenderAccount.objects.filter(pk=self.account.pk).update(paused_at=now(), paused_reason=reason[:255])

    def _resume(self) -> None:
        SenderAccount.objects.filter(pk=self.account.pk).update(paused_at=None, paused_reason="")
        self.account.paused_at = None


class Batch:
    """The messages of one claim and what their mails need."""

    def __init__(self, messages: dict[int, Message], contexts: dict[int, PersonContext]) -> None:
        self.messages = messages
        self.contexts = contexts


def _parts(*, tracked: bool) -> tuple[str, str, str]:
    kind = "tracked" if tracked else "untracked"
    return ("subject", f"html_{kind}", f"text_{kind}")


def _windows(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _boot_seconds() -> float:
    """Seconds on a clock that goes on while the machine sleeps, so that a sleeper hands over nothing late."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
