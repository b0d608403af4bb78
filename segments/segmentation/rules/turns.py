"""When time alone may next change whether a rule is true of a person; every kind of leaf says it for itself.

A turn may come too early, then the rule is asked for nothing and gives its next one; it never comes too late, and always
lies after the instant asked about. What would need calendars in SQL comes earlier instead, by steps that grow shorter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, singledispatch
from typing import Any, TypeAlias

from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    DurationField,
    Exists,
    Expression,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest, Least
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThanOrEqual

from personalize.core import localtime
from segments.commerce.models import Order, Refund
from segments.events.models import Event
from segments.segmentation.rules import anchors, windows
from segments.segmentation.rules.attributes import value_of
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.local import by_zone
from segments.segmentation.rules.nodes import (
    Anchor,
    AttributeRule,
    BucketRule,
    CalendarUnit,
    EventRule,
    Field,
    Group,
    ListRule,
    NearRule,
    Node,
    Offset,
    OrdersRule,
    SegmentRule,
    SequenceRule,
    TopicRule,
    Unit,
    Window,
)
from segments.segmentation.rules.sql import Moment

NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)
_SECOND = dt.timedelta(seconds=1)
_DAY = dt.timedelta(days=1)
Turn: TypeAlias = Expression | None


@singledispatch
def next_turn(node: Node, scope: Scope) -> Turn:
    """The earliest instant after ``scope.as_of`` at which time alone may change the node for the person, as SQL.

    None, null and NEVER all mean that only facts can. A kind of leaf that does not say is a bug and raises
    NotImplementedError.
    """
    raise NotImplementedError(f"{type(node).__name__} does not say when time changes it.")


def soonest(turns: Iterable[Turn]) -> Turn:
    """The earliest of some turns; NEVER where all of them are null."""
    known = [Coalesce(turn, _at(NEVER)) for turn in turns if turn is not None]
    if len(known) < 2:
        return known[0] if known else None
    return Least(*known)


def _at(moment: dt.datetime) -> Value:
    return Value(moment, DateTimeField())


def _later(moment: Expression | F, by: dt.timedelta) -> Expression:
    if not by:
        return ExpressionWrapper(moment, DateTimeField())
    return ExpressionWrapper(moment + Value(by, DurationField()), DateTimeField())


@dataclass(frozen=True)
class Facts:
    """Dated rows that lead to a person by ``subscriber``, with the column of their date."""

    rows: QuerySet[Any, Any]
    column: str

    def coming(self, scope: Scope) -> Expression:
        """When the next of those is seen that are dated ahead, be it by another host's clock."""
        return _later(self._first(scope, scope.as_of, NEVER), TICK)

    def crossing(self, scope: Scope, count: int, unit: Unit, *, leaving: bool = False) -> Turn:
        """When the next of them is so old that so many units back from the instant asked about is at it, or past it.

        ``leaving``: only past it counts.
        """
        edge = windows.back(scope.as_of, count, unit)
        if edge >= scope.as_of or edge.year == dt.MINYEAR:
            return None
        first = self._first(scope, edge, scope.as_of)
        exact = _later(first, scope.as_of - edge + TICK)
        if not leaving:
            exact = soonest([exact, _later(self._first(scope, edge + TICK, scope.as_of), scope.as_of - edge)])  # type: ignore[assignment]
        if unit != "months":
            return exact
        return soonest([exact, _by_midnights(self._first(scope, edge - 6 * _DAY, scope.as_of), edge, scope)])

    def exist(self, scope: Scope, since: dt.datetime) -> Q:
        """Whether one of them is dated from ``since`` on."""
        mine = {"subscriber_id": OuterRef(scope.person_id), f"{self.column}__gte": since}
        return Q(Exists(self.rows.filter(**mine)))

    def _first(self, scope: Scope, since: dt.datetime, until: dt.datetime) -> Expression:
        mine = {
            "subscriber_id": OuterRef(scope.person_id),
            f"{self.column}__gte": since,
            f"{self.column}__lt": until,
        }
        first = self.rows.filter(**mine).order_by(self.column).values(self.column)[:1]
        found: Expression = Subquery(first, output_field=DateTimeField())  # type: ignore[assignment]  # It is one.
        return found


def _by_midnights(moment: Expression, edge: dt.datetime, scope: Scope) -> Expression:
    """A turn for counting in months, that falls back at some midnights: a week ahead, then midnight by midnight.

    Months shift instants alike but for three days, and as many where a shorter month ends.
    """
    return Greatest(_later(moment, scope.as_of - edge - 7 * _DAY), _at(_midnight(scope.as_of)))


