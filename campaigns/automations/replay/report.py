"""What a simulation found: who would have come in, what they would have got and when, and why others would not."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.automations.nodes import Definition

HOURS = 24


@dataclass(frozen=True)
class Told:
    """One thing that happened to the person whose way is told: what kind of thing, at which step, with what outcome.

    ``kind`` is heard, entered, left_out, step, waits, mail or ended.
    """

    at: dt.datetime
    kind: str
    step: str = ""
    what: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MailFigures:
    """One mail step. ``ordered_first`` counts those who ordered after they came in and before the mail's time, whether
    they then got it or not; ``near_others`` its mails that would have come within a day of another one."""

    step: str
    name: str
    mailed: int
    skipped: Mapping[str, int]
    ordered_first: int
    near_others: int


@dataclass(frozen=True)
class Day:
    """A day of the brand's calendar."""

    day: dt.date
    entered: int
    mailed: int
    ended: int


@dataclass(frozen=True)
class Report:
    """All of it. ``exits`` are by reason, ``steps`` by step and outcome, ``hours`` of the mails by their readers' clocks.

    ``others`` names mailings that had sent something to the same people within a day of a simulated mail, with the number
    of those mails. ``notes`` say what the figures cannot know.
    """

    since: dt.datetime
    until: dt.datetime
    events: int
    entered: int
    people: int
    left_out: Mapping[str, int]
    steps: Mapping[str, Mapping[str, int]]
    mails: Sequence[MailFigures]
    done: int
    exits: Mapping[str, int]
    still: int
    hours: Sequence[int]
    days: Sequence[Day]
    others: Mapping[str, int]
    notes: Sequence[str]
    told: Sequence[Told] = ()

    @property
    def mailed(self) -> int:
        return sum(mail.mailed for mail in self.mails)

    @property
    def capped(self) -> int:
        """Mails that a limit on how many a person gets would have held back."""
        return sum(mail.skipped.get("capped", 0) + mail.skipped.get("rhythm", 0) for mail in self.mails)

    @property
    def ordered_first(self) -> int:
        return sum(mail.ordered_first for mail in self.mails)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        plain: dict[str, Any] = _plain({**asdict(self), "mailed": self.mailed, "capped": self.capped})
        return plain


def _plain(value: Any) -> Any:
    match value:
        case dt.date():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case str():
            return str(value)
        case Sequence():
            return [_plain(one) for one in value]
    return value


class Tally:
    """Counts while the simulation goes on. ``follows`` is the person whose way is told, if any."""

    def __init__(self, brand_zone: ZoneInfo, follows: int | None = None) -> None:
        self._zone = brand_zone
        self._follows = follows
        self._days: dict[dt.date, Counter[str]] = defaultdict(Counter)
        self._left_out: dict[tuple[int, str], str] = {}
        self._steps: dict[str, Counter[str]] = defaultdict(Counter)
        self._skipped: dict[str, Counter[str]] = defaultdict(Counter)
        self._ordered_first: Counter[str] = Counter()
        self._exits: Counter[str] = Counter()
        self._hours = [0] * HOURS
        self._people: set[int] = set()
        self._told: list[Told] = []
        self.entered = self.done = self.events = 0
        self.mails: list[tuple[int, dt.datetime, str]] = []

    def entering(self, person: int, filed: str, at: dt.datetime, step: str) -> None:
        self.entered += 1
        self._people.add(person)
        self._left_out.pop((person, filed), None)
        self._count("entered", at)
        self.tell(person, at, "entered", step)

    def staying_out(self, person: int, filed: str, at: dt.datetime, reason: str) -> None:
        self._left_out[person, filed] = reason
        self.tell(person, at, "left_out", what=reason)

    def visiting(self, person: int, at: dt.datetime, step: str, outcome: str, detail: Mapping[str, Any]) -> None:
        self._steps[step][outcome] += 1
        if outcome == "skipped":
            self._skipped[step][str(detail.get("reason", ""))] += 1
        self.tell(person, at, "step", step, outcome, detail)

    def mailing(self, person: int, at: dt.datetime, step: str, clock: ZoneInfo) -> None:
        self.mails.append((person, at, step))
        self._hours[at.astimezone(clock).hour] += 1
        self._count("mailed", at)
        self.tell(person, at, "mail", step, "sent")

    def holding_back(self, person: int, at: dt.datetime, step: str, reason: str) -> None:
        """A mail that was written and does not leave."""
        self._skipped[step][reason] += 1
        self.tell(person, at, "mail", step, reason)

    def ordering_first(self, step: str) -> None:
        self._ordered_first[step] += 1

    def ending(self, person: int, at: dt.datetime, step: str, reason: str) -> None:
        """``reason`` is empty for those who came to the end."""
        if reason:
            self._exits[reason] += 1
        else:
            self.done += 1
        self._count("ended", at)
        self.tell(person, at, "ended", step, reason)

    def tell(
        self,
        person: int,
        at: dt.datetime,
        kind: str,
        step: str = "",
        what: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep it, where it is about the person whose way is told."""
        if person == self._follows:
            self._told.append(Told(at, kind, step, str(what), detail or {}))

    def _count(self, what: str, at: dt.datetime) -> None:
        self._days[at.astimezone(self._zone).date()][what] += 1

    def report(
        self,
        definition: Definition,
        since: dt.datetime,
        until: dt.datetime,
        *,
        near: Mapping[str, int],
        others: Mapping[str, int],
        notes: Sequence[str],
    ) -> Report:
        """What was counted between the two. ``near`` counts a step's mails that came close to others."""
        mailed = Counter(step for _person, _at, step in self.mails)
        first, last = since.astimezone(self._zone).date(), until.astimezone(self._zone).date()
        days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
        ended = self.done + self._exits.total()
        return Report(
            since=since,
            until=until,
            events=self.events,
            entered=self.entered,
            people=len(self._people),
            left_out=_most_first(Counter(self._left_out.values())),
            steps={step: dict(self._steps[step]) for step in definition.steps if step in self._steps},
            mails=[
                MailFigures(
                    step.id,
                    step.name,
                    mailed[step.id],
                    _most_first(self._skipped[step.id]),
                    self._ordered_first[step.id],
                    near.get(step.id, 0),
                )
                for step in definition.mails()
            ],
            done=self.done,
            exits=_most_first(self._exits),
            still=self.entered - ended,
            hours=self._hours,
            days=[Day(day, *(self._days[day][what] for what in ("entered", "mailed", "ended"))) for day in days],
            others=others,
            notes=notes,
            told=sorted(self._told, key=lambda one: one.at),
        )


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return {str(key): number for key, number in sorted(counts.items(), key=lambda one: (-one[1], one[0]))}
