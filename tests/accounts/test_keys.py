"""Keys of the API: their secret is shown once, what they may do is chosen, and who revokes one is remembered."""

from __future__ import annotations

import datetime as dt
import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from personalize.accounts.models import ApiKey, AuditEntry, User
from personalize.accounts.services import issue_api_key
from personalize.accounts.types import BadKey, IssuedKey
from personalize.core import clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]

FORM = {"name": "Till", "source": "till-2", "scopes": ["events:write"], "days": "30", "per_minute": "60"}


def test_a_key_is_shown_once_and_kept_as_a_hash(client: Client, maya: User):
    client.force_login(maya)
    page = client.post("/settings/keys/", FORM).content.decode()
    secret = re.search(r"pk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", page)
    assert secret
    key = ApiKey.objects.get()
    assert (key.name, key.source, key.scopes, key.per_minute) == ("Till", "till-2", ["events:write"], 60)
    assert key.expires_at
    assert dt.timedelta(days=29) < key.expires_at - clock.now() <= dt.timedelta(days=30)
    assert secret[0] not in json.dumps(list(ApiKey.objects.values()), default=str)
    assert secret[0] not in client.get("/settings/keys/").content.decode()
    assert AuditEntry.objects.get(action="api_key.issued").user == maya


def test_a_revoked_key_stays_on_the_page_and_on_the_trail(client: Client, maya: User):
    client.force_login(maya)
    client.post("/settings/keys/", FORM)
    key = ApiKey.objects.get()
    client.post(f"/settings/keys/{key.uuid}/revoke/")
    client.post(f"/settings/keys/{key.uuid}/revoke/")
    assert "Revoked" in client.get("/settings/keys/").content.decode()
    assert AuditEntry.objects.filter(action="api_key.revoked").count() == 1


def test_a_form_with_something_wrong_comes_back_with_what_was_entered(client: Client, maya: User):
    client.force_login(maya)
    page = client.post("/settings/keys/", {**FORM, "source": "Our shop"}).content.decode()
    assert "lower-case word" in page
    assert 'value="Our shop"' in page
    assert "This field is required" in client.post("/settings/keys/", {**FORM, "scopes": []}).content.decode()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("path", ["/settings/keys/", "/settings/keys/new/"])
def test_keys_are_for_those_who_may_change_settings(client: Client, priya: User, path: str):
    client.force_login(priya)
    assert client.get(path).status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("scopes", []),
        ("scopes", ["everything"]),
        ("source", "Shop!"),
        ("expires_at", dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
        ("per_minute", 0),
    ],
)
def test_what_makes_no_key_is_said(field: str, value: object):
    given = {"name": "Till", "scopes": ["events:write"], "actor": "tests", field: value}
    refused = issue_api_key(**given)
    assert isinstance(refused, BadKey)
    assert refused.field == field


def test_the_command_prints_the_key_for_people_and_for_scripts():
    out = StringIO()
    call_command("issue_api_key", "Till", "--scope", "events:write", "--scope", "orders:write", stdout=out)
    assert out.getvalue().startswith("pk_")
    out = StringIO()
    call_command("issue_api_key", "Shop", scope=["events:write"], expires=None, json=True, stdout=out)
    assert json.loads(out.getvalue())["key"].startswith("pk_")
    with pytest.raises(CommandError, match="expires_at"):
        call_command("issue_api_key", "Shop", "--scope", "events:write", "--expires", "2020-01-01")
    with pytest.raises(CommandError, match="scope"):
        call_command("issue_api_key", "Shop", "--scope", "everything")


def test_two_keys_never_share_a_secret():
    first, second = (issue_api_key(name="Till", scopes=["events:write"], actor="tests") for _ in range(2))
    assert isinstance(first, IssuedKey)
    assert isinstance(second, IssuedKey)
    assert first.secret != second.secret
