"""An index on an attribute is found again by the rules that ask for it."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from segments.segmentation.services import audience
from segments.subscribers.models import AttributeDefinition
from tests.factories import NOW, make_subscriber

VALUES: dict[str, tuple[Any, Any, Any]] = {
    "text": ("Oak's %", "Oak's %", "Elm"),
    "enum": ("Gold", "Gold", "Silver"),
    "int": (7, 7, 8),
    "decimal": ("12.5", 12.5, "3"),
    "bool": (True, True, False),
    "date": ("2026-11-19", "2026-11-19", "2026-01-01"),
    "datetime": ("2026-11-19T08:40:00+00:00", "2026-11-19T08:40:00+00:00", "2026-01-01T00:00:00+00:00"),
}


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("index_attribute", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("type", VALUES)
def test_the_compiled_rule_uses_the_index(type: str):
    stored, asked, other = VALUES[type]
    AttributeDefinition.objects.create(key="it", label="It", type=type, choices=["Gold", "Silver"])
    for value in (stored, other):
        folded = {"it": value.casefold()} if isinstance(value, str) else {}
        make_subscriber(attributes={"it": value}, attributes_folded=folded)
    assert "Built the index" in run("it")
    assert "is there already" in run("it")
    (listed,) = json.loads(run("--json"))
    assert (listed["attribute"], listed["usable"]) == ("it", True)
    found = audience(rule={"attr": "it", "op": "is", "value": asked}, as_of=NOW)
    assert [person.attributes["it"] for person in found] == [stored]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
    try:
        assert listed["index"] in found.explain()
    finally:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("RESET enable_seqscan")
        run("it", "--drop")
    assert "No attribute has an index." in run()


@pytest.mark.django_db
def test_a_dry_run_prints_the_statement_and_runs_none():
    AttributeDefinition.objects.create(key="tier", label="Tier", type="text")
    assert "CREATE INDEX" in run("tier", "--dry-run")
    assert "No attribute has an index." in run()


@pytest.mark.django_db
def test_what_cannot_be_indexed_is_said():
    AttributeDefinition.objects.create(key="likes", label="Likes", type="multi", choices=["A"])
    for arguments in (["likes"], ["unknown"], ["likes", "--drop"], ["--drop"]):
        with pytest.raises(CommandError):
            run(*arguments)
