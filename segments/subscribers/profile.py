"""What is accepted as a name, a country, a language, a time zone, a birthday or a position, and in which one form."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import zoneinfo
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core import clock
from personalize.core.database import fold
from segments.subscribers.types import Refusal, SubscriberRow

# The texts of a person and how long each may be.
TEXTS = {
    "first_name": 100,
    "last_name": 100,
    "preferred_name": 100,
    "title": 40,
    "region": 100,
    "city": 100,
    "postal_code": 20,
}
FOLDED = ("first_name", "last_name", "region", "city")

# Marks that reorder or hide text. Joiners (U+200C, U+200D) stay: Persian and Indic names are misspelt without them.
_HIDDEN = {0x061C, 0x200B, 0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
# Codes that CLDR lists among territories although no post arrives there.
_NO_COUNTRY = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
# English names that CLDR does not have, or no longer.
_ALSO = {
    "burma": "MM",
    "cape verde": "CV",
    "czech republic": "CZ",
    "east timor": "TL",
    "eire": "IE",
    "great britain": "GB",
    "holland": "NL",
    "hong kong": "HK",
    "ivory coast": "CI",
    "macau": "MO",
    "macedonia": "MK",
    "republic of ireland": "IE",
    "swaziland": "SZ",
    "turkey": "TR",
    "united states of america": "US",
}
# What systems write when they know no date of birth.
_SENTINELS = {(1900, 1, 1), (1970, 1, 1)}
# Up to here nobody needs to ask what day it is.
_LONG_AGO = 2020
_BIRTHDAY = re.compile(r"(?:(\d{4})|-)?-?(\d{2})-(\d{2})")


def clean_text(text: str) -> str:
    """The text without control, direction and zero-width marks, surrounded by no white space; otherwise as given."""
    if text.isprintable():
        return text.strip()
    kept = []
    for mark in text:
        category = unicodedata.category(mark)
        if mark.isspace() or category in ("Zl", "Zp"):
            kept.append(" ")
        elif category not in ("Cc", "Cs") and ord(mark) not in _HIDDEN:
            kept.append(mark)
    return "".join(kept).strip()


@cache
def _countries() -> dict[str, str]:
    """Codes by everything a country may be called: alpha-2, alpha-3 and English name, folded."""
    names = {code: name for code, name in Locale("en").territories.items() if len(code) == 2 and code.isalpha()}
    found = {fold(name): code for code, name in names.items() if code not in _NO_COUNTRY}
    found |= {code.casefold(): code for code in names if code not in _NO_COUNTRY}
    for alias, codes in get_global("territory_aliases").items():
        if alias == "UK" or (len(alias) == 3 and alias.isalpha() and len(codes) == 1 and codes[0] in names):
            found[alias.casefold()] = codes[0]
    return found | _ALSO


@lru_cache(maxsize=1024)
def country_code(text: str) -> str | None:
    """The ISO 3166 alpha-2 code of a country given by code or English name; None when it is not known."""
    return _countries().get(fold(text))


@lru_cache(maxsize=1024)
def language_tag(text: str) -> str | None:
    """The language in BCP 47 form, such as ``de-AT``; None when it is not known."""
    try:
        locale = Locale.parse(text.strip().replace("_", "-"), sep="-")
    except (ValueError, UnknownLocaleError, TypeError):
        return None
    tag = "-".join(part for part in (locale.language, locale.script, locale.territory) if part)
    return tag if len(tag) <= 12 else None


@cache
def _zone_names() -> dict[str, str]:
    return {name.casefold(): name for name in zoneinfo.available_timezones()}


@lru_cache(maxsize=1024)
def zone_name(text: str) -> str | None:
    """The IANA name of a time zone in its own spelling; None when it is not known."""
    return _zone_names().get(text.strip().casefold())


@cache
def single_zones() -> dict[str, str]:
    """The time zone of every country that has just one."""
    zones = defaultdict(list)
    for zone, country in get_global("zone_territories").items():
        zones[country].append(zone)
    return {country: found[0] for country, found in zones.items() if len(found) == 1}


def zone_of_country(country: str) -> str:
    """The time zone of a country that has just one, otherwise an empty text."""
    return single_zones().get(country, "")


def birthday(given: str | dt.date) -> tuple[int | None, int, int] | str:
    """(year or None, month, day) of a date of birth, or the reason why it is none."""
    read = _date_of_birth(given.isoformat()[:10] if isinstance(given, dt.date) else given)
    if isinstance(read, str):
        return read
    year, month, day = read
    if year and (year < 1901 or (year > _LONG_AGO and (year, month, day) > _today())):
        return _("is not a believable date of birth")
    return read


def _today() -> tuple[int, int, int]:
    today = clock.now()
    return today.year, today.month, today.day


@lru_cache(maxsize=32_768)
def _date_of_birth(given: str) -> tuple[int | None, int, int] | str:
    """A day of the calendar, or the reason why it is none; people share some thirty thousand of them."""
    found = _BIRTHDAY.fullmatch(given.strip())
    if not found:
        return _("is not a date such as 1988-02-29 or, without a year, --02-29")
    year = int(found[1]) if found[1] else None
    month, day = int(found[2]), int(found[3])
    if (year, month, day) in _SENTINELS or year == 0 or month == 0 or day == 0:
        return _("stands for an unknown date in many systems and is not taken as a date of birth")
    try:
        dt.date(year or 2000, month, day)
    except ValueError:
        return _("is not in the calendar")
    return year, month, day


Given = Mapping[str, Any]
Found = dict[str, Any]
Bad = list[Refusal]


def _texts(given: Given, found: Found, bad: Bad) -> None:
    for name, limit in TEXTS.items():
        if (text := given.get(name)) is None:
            continue
        text = clean_text(text)
        if len(text) > limit:
            bad.append(Refusal(name, _("is longer than %d characters") % limit))
            continue
        found[name] = text
        if name in FOLDED:
            found[f"{name}_folded"] = fold(text)[:limit]


_CODES: Mapping[str, tuple[Callable[[str], str | None], Any]] = {
    "country": (
        country_code,
        gettext_lazy("is not a country we know; use its two-letter code or English name"),
    ),
    "language": (language_tag, gettext_lazy("is not a language we know; use a code such as en or de-AT")),
    "time_zone": (zone_name, gettext_lazy("is not a time zone we know; use a name such as Europe/London")),
}


def _codes(given: Given, found: Found, bad: Bad) -> None:
    for name, (read, hint) in _CODES.items():
        if (text := given.get(name)) is not None:
            code = read(text) if text.strip() else ""
            if code is None:
                bad.append(Refusal(name, str(hint)))
            else:
                found[name] = code


def _position(given: Given, found: Found, bad: Bad) -> None:
    pair = [given.get("latitude"), given.get("longitude")]
    if pair == [None, None]:
        return
    if all(part in (None, "") for part in pair):
        found |= {"latitude": None, "longitude": None}
        return
    try:
        latitude, longitude = (float(part) for part in pair if part is not None)
    except ValueError:
        bad.append(Refusal("latitude", _("and longitude must both be numbers")))
        return
    if -90 <= latitude <= 90 and -180 <= longitude <= 180:
        found |= {"latitude": latitude, "longitude": longitude}
    else:
        bad.append(Refusal("latitude", _("and longitude are not a place on earth")))


def _birthday(given: Given, found: Found, bad: Bad) -> None:
    born = given.get("birth_date")
    if born is None:
        return
    read: tuple[int | None, int | None, int | None] | str = (None, None, None) if born == "" else birthday(born)
    if isinstance(read, str):
        bad.append(Refusal("birth_date", read))
    else:
        found["birth_year"], found["birth_month"], found["birth_day"] = read


def columns(given: Given) -> tuple[dict[str, Any], list[Refusal]]:
    """The columns that the given values set, checked and in stored form, and what is wrong with the others.

    ``given`` has the names and meanings of SubscriberRow's fields; None or nothing sets nothing, an empty text clears.
    What is wrong with a position is said of its latitude.
    """
    found: Found = {}
    bad: Bad = []
    for read in (_texts, _codes, _position, _birthday):
        read(given, found, bad)
    return found, bad


def parts(field: str, value: Any) -> dict[str, Any]:
    """One value in the names of SubscriberRow's fields: a position, which is known by its latitude, has two."""
    if field != "latitude":
        return {field: value}
    latitude, _comma, longitude = str(value).partition(",")
    return {"latitude": latitude, "longitude": longitude}


def whole(field: str, row: SubscriberRow) -> str:
    """What a row says of a field, as one text that ``parts`` takes apart again."""
    said = (row.latitude, row.longitude) if field == "latitude" else (getattr(row, field),)
    return ", ".join("" if part is None else str(part) for part in said)


GIVEN = (*TEXTS, "country", "language", "time_zone", "latitude", "longitude", "birth_date")
