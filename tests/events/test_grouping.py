"""What comes at the same time is done together, and nobody pays for the mistake of another."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from segments.events.grouping import Grouping


def test_what_comes_while_one_is_at_work_is_done_in_one_go():
    calls: list[list[int]] = []
    begun, go_on = threading.Event(), threading.Event()

    def act(items: Sequence[int]) -> list[int]:
        calls.append(sorted(items))
        begun.set()
        go_on.wait(10)
        return [item * 10 for item in items]

    grouping = Grouping(act)
    answers: dict[int, int] = {}
    threads = [threading.Thread(target=lambda n=n: answers.update({n: grouping.do(n)})) for n in range(6)]
    threads[0].start()
    begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(grouping._waiting) < 5:
        threading.Event().wait(0.01)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert calls == [[0], [1, 2, 3, 4, 5]]
    assert answers == {number: number * 10 for number in range(6)}


def test_one_that_fails_fails_alone():
    gathered = threading.Barrier(2)
    failed: list[str] = []

    def act(items: Sequence[str]) -> list[str]:
        if "bad" in items:
            raise ValueError("bad")
        return [item.upper() for item in items]

    grouping = Grouping(act)
    answers: list[str] = []

    def run(item: str) -> None:
        gathered.wait(10)
        for _again in range(50):
            try:
                answers.append(grouping.do(item))
            except ValueError:
                failed.append(item)

    threads = [threading.Thread(target=run, args=(item,)) for item in ("good", "bad")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failed == ["bad"] * 50
    assert answers == ["GOOD"] * 50
    with pytest.raises(ValueError, match="bad"):
        grouping.do("bad")
    assert grouping.do("good") == "GOOD"
