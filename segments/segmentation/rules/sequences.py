"""Rules about what came after what: somebody did one thing, and then another, or not.

``{"sequence": {"first": {"name": "cart_updated"}, "then_not": {"name": "order_placed"}, "within": [3, "days"]}}``

``window`` is that of the first event. The other one comes later, and where ``within`` is given, less than that later.
That none came in time is only true once that time is over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from segments.segmentation.rules import figures, reading, windows
from segments.segmentation.rules.events import events, filter_words, parse_happening
from segments.segmentation.rules.happenings import clause_words, noun
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import SequenceRule, Unit, Window
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.words import window_words


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> SequenceRule:
    reading.table(raw, path, required=["sequence"])
    path = at(path, "sequence")
    body = reading.table(raw["sequence"], path, required=["first"], optional=["then", "then_not", "within", "window"])
    if ("then" in body) == ("then_not" in body):
        raise RuleError(path, _("Expected exactly one of: %(kinds)s.") % {"kinds": "then, then_not"})
    then = "then" if "then" in body else "then_not"
    return SequenceRule(
        first=parse_happening(body["first"], at(path, "first")),
        then=parse_happening(body[then], at(path, then)),
        came=then == "then",
        within=_within(body["within"], at(path, "within")) if "within" in body else None,
        window=windows.parse_window(body["window"], at(path, "window"), vocabulary) if "window" in body else Window(),
    )


def _within(raw: Any, path: str) -> tuple[int, Unit]:
    count, unit = windows.span(raw, path)
    if unit == "months":
        # Months differ in length, and from the 31st on the databases count them differently.
        raise RuleError(f"{path}[1]", _("Count this time in minutes, hours, days or weeks."))
    return count, unit


def _compile(rule: SequenceRule, scope: Scope) -> Q:
    first = windows.within(events(rule.first), "occurred_at", rule.window, scope)
    came = Exists(_following(rule, scope))
    if rule.within and not rule.came:
        first = first.filter(occurred_at__lte=windows.back(scope.as_of, *rule.within))
    return windows.known(rule.window, scope) & scope.has(first.filter(came if rule.came else ~came))


def _following(rule: SequenceRule, scope: Scope) -> figures.Rows:
    """Of each first event, those that came after it in time; of one instant, what was received later came later."""
    rows = events(rule.then).filter(
        Q(occurred_at__gt=OuterRef("occurred_at"))
        | Q(received_at__gt=OuterRef("received_at"))
        | Q(received_at=OuterRef("received_at"), pk__gt=OuterRef("pk")),
        subscriber_id=OuterRef("subscriber_id"),
        occurred_at__gte=OuterRef("occurred_at"),
        occurred_at__lt=scope.as_of,
    )
    if rule.within:
        count, unit = rule.within
        rows = rows.filter(occurred_at__lt=OuterRef("occurred_at") + dt.timedelta(**{unit: count}))
    start, _end = windows.edges(rule.window, scope, scope)
    # Follows from the rest, but lets the engine read recent events alone.
    return rows.filter(occurred_at__gte=start) if isinstance(start, dt.datetime) else rows


def _phrase(rule: SequenceRule) -> Phrase:
    first = [clause_words(rule.first.name, did=True), filter_words(rule.first), window_words(rule.window)]
    then = [clause_words(rule.then.name, did=rule.came), filter_words(rule.then), _soon_words(rule)]
    parts = {name: " ".join(filter(None, words)) for name, words in (("first", first), ("then", then))}
    operator = _("and after it") if rule.came else _("and not after it")
    value = [noun(rule.then.name), filter_words(rule.then), _soon_words(rule) if rule.within else ""]
    return Phrase(
        " ".join(filter(None, [noun(rule.first.name), *first[1:]])),
        operator,
        " ".join(filter(None, value)),
        _("%(first)s and %(then)s") % parts,
    )


def _soon_words(rule: SequenceRule) -> str:
    """How soon after the first event."""
    if not rule.within:
        return _("after it")
    count, unit = rule.within
    spans = {
        "minutes": ngettext("within %(n)d minute of it", "within %(n)d minutes of it", count),
        "hours": ngettext("within %(n)d hour of it", "within %(n)d hours of it", count),
        "days": ngettext("within %(n)d day of it", "within %(n)d days of it", count),
        "weeks": ngettext("within %(n)d week of it", "within %(n)d weeks of it", count),
    }
    return spans[unit] % {"n": count}


KIND = Kind("sequence", SequenceRule, _parse, _compile, _phrase)
