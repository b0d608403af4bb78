"""The kinds of leaves a rule tree may hold. Higher apps add theirs in ``AppConfig.ready``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from segments.segmentation.rules.among import Among, People
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.vocabulary import Vocabulary


@dataclass(frozen=True)
class Scope:
    """Where and when a rule is asked: ``person`` is the lookup path from the row to its subscriber, empty on subscribers.

    ``few`` says that only few people are left to be asked about: then each one's facts are looked up by themselves, where
    otherwise those of all people are gathered at once. ``narrow`` are the groups of whose effortless rules few people satisfy
    all, or, where one is enough, any. ``those`` are the ids of the few people, as a list, where nobody else is asked about and
    they are too many to look up one by one: then their facts alone are gathered. ``loose`` says that null may stand for
    false, because nothing will negate the condition.
    """

    as_of: dt.datetime
    person: str = ""
    few: bool = False
    narrow: frozenset[Node] = frozenset()
    those: RawSQL | None = None
    loose: bool = False

    @property
    def one_by_one(self) -> bool:
        """Whether each person's facts are looked up by themselves."""
        return self.few and self.those is None

    def own(self, rows: QuerySet[Any, Any], key: str = "subscriber_id") -> QuerySet[Any, Any]:
        """``rows`` without those of people who are not asked about, as far as that is known."""
        return rows if self.those is None else rows.filter(**{f"{key}__in": self.those})

    def path(self, column: str) -> str:
        """The path to a column of the person."""
        return f"{self.person}__{column}" if self.person else column

    @property
    def person_id(self) -> str:
        return f"{self.person}_id" if self.person else "pk"

    def has(self, rows: QuerySet[Any, Any], key: str = "subscriber_id") -> Q:
        """True of people for whom one of ``rows`` carries their id in ``key``, which is never null in them."""
        if self.one_by_one:
            return Q(Exists(rows.filter(**{key: OuterRef(self.person_id)})))
        return Q(Among(self.person_id, People(self.own(rows, key).order_by().values(key))))


@dataclass(frozen=True)
class Phrase:
    """A leaf in words. ``field``, ``operator`` and ``value`` stand side by side in the tree; ``clause`` follows "People"."""

    field: str
    operator: str
    value: str
    clause: str


@dataclass(frozen=True)
class Kind:
    """One kind of leaf: how its JSON (told by the key ``key``) is read, compiled and put into words.

    ``parse(raw, path, vocabulary)`` raises RuleError; ``compile(node, scope)`` gives a Q that is true or false, and null only where the scope
    is loose.
    """

    key: str
    node: type[Node]
    parse: Callable[[Mapping[str, Any], str, Vocabulary], Node]
    compile: Callable[[Any, Scope], Q]
    phrase: Callable[[Any], Phrase]


class Kinds:
    """The kinds known, by JSON key and by node."""

    def __init__(self) -> None:
        self._by_key: dict[str, Kind] = {}

    def add(self, kind: Kind) -> None:
        """Make a kind known; a second one of the same key is a bug and raises ValueError."""
        if kind.key in self._by_key:
            raise ValueError(f"{kind.key!r} is registered twice.")
        self._by_key[kind.key] = kind

    def by_key(self, key: str) -> Kind | None:
        return self._by_key.get(key)

    def of(self, node: Node) -> Kind:
        return next(kind for kind in self._by_key.values() if kind.node is type(node))

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)


kinds = Kinds()
