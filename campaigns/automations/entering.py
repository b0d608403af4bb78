"""Whether somebody whom a trigger names comes in, and why not: the one place that decides it, for the engine and for a
simulation alike. Pure; whoever asks brings the facts.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from campaigns.automations.nodes import CallTrigger, DateTrigger, Entry, EventTrigger, QuietTrigger, Trigger
from campaigns.automations.types import LeftOutReason


@dataclass(frozen=True)
class EntryFacts:
    """Somebody who arrives (at ``started_at``), as things are ``at``.

    ``late`` is how old the news may be (None: any age). ``follows`` is None where no topic is asked. ``known``: their entry key was used before.
    ``ever`` and ``open``: they were, or are, in this automation at all. ``entered_at``, ``exited_at`` and ``mailed_at`` are the
    last times of this automation. ``ordered_at`` is their last order. ``stronger``: they are in an automation to which this
    one gives way. ``lately`` is how often they came in within a day, of ``most`` times.
    """

    at: dt.datetime
    started_at: dt.datetime
    late: dt.timedelta | None = None
    erased: bool = False
    suppressed: bool = False
    follows: bool | None = None
    holds: bool = True
    known: bool = False
    ever: bool = False
    open: bool = False
    entered_at: dt.datetime | None = None
    exited_at: dt.datetime | None = None
    mailed_at: dt.datetime | None = None
    ordered_at: dt.datetime | None = None
    stronger: bool = False
    lately: int = 0
    most: int = 20


def decide(entry: Entry, facts: EntryFacts) -> LeftOutReason | None:
    """Why they stay out; None when they come in. What cannot change any more is said first."""
    reasons = {
        LeftOutReason.ERASED: facts.erased,
        LeftOutReason.KNOWN: facts.known or (entry.again == "once" and facts.ever),
        LeftOutReason.OPEN: entry.again == "after_exit" and facts.open,
        LeftOutReason.LATE: facts.late is not None and facts.at - facts.started_at > facts.late,
        LeftOutReason.SUPPRESSED: facts.suppressed,
        LeftOutReason.NO_CONSENT: facts.follows is False,
        LeftOutReason.RULE: not facts.holds,
        LeftOutReason.ORDERED: _ordered(entry, facts),
        LeftOutReason.GIVES_WAY: facts.stronger,
        LeftOutReason.COOLDOWN: _cools_down(entry, facts),
        LeftOutReason.TOO_MANY: facts.lately >= facts.most,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def latest(trigger: Trigger) -> dt.timedelta | None:
    """How old what brings people in may be; None where somebody names them, who knows what they do."""
    match trigger:
        case EventTrigger() | DateTrigger() | QuietTrigger():
            return trigger.late.delta
        case CallTrigger():
            return None


def _ordered(entry: Entry, facts: EntryFacts) -> bool:
    if entry.no_order_since is None or facts.ordered_at is None:
        return False
    return facts.ordered_at >= facts.started_at - entry.no_order_since.delta


def _cools_down(entry: Entry, facts: EntryFacts) -> bool:
    if entry.cooldown is None:
        return False
    last = {"entry": facts.entered_at, "exit": facts.exited_at, "last_message": facts.mailed_at}[entry.cooldown_from]
    return last is not None and facts.at - last < entry.cooldown.delta
