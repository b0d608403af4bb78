"""Edits of a draft's JSON: a step more, a step less, a step elsewhere or otherwise. Pure; every edit gives a new draft.

A draft that reads without loops and lost steps still does after any of them; an edit that could not keep that gives None.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from campaigns.automations.outline import END, Outline, outlets

JOIN = "join"
"""The outlet that stands for all ways of a fork, where they come together again."""
OWN = ("id", "type", "next", "no", "late", "ways")

Draft = dict[str, Any]
Body = Mapping[str, Any]


def fresh_id(draft: Body, kind: str) -> str:
    """An id for a new step that no step has, such as ``mail-2``."""
    taken = set(Outline.of(draft).items)
    stem = kind.replace("_", "-")
    return next(id for number in range(1, len(taken) + 2) if (id := f"{stem}-{number}") not in taken)


def insert_after(draft: Body, step: str, outlet: str, new: Body) -> Draft | None:
    """``new`` between the ``outlet`` of a step and what followed it; ``step`` "" is the very beginning.

    All ways of a new fork lead to what followed. With outlet ``join`` it comes where all ways of a fork come together.
    None when the place is not there, or when nobody would reach what followed.
    """
    made = _copy(draft)
    outline = Outline.of(made)
    body = copy.deepcopy(dict(new))
    if body["id"] in outline.items:
        return None
    if step == "":
        follower = outline.first
        lead: list[tuple[str, str]] = []
    elif step not in outline.items:
        return None
    elif outlet == JOIN:
        follower = outline.joins.get(step, END)
        within = [step, *outline.inside(step)] if step in outline.joins else []
        lead = [(id, name) for id in within for name, to in outline.items[id].outlets.items() if to == follower]
    else:
        if outlet not in outline.items[step].outlets:
            return None
        follower = outline.items[step].outlets[outlet]
        lead = [(step, outlet)]
    for name in outlets(body):
        _point(body, name, follower)
    bodies = {one["id"]: one for one in made["steps"]}
    for id, name in lead:
        _point(bodies[id], name, body["id"])
    place = [one["id"] for one in made["steps"]].index(step) + 1 if step else 0
    made["steps"].insert(place, body)
    return _whole(made, outline)


def remove(draft: Body, step: str) -> Draft | None:
    """Without a step. What led to it leads to what followed; of a fork the first way that has steps of its own stays, and
    steps that only the other ways led to go too (``lost_with`` names them)."""
    made = _copy(draft)
    outline = Outline.of(made)
    if step not in outline.items:
        return None
    item = outline.items[step]
    join = outline.joins.get(step, END)
    follower = next((to for to in item.outlets.values() if to != join), join) if item.outlets else END
    made["steps"] = [one for one in made["steps"] if one["id"] != step]
    bodies = {one["id"]: one for one in made["steps"]}
    for id, name in outline.before(step):
        _point(bodies[id], name, follower)
    if outline.first == step:
        _first(made, follower)
    left = Outline.of(made)
    gone = set(left.lost) - set(outline.lost)
    made["steps"] = [one for one in made["steps"] if one["id"] not in gone]
    return made


def lost_with(draft: Body, step: str) -> list[str]:
    """The ids of the steps that go when ``step`` is removed, beside itself."""
    made = remove(draft, step)
    left = {one["id"] for one in made["steps"]} if made else set()
    return [id for id in Outline.of(draft).items if id != step and id not in left] if made else []


def movable(draft: Body, step: str) -> bool:
    """Whether a step can be put elsewhere: it has one way on."""
    item = Outline.of(draft).items.get(step)
    return item is not None and len(item.outlets) == 1


def move(draft: Body, step: str, after: str, outlet: str) -> Draft | None:
    """A step elsewhere, with its id and all it says. None for forks and exits, and when the place is its own."""
    if not movable(draft, step) or after == step:
        return None
    body = Outline.of(draft).items[step].body
    without = remove(draft, step)
    return insert_after(without, after, outlet, body) if without is not None else None


def change(draft: Body, step: str, says: Body) -> Draft | None:
    """A step that says something else. Its id, its type and its ways on stay, whatever ``says`` has of them.

    The ways of a split are taken from ``says`` with their shares; those at the end may be dropped while they are empty.
    """
    made = _copy(draft)
    outline = Outline.of(made)
    for place, body in enumerate(made["steps"]):
        if body["id"] == step:
            kept = {key: body[key] for key in OWN if key in body}
            made["steps"][place] = {**kept, **{key: value for key, value in says.items() if key not in OWN}}
            if body.get("type") == "split" and "ways" in says:
                made["steps"][place]["ways"] = _ways(body, says["ways"], outline.joins.get(step, END))
            return _whole(made, outline)
    return None


def _copy(draft: Body) -> Draft:
    """The draft to be changed, without what is no step at all: somebody may have written it by hand."""
    made = copy.deepcopy(dict(draft))
    made["steps"] = [dict(item.body) for item in Outline.of(made).items.values()]
    for step in made["steps"]:
        if step.get("type") == "split":
            ways = step.get("ways")
            step["ways"] = [way for way in ways if isinstance(way, dict)] if isinstance(ways, list) else []
    return made


def _ways(body: Body, wanted: Iterable[Body], join: str) -> list[dict[str, Any]]:
    """The wanted shares with where the ways led until now; a new way leads to where all come together."""
    before = list(outlets(body).values())
    return [
        {"share": way["share"], "next": before[number] if number < len(before) else join}
        for number, way in enumerate(wanted)
    ]


def _point(body: dict[str, Any], outlet: str, to: str) -> None:
    """Let one way of a step lead to ``to``."""
    if outlet.startswith("way"):
        body["ways"][int(outlet[3:]) - 1]["next"] = to
    elif to:
        body[outlet] = to
    else:
        body.pop(outlet, None)


def _first(draft: Draft, id: str) -> None:
    """Let people begin at a step: it is written first."""
    draft["steps"].sort(key=lambda one: one["id"] != id)


def _whole(made: Draft, before: Outline) -> Draft | None:
    """The new draft, unless it lost steps that people came to before."""
    return None if set(Outline.of(made).lost) - set(before.lost) else made
