"""Letting what comes at the same time share one transaction: a commit costs as much for one event as for twenty.

Nobody waits for company. While one thread writes, the others gather; then one of them writes what all of them brought.
Every caller is answered after the commit of what it brought.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Grouping(Generic[Item, Answer]):
    """Calls ``act`` with all the items that threads of this process brought since its last call."""

    def __init__(self, act: Callable[[Sequence[Item]], Sequence[Answer]]) -> None:
        self._act = act
        self._lock = threading.Lock()
        self._waiting: list[_Turn[Item, Answer]] = []
        self._somebody_acts = False

    def do(self, item: Item) -> Answer:
        """What ``act`` answers for this item; raises what it raises for this item alone."""
        turn: _Turn[Item, Answer] = _Turn(item)
        with self._lock:
            self._waiting.append(turn)
            mine = not self._somebody_acts
            self._somebody_acts = True
        if not mine:
            turn.over.wait()
        if mine or turn.acts:
            self._act_for_all()
        if turn.error is not None:
            raise turn.error
        return turn.answers[0]

    def _act_for_all(self) -> None:
        """Do what has gathered, this thread's own among it, and give the turn on."""
        with self._lock:
            group, self._waiting = self._waiting, []
        try:
            self._answer(group)
        finally:
            with self._lock:
                self._somebody_acts = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].acts = True
                    self._waiting[0].over.set()
            for turn in group:
                turn.over.set()

    def _answer(self, group: Sequence[_Turn[Item, Answer]]) -> None:
        try:
            answers = self._act([turn.item for turn in group])
        except Exception as error:  # noqa: BLE001  It is raised again where it belongs.
            if len(group) == 1:
                group[0].error = error
                return
            # One of them spoils it for all: each gets what it deserves.
            for turn in group:
                self._answer([turn])
            return
        for turn, answer in zip(group, answers, strict=True):
            turn.answers.append(answer)


class _Turn(Generic[Item, Answer]):
    """One caller's item: its answer or error once ``over``, unless this caller ``acts`` for the next group."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.answers: list[Answer] = []
        self.error: Exception | None = None
        self.acts = False
        self.over = threading.Event()
