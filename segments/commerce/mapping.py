"""What a payload means: for each thing of ours, which topics are about it and where each of its fields stands.

A mapping is JSON: ``{"order": {"topics": ["order.updated"], "if": "status is not draft", "fields": {"number": "id", …}},
"consent": {"topic": "news", "basis": "…"}}``; the texts are those of ``paths``. What is wrong is said with its place.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.commerce import paths
from segments.commerce.paths import PathError, is_empty

MAX_LINES = 500
_NUMBER = re.compile(r"[+-]?\d{1,13}(\.\d{1,30})?")
_CENT_OF_CENT = Decimal("0.0001")
_NO = {"", "false", "no", "n", "0"}


@dataclass(frozen=True)
class Field:
    """A field of a thing; one of ``each`` stands in every line and has the name of its list in front."""

    name: str
    label: Any
    kind: str = "text"
    needed: bool = False
    each: bool = False


@dataclass(frozen=True)
class Thing:
    """Something of ours that a payload may be about; ``list`` names the field that gives its lines or items."""

    key: str
    label: Any
    fields: tuple[Field, ...]
    list: str = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a payload or a mapping, and where: ``order.lines[2].unit_price``."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"

    @property
    def field(self) -> str:
        """The field of the mapping that it is about, without its thing and without the number of the line."""
        return re.sub(r"\[\d+\]", "", self.place.partition(".")[2])


@dataclass(frozen=True)
class Read:
    """The values of one thing: its own, and those of each line."""

    thing: Thing
    values: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]] = field(default_factory=list)


PERSON = (
    Field("email", gettext_lazy("Their address")),
    Field("customer_id", gettext_lazy("Their id in the shop")),
    Field("first_name", gettext_lazy("First name")),
    Field("last_name", gettext_lazy("Last name")),
    Field("language", gettext_lazy("Language")),
    Field("country", gettext_lazy("Country")),
    Field("city", gettext_lazy("City")),
    Field("postal_code", gettext_lazy("Postal code")),
    Field("accepts_marketing", gettext_lazy("Said yes to marketing"), kind="answer"),
)
LINES = (
    Field("lines", gettext_lazy("The list of lines"), kind="list", needed=True),
    Field("code", gettext_lazy("Product code"), needed=True, each=True),
    Field("quantity", gettext_lazy("Quantity"), kind="whole", needed=True, each=True),
    Field("unit_price", gettext_lazy("Price of one"), kind="money", needed=True, each=True),
)
THINGS = {
    thing.key: thing
    for thing in (
        Thing(
            "order",
            gettext_lazy("Order"),
            (
                Field("number", gettext_lazy("Number"), needed=True),
                Field("placed_at", gettext_lazy("Placed at"), kind="instant", needed=True),
                Field("status", gettext_lazy("Status")),
                Field("changed_at", gettext_lazy("Status since"), kind="instant"),
                Field("currency", gettext_lazy("Currency")),
                Field("cart", gettext_lazy("Key of the cart it was")),
                *LINES,
                *PERSON,
            ),
            list="lines",
        ),
        Thing(
            "cart",
            gettext_lazy("Cart"),
            (
                Field("key", gettext_lazy("Key"), needed=True),
                Field("at", gettext_lazy("Last change"), kind="instant", needed=True),
                Field("checkout", gettext_lazy("Began to pay"), kind="answer"),
                Field("url", gettext_lazy("Where the shop shows it")),
                Field("currency", gettext_lazy("Currency")),
                *LINES,
                *PERSON,
            ),
            list="lines",
        ),
        Thing(
            "refund",
            gettext_lazy("Refund"),
            (
                Field("number", gettext_lazy("Number"), needed=True),
                Field("refunded_at", gettext_lazy("Given back at"), kind="instant", needed=True),
                Field("order_number", gettext_lazy("Number of the order")),
                *LINES,
            ),
            list="lines",
        ),
        Thing(
            "product",
            gettext_lazy("Product"),
            (
                Field("items", gettext_lazy("The list of variants, if each is sold under its own code"), kind="list"),
                Field("code", gettext_lazy("Code"), needed=True, each=True),
                Field("title", gettext_lazy("Title"), each=True),
                Field("description", gettext_lazy("Description"), each=True),
                Field("url", gettext_lazy("Address of its page"), each=True),
                Field("image_url", gettext_lazy("Address of its picture"), each=True),
                Field("category", gettext_lazy("Category"), each=True),
                Field("brand", gettext_lazy("Brand"), each=True),
                Field("price", gettext_lazy("Price"), kind="money", each=True),
                Field("stock", gettext_lazy("Stock"), kind="whole", each=True),
                Field("active", gettext_lazy("For sale"), kind="answer", each=True),
            ),
            list="items",
        ),
        Thing("customer", gettext_lazy("Customer"), PERSON),
    )
}


def problems(mapping: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with a mapping as it is written, whatever the payload; unknown keys are wrong too."""
    found = []
    for key, part in mapping.items():
        if key == "consent":
            continue
        thing = THINGS.get(key)
        if thing is None or not isinstance(part, dict) or not isinstance(part.get("fields"), dict):
            found.append(Fault(str(key)[:40], _("is not something that can be mapped")))
            continue
        found += _problems_of(thing, part)
    return found


