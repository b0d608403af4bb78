"""Whether somebody comes in, and the reason when not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from campaigns.automations.entering import EntryFacts, decide
from campaigns.automations.nodes import Duration, Entry
from campaigns.automations.types import LeftOutReason
from tests.factories import NOW

HOUR = dt.timedelta(hours=1)
WEEK = Duration(7, "days")


def facts(**given: Any) -> EntryFacts:
    return EntryFacts(**{"at": NOW, "started_at": NOW, "late": 6 * HOUR, **given})


def test_nothing_against_it_lets_people_in():
    assert decide(Entry(), facts(follows=True)) is None


@pytest.mark.parametrize(
    ("entry", "given", "reason"),
    [
        (Entry(), {"erased": True, "known": True}, LeftOutReason.ERASED),
        (Entry(), {"started_at": NOW - 6 * HOUR}, None),
        (Entry(), {"started_at": NOW - 7 * HOUR}, LeftOutReason.LATE),
        (Entry(), {"started_at": NOW - 7 * HOUR, "late": None}, None),
        (Entry(), {"suppressed": True, "follows": False}, LeftOutReason.SUPPRESSED),
        (Entry(), {"follows": False}, LeftOutReason.NO_CONSENT),
        (Entry(), {"follows": None}, None),
        (Entry(), {"holds": False}, LeftOutReason.RULE),
        (Entry(), {"known": True}, LeftOutReason.KNOWN),
        (Entry(), {"ever": True, "open": True}, None),
        (Entry(again="once"), {"ever": True}, LeftOutReason.KNOWN),
        (Entry(again="after_exit"), {"ever": True, "open": True}, LeftOutReason.OPEN),
        (Entry(again="after_exit"), {"ever": True}, None),
        (Entry(again="always"), {"ever": True, "open": True}, None),
        (Entry(), {"stronger": True}, LeftOutReason.GIVES_WAY),
        (Entry(), {"lately": 19}, None),
        (Entry(), {"lately": 20}, LeftOutReason.TOO_MANY),
        (Entry(), {"ordered_at": NOW}, None),
        (Entry(no_order_since=Duration(15, "minutes")), {"ordered_at": NOW - HOUR}, None),
        (Entry(no_order_since=Duration(1, "hours")), {"ordered_at": NOW - HOUR}, LeftOutReason.ORDERED),
        (
            Entry(no_order_since=Duration(15, "minutes")),
            {"started_at": NOW - 2 * HOUR, "ordered_at": NOW - HOUR},
            LeftOutReason.ORDERED,
        ),
    ],
)
def test_each_gate_keeps_out_whom_it_is_meant_for(entry, given, reason):
    assert decide(entry, facts(**given)) == reason


@pytest.mark.parametrize(
    ("since", "fact"), [("entry", "entered_at"), ("exit", "exited_at"), ("last_message", "mailed_at")]
)
def test_the_cooldown_counts_from_what_it_names(since, fact):
    entry = Entry(cooldown=WEEK, cooldown_from=since)
    others = {"entered_at", "exited_at", "mailed_at"} - {fact}
    week_ago = NOW - WEEK.delta
    assert decide(entry, facts(ever=True, **dict.fromkeys(others, NOW))) is None
    assert decide(entry, facts(ever=True, **{fact: week_ago + HOUR})) == LeftOutReason.COOLDOWN
    assert decide(entry, facts(ever=True, **{fact: week_ago})) is None
