"""Questions about steps as a graph: what is wrong with it, in which order people meet them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _

from campaigns.automations.nodes import Step
from campaigns.automations.types import Problem


def problems(first: str, steps: Mapping[str, Step]) -> list[Problem]:
    """Ways that lead nowhere, steps that nobody reaches, and loops; each at its step."""
    found = [
        Problem(step.id, outlet, _("There is no step ‘%(id)s’.") % {"id": to})
        for step in steps.values()
        for outlet, to in step.outlets().items()
        if to and to not in steps
    ]
    if found:
        return found
    for step, outlet in loops(first, steps):
        found.append(
            Problem(step, outlet, _("This leads back to where people came from; let them come in again instead."))
        )
    reached = set(walk(first, steps))
    found += [Problem(id, "id", _("Nobody ever comes to this step.")) for id in steps if id not in reached]
    return found


def walk(first: str, steps: Mapping[str, Step]) -> Iterator[str]:
    """Every step people may reach, each once, after the one before it where there is no loop."""
    seen: set[str] = set()
    waiting = [first] if first else []
    while waiting:
        id = waiting.pop(0)
        if id in seen:
            continue
        seen.add(id)
        yield id
        waiting += [to for to in steps[id].outlets().values() if to]


def loops(first: str, steps: Mapping[str, Step]) -> list[tuple[str, str]]:
    """The (step, outlet) pairs that close a loop."""
    found: list[tuple[str, str]] = []
    done: set[str] = set()
    open_: set[str] = set()
    trail: list[tuple[str, Iterator[tuple[str, str]]]] = []

    def enter(id: str) -> None:
        open_.add(id)
        trail.append((id, iter(steps[id].outlets().items())))

    if first:
        enter(first)
    while trail:
        id, outlets = trail[-1]
        outlet, to = next(outlets, ("", ""))
        if not outlet:
            trail.pop()
            open_.discard(id)
            done.add(id)
        elif to in open_:
            found.append((id, outlet))
        elif to and to not in done:
            enter(to)
    return found
