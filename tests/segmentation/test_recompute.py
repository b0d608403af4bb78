"""The command that asks about everybody anew."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from personalize.core import clock
from segments.segmentation import membership
from segments.segmentation.models import Membership, Segment, SegmentMode
from tests.factories import NOW, make_order, make_subscriber

pytestmark = pytest.mark.django_db
BRITISH = {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}
BUYERS = {"v": 1, "all": [{"orders": {"metric": "count", "op": ">=", "value": 1}}]}


def make_segment(name: str, mode: str, rule: dict[str, Any] = BRITISH) -> Segment:
    return Segment.objects.create(name=name, rule=rule, mode=mode, created_at=NOW, updated_at=NOW)


def run(*arguments: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command("recompute_segments", *arguments, "--json", stdout=out)
    found: list[dict[str, Any]] = json.loads(out.getvalue())
    return found


@pytest.fixture
def three() -> None:
    """One segment of each mode, kept up to now, and Ann, of whom none has heard."""
    for mode in ("live", "incremental", "snapshot"):
        make_segment(mode.title(), mode)
    while membership.look(clock.now()):
        pass
    make_subscriber("ann@post.example", country="GB")


def test_all_segments_are_brought_up_to_date_by_their_modes(three):
    assert [(row["segment"], row["people"], row["joined"]) for row in run("--all")] == [
        ("Incremental", 1, 1),
        ("Live", 1, 0),
        ("Snapshot", 1, 1),
    ]
    assert Membership.objects.count() == 2


def test_a_dry_run_writes_nothing(three):
    assert [(row["people"], row["joined"], row["left"]) for row in run("--all", "--dry-run")] == [
        (1, 1, 0),
        (1, 0, 0),
        (1, 1, 0),
    ]
    assert not Membership.objects.exists()


def test_without_names_it_says_which_there_are_and_when_they_were_asked(three):
    rows = run()
    assert [(row["segment"], row["kept"], row["people"]) for row in rows] == [
        ("Incremental", True, 0),
        ("Live", False, 0),
        ("Snapshot", False, 0),
    ]
    assert all(row["counted_at"] and row["took_ms"] is not None for row in rows)


def test_a_snapshot_is_taken_as_of_another_time_and_nothing_else_is():
    make_segment("Buyers", SegmentMode.SNAPSHOT, BUYERS)
    make_segment("Live", SegmentMode.LIVE, BUYERS)
    make_order(make_subscriber("ann@post.example"), placed_at=NOW)
    assert run("Buyers", "--as-of", "2026-11-01")[0]["people"] == 0
    assert run("Buyers", "--as-of", "2026-11-20")[0]["people"] == 1
    with pytest.raises(CommandError, match="always as of now"):
        run("Live", "--as-of", "2026-11-01")


def test_a_segment_that_cannot_be_used_is_told_of_and_stops_no_other(three):
    make_segment("Broken", SegmentMode.LIVE, {"v": 1, "all": [{"topic": "gone", "is": "subscribed"}]})
    with pytest.raises(SystemExit) as ended:
        call_command("recompute_segments", "--all", stdout=(out := io.StringIO()), stderr=(error := io.StringIO()))
    assert ended.value.code == 1
    assert "Broken: all[0].topic: There is no topic ‘gone’." in error.getvalue()
    assert "Snapshot" in out.getvalue()


def test_what_is_stopped_says_where_to_go_on(three, monkeypatch):
    take = membership.take

    def stopping(*, segment: Segment, at: Any) -> Any:
        if segment.name == "Live":
            raise KeyboardInterrupt
        return take(segment=segment, at=at)

    monkeypatch.setattr(membership, "take", stopping)
    with pytest.raises(SystemExit) as ended:
        call_command("recompute_segments", "--all", stdout=io.StringIO(), stderr=(error := io.StringIO()))
    assert ended.value.code == 130
    assert 'recompute_segments "Live" "Snapshot"' in error.getvalue()
    assert Membership.objects.count() == 1


@pytest.mark.parametrize("arguments", [("Nobody's",), ("Live", "--all")])
def test_what_is_not_understood_is_refused(three, arguments: tuple[str, ...]):
    with pytest.raises(CommandError):
        run(*arguments)
