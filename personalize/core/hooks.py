"""The six hooks by which lower apps tell higher ones that something happened.

A listener runs inside the caller's transaction: it may write, it must not talk to the network. Listeners are added in
``AppConfig.ready`` and a test lists exactly who they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Hook:
    """A named list of listeners, called in the order in which they were added."""

    def __init__(self, name: str, doc: str) -> None:
        self.name = name
        self.__doc__ = doc
        self._listeners: list[Callable[..., None]] = []

    def listen(self, listener: Callable[..., None]) -> Callable[..., None]:
        """Add a listener once; usable as a decorator."""
        if listener not in self._listeners:
            self._listeners.append(listener)
        return listener

    def __call__(self, **facts: Any) -> None:
        for listener in self._listeners:
            listener(**facts)

    def listeners(self) -> list[str]:
        """Dotted names of who listens, for the test that guards the list."""
        return [f"{fn.__module__}.{fn.__qualname__}" for fn in self._listeners]


event_recorded = Hook("event_recorded", "Events were stored. Facts: ``events`` (a list of Event rows).")
consent_changed = Hook(
    "consent_changed",
    "A subscription or suppression changed. Facts: ``subscriber``, ``topic`` (or None), "
    "``entry`` (the ConsentEntry; None for a suppression that is nobody's word).",
)
subscriber_changed = Hook("subscriber_changed", "Subscribers changed. Facts: ``subscriber_ids`` (a list of ids).")
facts_changed = Hook(
    "facts_changed",
    "Something that rules ask about changed of which no other hook tells: orders, lists, topics joined by the thousand. "
    "Facts: ``subscriber_ids`` (a list of ids; None where it may be anybody), ``imported`` (true of history from elsewhere, "
    "which triggers nothing; left out it is false).",
)
outcome_applied = Hook(
    "outcome_applied", "A message's outcome was applied for the first time. Facts: ``message``, ``outcome``."
)
mail_requested = Hook(
    "mail_requested",
    "A service mail is wanted in this transaction. Facts: ``kind`` (str), ``subscriber``, ``context`` (plain dict, "
    "with ``key`` once for each mail). The kinds are listed in docs/consent.md.",
)
