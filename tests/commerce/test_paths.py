"""A mapping points at values, never runs anything, and says where it is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from segments.commerce import mapping, ready
from segments.commerce.mapping import problems
from segments.commerce.models import ConnectionKind
from segments.commerce.paths import PathError, condition, place
from tests.commerce.payloads import WOO_ORDER

PAYLOAD: dict[str, Any] = {
    "a": {"b": [{"c": 1}, {"c": 2}], "empty": "", "none": None, "zero": 0},
    "boxes": [{"items": [{"sku": "A"}, {"sku": "B"}]}, {"items": [{"sku": "C"}]}],
    "status": "Processing",
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.b[0].c", 1),
        ("a.b[1].c", 2),
        ("a.b[7].c", None),
        ("a.b[*].c", [1, 2]),
        ("boxes[*].items[*].sku", ["A", "B", "C"]),
        ("a.c.d.e", None),
        ("status.length", None),
        ("a.empty | a.none | status", "Processing"),
        ("a.zero | status", 0),
        ('a.none | "GBP"', "GBP"),
        ("$.status", "Processing"),
        ("status is processing: paid\notherwise: placed", "paid"),
        ("status is lost, gone: x\notherwise: placed", "placed"),
        ("status is not processing: x", None),
        ("a.none is empty: nothing", "nothing"),
        ("a.b is not empty: something", "something"),
    ],
)
def test_a_place_gives_what_stands_there(text, found):
    assert place(text).find(PAYLOAD, PAYLOAD) == found


def test_within_a_line_a_place_begins_at_the_line_or_at_the_top():
    line = PAYLOAD["a"]["b"][1]
    assert place("c").find(line, PAYLOAD) == 2
    assert place("$.status").find(line, PAYLOAD) == "Processing"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a..b",
        "a[",
        "a[-1]",
        "a[x]",
        ".a",
        "a b",
        "$",
        "__import__('os')",
        "a;b",
        ".".join("abcdefghijk"),
        "a|" * 6 + "a",
        "x" * 501,
        "a\nb",
        "status is paid: paid\nnonsense",
        "\n".join(["status is paid: paid"] * 13),
    ],
)
def test_what_is_no_place_is_refused_in_words(text):
    with pytest.raises(PathError) as error:
        place(text)
    assert str(error.value)


def test_a_condition_must_be_one():
    assert condition("status is not draft").holds(PAYLOAD, PAYLOAD)
    with pytest.raises(PathError):
        condition("status == draft")


@pytest.mark.parametrize("kind", ConnectionKind.values)
def test_a_ready_mapping_has_no_problems(kind):
    assert problems(ready.mapping(kind)) == []


def test_what_is_wrong_with_a_mapping_is_said_with_its_place():
    wrong = {
        "order": {"topics": ["x"], "if": "maybe", "fields": {"number": "a..b", "id": "x", "lines": "l[*]"}},
        "user": {"fields": {}},
    }
    assert {fault.place for fault in problems(wrong)} == {
        "order.number",
        "order.id",
        "order.if",
        "order.placed_at",
        "order.code",
        "order.quantity",
        "order.unit_price",
        "user",
    }


def test_everything_wrong_in_a_payload_is_told_at_once():
    bad = {**WOO_ORDER, "id": "", "line_items": [{"sku": "A"}, {"sku": [1], "quantity": 1.5, "price": "1"}]}
    found = mapping.read(ready.mapping("woocommerce"), mapping.THINGS["order"], bad)
    assert [fault.place for fault in found] == [
        "order.number",
        "order.lines[0].quantity",
        "order.lines[0].unit_price",
        "order.lines[1].code",
        "order.lines[1].quantity",
    ]
