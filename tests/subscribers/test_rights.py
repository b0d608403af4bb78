"""The rights of a person to their data: it is handed out whole, and erased so that nothing is left of them."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from campaigns.delivery import ledger
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState, SkipReason
from personalize.accounts.models import AuditEntry, User
from personalize.core import registries
from segments.commerce.models import Order
from segments.consent.models import ConsentEntry, Suppression
from segments.events.models import Event
from segments.subscribers import rights
from segments.subscribers.models import Subscriber
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow
from tests.factories import NOW, make_mailing, make_subscriber, make_subscription, make_topic
from tests.subscribers.persons import (
    ADDRESS,
    EXTERNAL,
    FIRST,
    SECRETS,
    found_in_files,
    found_in_tables,
    make_ottilie,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand", "var")]


@pytest.fixture
def var(settings, tmp_path: Path) -> Path:
    settings.VAR = tmp_path
    settings.CAUGHT_MAIL = tmp_path / "caught.sqlite3"
    return tmp_path


def erase(person: Subscriber) -> dict[str, int] | None:
    return rights.erase_subscriber(subscriber=person, actor="command")


def test_after_an_erasure_nothing_is_left_of_the_person_in_any_table_or_file(var: Path):
    ottilie = make_ottilie()
    assert {where.split(": ")[1] for where in found_in_tables(SECRETS)} == set(SECRETS)
    assert found_in_files(var, (ADDRESS,))
    erase(ottilie)
    assert found_in_tables(SECRETS) == []
    assert found_in_files(var, SECRETS) == []


@pytest.mark.parametrize("model", sorted(entry.model for entry in registries.personal_data))
def test_every_declaration_touches_what_the_person_has(model: str):
    """The person of these tests has something of every kind: a new declaration is to be tried as well."""
    ottilie = make_ottilie()
    entry = registries.personal_data.get(model)
    assert entry.count(ottilie) > 0
    assert entry.erase(ottilie) > 0


@pytest.mark.parametrize(
    "model",
    [
        "subscribers.ExternalId",
        "subscribers.QuarantinedValue",
        "subscribers.Merge",
        "consent.ConsentEntry",
        "events.Event",
        "commerce.Receipt",
        "delivery.Message",
        "delivery.Outcome",
        "accounts.AuditEntry",
        "accounts.IdempotentAnswer",
        "transfer.Rejection",
    ],
)
def test_the_search_finds_what_a_missing_declaration_would_leave(model: str, monkeypatch):
    ottilie = make_ottilie()
    declared = registries.personal_data.get(model)
    assert declared is not None
    forgotten = replace(declared, erase=lambda _person: 0)
    monkeypatch.setitem(registries.personal_data._entries, model, forgotten)
    erase(ottilie)
    assert found_in_tables(SECRETS)


def test_other_people_keep_all_they_have(var: Path):
    make_ottilie()
    bob = make_ottilie("bob.marsh@post.example", external_id="shop-1", first_name="Bob", last_name="Marsh")
    before = {entry.model: entry.count(bob) for entry in registries.personal_data if "File" not in entry.model}
    erase(Subscriber.objects.get(email=ADDRESS))
    bob.refresh_from_db()
    assert (bob.email, bob.first_name) == ("bob.marsh@post.example", "Bob")
    assert {model: registries.personal_data.get(model).count(bob) for model in before} == before
    assert "ann@post.example" in (var / "imports" / "people.csv.rejects.csv").read_text()


def test_what_the_sums_and_the_proof_need_stays_without_the_person():
    ottilie = make_ottilie()
    erase(ottilie)
    assert Order.objects.get().total == 280_000
    assert Order.objects.get().subscriber is None
    assert Message.objects.filter(subscriber=ottilie).count() == 3
    entry = ConsentEntry.objects.get(subscriber=ottilie)
    assert (entry.action, entry.source, entry.ip_prefix, entry.details) == ("subscribed", "footer form", "", {})
    assert not Event.objects.exists()


def test_mails_that_wait_are_not_sent_to_the_erased():
    ottilie = make_ottilie()
    erase(ottilie)
    waited = Message.objects.exclude(state=MessageState.SENT)
    assert {(one.state, one.reason, one.token, one.due_at) for one in waited} == {
        (MessageState.SKIPPED, SkipReason.ERASED, None, None)
    }
    assert Message.objects.filter(state=MessageState.SENT).count() == 1


def test_a_mail_that_a_sender_has_claimed_does_not_leave_after_the_erasure():
    topic = make_topic("letters")
    person = make_subscriber()
    make_subscription(person, topic)
    mailing = make_mailing(topic)
    message = Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=mailing,
        subscriber=person,
        address_key=person.address_key,
        created_at=NOW,
        due_at=NOW,
    )
    token, ids = ledger.claim(mailing, uuid.uuid4(), 10)
    assert ids == [message.pk]
    erase(person)
    assert ledger.hand_over(mailing, token, ids, []) == set()
    ledger.explain(mailing, token, ids)
    ledger.finish(token, [])
    message.refresh_from_db()
    assert (message.state, message.reason) == (MessageState.SKIPPED, SkipReason.ERASED)


def test_no_import_and_no_interface_brings_the_erased_back_by_any_of_their_addresses():
    ottilie = make_ottilie()
    erase(ottilie)
    for address in (ADDRESS, f"old.{ADDRESS}"):
        result = upsert_subscribers(rows=[SubscriberRow(email=address, first_name=FIRST)], source="shop")
        assert (result.created, result.updated, result.erased) == (0, 0, 1)
    assert not Subscriber.objects.present().exists()
    bars = Suppression.objects.filter(topic=None)
    assert {(bar.address_key, bar.reason) for bar in bars} == {
        (person.address_key, "erased") for person in Subscriber.objects.all()
    }
    assert len(bars) == 2


def test_a_second_erasure_changes_nothing():
    ottilie = make_ottilie()
    assert erase(ottilie)
    trail = AuditEntry.objects.count()
    erased_at = Subscriber.objects.get(pk=ottilie.pk).erased_at
    assert erase(ottilie) is None
    assert AuditEntry.objects.count() == trail
    assert Subscriber.objects.get(pk=ottilie.pk).erased_at == erased_at


def test_an_erasure_that_fails_half_way_erases_nothing(monkeypatch):
    ottilie = make_ottilie()

    def broken(_person):
        raise RuntimeError("disk full")

    last = registries.personal_data.in_order()[-1]
    monkeypatch.setitem(registries.personal_data._entries, last.model, replace(last, erase=broken))
    with pytest.raises(RuntimeError):
        erase(ottilie)
    ottilie.refresh_from_db()
    assert ottilie.email == ADDRESS
    assert Event.objects.filter(subscriber=ottilie).exists()


def test_the_trail_says_that_somebody_was_erased_and_not_who():
    ottilie = make_ottilie()
    rights.erase_subscriber(subscriber=ottilie, actor="Maya")
    entry = AuditEntry.objects.get(action="subscriber.erased")
    assert (entry.actor, entry.target_label, entry.target_id) == ("Maya", "Erased person", str(ottilie.pk))
    assert entry.details["rows"]["events.Event"] == 1
    assert AuditEntry.objects.filter(action="subscriber.changed").get().details == {"fields": ["city"]}


def test_what_was_under_way_during_the_erasure_is_erased_when_it_arrives():
    ottilie = make_ottilie()
    erase(ottilie)
    Message.objects.filter(state=MessageState.SENT).update(trace={"name": FIRST}, reply=ADDRESS)
    Event.objects.create(
        subscriber=ottilie,
        name="email_bounced",
        occurred_at=NOW,
        received_at=NOW,
        source="mail",
        idempotency_key="late",
        properties={"reply": ADDRESS},
    )
    erased_at = Subscriber.objects.get(pk=ottilie.pk).erased_at
    rights.erase_what_came_late(at=erased_at + dt.timedelta(hours=1))
    assert found_in_tables(SECRETS) == []


def unpacked(packed: io.BytesIO) -> tuple[dict[str, Any], str]:
    with zipfile.ZipFile(packed) as folder:
        assert folder.namelist() == ["data.json", "data.html"]
        return json.loads(folder.read("data.json")), folder.read("data.html").decode()


def handed_out(person: Subscriber) -> tuple[dict[str, Any], str]:
    packed = io.BytesIO()
    rights.export_subscriber(subscriber=person, actor="command", into=packed)
    return unpacked(packed)


def test_the_export_has_every_row_of_every_kind_and_what_happened():
    ottilie = make_ottilie()
    data, page = handed_out(ottilie)
    assert data["person"]["email"] == ADDRESS
    assert data["person"]["attributes"] == {"nick": FIRST}
    for entry in registries.personal_data:
        if entry.export is not None and entry.model != "accounts.AuditEntry":
            assert len(data["data"][entry.model]["rows"]) == entry.count(ottilie), entry.model
    assert data["data"]["consent.ConsentEntry"]["rows"][0]["topic"] == "Winter and gifts"
    assert data["data"]["consent.Suppression"]["rows"][0]["reason"] == "unsubscribed"
    assert {"order", "mails", "consent", "event", "click", "edits"} <= {entry["kind"] for entry in data["timeline"]}
    assert ottilie.address_key not in json.dumps(data)
    assert data["data"]["commerce.Order"]["rows"][0]["total"] == 280_000
    assert data["money"] == {"currency": "GBP", "unit": "ten-thousandths"}
    for words in (ADDRESS, "Winter and gifts", "footer form", "22", EXTERNAL, "£28.00"):
        assert words in page


def test_the_readable_page_runs_nothing_and_loads_nothing():
    evil = make_subscriber(first_name="<script>alert(1)</script>", city="<img src=https://evil.example>")
    _data, page = handed_out(evil)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "default-src 'none'" in page


def test_an_export_is_on_the_trail_and_holds_nobody_else():
    make_ottilie()
    bob = make_subscriber("bob.marsh@post.example")
    data, page = handed_out(bob)
    assert ADDRESS not in json.dumps(data) + page
    assert AuditEntry.objects.get(action="subscriber.exported").target_id == str(bob.pk)


def test_the_command_writes_the_file_whole_or_not_at_all(tmp_path: Path):
    make_ottilie()
    out = io.StringIO()
    path = tmp_path / "ottilie.zip"
    call_command("export_subscriber", ADDRESS.upper(), str(path), json=True, stdout=out)
    assert json.loads(out.getvalue()) == {"file": str(path), "bytes": path.stat().st_size}
    assert unpacked(io.BytesIO(path.read_bytes()))[0]["person"]["email"] == ADDRESS
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_subscriber", ADDRESS, str(tmp_path / "nowhere" / "x.zip"))
    with pytest.raises(CommandError, match="Nobody here"):
        call_command("export_subscriber", "nobody@post.example", str(tmp_path / "x.zip"))
    assert sorted(one.name for one in tmp_path.glob("*.zip*")) == ["ottilie.zip"]


def test_the_command_to_erase_foretells_then_does_and_says_when_it_was_done_before():
    ottilie = make_ottilie()
    out = io.StringIO()
    call_command("erase_subscriber", ADDRESS, dry_run=True, json=True, stdout=out)
    foretold = json.loads(out.getvalue())
    assert foretold["erased"] is False
    assert {row["model"]: row["count"] for row in foretold["rows"]}["delivery.Message"] == 3
    assert {row["model"] for row in foretold["rows"]} == {
        "subscribers.Subscriber",
        *(entry.model for entry in registries.personal_data),
    }
    ottilie.refresh_from_db()
    assert ottilie.email == ADDRESS
    call_command("erase_subscriber", ADDRESS, stdout=out)
    assert found_in_tables(SECRETS) == []
    again = io.StringIO()
    call_command("erase_subscriber", ADDRESS, stdout=again)
    assert "already" in again.getvalue()
    with pytest.raises(CommandError, match="Nobody here"):
        call_command("erase_subscriber", "nobody@post.example")
    with pytest.raises(CommandError, match="neither"):
        call_command("erase_subscriber", "nobody")


def test_an_owner_erases_by_typing_the_address(client: Client, maya: User):
    ottilie = make_ottilie()
    client.force_login(maya)
    path = f"/subscribers/{ottilie.uuid}/erase/"
    page = client.get(path).content.decode()
    for entry in registries.personal_data:
        assert str(entry.label) in page
    assert client.post(path, {"email": "somebody.else@post.example"}).status_code == 422
    assert Subscriber.objects.present().filter(pk=ottilie.pk).exists()
    assert client.post(path, {"email": f" {ADDRESS.upper()} "}).status_code == 302
    assert found_in_tables(SECRETS) == []
    assert client.get(path).status_code == 404


def test_an_owner_downloads_what_a_person_is_handed(client: Client, maya: User):
    ottilie = make_ottilie()
    client.force_login(maya)
    path = f"/subscribers/{ottilie.uuid}/export/"
    assert "Proof of consent" in client.get(path).content.decode()
    assert not AuditEntry.objects.filter(action="subscriber.exported").exists()
    response = client.post(path)
    packed = io.BytesIO(b"".join(response.streaming_content))  # type: ignore[attr-defined]
    assert unpacked(packed)[0]["person"]["email"] == ADDRESS
    assert ADDRESS not in response["Content-Disposition"]


@pytest.mark.parametrize("who", ["priya", "alan"])
@pytest.mark.parametrize("page", ["erase", "export", "timeline"])
def test_only_owners_hand_out_and_erase(client: Client, request: pytest.FixtureRequest, who: str, page: str):
    person = make_subscriber()
    client.force_login(request.getfixturevalue(who))
    assert client.get(f"/subscribers/{person.uuid}/{page}/").status_code == 403
    assert client.post(f"/subscribers/{person.uuid}/{page}/", {"email": person.email}).status_code == 403
    assert f"/{page}/" not in client.get(f"/subscribers/{person.uuid}/").content.decode()
