"""What a condition is drawn from: a sentence of parts, each a button that asks something when it is pressed.

An editor draws one kind of conditions and says what becomes of one when a part is answered. Higher apps add theirs in
``AppConfig.ready``. Editors are given whatever is in a rule, unfinished or wrong: they never take for granted what it holds.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from personalize.core.registries import Registry
from segments.segmentation.builder.editing import Raw, put
from segments.segmentation.rules.vocabulary import Vocabulary


@dataclass(frozen=True)
class Setting:
    """Where a rule stands: in which field of a form, with which id, large with figures or ``small``.

    ``trigger`` says whether it may ask what brought somebody in, ``segment`` whose rule it is.
    """

    vocabulary: Vocabulary
    field: str = "rule"
    id: str = "id_rule"
    small: bool = False
    trigger: bool = False
    segment: uuid.UUID | None = None

    @classmethod
    def of(cls, *, segment: uuid.UUID | None = None, **given: Any) -> Setting:
        """A setting with what rules may speak of now; a segment's own rule may not name it."""
        return cls(Vocabulary.of(inside=(segment,) if segment else ()), segment=segment, **given)

    @property
    def sent(self) -> str:
        """What every request of the builder carries, as JSON."""
        return json.dumps(
            {
                "rb_field": self.field,
                "rb_id": self.id,
                "rb_small": "1" if self.small else "",
                "rb_trigger": "1" if self.trigger else "",
                "rb_segment": str(self.segment or ""),
            }
        )


@dataclass(frozen=True)
class Choice:
    """One answer of several; ``hint`` stands beside it, ``group`` above the first of its kind."""

    value: str
    label: str
    hint: str = ""
    group: str = ""


@dataclass(frozen=True)
class Search:
    """Where further choices come from as one types: what ``suggestions.suggest`` is asked for."""

    kind: str
    field: str
    of: str = ""


def _one(values: Sequence[str]) -> Any:
    return values[0] if values else None


def some(values: Sequence[str]) -> Any:
    """Reads several answers; None when there are none."""
    return list(values) or None


@dataclass(frozen=True)
class Choose:
    """Asks for one of ``choices``, or ``many``. ``free`` takes what is typed as well; ``chosen`` are in force.

    ``read`` makes what goes into the rule out of the values; None takes it out.
    """

    choices: Sequence[Choice] = ()
    chosen: Sequence[Choice] = ()
    many: bool = False
    free: bool = False
    search: Search | None = None
    read: Callable[[Sequence[str]], Any] = _one
    note: str = ""

    @property
    def chosen_values(self) -> list[str]:
        """The values in force."""
        return [choice.value for choice in self.chosen]


@dataclass(frozen=True)
class Input:
    """A field to fill in: ``type`` is that of an HTML input, or ``select`` with ``options``."""

    name: str
    label: str
    type: str = "number"
    value: Any = ""
    options: Sequence[tuple[str, str]] = ()
    step: str = "any"
    least: str = ""


@dataclass(frozen=True)
class Way:
    """One way to say something, with what has to be filled in; ``read`` makes what goes into the rule out of it."""

    key: str
    label: str
    inputs: Sequence[Input] = ()
    read: Callable[[Mapping[str, str]], Any] = lambda given: None


@dataclass(frozen=True)
class Fill:
    """Asks to fill something in, in one of several ways; ``chosen`` is the way in force."""

    ways: Sequence[Way]
    chosen: str = ""


Ask: TypeAlias = Choose | Fill


@dataclass(frozen=True)
class Part:
    """One part of a sentence. ``name`` is where its answer goes; without ``ask`` it is only words.

    ``role``: ``operator`` is plain text, ``value`` is what differs, ``add`` brings something in, ``drop`` takes it out.
    Without ``words`` it is still to be answered. ``label`` says to a screen reader what is asked.
    """

    name: str
    words: str
    label: str = ""
    role: str = "operator"
    ask: Callable[[], Ask] | None = None
    wrong: bool = False


Line: TypeAlias = list[Part]


@dataclass(frozen=True)
class Thing:
    """Something one can ask about; ``fresh`` is the condition one begins with."""

    key: str
    label: str
    group: str
    fresh: Raw
    hint: str = ""


@dataclass(frozen=True)
class Editor:
    """Draws the conditions told by the JSON key ``key``, and changes them.

    ``title(raw, setting)`` is what is asked about, ``lines(raw, setting)`` the sentence after it, the first line beside the
    title and further ones beneath. ``changed(raw, name, value, setting)`` is the condition after an answer. Where
    ``of_rows``, it can only be asked of what brings somebody in.
    """

    key: str
    things: Callable[[Setting], Iterable[Thing]]
    title: Callable[[Raw, Setting], str]
    lines: Callable[[Raw, Setting], list[Line]]
    changed: Callable[[Raw, str, Any, Setting], Raw] = field(
        default=lambda raw, name, value, setting: put(raw, name, value)
    )
    of_rows: bool = False
    order: int = 100


editors: Registry[Editor] = Registry()


def editor_of(raw: Any) -> Editor | None:
    """The editor of a condition; None for what nobody draws."""
    found = [editor for editor in editors if isinstance(raw, dict) and editor.key in raw]
    return found[0] if len(found) == 1 else None


def things(setting: Setting) -> list[Thing]:
    """All that may be asked about in a place, in the order in which it is offered."""
    return [thing for editor in editors if setting.trigger or not editor.of_rows for thing in editor.things(setting)]


def pick(
    name: str, label: str, chosen: Any, choices: Sequence[tuple[str, str]], *, role: str = "operator", note: str = ""
) -> Part:
    """A part that asks for one of a few, given as (value, words); what nobody offers is shown as it stands."""
    words = dict(choices).get(str(chosen), "" if chosen is None else str(chosen))
    return Part(
        name,
        words,
        label,
        role,
        lambda: Choose([Choice(*one) for one in choices], [Choice(str(chosen), words)], note=note),
    )
