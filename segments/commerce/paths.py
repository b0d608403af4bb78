"""The small language in which a mapping says where a value stands in a payload. Nothing in it is ever executed.

- ``customer.email`` walks down by keys, ``images[0].src`` takes the first of a list, ``packages[*].items[*]`` all of them;
- within a line, paths begin at the line, and ``$.title`` begins at the payload again;
- ``sku | product_id`` takes the first that is not empty, ``"EUR"`` is the text itself;
- cases, one a line, give a word of ours for the shop's: ``status is processing, on-hold: paid`` and ``otherwise: placed``;
  ``is not`` and ``empty`` do what they say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

MAX_TEXT, MAX_CASES, MAX_CHOICES, MAX_STEPS = 500, 12, 6, 10

_STEP = re.compile(r"(?:^|\.)([\w-]{1,64})|\[(\d{1,4}|\*)\]")
_CONDITION = re.compile(r"(?P<path>\S+) is (?P<not>not )?(?P<values>[^:]+)")
_CASE = re.compile(rf"(?:otherwise|{_CONDITION.pattern}): *(?P<result>.+)")

# A step down: a key, a place in a list, or every item of it. No key is spelt like the last.
Step = str | int
EVERY = "*"


class PathError(ValueError):
    """The text is no path; the message says what is wrong, in plain words."""


@dataclass(frozen=True)
class Path:
    """The way to a value; ``rooted`` ones begin at the payload even within a line."""

    steps: tuple[Step, ...]
    rooted: bool = False

    def find(self, here: Any, root: Any) -> Any:
        """The value, None where the way ends, and a flat list where it branches."""
        return _walk(root if self.rooted else here, self.steps)


@dataclass(frozen=True)
class Constant:
    """A text that stands in the mapping itself."""

    text: str

    def find(self, here: Any, root: Any) -> Any:
        return self.text


@dataclass(frozen=True)
class Choice:
    """The first of several places where there is something; failing that, the first that is there and empty."""

    places: tuple[Path | Constant, ...]

    def find(self, here: Any, root: Any) -> Any:
        found = [value for place in self.places if (value := place.find(here, root)) is not None]
        return next((value for value in found if not is_empty(value)), found[0] if found else None)


@dataclass(frozen=True)
class Condition:
    """Whether what stands at a place is, or is not, one of some words; no words: whether it is empty."""

    path: Path
    words: frozenset[str]
    negated: bool

    def holds(self, here: Any, root: Any) -> bool:
        value = self.path.find(here, root)
        found = is_empty(value) if not self.words else str(value).casefold() in self.words
        return found is not self.negated


@dataclass(frozen=True)
class Cases:
    """A word of ours by the first condition that holds; a case without a condition always does."""

    cases: tuple[tuple[Condition | None, str], ...]

    def find(self, here: Any, root: Any) -> Any:
        return next((word for condition, word in self.cases if condition is None or condition.holds(here, root)), None)


Place = Choice | Cases


def is_empty(value: Any) -> bool:
    """Whether a payload says nothing there: null, an empty text or list, or no such key."""
    return value is None or value in ("", [], {})


@lru_cache(maxsize=1024)
def place(text: str) -> Place:
    """Read the text of a field. Raises PathError."""
    if len(text) > MAX_TEXT:
        raise PathError(_("is longer than %d characters") % MAX_TEXT)
    rows = [row for line in text.splitlines() if (row := line.strip())]
    if len(rows) > MAX_CASES:
        raise PathError(_("has more than %d cases") % MAX_CASES)
    if any(_CASE.fullmatch(row) for row in rows):
        return Cases(tuple(_case(row) for row in rows))
    if len(rows) != 1:
        raise PathError(_("is several lines, and not all of them are cases such as “status is paid: paid”"))
    return _choice(rows[0])


@lru_cache(maxsize=256)
def condition(text: str) -> Condition:
    """Read a condition such as ``status is not draft``. Raises PathError."""
    found = _CONDITION.fullmatch(text.strip())
    if len(text) > MAX_TEXT or not found:
        raise PathError(_("is not a condition such as “status is paid” or “status is not empty”"))
    return _condition(found)


def _case(row: str) -> tuple[Condition | None, str]:
    found = _CASE.fullmatch(row)
    if not found:
        raise PathError(_("“%s” is not a case such as “status is paid: paid”") % row[:40])
    return (_condition(found) if found["path"] else None), found["result"].strip()


def _condition(found: re.Match[str]) -> Condition:
    words = frozenset(word.strip().casefold() for word in found["values"].split(",")) - {""}
    return Condition(_path(found["path"]), frozenset() if words == {"empty"} else words, bool(found["not"]))


def _choice(row: str) -> Choice:
    texts = [text.strip() for text in row.split("|")]
    if len(texts) > MAX_CHOICES:
        raise PathError(_("names more than %d places") % MAX_CHOICES)
    return Choice(tuple(_constant(text) or _path(text) for text in texts))


def _constant(text: str) -> Constant | None:
    return Constant(text[1:-1]) if len(text) >= 2 and text[0] == text[-1] == '"' else None


def _path(text: str) -> Path:
    rooted = text.startswith("$.")
    rest, end = text.removeprefix("$."), 0
    steps: list[Step] = []
    for found in _STEP.finditer(rest):
        if found.start() != end:
            break
        key, number = found.groups()
        steps.append(key if key is not None else EVERY if number == "*" else int(number))
        end = found.end()
    if not rest or rest[0] == "." or end != len(rest):
        raise PathError(_("“%s” is not a place such as customer.email or images[0].src") % text[:40])
    if len(steps) > MAX_STEPS:
        raise PathError(_("goes deeper than %d steps") % MAX_STEPS)
    return Path(tuple(steps), rooted)


def _walk(here: Any, steps: tuple[Step, ...]) -> Any:
    for position, step in enumerate(steps):
        if step == EVERY:
            if not isinstance(here, list):
                return None
            found = [_walk(item, steps[position + 1 :]) for item in here]
            return [inner for item in found for inner in (item if isinstance(item, list) else [item])]
        if isinstance(step, int):
            here = here[step] if isinstance(here, list) and step < len(here) else None
        else:
            here = here.get(step) if isinstance(here, dict) else None
        if here is None:
            return None
    return here
