"""What the demo's main job came to: the ledger's figures against the mails really caught, and three mails to look at."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.db.models import Case, Max, Min, Q, When

from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState, SkipReason
from campaigns.delivery.verify import Balance, balance
from campaigns.scheduled.models import Campaign
from personalize.demo.inbox import Inbox
from personalize.demo.people import CAST
from personalize.demo.story import REGULAR_ORDERS


@dataclass(frozen=True)
class Example:
    """A caught mail worth opening: whose it is, what is different about it, and its id in the inbox."""

    person: str
    subject: str
    difference: str
    mail: int


@dataclass(frozen=True)
class Report:
    """``caught`` counts the run's sent messages that were caught, ``doubles`` those caught more than once.

    ``strays`` counts caught mails of the run whose message does not say it was sent. ``seconds`` is the time from the
    first hand-over to the last result.
    """

    balance: Balance
    caught: int
    doubles: int
    strays: int
    seconds: float
    examples: list[Example]

    @property
    def is_right(self) -> bool:
        """Whether the ledger balances, everything is settled, and every mail sent was caught exactly once."""
        return (
            self.balance.balances
            and not (self.balance.open or self.balance.failed or self.balance.in_doubt)
            and self.balance.sent == self.caught > 0
            and not (self.doubles or self.strays)
        )

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.balance.sent / self.seconds if self.seconds else 0.0

    def skipped(self) -> list[tuple[str, int]]:
        """Why people got no mail, in words, the commonest reason first."""
        reasons = Counter(self.balance.reasons)
        return [
            (str(SkipReason(reason).label) if reason in SkipReason.values else reason, number)
            for reason, number in reasons.most_common()
        ]


def report_on(campaign: Campaign, inbox: Inbox) -> Report:
    """Compare what the ledger says of a campaign that has begun with what the catcher holds."""
    if campaign.run is None:
        raise ValueError(f"The campaign {campaign.name!r} has not begun.")
    messages = Message.objects.filter(run=campaign.run)
    states = dict(messages.values_list("uuid", "state"))
    mails = {message: id for message, id in inbox.messages() if message in states}
    times = Counter(message for message, _ in inbox.messages() if message in states)
    sent = {message for message, state in states.items() if state == MessageState.SENT}
    return Report(
        balance=balance(campaign.run),
        caught=len(sent & mails.keys()),
        doubles=sum(1 for number in times.values() if number > 1),
        strays=len(mails.keys() - sent),
        seconds=_seconds(
            messages.filter(state=MessageState.SENT).aggregate(first=Min("handed_at"), last=Max("settled_at"))
        ),
        examples=_examples(campaign, mails, inbox),
    )


def _seconds(span: dict[str, dt.datetime | None]) -> float:
    first, last = span["first"], span["last"]
    return max((last - first).total_seconds(), 0.001) if first and last else 0.0


def _examples(campaign: Campaign, mails: dict[object, int], inbox: Inbox) -> list[Example]:
    """Three people whose mails differ most visibly: a regular, somebody without a name, somebody new; the cast first."""
    known = Q(subscriber__email__in=[role.email for role in CAST])
    messages = (
        Message.objects.filter(run=campaign.run, state=MessageState.SENT)
        .select_related("subscriber")
        .order_by(Case(When(known, then=0), default=1), "subscriber__email")
    )
    seen: dict[str, Example] = {}
    for message in messages.iterator():
        kind = _kind(message.trace or {})
        if kind is None or kind in seen or message.uuid not in mails:
            continue
        found = inbox.get(mails[message.uuid])
        if found is None:
            continue
        person = str(message.subscriber)
        seen[kind] = Example(person, found[0].subject, _difference(kind, message.trace or {}), found[0].id)
        if len(seen) == len(_DIFFERENCES):
            break
    return [seen[kind] for kind in _DIFFERENCES if kind in seen]


_DIFFERENCES = {
    "regular": f"by name; free delivery, for {REGULAR_ORDERS} orders or more",
    "nameless": "no name known, so none is used",
    "new": "by name; nothing bought yet, so what others like",
}


def _kind(trace: dict[str, object]) -> str | None:
    if not trace.get("name"):
        return "nameless"
    if "regular" in _strings(trace.get("shown")):
        return "regular"
    return "new" if _rungs(trace) and "bought_together" not in _rungs(trace) else None


def _difference(kind: str, trace: dict[str, object]) -> str:
    reason = next((str(item[1]) for item in _picked(trace)), "")
    return f"{_DIFFERENCES[kind]}; first product: {reason[:1].lower()}{reason[1:]}" if reason else _DIFFERENCES[kind]


def _picked(trace: dict[str, object]) -> list[list[object]]:
    products = trace.get("products")
    picked = products.get("picked", []) if isinstance(products, dict) else []
    return [item for item in picked if isinstance(item, list) and len(item) == 3]


def _rungs(trace: dict[str, object]) -> set[str]:
    return {str(item[2]) for item in _picked(trace)}


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
