"""What explain_segment tells: the sentence, the SQL and its plan, and the index that would help."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from personalize.core.database import is_postgres
from segments.segmentation.models import Segment
from segments.subscribers.models import AttributeDefinition
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db
RULE: dict[str, Any] = {
    "all": [
        {"attr": "tier", "op": "is", "value": "gold"},
        {"orders": {"metric": "count", "op": ">=", "value": 2}},
    ]
}


@pytest.fixture(autouse=True)
def shop() -> None:
    AttributeDefinition.objects.create(key="tier", label="tier", type="enum", choices=["gold", "grey"])
    for number in range(20):
        make_subscriber(attributes={"tier": "gold" if number == 7 else "grey"})


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("explain_segment", *arguments, stdout=out)
    return out.getvalue()


def test_it_tells_sentence_sql_plan_and_the_people() -> None:
    Segment.objects.create(name="Gold", rule=RULE, created_at=NOW, updated_at=NOW)
    text = told("Gold", "--count", "--as-of", "2026-11-19")
    assert text.startswith("People whose tier is ‘gold’")
    assert "'gold'" in text
    assert "commerce_order" in text
    assert "0 people, counted in" in text


def test_machines_read_cost_and_rows_of_the_whole_and_of_each_rule() -> None:
    found = json.loads(told("--rule", json.dumps(RULE), "--json", "--count"))
    assert {leaf["words"] for leaf in found["leaves"]} == {
        "whose tier is ‘gold’",
        "for whom the number of orders is at least 2",
    }
    assert (found["cost"] is not None) == is_postgres()
    assert (found["counted"]["people"], found["counted"]["exact"]) == (0, True)


def test_an_index_is_suggested_for_what_few_people_have_and_not_for_what_many_have() -> None:
    def suggested(rule: dict[str, Any]) -> list[str]:
        return [one["command"] for one in json.loads(told("--rule", json.dumps(rule), "--json"))["suggestions"]]

    assert suggested(RULE) == ["python3 manage.py index_attribute tier"]
    assert suggested({"attr": "tier", "op": "is", "value": "grey"}) == []
    assert suggested({"none": [{"attr": "tier", "op": "is", "value": "gold"}]}) == []


@pytest.mark.django_db(transaction=True)
def test_an_index_that_is_there_is_not_suggested() -> None:
    call_command("index_attribute", "tier", stdout=StringIO())
    assert json.loads(told("--rule", json.dumps(RULE), "--json"))["suggestions"] == []
    call_command("index_attribute", "tier", "--drop", stdout=StringIO())


def test_what_cannot_be_explained_is_refused_with_the_reason() -> None:
    with pytest.raises(CommandError, match="no segment called 'Silver'"):
        told("Silver")
    with pytest.raises(CommandError, match="no field ‘rank’"):
        told("--rule", '{"attr": "rank", "op": "is", "value": "x"}')