def _problems_of(thing: Thing, part: Mapping[str, Any]) -> list[Fault]:
    found = []
    known = {one.name for one in thing.fields}
    for name, text in part["fields"].items():
        if name not in known:
            found.append(Fault(f"{thing.key}.{name}"[:80], _("is not a field")))
        elif problem := _problem(paths.place, text):
            found.append(Fault(f"{thing.key}.{name}", problem))
    if part.get("if") and (problem := _problem(paths.condition, part["if"])):
        found.append(Fault(f"{thing.key}.if", problem))
    if part.get("topics"):
        missing = [one for one in thing.fields if one.needed and not part["fields"].get(one.name)]
        found += [Fault(f"{thing.key}.{one.name}", _("is needed")) for one in missing]
    return found


def _problem(read: Any, text: Any) -> str:
    try:
        read(text if isinstance(text, str) else "")
    except PathError as error:
        return str(error)
    return ""


def concerning(mapping: Mapping[str, Any], topic: str, payload: Any) -> list[Thing]:
    """What a payload with this topic is about: the topic must be listed, and the condition, if there is one, hold."""
    found = []
    for key, thing in THINGS.items():
        part = mapping.get(key) or {}
        listed = {str(one).casefold() for one in part.get("topics", ())}
        if topic.casefold() in listed and (not part.get("if") or paths.condition(part["if"]).holds(payload, payload)):
            found.append(thing)
    return found


def read(mapping: Mapping[str, Any], thing: Thing, payload: Any) -> Read | list[Fault]:
    """The typed values of ``thing`` in the payload, or everything that is wrong. The mapping must have no problems."""
    texts = mapping[thing.key]["fields"]
    faults: list[Fault] = []
    own = [one for one in thing.fields if not one.each and one.kind != "list"]
    values = _values(own, texts, payload, payload, thing.key, faults)
    lines = []
    if thing.list:
        items = _items(thing, texts, payload, faults)
        each = [one for one in thing.fields if one.each]
        for number, item in enumerate(items):
            where = f"{thing.key}.{thing.list}[{number}]" if texts.get(thing.list) else thing.key
            lines.append(_values(each, texts, item, payload, where, faults))
    return faults or Read(thing, values, lines)


def _items(thing: Thing, texts: Mapping[str, str], payload: Any, faults: list[Fault]) -> list[Any]:
    """The lines; without a path to a list the payload itself is the one item."""
    where = f"{thing.key}.{thing.list}"
    text = texts.get(thing.list)
    if not text:
        return [payload]
    found = paths.place(text).find(payload, payload)
    if not isinstance(found, list):
        # An empty list is an emptied cart; no list at all is a mapping that points at nothing.
        faults.append(Fault(where, _("is no list: nothing of that kind stands at %s") % text))
        return []
    if len(found) > MAX_LINES:
        faults.append(Fault(where, _("has more than %d entries") % MAX_LINES))
        return []
    return found


def _values(
    fields: Sequence[Field], texts: Mapping[str, str], here: Any, root: Any, where: str, faults: list[Fault]
) -> dict[str, Any]:
    values = {}
    for one in fields:
        text = texts.get(one.name)
        raw = paths.place(text).find(here, root) if text else None
        try:
            if not is_empty(raw):
                values[one.name] = _READERS[one.kind](raw)
            elif one.needed:
                raise ValueError(_("is not there: nothing stands at %s") % (text or "…"))
        except ValueError as error:
            faults.append(Fault(f"{where}.{one.name}", str(error)))
    return values


def _text(raw: Any) -> str:
    if isinstance(raw, list | dict):
        raise ValueError(_("is a list or a group, not a value"))
    return str(raw).lower() if isinstance(raw, bool) else str(raw).strip()


def _number(raw: Any) -> Decimal:
    text = format(Decimal(str(raw)), "f") if isinstance(raw, float) else _text(raw)
    if not _NUMBER.fullmatch(text):
        raise ValueError(_("“%s” is not a number such as 2.55") % text[:40])
    return Decimal(text)


def _money(raw: Any) -> Decimal:
    """Shops work out prices per piece to many places; what is kept ends at a ten-thousandth."""
    return _number(raw).quantize(_CENT_OF_CENT, ROUND_HALF_UP)


def _whole(raw: Any) -> int:
    number = _number(raw)
    if number != int(number):
        raise ValueError(_("“%s” is not a whole number") % number)
    return int(number)


def _instant(raw: Any) -> dt.datetime:
    """ISO 8601; without a zone it is UTC."""
    try:
        at = dt.datetime.fromisoformat(_text(raw))
        return at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(_("“%s” is not a date and time such as 2026-11-19T08:40:00Z") % str(raw)[:40]) from None


def _answer(raw: Any) -> bool:
    return _text(raw).casefold() not in _NO


_READERS = {"text": _text, "money": _money, "whole": _whole, "instant": _instant, "answer": _answer}
