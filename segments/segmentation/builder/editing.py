"""What can be done to a rule's JSON, by the place of a node in it; pure, and never more than a rule may hold.

A place is the way down by position: ``()`` is the group at the top, ``(1, 0)`` the first child of its second child. Every
edit gives a new rule with the place of what was edited, or a refusal that says where and why.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.utils.translation import gettext as _

from segments.segmentation.rules.parse import GROUPS, MAX_DEPTH, MAX_LEAVES, VERSION

Place: TypeAlias = tuple[int, ...]
Raw: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Edited:
    """A rule as an edit left it, and where that is which was edited."""

    rule: Raw
    place: Place = ()


@dataclass(frozen=True)
class Refusal:
    """Why an edit was not made, and the node that stood in its way."""

    place: Place
    message: str


Outcome: TypeAlias = Edited | Refusal


def kind_of(node: Any) -> str:
    """``all``, ``any`` or ``none`` for a group; empty for anything else."""
    if isinstance(node, dict):
        for kind in GROUPS:
            if isinstance(node.get(kind), list):
                return kind
    return ""


def children_of(node: Any) -> list[Any]:
    """What stands in a group; nothing stands in anything else."""
    kind = kind_of(node)
    return list(node[kind]) if kind else []


def grouped(raw: Any) -> Raw:
    """A rule with a group at its top: one condition stands in "all", and no rule at all is an empty "all"."""
    if kind_of(raw):
        return {"v": VERSION, **raw}
    inside = {key: value for key, value in raw.items() if key != "v"} if isinstance(raw, dict) else raw
    return {"v": VERSION, "all": [inside] if inside else []}


def at(rule: Any, place: Place) -> Any:
    """The node at a place; raises LookupError where there is none."""
    for index in place:
        inside = children_of(rule)
        if not 0 <= index < len(inside):
            raise LookupError(place)
        rule = inside[index]
    return rule


def leaves(node: Any) -> Iterator[Any]:
    """The conditions in a rule, finished or not."""
    if not kind_of(node):
        yield node
    for child in children_of(node):
        yield from leaves(child)


def add(rule: Raw, place: Place, node: Any) -> Outcome:
    """Put a node at the end of the group at ``place``."""
    return _inserted(rule, place, len(children_of(at(rule, place))), node)


def replace(rule: Raw, place: Place, node: Any) -> Outcome:
    """Put another node where one is."""
    at(rule, place)
    return _checked(_splice(rule, place, lambda _node: [node]), place)


def regroup(rule: Raw, place: Place, kind: str) -> Outcome:
    """Let a group ask for all, any or none of what stands in it."""
    node = at(rule, place)
    if kind not in GROUPS or not kind_of(node):
        return Refusal(place, _("A group is of all, any or none."))
    same = {key: value for key, value in node.items() if key != kind_of(node)}
    made = {**same, kind: children_of(node)}
    return Edited(made) if not place else replace(rule, place, made)


def remove(rule: Raw, place: Place) -> Outcome:
    """Take a node out; the eye then rests on what came before it, or on the group."""
    at(rule, place)
    if not place:
        return Edited({**{key: rule[key] for key in rule if key != kind_of(rule)}, kind_of(rule): []})
    *group, index = place
    return Edited(_splice(rule, place, lambda _node: []), (*group, index - 1) if index else tuple(group))


def duplicate(rule: Raw, place: Place) -> Outcome:
    """Put a copy of a node behind it."""
    if not place:
        return Refusal(place, _("The outermost group is there once."))
    node = at(rule, place)
    return _inserted(rule, place[:-1], place[-1] + 1, copy.deepcopy(node))


def wrap(rule: Raw, place: Place, kind: str = "any") -> Outcome:
    """Put a node into a group of its own, in its stead."""
    node = at(rule, place)
    if place:
        return replace(rule, place, {kind: [node]})
    inside = {key: value for key, value in node.items() if key != "v"}
    return _checked({"v": VERSION, "all": [inside]}, (0,))


def dissolve(rule: Raw, place: Place) -> Outcome:
    """Put what stands in a group in the group's stead."""
    if not place or not kind_of(at(rule, place)):
        return Refusal(place, _("Only a group inside another can be dissolved."))
    return Edited(_splice(rule, place, children_of), place)


def move(rule: Raw, place: Place, group: Place, index: int) -> Outcome:
    """Put a node into the group at ``group``, before what is at ``index`` there; both as they are before the move."""
    node = at(rule, place)
    if not place or group[: len(place)] == place:
        return Refusal(place, _("A group cannot be put into itself."))
    if not kind_of(at(rule, group)):
        return Refusal(group, _("Rules can only be put into a group."))
    *above, gone = place
    target = list(group)
    if len(target) > len(above) and target[: len(above)] == above and target[len(above)] > gone:
        target[len(above)] -= 1
    if target == above and index > gone:
        index -= 1
    return _inserted(_splice(rule, place, lambda _node: []), tuple(target), index, node)


