"""Salutations: one whole line from a table for each language, so that no mail ever starts with "Hi ,"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from personalize.rendering import names
from personalize.rendering.headers import isolate


@dataclass(frozen=True)
class Greeting:
    """A salutation in full, the name in it ("" when there is none), and which line of the table it is."""

    text: str
    name: str
    kind: str


@dataclass(frozen=True)
class Salutations:
    """The lines of one language, with ``{name}`` where the name goes.

    ``titles`` maps a chosen title, folded to small letters without full stops, to the formal line for it. A title that is
    not listed is not used: nobody's gender is guessed, neither from a name nor from a title we cannot read.
    """

    informal: str
    informal_without: str
    formal_without: str
    titles: Mapping[str, str] = field(default_factory=dict)


_ENGLISH = Salutations(
    informal="Hi {name},",
    informal_without="Hello,",
    formal_without="Good day,",
    titles={
        **dict.fromkeys(["mr", "herr"], "Dear Mr {name},"),
        "mrs": "Dear Mrs {name},",
        **dict.fromkeys(["ms", "frau"], "Dear Ms {name},"),
        "miss": "Dear Miss {name},",
        "mx": "Dear Mx {name},",
        **dict.fromkeys(["dr", "herr dr", "frau dr"], "Dear Dr {name},"),
        **dict.fromkeys(["prof", "professor", "prof dr", "herr prof dr", "frau prof dr"], "Dear Professor {name},"),
    },
)
_GERMAN = Salutations(
    informal="Hallo {name},",
    informal_without="Hallo,",
    formal_without="Guten Tag,",
    titles={
        **dict.fromkeys(["herr", "mr"], "Sehr geehrter Herr {name},"),
        **dict.fromkeys(["frau", "mrs", "ms", "miss"], "Sehr geehrte Frau {name},"),
        "herr dr": "Sehr geehrter Herr Dr. {name},",
        "frau dr": "Sehr geehrte Frau Dr. {name},",
        **dict.fromkeys(["herr prof", "herr prof dr"], "Sehr geehrter Herr Prof. {name},"),
        **dict.fromkeys(["frau prof", "frau prof dr"], "Sehr geehrte Frau Prof. {name},"),
        "dr": "Guten Tag Dr. {name},",
        **dict.fromkeys(["prof", "professor", "prof dr"], "Guten Tag Prof. {name},"),
    },
)
SALUTATIONS: dict[str, Salutations] = {"en": _ENGLISH, "de": _GERMAN}
"""By language, without region; a further language is one more entry."""

INFORMAL, INFORMAL_WITHOUT, FORMAL, FORMAL_WITHOUT = "informal", "informal_without", "formal", "formal_without"


def greet(person: Mapping[str, Any], *, language: str, formality: str) -> Greeting:
    """The salutation for a person (first_name, last_name, preferred_name, title, email) in a language (BCP 47).

    ``formality`` is ``informal`` or ``formal``. The formal line with a name needs a last name and a title the person
    chose. A language without a table is greeted in English.
    """
    lines = SALUTATIONS.get(language.split("-")[0].lower(), _ENGLISH)
    if formality == FORMAL:
        name = names.last_name(person)
        line = lines.titles.get(_folded(str(person.get("title") or "")))
        if name and line:
            return Greeting(line.format(name=isolate(name)), name, FORMAL)
        return Greeting(lines.formal_without, "", FORMAL_WITHOUT)
    name = first_name(person)
    if name:
        return Greeting(lines.informal.format(name=isolate(name)), name, INFORMAL)
    return Greeting(lines.informal_without, "", INFORMAL_WITHOUT)


def first_name(person: Mapping[str, Any]) -> str:
    """How to call this person; "" when nothing can be trusted to be a name."""
    return names.first_name(person)


def _folded(title: str) -> str:
    return " ".join(names.tidy(title).casefold().replace(".", " ").split())