def _midnight(as_of: dt.datetime, zone: str = "UTC") -> dt.datetime:
    return windows.calendar_span("day", 0, as_of, zone)[1]


def _own_midnight(scope: Scope, zone: str) -> Expression:
    """The next midnight of the person's clock, or of the universal one."""
    utc = _midnight(scope.as_of)
    own = {name: min(utc, end) for name, (_start, end) in _spans("day", 0, scope.as_of).items()}
    return by_zone(scope, own, min(utc, _midnight(scope.as_of, zone)))


@lru_cache(maxsize=16)
def _spans(unit: CalendarUnit, offset: int, as_of: dt.datetime) -> Mapping[str, tuple[dt.datetime, dt.datetime]]:
    """Beginning and end by the clocks of every zone; kept, because all segments are asked at the same instant."""
    return {one.key: windows.calendar_span(unit, offset, as_of, one.key) for one in localtime.every_zone()}


_anchors: dict[str, Callable[[Anchor, Scope], Turn]] = {
    "last_order": lambda _anchor, scope: Facts(Order.objects.all(), "placed_at").coming(scope)
}


def add_anchor(kind: str, turn: Callable[[Anchor, Scope], Turn]) -> None:
    """Say when time alone may move an anchor of this kind; one that lies ahead is seen to in any case."""
    _anchors[kind] = turn


def _anchor(anchor: Anchor | None, scope: Scope) -> list[Turn]:
    if anchor is None:
        return []
    instant = anchors.instant(anchor, scope, scope)
    ahead = Case(
        When(Q(GreaterThan(instant, scope.as_of)), then=instant),
        When(Q(GreaterThanOrEqual(instant, scope.as_of)), then=_at(scope.as_of + TICK)),
        output_field=DateTimeField(),
    )
    own = _anchors.get(anchor.kind)
    return [ahead, own(anchor, scope) if own else None]


def of_window(facts: Facts, window: Window, scope: Scope) -> Turn:
    """When the facts in a window may be others: one grows too old, one comes, the window or its anchor moves on."""
    turns: list[Turn] = [facts.coming(scope), *_anchor(window.since or window.until, scope)]
    if window.last:
        turns.append(facts.crossing(scope, *window.last, leaving=True))
    if window.calendar:
        turns.append(_calendar(facts, *window.calendar, window, scope))
    return soonest(turns)


def _calendar(facts: Facts, unit: CalendarUnit, offset: int, window: Window, scope: Scope) -> Expression:
    """The next boundary of whom one of the facts is in the window now, or may be after it."""
    begins, _end = windows.calendar_span(unit, offset, scope.as_of, window.zone)
    _start, ends = windows.calendar_span(unit, 0, scope.as_of, window.zone)
    boundary: Expression = _at(ends)
    if window.own:
        begins = min(start for start, _end in _spans(unit, offset, scope.as_of).values())
        boundary = by_zone(scope, {name: end for name, (_, end) in _spans(unit, 0, scope.as_of).items()}, ends)
    return Case(When(facts.exist(scope, begins), then=boundary), output_field=DateTimeField())


def _figure_times(facts: Facts, metric: str, values: Iterable[Any], scope: Scope) -> list[Turn]:
    """The first or last of the facts compared with instants that move along with time."""
    if metric not in ("first", "last"):
        return []
    return [facts.crossing(scope, -value.count, value.unit) for value in values if isinstance(value, Offset)]


@next_turn.register
def _group(node: Group, scope: Scope) -> Turn:
    return soonest(next_turn(child, scope) for child in node.children)


@next_turn.register
def _event(node: EventRule, scope: Scope) -> Turn:
    facts = _events(node.happening.name)
    return soonest([of_window(facts, node.window, scope), *_figure_times(facts, node.metric, node.values, scope)])


@next_turn.register
def _sequence(node: SequenceRule, scope: Scope) -> Turn:
    first = _events(node.first.name)
    turns = [of_window(first, node.window, scope), _events(node.then.name).coming(scope)]
    return soonest([*turns, first.crossing(scope, *node.within) if node.within else None])


def _events(name: str) -> Facts:
    return Facts(Event.objects.filter(name=name), "occurred_at")


@next_turn.register
def _orders(node: OrdersRule, scope: Scope) -> Turn:
    orders = Facts(Order.objects.all(), "placed_at")
    turns = [of_window(orders, node.window, scope), *_figure_times(orders, node.metric, node.values, scope)]
    if node.metric == "sum" and not node.gross:
        turns.append(of_window(Facts(Refund.objects.all(), "refunded_at"), node.window, scope))
    return soonest(turns)


