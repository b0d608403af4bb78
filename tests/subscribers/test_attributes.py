"""Attribute values are stored in one form or refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from segments.subscribers.attributes import merged, typed
from segments.subscribers.models import AttributeDefinition
from segments.subscribers.types import Refusal


def define(kind: str) -> AttributeDefinition:
    return AttributeDefinition(key="it", label="It", type=kind, choices=["Garden", "Kitchen"])


@pytest.mark.parametrize(
    ("kind", "raw", "stored"),
    [
        ("text", "Ann", "Ann"),
        ("text", "a\x00b", "ab"),
        ("int", "-12", -12),
        ("int", 7, 7),
        ("decimal", "007.50", "7.5"),
        ("decimal", Decimal("1E+2"), "100"),
        ("decimal", 0.1, "0.1"),
        ("decimal", "-0.0", "0"),
        ("bool", "Yes", True),
        ("bool", False, False),
        ("date", "2026-11-19", "2026-11-19"),
        ("datetime", "2026-11-19T09:40:00+01:00", "2026-11-19T08:40:00+00:00"),
        ("datetime", dt.datetime(2026, 11, 19, 8, 40, 0, 5), "2026-11-19T08:40:00+00:00"),
        ("enum", "garden", "Garden"),
        ("multi", ["Kitchen", "garden", "Kitchen"], ["Garden", "Kitchen"]),
        ("multi", "", []),
    ],
)
def test_a_value_has_one_stored_form(kind, raw, stored):
    value = typed(define(kind), raw)
    assert value == stored
    assert type(value) is type(stored)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("text", "x" * 10_241),
        ("text", {"deep": {}}),
        ("int", "1.5"),
        ("int", True),
        ("int", 2**60),
        ("int", "9" * 9_000),
        ("decimal", "NaN"),
        ("decimal", float("inf")),
        ("decimal", "1e999"),
        ("bool", "maybe"),
        ("date", "19.11.2026"),
        ("date", "2026-02-30"),
        ("datetime", "yesterday"),
        ("enum", "Cellar"),
        ("multi", ["Garden", "Cellar"]),
        ("multi", 7),
    ],
)
def test_other_values_are_refused_with_a_reason(kind, raw):
    refusal = typed(define(kind), raw)
    assert isinstance(refusal, Refusal)
    assert refusal.reason


def test_a_person_has_at_most_a_hundred_attributes():
    full = {f"a{n}": n for n in range(100)}
    assert isinstance(merged(full, {"one_more": 1}), Refusal)
    assert merged(full, {"a0": None, "one_more": 1}) == {**{f"a{n}": n for n in range(1, 100)}, "one_more": 1}
