"""People leave as CSV or NDJSON: whole, harmless to spreadsheets, noted, and only by whom may take them out."""

from __future__ import annotations

import csv
import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from personalize.accounts.models import AuditEntry, Role, User
from personalize.core.addresses import address_key
from segments.segmentation.services import create_segment
from segments.subscribers.models import AttributeDefinition, ExternalId, ListMember, StaticList, Subscriber
from segments.transfer.exports import SLICE, Format, UnknownColumn, available, chosen, stream
from tests.factories import NOW, make_order, make_product, make_subscriber, make_subscription, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]

PASSWORD = "tea-and-cake-12"


@pytest.fixture
def ann() -> Subscriber:
    AttributeDefinition.objects.create(key="interests", label="Interests", type="multi", choices=["Garden", "Gifts"])
    AttributeDefinition.objects.create(key="balance", label="Balance", type="decimal")
    AttributeDefinition.objects.create(key="loyal", label="Loyal", type="bool")
    ann = make_subscriber(
        "ann.whitaker@post.example",
        first_name="Ann",
        last_name="Whitaker",
        country="GB",
        birth_day=29,
        birth_month=2,
        attributes={"interests": ["Garden", "Gifts"], "balance": "-2.5", "loyal": True},
    )
    ExternalId.objects.create(subscriber=ann, source="shop", value="C17")
    make_subscription(ann, make_topic("news"))
    make_order(ann, (make_product("MUG"), 2, 140_000))
    return ann


def rows(keys: list[str], people: Any = None) -> list[dict[str, str]]:
    pieces = stream(people if people is not None else Subscriber.objects.all(), chosen(keys), Format.CSV)
    return list(csv.DictReader(io.StringIO("".join(pieces))))


def objects(keys: list[str]) -> list[dict[str, Any]]:
    text = "".join(stream(Subscriber.objects.all(), chosen(keys), Format.NDJSON))
    return [json.loads(line) for line in text.splitlines()]


def many(number: int) -> None:
    topic = make_topic("news")
    Subscriber.objects.bulk_create(
        Subscriber(
            email=f"p{n}@post.example",
            address_key=address_key(f"p{n}@post.example"),
            first_name=f"P{n}",
            created_at=NOW,
            updated_at=NOW,
        )
        for n in range(number)
    )
    for person in Subscriber.objects.order_by("pk")[:5]:
        make_subscription(person, topic)


def test_every_kind_of_column_leaves_in_the_form_in_which_it_comes_in(ann: Subscriber):
    wanted = ["email", "birth_date", "attributes.interests", "attributes.balance", "attributes.loyal"]
    wanted += ["topics.news", "external_ids.shop", "orders", "spent"]
    assert rows(wanted) == [
        {
            "email": "ann.whitaker@post.example",
            "birth_date": "02-29",
            "attributes.interests": "Garden;Gifts",
            "attributes.balance": "-2.5",
            "attributes.loyal": "true",
            "topics.news": "subscribed",
            "external_ids.shop": "C17",
            "orders": "1",
            "spent": "28",
        }
    ]


