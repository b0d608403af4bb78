"""Who sees a block: said on the page of a template with the rule builder, and kept as a new version."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from personalize.accounts.models import AuditEntry, User
from personalize.content.models import Template

BRISTOL = {"v": 1, "all": [{"attr": "city", "op": "is", "value": "Bristol"}]}
Write = Callable[..., Template]


@pytest.fixture
def page(client: Client, priya: User) -> Client:
    client.force_login(priya)
    return client


def say(page: Client, template: Template, rule: Any, *, block: str = "words", lock_version: int = 0) -> Any:
    sent = {"rule": rule if isinstance(rule, str) else json.dumps(rule), "lock_version": lock_version}
    return page.post(reverse("content:show_when", args=[template.uuid, block]), sent)


def shown_when(template: Template, block: str = "words") -> Any:
    template.refresh_from_db()
    return next(one.get("show_when") for one in template.blocks if one["id"] == block)


def test_a_block_is_shown_to_whom_one_says_in_a_new_version(page: Client, write: Write) -> None:
    template = write()
    assert say(page, template, BRISTOL).status_code == 302
    assert shown_when(template) == BRISTOL
    assert template.versions.get().rules == {"words": BRISTOL}
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"template.change", "template.version"}
    html = page.get(reverse("content:template", args=[template.uuid]), {"block": "words"}).content.decode()
    assert "City is ‘Bristol’" in html


def test_a_block_may_ask_what_brought_somebody_in(page: Client, write: Write) -> None:
    template = write()
    worth = {"v": 1, "any": [{"trigger": "total", "op": ">=", "value": 80}]}
    assert say(page, template, worth).status_code == 302
    assert shown_when(template) == worth


def test_without_a_rule_everybody_sees_the_block_again(page: Client, write: Write) -> None:
    template = write()
    say(page, template, BRISTOL)
    assert say(page, template, {"v": 1, "all": []}, lock_version=1).status_code == 302
    assert shown_when(template) is None
    assert template.versions.first().rules == {}


def test_what_is_wrong_is_said_and_nothing_is_changed(page: Client, write: Write) -> None:
    template = write({"id": "typo", "type": "text", "text": "{{ subscriber.frist_name }}"})
    answer = say(page, template, BRISTOL)
    assert answer.status_code == 422
    assert "subscriber.first_name" in answer.content.decode()
    broken = say(page, template, {"all": [{"attr": "shoe", "op": "is", "value": 1}]})
    assert broken.status_code == 422
    assert "all[0].attr: There is no field ‘shoe’." in broken.content.decode()
    assert shown_when(template) is None
    assert not template.versions.exists()


def test_an_edit_over_somebody_elses_is_refused_and_what_was_typed_stays(page: Client, write: Write) -> None:
    template = write()
    Template.objects.update(lock_version=3)
    answer = say(page, template, BRISTOL)
    assert answer.status_code == 409
    assert "Somebody else changed the template" in answer.content.decode()
    assert "City is ‘Bristol’" in answer.content.decode()
    assert shown_when(template) is None


def test_only_who_writes_mails_says_who_sees_a_block(client: Client, alan: User, write: Write) -> None:
    template = write()
    client.force_login(alan)
    assert say(client, template, BRISTOL).status_code == 403
    assert shown_when(template) is None


def test_a_block_that_is_not_there_is_not_found(page: Client, write: Write) -> None:
    assert say(page, write(), BRISTOL, block="gone").status_code == 404
