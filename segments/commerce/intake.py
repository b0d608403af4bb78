"""From a payload to the rows that are stored, by the mapping of its connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segments.commerce import mapping as mappings
from segments.commerce import paths
from segments.commerce.mapping import PERSON, Fault, Read
from segments.commerce.paths import PathError
from segments.commerce.types import CartRow, LineRow, OrderRow, ProductRow, RefundRow
from segments.subscribers.types import SubscriberRow

# Shops write a guest's customer id as nothing or as 0.
_NOBODY = ("", "0")


@dataclass(frozen=True)
class Intake:
    """What one payload says: things of ours, and the person it names."""

    reads: Sequence[Read]
    orders: list[OrderRow] = field(default_factory=list)
    carts: list[CartRow] = field(default_factory=list)
    refunds: list[RefundRow] = field(default_factory=list)
    products: list[ProductRow] = field(default_factory=list)
    person: SubscriberRow | None = None
    accepts_marketing: bool = False


@dataclass(frozen=True)
class Taken:
    """What was stored of a payload, a line a thing; no lines: nothing in it was for us."""

    lines: Sequence[str]
    address_key: str
    reads: Sequence[Read]


def understood(mapping: Mapping[str, Any], topic: str, payload: Any) -> Intake | list[Fault]:
    """Everything the payload is about, or everything that is wrong. Nothing for us is an intake without reads."""
    if faults := mappings.problems(mapping):
        return faults
    reads: list[Read] = []
    for thing in mappings.concerning(mapping, topic, payload):
        read = mappings.read(mapping, thing, payload)
        if isinstance(read, Read):
            reads.append(read)
        else:
            faults += read
    return faults or _rows(reads)


def _rows(reads: Sequence[Read]) -> Intake:
    given: dict[str, Any] = {}
    intake = Intake(reads)
    for read in reads:
        values = dict(read.values)
        person = {one.name: values.pop(one.name) for one in PERSON if one.name in values}
        if person.get("customer_id") in _NOBODY:
            del person["customer_id"]
        given |= person
        customer = {name: person[name] for name in ("customer_id", "email") if name in person}
        match read.thing.key:
            case "order":
                intake.orders.append(OrderRow(lines=_lines(read), **values, **customer))
            case "cart":
                intake.carts.append(CartRow(lines=_lines(read), **values, **customer))
            case "refund":
                intake.refunds.append(RefundRow(lines=_lines(read), **values))
            case "product":
                intake.products.extend(ProductRow(**line) for line in read.lines)
    return Intake(
        reads,
        intake.orders,
        intake.carts,
        intake.refunds,
        intake.products,
        person=_person(given),
        accepts_marketing=bool(given.get("accepts_marketing")),
    )


def _lines(read: Read) -> list[LineRow]:
    return [LineRow(**line) for line in read.lines]


def _person(given: Mapping[str, Any]) -> SubscriberRow | None:
    """The person, where the payload names an address."""
    if not given.get("email"):
        return None
    known = {name: value for name, value in given.items() if name not in ("accepts_marketing", "customer_id")}
    return SubscriberRow(**known, external_id=given.get("customer_id", ""))


def named_address(mapping: Mapping[str, Any], payload: Any) -> str:
    """The address a payload names that could not be stored, as far as it can be read; erasure looks for it."""
    for key in mappings.THINGS:
        text = (mapping.get(key) or {}).get("fields", {}).get("email")
        try:
            found = paths.place(text).find(payload, payload) if text else None
        except PathError:
            continue
        if isinstance(found, str) and "@" in found:
            return found
    return ""