@next_turn.register
def _segment(node: SegmentRule, scope: Scope) -> Turn:
    return None if node.stored else next_turn(node.tree, scope)


@next_turn.register(TopicRule)
@next_turn.register(ListRule)
@next_turn.register(BucketRule)
@next_turn.register(NearRule)
def _facts_alone(_node: Node, _scope: Scope) -> Turn:
    return None


@next_turn.register
def _attribute(node: AttributeRule, scope: Scope) -> Turn:
    relative = [value for value in node.values if isinstance(value, Offset)]
    match node.field.type:
        case "age" if node.values:
            return _birthday(node, Offset(0, "days"), scope)
        case "yearly":
            return soonest(_birthday(node, by, scope) for by in ((Offset(0, "days"), *relative) if relative else ()))
        case "date":
            return soonest(_date(node, by, scope) for by in relative)
        case "datetime":
            return soonest(_instant(node.field, by, scope) for by in relative)
    return None


def _today_and(by: Offset, scope: Scope) -> dt.date:
    return windows.back(scope.as_of, -by.count, by.unit).date()


_NEAR = 8
"""Within so many days of a date every midnight is a turn: zones, leap days and the ends of months are all less than that."""


def _date(node: AttributeRule, by: Offset, scope: Scope) -> Expression:
    """A date of the person's, which the day so far from today comes to: the farther away, the longer the next step."""
    value = F(scope.path(node.field.column)) if node.field.column else value_of(node.field, scope)
    target = _today_and(by, scope)

    def at_most(days: int) -> Q:
        try:
            day = target + dt.timedelta(days=days)
        except OverflowError:
            day = dt.date.max if days > 0 else dt.date.min
        return Q(LessThanOrEqual(value, day if node.field.column else day.isoformat()))

    steps = [When(at_most(-_NEAR), then=_at(NEVER)), When(at_most(_NEAR), then=_own_midnight(scope, node.zone))]
    nearest = _NEAR
    for farther in (20, 60, 200, 1_000, 10_000):
        steps.append(When(at_most(farther), then=_at(scope.as_of + (nearest - 5) * _DAY)))
        nearest = farther
    known = When(GreaterThan(value, dt.date.min if node.field.column else ""), then=_at(scope.as_of + nearest * _DAY))
    return Case(*steps, known, default=_at(NEVER), output_field=DateTimeField())


def _birthday(node: AttributeRule, by: Offset, scope: Scope) -> Expression:
    """A day of the year, by steps likewise."""
    month, day = F(scope.path("birth_month")), F(scope.path("birth_day"))
    value = Cast(month, BigIntegerField()) * 100 + Cast(day, BigIntegerField())
    target = _today_and(by, scope)

    def between(first: int, last: int) -> Q:
        low, high = (
            moment.month * 100 + moment.day for moment in (target + dt.timedelta(days=n) for n in (first, last))
        )
        from_low, to_high = Q(GreaterThanOrEqual(value, low)), Q(LessThanOrEqual(value, high))
        return from_low & to_high if low <= high else from_low | to_high

    return Case(
        When(**{f"{scope.path('birth_month')}__isnull": True}, then=_at(NEVER)),
        When(between(-_NEAR, _NEAR), then=_own_midnight(scope, node.zone)),
        When(between(_NEAR, 30), then=_at(scope.as_of + (_NEAR - 5) * _DAY)),
        When(between(30, 100), then=_at(scope.as_of + 25 * _DAY)),
        default=_at(scope.as_of + 90 * _DAY),
        output_field=DateTimeField(),
    )


def _instant(field: Field, by: Offset, scope: Scope) -> Expression:
    """A time of the person's, which the instant so far from that asked about comes to; to the second, as it is compared."""
    value = F(scope.path(field.column)) if field.column else Moment(value_of(field, scope))
    edge = windows.back(scope.as_of, -by.count, by.unit)
    shift = scope.as_of - edge
    # Far beyond all dates, so that no sum leaves the calendar.
    known = Q(GreaterThan(value, edge - _SECOND)) & Q(LessThanOrEqual(value, NEVER - abs(shift)))
    exact = Case(
        When(Q(GreaterThan(value, edge)) & known, then=_later(value, shift)),
        When(known, then=_later(value, shift + _SECOND)),
        output_field=DateTimeField(),
    )
    if by.unit != "months":
        return exact
    near = Case(
        When(Q(GreaterThan(value, edge - 6 * _DAY)) & Q(LessThanOrEqual(value, NEVER - abs(shift))), then=value),
        output_field=DateTimeField(),
    )
    return Least(Coalesce(exact, _at(NEVER)), Coalesce(_by_midnights(near, edge, scope), _at(NEVER)))
