"""Reading an automation's JSON: what is understood, and where what is wrong is said to be."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from campaigns.automations.definition import read
from campaigns.automations.nodes import Definition, EventTrigger, WaitStep

pytestmark = pytest.mark.django_db
TEMPLATE = str(uuid.uuid4())
COUNTRY = {"attr": "country", "op": "is", "value": "GB"}


def definition(*steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"v": 1, "trigger": {"on": "event", "event": "cart_updated"}, "steps": list(steps), **parts}


def mail(id: str, **parts: Any) -> dict[str, Any]:
    return {"id": id, "type": "mail", "template": TEMPLATE, **parts}


def wait(id: str, next: str = "") -> dict[str, Any]:
    return {"id": id, "type": "wait", "for": [2, "hours"], "next": next}


def found(raw: Any) -> list[tuple[str, str]]:
    problems = read(raw)
    assert isinstance(problems, list), problems
    return [(problem.step, problem.field) for problem in problems]


def test_a_whole_automation_is_read():
    read_one = read(
        definition(
            {**wait("wait", "asked"), "since": "activity", "most": [24, "hours"]},
            {"id": "asked", "type": "branch", "rule": COUNTRY, "next": "mail", "no": "end"},
            mail("mail", window={"from": "08:00", "to": "21:00"}, next="end"),
            {"id": "end", "type": "exit", "reason": "finished"},
            exits=[{"event": "order_placed", "reason": "ordered"}],
            entry={"again": "once_per_key", "cooldown": [7, "days"]},
            one_at_a_time=True,
        )
    )
    assert isinstance(read_one, Definition)
    assert read_one.first == "wait"
    assert isinstance(read_one.trigger, EventTrigger)
    assert isinstance(read_one.steps["wait"], WaitStep)
    assert read_one.event_names() == {"cart_updated", "order_placed", "checkout_started", "product_viewed"}


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ([], [("", "")]),
        ({"v": 2, "trigger": {"on": "call"}, "steps": []}, [("", "v")]),
        (definition(mail("a", next="b")), [("a", "next")]),
        (definition(wait("a", "b"), wait("b", "a")), [("b", "next")]),
        (definition(wait("a", "a")), [("a", "next")]),
        (definition(wait("a"), wait("b")), [("b", "id")]),
        (definition(wait("a"), wait("a")), [("a", "id")]),
        (definition({"id": "a", "type": "dance"}), [("a", "type")]),
        (definition({"id": "A!", "type": "wait", "for": [1, "days"]}), [("A!", "id")]),
        (definition({"id": "a", "type": "wait", "for": [-1, "days"]}), [("a", "for[0]")]),
        (definition({"id": "a", "type": "wait", "for": [1, "moons"]}), [("a", "for[1]")]),
        (definition(mail("a", window={"from": "08:00", "to": "08:00"})), [("a", "window")]),
        (definition(mail("a", window={"from": "25:00", "to": "08:00"})), [("a", "window.from")]),
        (
            definition({"id": "a", "type": "branch", "rule": {"attr": "shoe", "op": "is", "value": 1}}),
            [("a", "rule.attr")],
        ),
        (definition({"id": "a", "type": "split", "ways": [{"share": 60}, {"share": 60}]}), [("a", "ways")]),
        (definition({"id": "a", "type": "wait_for", "most": [1, "days"]}), [("a", "")]),
        (definition(7, wait("b")), [("steps[0]", "")]),
        (definition(wait("a"), exits=[{"reason": "x"}]), [("", "exits[0]")]),
        (definition(wait("a"), entry={"again": "sometimes"}), [("", "entry.again")]),
        ({**definition(wait("a")), "trigger": {"on": "date", "field": "birthday", "at": "9"}}, [("", "trigger.at")]),
        ({**definition(wait("a")), "trigger": {"on": "moon"}}, [("", "trigger.on")]),
        (definition(*[wait(f"s{n}", f"s{n + 1}") for n in range(201)]), [("", "steps")]),
    ],
)
def test_what_is_wrong_is_said_at_its_place(raw, where):
    assert found(raw) == where


def test_everything_that_is_wrong_is_said_at_once():
    raw = definition({"id": "a", "type": "dance"}, {"id": "b", "type": "wait", "for": [1, "moons"]}, exits=[{}])
    assert found(raw) == [("", "exits[0]"), ("a", "type"), ("b", "for[1]")]