def test_ndjson_holds_the_same_people_with_their_values_untouched(ann: Subscriber):
    make_subscriber("plus@post.example", first_name="=cmd|'/c calc'!A0", last_name="+1")
    found = objects(["email", "first_name", "last_name", "attributes.interests", "attributes.loyal", "topics.news"])
    assert found == [
        {
            "email": "ann.whitaker@post.example",
            "first_name": "Ann",
            "last_name": "Whitaker",
            "attributes": {"interests": ["Garden", "Gifts"], "loyal": True},
            "topics": {"news": "subscribed"},
        },
        {
            "email": "plus@post.example",
            "first_name": "=cmd|'/c calc'!A0",
            "last_name": "+1",
            "attributes": {"interests": None, "loyal": None},
            "topics": {"news": None},
        },
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_runs_nothing_that_a_stranger_wrote(start: str):
    make_subscriber("=cmd|calc@post.example", first_name=f"{start}SUM(1)")
    (row,) = rows(["email", "first_name"])
    assert row == {"email": "'=cmd|calc@post.example", "first_name": f"'{start}SUM(1)"}


def test_all_columns_there_are_can_be_taken_at_once(ann: Subscriber):
    (row,) = rows([column.key for column in available()])
    assert row["state"] == "Subscribed"
    assert row["last_order"] == NOW.isoformat()
    assert row["id"] == str(ann.uuid)


def test_an_unknown_column_is_answered_with_those_there_are(ann: Subscriber):
    with pytest.raises(UnknownColumn, match=r"no column “password”; there are email, .*attributes\.loyal"):
        chosen(["password"])


def test_erased_people_do_not_leave(ann: Subscriber):
    Subscriber.objects.filter(pk=ann.pk).update(email=None, erased_at=NOW)
    assert rows(["email"]) == []


def test_the_number_of_queries_for_a_thousand_people_stays_the_same():
    keys = ["email", "first_name", "topics.news", "orders", "state"]
    many(3 * SLICE)
    columns = chosen(keys)
    spent = []
    for number in (SLICE, 3 * SLICE):
        last = Subscriber.objects.order_by("pk")[number - 1].pk
        with CaptureQueriesContext(
            connection,
        ) as queries:
            people = Subscriber.objects.filter(pk__lte=last)
            assert sum(piece.count("\n") for piece in stream(people, columns, Format.CSV)) == number + 1
        spent.append(len(queries))
    first, second = spent
    assert (second - first) / 2 <= first - 1 <= 6


def test_pieces_leave_before_the_last_person_is_read():
    many(2 * SLICE + 1)
    told: list[int] = []
    pieces = stream(Subscriber.objects.all(), chosen(["email"]), Format.NDJSON, told.append)
    assert next(pieces).count("\n") == SLICE
    assert sum(piece.count("\n") for piece in pieces) == SLICE + 1
    assert told == [SLICE, 2 * SLICE, 2 * SLICE + 1]


# The page.


@pytest.fixture
def signed_in(client: Client, maya: User) -> Client:
    client.force_login(maya)
    return client


def download(client: Client, address: str, **fields: Any) -> str:
    given = {"columns": ["email", "first_name"], "format": "csv", "password": PASSWORD, **fields}
    response = client.post(address, given)
    assert response.status_code == 200, response.content.decode()
    assert "attachment" in response["Content-Disposition"]
    streamed: Iterator[bytes] = response.streaming_content  # type: ignore[attr-defined]
    return b"".join(streamed).decode()


def test_the_list_leaves_as_it_is_filtered_and_the_trail_says_so(signed_in: Client, ann: Subscriber, maya: User):
    make_subscriber("liam@post.example", first_name="Liam", country="IE")
    text = signed_in.get("/subscribers/?country=GB").content.decode()
    assert 'href="/exports/subscribers/?country=GB"' in text
    assert "Export 1 person" in signed_in.get("/exports/subscribers/?country=GB").content.decode()
    assert download(signed_in, "/exports/subscribers/?country=GB") == (
        "email,first_name\r\nann.whitaker@post.example,Ann\r\n"
    )
    entry = AuditEntry.objects.get(action="people.export")
    assert entry.user == maya
    assert entry.details == {
        "of": "country=GB",
        "people": 1,
        "columns": ["email", "first_name"],
        "format": "csv",
    }


def test_a_segment_and_a_static_list_leave_from_their_pages(signed_in: Client, ann: Subscriber, maya: User):
    liam = make_subscriber("liam@post.example", first_name="Liam", country="IE")
    rule = {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}
    segment = create_segment(name="British", rule=rule, actor=maya)
    guests = StaticList.objects.create(name="Guests", created_at=NOW)
    ListMember.objects.create(list=guests, subscriber=liam, added_at=NOW, source="dashboard")
    address = f"/exports/segments/{segment.uuid}/"
    assert address in signed_in.get(f"/segments/{segment.uuid}/").content.decode()
    assert "ann.whitaker@post.example" in download(signed_in, address)
    assert json.loads(download(signed_in, f"/exports/lists/{guests.uuid}/", format="ndjson")) == {
        "email": "liam@post.example",
        "first_name": "Liam",
    }
    assert [entry.details["of"] for entry in AuditEntry.objects.filter(action="people.export").order_by("pk")] == [
        "segment British",
        "list Guests",
    ]


def test_those_who_are_ticked_in_the_list_leave_and_nobody_else(signed_in: Client, ann: Subscriber):
    make_subscriber("liam@post.example", first_name="Liam", country="IE")
    assert 'formaction="/exports/selected/?country=GB"' in signed_in.get("/subscribers/?country=GB").content.decode()
    address = "/exports/selected/"
    asked = signed_in.post(address, {"row": [ann.pk]})
    assert asked.status_code == 200
    assert "Export 1 person" in asked.content.decode()
    assert f'<input type="hidden" name="row" value="{ann.pk}">' in asked.content.decode()
    assert "Liam" not in download(signed_in, address, row=[ann.pk, "x", "9" * 40])
    assert download(signed_in, f"{address}?country=IE", all="1").count("\r\n") == 2
    assert download(signed_in, address, all="1").count("\r\n") == 3
    refused = signed_in.post(address, {"row": [ann.pk], "columns": ["city"], "format": "csv", "password": "else"})
    assert refused.status_code == 422
    assert f'name="row" value="{ann.pk}"' in refused.content.decode()
    assert [entry.details["of"] for entry in AuditEntry.objects.filter(action="people.export").order_by("pk")] == [
        "selected subscribers",
        "country=IE",
        "subscribers",
    ]


def test_without_the_password_nobody_leaves_and_what_was_ticked_stays(signed_in: Client, ann: Subscriber):
    response = signed_in.post(
        "/exports/subscribers/", {"columns": ["city"], "format": "ndjson", "password": "something-else"}
    )
    text = response.content.decode()
    assert response.status_code == 422
    assert "This is not your password." in text
    assert text.count(" checked") == 2
    assert not AuditEntry.objects.filter(action="people.export").exists()


@pytest.mark.parametrize("who", ["alan", "priya"])
def test_only_owners_take_people_out(client: Client, request: pytest.FixtureRequest, who: str, ann: Subscriber):
    client.force_login(request.getfixturevalue(who))
    given = {"columns": ["email"], "format": "csv", "password": PASSWORD}
    assert client.get("/exports/subscribers/").status_code == 403
    assert client.post("/exports/subscribers/", given).status_code == 403
    assert client.post("/exports/selected/", {**given, "all": "1"}).status_code == 403
    assert "/exports/" not in client.get("/subscribers/").content.decode()


def test_the_other_owners_see_who_took_people_out(client: Client, maya: User, ann: Subscriber, settings: Any):
    other = User.objects.create_user("noah@alderandwren.example", PASSWORD, first_name="Noah", role=Role.OWNER)
    client.force_login(other)
    download(client, "/exports/subscribers/")
    told = "Noah exported 1 person"
    assert told not in client.get("/").content.decode()
    client.force_login(maya)
    assert told in client.get("/").content.decode()


# The command.


def test_the_command_writes_the_people_of_a_list_for_its_owner_alone(ann: Subscriber, tmp_path: Path):
    guests = StaticList.objects.create(name="Guests", created_at=NOW)
    ListMember.objects.create(list=guests, subscriber=ann, added_at=NOW, source="dashboard")
    make_subscriber("liam@post.example")
    out, path = io.StringIO(), tmp_path / "guests.csv"
    call_command("export_subscribers", path, list="Guests", columns="first_name,email", json=True, stdout=out)
    assert path.read_text() == "first_name,email\nAnn,ann.whitaker@post.example\n"
    assert json.loads(out.getvalue())["people"] == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert AuditEntry.objects.get(action="people.export").actor == "command"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"segment": "Nobody"}, "no segment called 'Nobody'"),
        ({"list": "Nobody"}, "no list called 'Nobody'"),
        ({"columns": "email,shoe"}, "no column “shoe”"),
    ],
)
def test_the_command_says_what_there_is_not_and_writes_nothing(options: dict[str, str], words: str, tmp_path: Path):
    with pytest.raises(CommandError, match=words):
        call_command("export_subscribers", tmp_path / "people.csv", **options)
    assert list(tmp_path.iterdir()) == []
