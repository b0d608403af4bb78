"""Instants of a person's own from which windows are measured: their last order, the day they joined, a date on file.

In JSON an anchor is its kind, ``"last_order"``, or the kind with which one is meant, ``{"attr": "contract_start"}``.
Higher apps add theirs in ``AppConfig.ready``. Whoever has no such instant has no window: a rule about it is false.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db.models import Expression, F, Q, Subquery
from django.db.models.lookups import IsNull
from django.utils.translation import gettext as _

from segments.segmentation.rules import reading
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.nodes import Anchor, Window
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary

Instant: TypeAlias = Expression | F | Subquery


@dataclass(frozen=True)
class AnchorKind:
    """One kind of anchor.

    ``parse(of, path, vocabulary)`` reads which one is meant (``of`` is empty where only the kind was given) and raises
    RuleError. ``instant(anchor, rows, asked)`` is the instant as SQL, null where there is none: seen from rows that lead to
    their person as ``rows`` says, in a rule that is asked as ``asked`` says; of the asked row itself the two are one object.
    ``words(anchor)`` follows "since". ``by_row`` says that it hangs on the row that is asked, not on its person alone.
    """

    key: str
    parse: Callable[[str, str, Vocabulary], Anchor]
    instant: Callable[[Anchor, Scope, Scope], Instant]
    words: Callable[[Anchor], str]
    by_row: bool = False


_kinds: dict[str, AnchorKind] = {}


def add(kind: AnchorKind) -> None:
    """Make a kind of anchor known; a second one of the same key is a bug and raises ValueError."""
    if kind.key in _kinds:
        raise ValueError(f"{kind.key!r} is registered twice.")
    _kinds[kind.key] = kind


def parse_anchor(raw: Any, path: str, vocabulary: Vocabulary) -> Anchor:
    """Read an anchor; raises RuleError."""
    if isinstance(raw, dict) and len(raw) == 1:
        ((key, of),) = raw.items()
        key, named = reading.choice(key, path, _kinds), reading.text(of, at(path, key))
        return _kinds[key].parse(named, at(path, key), vocabulary)
    if not isinstance(raw, str):
        raise RuleError(path, _("Expected one of: %(choices)s.") % {"choices": ", ".join(_kinds)})
    return _kinds[reading.choice(raw, path, _kinds)].parse("", path, vocabulary)


def instant(anchor: Anchor, rows: Scope, asked: Scope) -> Instant:
    """The anchor as SQL, null for whoever has none."""
    return _kinds[anchor.kind].instant(anchor, rows, asked)


def known(anchor: Anchor, scope: Scope) -> Q:
    """Whether the person asked about has such an instant."""
    return Q(IsNull(instant(anchor, scope, scope), False))


def is_by_row(window: Window) -> bool:
    """Whether a window hangs on the row that is asked, so that each row's facts must be looked up by themselves."""
    anchor = window.since or window.until
    return anchor is not None and _kinds[anchor.kind].by_row


def words(anchor: Anchor) -> str:
    """The anchor in words, to follow "since"."""
    return _kinds[anchor.kind].words(anchor)