def up(rule: Raw, place: Place) -> Outcome:
    """Put a node before the one before it; the first of a group comes out of it, to stand before it."""
    if not place:
        return Refusal(place, _("The outermost group stays where it is."))
    *group, index = place
    if index:
        return move(rule, place, tuple(group), index - 1)
    return move(rule, place, tuple(group[:-1]), group[-1]) if group else Refusal(place, _("It is the first already."))


def down(rule: Raw, place: Place) -> Outcome:
    """Put a node behind the one behind it; the last of a group comes out of it, to stand behind it."""
    if not place:
        return Refusal(place, _("The outermost group stays where it is."))
    *group, index = place
    if index + 1 < len(children_of(at(rule, tuple(group)))):
        return move(rule, place, tuple(group), index + 2)
    if not group:
        return Refusal(place, _("It is the last already."))
    return move(rule, place, tuple(group[:-1]), group[-1] + 1)


def into(rule: Raw, place: Place) -> Outcome:
    """Put a node into the group beside it: at the end of the one before it, else at the start of the one behind it."""
    if place:
        *group, index = place
        beside = children_of(at(rule, tuple(group)))
        if index and kind_of(beside[index - 1]):
            return move(rule, place, (*group, index - 1), len(children_of(beside[index - 1])))
        if index + 1 < len(beside) and kind_of(beside[index + 1]):
            return move(rule, place, (*group, index + 1), 0)
    return Refusal(place, _("There is no group beside it."))


def _inserted(rule: Raw, group: Place, index: int, node: Any) -> Outcome:
    inside = children_of(at(rule, group))
    index = max(0, min(index, len(inside)))
    return _checked(_filled(rule, group, [*inside[:index], node, *inside[index:]]), (*group, index))


def _filled(node: Any, place: Place, inside: list[Any]) -> Any:
    """The rule with other children in the group at ``place``."""
    if not place:
        return {**node, kind_of(node): inside}
    return _splice(node, place, lambda group: [{**group, kind_of(group): inside}])


def _splice(node: Any, place: Place, change: Callable[[Any], list[Any]]) -> Any:
    """The rule with what ``change`` makes of the node at ``place`` in its stead."""
    index, *rest = place
    inside = children_of(node)
    made = [_splice(inside[index], tuple(rest), change)] if rest else change(inside[index])
    return {**node, kind_of(node): [*inside[:index], *made, *inside[index + 1 :]]}


def _checked(rule: Raw, place: Place) -> Outcome:
    """The edited rule, unless it would be deeper or longer than a rule may be."""
    if sum(1 for _leaf in leaves(rule)) > MAX_LEAVES:
        return Refusal(place, _("A rule may hold %(n)d conditions, no more.") % {"n": MAX_LEAVES})
    if _depth(rule) > MAX_DEPTH:
        return Refusal(place, _("Groups may be nested %(n)d deep, no deeper.") % {"n": MAX_DEPTH})
    return Edited(rule, place)


def _depth(node: Any) -> int:
    return 1 + max(map(_depth, children_of(node)), default=0) if kind_of(node) else 0


def said(raw: Any, name: str, otherwise: Any = None) -> Any:
    """What a condition has under a dotted name such as ``orders.where[0].op``; ``otherwise`` where there is nothing."""
    for key in _keys(name):
        if isinstance(key, int):
            if not isinstance(raw, list) or not 0 <= key < len(raw):
                return otherwise
            raw = raw[key]
        else:
            if not isinstance(raw, Mapping) or key not in raw:
                return otherwise
            raw = raw[key]
    return raw


def put(raw: Any, name: str, value: Any) -> Any:
    """The condition with ``value`` under a dotted name; None takes away what is there, and out of a list its entry."""
    first, *rest = _keys(name)
    return _put(raw, [first, *rest], value)


def _put(raw: Any, keys: list[str | int], value: Any) -> Any:
    key, *rest = keys
    if isinstance(key, int):
        items = list(raw) if isinstance(raw, list) else []
        found = items[key] if key < len(items) else {}
        made = _put(found, rest, value) if rest else value
        return [*items[:key], *([] if made is None else [made]), *items[key + 1 :]]
    table = dict(raw) if isinstance(raw, Mapping) else {}
    made = _put(table.get(key), rest, value) if rest else value
    if made is None or (made == [] and rest):
        return {name: entry for name, entry in table.items() if name != key}
    return {**table, key: made}


def _keys(name: str) -> list[str | int]:
    """``a.b[0].c`` as its keys."""
    keys: list[str | int] = []
    for part in name.split("."):
        key, *indexes = part.replace("]", "").split("[")
        keys += [key, *(int(index) for index in indexes if index.isdecimal())]
    return keys
