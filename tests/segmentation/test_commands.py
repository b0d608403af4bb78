"""What the commands about segments answer to people, and to scripts."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.factories import NOW, make_order, make_segment, make_subscriber

pytestmark = pytest.mark.django_db

BOUGHT = {"orders": {"metric": "count", "op": ">=", "value": 1}}


def answer(*arguments: str) -> Any:
    out = StringIO()
    call_command("segment_size", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_segment_size_counts_as_of_the_time_it_is_told():
    make_order(make_subscriber(), ("A", 1, 1), placed_at=NOW)
    make_segment("Customers", BOUGHT)
    after, before = (NOW + dt.timedelta(days=days) for days in (1, -1))
    assert answer("Customers", "--as-of", after.isoformat())["people"] == 1
    assert answer("Customers", "--as-of", before.isoformat())["people"] == 0
    assert answer("--rule", json.dumps(BOUGHT), "--as-of", before.date().isoformat()) == {
        "people": 0,
        "as_of": "2026-11-18T00:00:00+00:00",
        "sentence": "People who placed an order.",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Nobody"], "no segment called"),
        (["Gone"], "no field ‘gone’"),
        (["Customers", "--as-of", "soon"], "--as-of: Expected a date"),
        (["--rule", "{"], "not JSON"),
        (["--rule", "[]"], "Expected a rule"),
    ],
)
def test_segment_size_ends_with_an_error_when_it_cannot_tell(arguments: list[str], words: str):
    make_segment("Customers", BOUGHT)
    make_segment("Gone", {"attr": "gone", "op": "is_known"})
    with pytest.raises(CommandError, match=words):
        answer(*arguments)
