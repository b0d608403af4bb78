"""JSON that means nothing, or two things, is refused with its place; everything else means what it says."""

from __future__ import annotations

import contextlib
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalize.core.strictjson import BadJson, loads

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_json_can_say_is_read_as_it_was_said(value):
    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"a": 1,\n "b": NaN}', "line 2, column 7"),
        (b'{"a": -Infinity}', "line 1, column 7"),
        (b"[1, [1e999]]", "line 1, column 6"),
        (b'{"events": [{"n": 1},\n{"n": 1, "n": 2}]}', "line 2, column 1"),
        (b"[" + b"9" * 100_000 + b"]", "line 1, column 2"),
        (b"[0." + b"9" * 100_000 + b"]", "line 1, column 2"),
        (b'{"a": "\xff"}', "Byte 7"),
        (b'{"a": "\xed\xa0\x80"}', "Byte 7"),
        (b'{"a": ["x", "\\ud800"]}', "a.1"),
        (b'{"a": "\\u0000"}', "at a"),
        (b'{"\\udc00": 1}', "at the top"),
        (b"[" * 100_000, "nested"),
        (b"[" * 30 + b"]" * 30, "nested"),
        (b"", "line 1, column 1"),
        (b'{"a": 1} x', "line 1, column 10"),
        (b"{\"a\": 'b'}", "line 1, column 7"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused_is_told_with_its_place(body: bytes, where: str):
    with pytest.raises(BadJson, match=where):
        loads(body)


def test_many_objects_side_by_side_are_not_deep():
    assert len(loads(b"[" + b",".join([b'{"a": [1]}'] * 500) + b"]")) == 500


def test_a_whole_surrogate_pair_is_a_mark_like_any_other():
    assert loads(rb'"\ud83d\ude00"') == "\N{GRINNING FACE}"


@given(st.binary(max_size=60) | st.text(string.printable, max_size=60).map(str.encode))
def test_noise_is_read_or_refused_and_nothing_else(body: bytes):
    with contextlib.suppress(BadJson):
        loads(body)
