"""What an edit would do is told before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.db.models import IntegerField, Q
from django.db.models.expressions import RawSQL
from django.db.models.lookups import GreaterThan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personalize.core.database import is_postgres
from segments.segmentation.effect import SOME, effect
from segments.segmentation.rules.compiler import EVERYBODY
from segments.segmentation.rules.kinds import Kind, Phrase, Scope, kinds
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.parse import parse
from segments.segmentation.services import audience
from segments.subscribers.models import AttributeDefinition
from tests.factories import NOW, make_order, make_subscriber, make_topic
from tests.segmentation import worlds

pytestmark = pytest.mark.django_db

GB = {"attr": "country", "op": "is", "value": "GB"}
BOUGHT = {"orders": {"metric": "count", "op": ">=", "value": 1}}


def ids(rule: Any) -> set[int]:
    return set(audience(rule=rule, as_of=NOW).values_list("pk", flat=True))


def test_who_comes_who_goes_and_how_many_stay_is_told_with_some_of_them():
    for country in ("GB", "GB", "IE", ""):
        person = make_subscriber(country=country)
        make_order(person, ("A", 1, 1))
    make_subscriber(country="GB")
    found = effect(before=parse(GB), after=parse(BOUGHT), as_of=NOW.replace(year=2027))
    assert (found.added, found.removed, found.kept, found.exact) == (2, 1, 2, True)
    assert {person.country for person in found.some_added} == {"IE", ""}
    assert [person.country for person in found.some_removed] == ["GB"]


def test_of_a_new_rule_everybody_in_it_comes():
    people = [make_subscriber() for _ in range(SOME + 2)]
    found = effect(before=None, after=parse({"all": []}), as_of=NOW)
    assert (found.added, found.removed, found.kept) == (len(people), 0, 0)
    assert found.some_added == people[:SOME]


@dataclass(frozen=True)
class Slow(Node):
    """True of everybody, after a long while; of few people at once."""


def compiled(node: Slow, scope: Scope) -> Q:
    if scope.few:
        return EVERYBODY
    counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000000) SELECT count(*) FROM n"
    long = "SELECT count(*) FROM pg_sleep(20)" if is_postgres() else counting
    return Q(GreaterThan(RawSQL(f"({long})", [], IntegerField()), 0))  # noqa: S611  Nothing is put in.


def test_what_takes_too_long_is_told_from_a_sample_and_says_so(monkeypatch: Any):
    for number in range(40):
        make_subscriber(country="GB" if number % 2 else "IE")
    slow = Kind("slow", Slow, lambda *_: Slow(), compiled, lambda _node: Phrase("", "", "", ""))
    monkeypatch.setitem(kinds._by_key, "slow", slow)
    found = effect(before=parse(GB), after=Slow(), as_of=NOW, seconds=0.1)
    assert (found.added, found.removed, found.kept, found.exact) == (20, 0, 20, False)
    assert found.some_added == []


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=st.lists(worlds.people, min_size=1, max_size=5), before=worlds.rules, after=worlds.rules)
def test_the_figures_are_those_of_the_two_sets(world: Any, before: Any, after: Any):
    with transaction.atomic():
        worlds.build(world, make_topic())
        for key, kind in worlds.FIELDS.items():
            AttributeDefinition.objects.create(
                key=key, label=key, type=kind, choices=worlds.INTERESTS if kind == "multi" else []
            )
        was, is_ = ids(before), ids(after)
        found = effect(before=parse(before), after=parse(after), as_of=NOW)
        assert (found.added, found.removed, found.kept) == (len(is_ - was), len(was - is_), len(was & is_))
        assert {person.pk for person in found.some_added} == is_ - was
        assert {person.pk for person in found.some_removed} == was - is_
        transaction.set_rollback(True)
