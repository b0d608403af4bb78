"""A definition's JSON as steps and the ways between them, however unfinished it is: what the page draws and edits.

Strict reading is ``definition``'s. Here a way that leads nowhere ends, and one that leads back is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

END = ""
"""Where a way leads that leads to no step."""


@dataclass(frozen=True)
class Item:
    """One step: its JSON, and the ids that may follow by the name of the way there."""

    id: str
    type: str
    body: Mapping[str, Any]
    outlets: Mapping[str, str]

    @property
    def forks(self) -> bool:
        """Whether ways part here. Those of a wait that lead to one place are drawn as one."""
        return len(self.outlets) > 1 and (self.type != "wait_for" or len(set(self.outlets.values())) > 1)


@dataclass(frozen=True)
class Row:
    """A step in reading order: how deep it stands inside forks, and, where a way of one begins, the outlet's name.

    An ``empty`` row stands for a way without steps: ``item`` is the fork it belongs to.
    """

    item: Item
    depth: int
    fork: Item | None = None
    outlet: str = ""
    empty: bool = False


@dataclass(frozen=True)
class Outline:
    """All steps by id, in the order in which they were written; people begin at ``first``."""

    items: Mapping[str, Item]
    first: str

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Outline:
        """The outline of a definition or of a draft. Steps without an id, and a second one of the same id, are left out."""
        listed = raw.get("steps")
        bodies: dict[str, Mapping[str, Any]] = {}
        for body in listed if isinstance(listed, list) else []:
            if isinstance(body, dict) and isinstance(body.get("id"), str) and body["id"] and body["id"] not in bodies:
                bodies[body["id"]] = body
        first = next(iter(bodies), END)
        ways = {
            id: {name: to if to in bodies else END for name, to in outlets(body).items()} for id, body in bodies.items()
        }
        _cut_loops(first, ways)
        items = {id: Item(id, str(body.get("type", "")), body, ways[id]) for id, body in bodies.items()}
        return cls(items, first)

    @cached_property
    def reached(self) -> tuple[str, ...]:
        """Every step people may come to, each after all that lead to it."""
        done: list[str] = []
        seen: set[str] = set()

        def visit(id: str) -> None:
            if id == END or id in seen:
                return
            seen.add(id)
            for to in reversed(list(self.items[id].outlets.values())):
                visit(to)
            done.append(id)

        visit(self.first)
        return tuple(reversed(done))

    @property
    def lost(self) -> list[str]:
        """Steps that nobody reaches."""
        there = set(self.reached)
        return [id for id in self.items if id not in there]

    @cached_property
    def joins(self) -> Mapping[str, str]:
        """Where all ways from a step come together again: the nearest step that everybody meets afterwards, or the end."""
        place = {id: number for number, id in enumerate(self.reached)}
        place[END] = len(place)
        after: dict[str, str] = {}

        def nearest(one: str, other: str) -> str:
            while one != other:
                if place[one] < place[other]:
                    one = after[one]
                else:
                    other = after[other]
            return one

        for id in reversed(self.reached):
            ways = list(self.items[id].outlets.values()) or [END]
            join = ways[0]
            for way in ways[1:]:
                join = nearest(join, way)
            after[id] = join
        return after

    def inside(self, id: str) -> list[str]:
        """The steps on the ways of a fork, before they come together."""
        join, found, waiting = self.joins[id], [], list(self.items[id].outlets.values())
        while waiting:
            at = waiting.pop(0)
            if at not in (END, join) and at not in found:
                found.append(at)
                waiting += self.items[at].outlets.values()
        return found

    def before(self, id: str) -> list[tuple[str, str]]:
        """The (step, outlet) pairs that lead to a step."""
        return [(item.id, name) for item in self.items.values() for name, to in item.outlets.items() if to == id]

    def rows(self) -> list[Row]:
        """The steps as one reads them: way by way inside a fork, then on from where the ways come together."""
        seen: set[str] = set()
        rows = list(self._rows(self.first, END, 0, seen))
        return rows + [Row(self.items[id], 0) for id in self.lost]

    def _rows(
        self, start: str, stop: str, depth: int, seen: set[str], fork: Item | None = None, outlet: str = ""
    ) -> Iterator[Row]:
        at = start
        if fork is not None and (at in (stop, END) or at in seen):
            yield Row(fork, depth, fork, outlet, empty=True)
        while at not in (stop, END) and at not in seen:
            seen.add(at)
            item = self.items[at]
            yield Row(item, depth, fork, outlet)
            if item.forks:
                for name, to in item.outlets.items():
                    yield from self._rows(to, self.joins[at], depth + 1, seen, item, name)
            fork, outlet, at = None, "", self.joins[at]


def outlets(body: Mapping[str, Any]) -> dict[str, str]:
    """The ways on from a step as its JSON says them, by name; ``definition`` names them the same."""
    match body.get("type"):
        case "exit":
            return {}
        case "branch":
            return {"next": _text(body.get("next")), "no": _text(body.get("no"))}
        case "wait_for":
            return {"next": _text(body.get("next")), "late": _text(body.get("late"))}
        case "split":
            ways = body.get("ways")
            listed = ways if isinstance(ways, list) else []
            known = [way for way in listed if isinstance(way, dict)]
            return {f"way{number}": _text(way.get("next")) for number, way in enumerate(known, start=1)}
    return {"next": _text(body.get("next"))}


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else END


def _cut_loops(first: str, ways: Mapping[str, dict[str, str]]) -> None:
    """End every way that leads back to a step it comes from."""
    open_: set[str] = set()
    done: set[str] = set()

    def visit(id: str) -> None:
        open_.add(id)
        for name, to in ways[id].items():
            if to in open_:
                ways[id][name] = END
            elif to and to not in done:
                visit(to)
        open_.discard(id)
        done.add(id)

    for id in [first, *ways] if first else []:
        if id not in done:
            visit(id)
