"""Which first name a mail may say: cleaned of what forms and imports leave in that field, or none at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from personalize.rendering.headers import clean


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_JUNK = _words(
    "business test tester testing asdf qwerty abc xyz xxx yyy n/a na nil none null undefined unknown anonymous anon nobody user "
    "username name firstname vorname nachname customer client kunde kundin guest gast subscriber contact member admin "
    "administrator root info sales office support hello webmaster shop store mr mrs ms miss mx herr frau dr sir madam "
    "dear there friend"
)
_COMPANY = _words(
    "ltd limited llc inc incorporated corp corporation company plc gmbh mbh ag kg ohg ug ev e.v. co co. bv b.v. sarl "
    "s.a. s.r.l. srl pty group holding holdings solutions services"
)
_PARTICLES = _words("de da di do du del della dos das der den des van von vom zu zum zur bin ibn al el la le ter ten y")
# What is left must be letters with their marks, and what joins them.
_ALLOWED = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u064b-\u065f .'’‘ʻ`·・-])*")
_REPEATED = re.compile(r"(.)\1{3}", re.IGNORECASE)
_PARTS = re.compile(r"([ \-'’‘ʻ·])")
_CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")
_LONGEST = 40


def first_name(person: Mapping[str, Any]) -> str:
    """How to call this person, or "" when nothing in hand can be trusted to be a name.

    The preferred name wins over the first name. A first name that swallowed the last name gives it back.
    """
    language = str(person.get("language") or "")
    preferred = _trusted(str(person.get("preferred_name") or ""), person)
    if preferred:
        return cased(preferred, language)
    given = _trusted(str(person.get("first_name") or ""), person)
    first, _, rest = given.partition(" ")
    if rest and rest.casefold() == tidy(str(person.get("last_name") or "")).casefold():
        given = first
    return cased(given, language)


def last_name(person: Mapping[str, Any]) -> str:
    """The family name, cleaned in the same way, or ""."""
    return cased(_trusted(str(person.get("last_name") or ""), person), str(person.get("language") or ""))


def tidy(text: str) -> str:
    """One line in Unicode's composed form, without control or zero-width characters and without needless space."""
    return " ".join(unicodedata.normalize("NFC", clean(text)).replace("\u200d", "").replace("\u200c", "").split())


def cased(name: str, language: str = "") -> str:
    """The name with capitals where it has none, or nothing but; mixed case is left alone, as are scripts without case."""
    if name.upper() == name.lower() or name not in (_upper(name, language), _lower(name, language)):
        return name
    if name == name.upper() and re.fullmatch(r"[A-Z]J", name):
        return name  # AJ, DJ and TJ are initials.
    pieces = _PARTS.split(_lower(name, language))
    return "".join(
        piece if piece in _PARTICLES and index > 0 and pieces[index - 1] == " " else _capital(piece, language)
        for index, piece in enumerate(pieces)
    )


def _trusted(text: str, person: Mapping[str, Any]) -> str:
    name = tidy(text).strip(".,;:-'’ ")
    if not name or len(name) > _LONGEST or not _ALLOWED.fullmatch(name) or _REPEATED.search(name):
        return ""
    folded = name.casefold()
    words = set(folded.split())
    if words <= _JUNK or words & _COMPANY:
        return ""
    if len(name) == 1 and not unicodedata.name(name, "").startswith(_CJK):
        return ""
    local = str(person.get("email") or "").partition("@")[0].casefold()
    # "ann" at the front of an address may well be Ann; "ann.whitaker" or "ann-w" was put there by a machine.
    if folded == local and re.search(r"[.\-+]", local):
        return ""
    return name


def _capital(part: str, language: str) -> str:
    if part.startswith("mc") and len(part) > 3:
        return "Mc" + _upper(part[2], language) + part[3:]
    return _upper(part[:1], language) + part[1:]


def _upper(text: str, language: str) -> str:
    return (text.replace("i", "İ") if _turkish(language) else text).upper()


def _lower(text: str, language: str) -> str:
    return (text.replace("I", "ı").replace("İ", "i") if _turkish(language) else text).lower()


def _turkish(language: str) -> bool:
    return language.split("-")[0].lower() in ("tr", "az")
