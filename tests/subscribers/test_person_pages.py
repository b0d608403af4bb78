"""A person is added and changed by hand: errors stand at their fields, and nothing anybody wrote is lost."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from personalize.accounts.models import AuditEntry, User
from segments.subscribers.models import AttributeDefinition, QuarantinedValue, Subscriber
from tests.factories import NOW, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]

ATTRIBUTES = [
    ("company", "text", []),
    ("points", "int", []),
    ("spend", "decimal", []),
    ("garden", "bool", []),
    ("visit", "date", []),
    ("seen", "datetime", []),
    ("tier", "enum", ["Gold", "Silver"]),
    ("likes", "multi", ["Garden", "Kitchen"]),
]


@pytest.fixture
def ann(db: None) -> Subscriber:
    for key, type, choices in ATTRIBUTES:
        AttributeDefinition.objects.create(key=key, label=key.title(), type=type, choices=choices)
    return make_subscriber(
        "ann@post.example",
        first_name="Ann",
        city="Bristol",
        country="GB",
        birth_day=22,
        birth_month=2,
        latitude=51.5,
        longitude=-2.5,
        attributes={
            "company": "Oak & Co",
            "points": 7,
            "spend": "12.5",
            "garden": False,
            "visit": "2026-01-02",
            "seen": "2026-06-01T08:40:05+00:00",
            "tier": "Gold",
            "likes": ["Garden", "Kitchen"],
        },
    )


def filled(page: str) -> dict[str, Any]:
    """What a browser would send for the form of a person as it stands on the page."""
    (form,) = re.findall(r'<form class="form".*?</form>', page, flags=re.DOTALL)
    data: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if attributes.get("type") == "checkbox" and " checked" not in tag:
            continue
        if "name" in attributes:
            data.setdefault(attributes["name"], []).append(unescape(attributes.get("value", "")))
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', form, flags=re.DOTALL):
        data[name] = [unescape(value) for value in re.findall(r'<option value="([^"]*)" selected', options)] or [""]
    data.pop("csrfmiddlewaretoken", None)
    return data


def get(client: Client, path: str) -> dict[str, Any]:
    return filled(client.get(path).content.decode())


def test_saving_the_page_as_it_stands_changes_nothing(client: Client, priya: User, ann: Subscriber):
    client.force_login(priya)
    path = f"/subscribers/{ann.uuid}/edit/"
    assert client.post(path, get(client, path)).status_code == 302
    before = Subscriber.objects.values().get()
    assert (before["lock_version"], before["attributes"]) == (0, ann.attributes)
    assert not AuditEntry.objects.filter(action="subscriber.changed").exists()


def test_every_kind_of_field_is_changed_and_cleared(client: Client, priya: User, ann: Subscriber):
    QuarantinedValue.objects.create(subscriber=ann, key="points", raw="lots", reason="no", source="x", at=NOW)
    client.force_login(priya)
    path = f"/subscribers/{ann.uuid}/edit/"
    page = get(client, path)
    page |= {"first_name": "Anne", "city": "", "country": "IE", "birth_year": "1988", "latitude": "", "longitude": ""}
    page |= {"attribute.points": "8", "attribute.garden": "true", "attribute.tier": "", "attribute.likes": ["Kitchen"]}
    page |= {"attribute.seen": "2026-06-01T10:00:00", "attribute.visit": "", "attribute.spend": "0.10"}
    assert client.post(path, page).status_code == 302
    ann.refresh_from_db()
    assert (ann.first_name, ann.city, ann.country, ann.birth_year, ann.latitude) == ("Anne", "", "IE", 1988, None)
    assert ann.attributes == {
        "company": "Oak & Co",
        "points": 8,
        "spend": "0.1",
        "garden": True,
        "seen": "2026-06-01T10:00:00+00:00",
        "likes": ["Kitchen"],
    }
    assert not QuarantinedValue.objects.exists()
    client.post(path, {key: value for key, value in get(client, path).items() if key != "attribute.likes"})
    ann.refresh_from_db()
    assert "likes" not in ann.attributes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"language": "klingonish"}, "Is not a language we know"),
        ({"birth_day": "30"}, "Is not in the calendar"),
        ({"birth_day": ""}, "A birthday has a day and a month."),
        ({"longitude": ""}, "And longitude must both be numbers"),
        ({"attribute.points": "7.5"}, "Is not a whole number."),
        ({"attribute.visit": "2026-02-30"}, "Is not a date"),
        ({"first_name": "x" * 101}, "Is longer than 100 characters."),
    ],
)
def test_errors_stand_at_their_fields_all_at_once(client: Client, priya: User, ann: Subscriber, wrong, said):
    client.force_login(priya)
    path = f"/subscribers/{ann.uuid}/edit/"
    page = get(client, path) | {"attribute.spend": "cheap", "city": "Bath"} | wrong
    text = client.post(path, page).content.decode()
    assert said in text
    assert "Is not a number." in text
    assert 'value="Bath"' in text
    ann.refresh_from_db()
    assert ann.city == "Bristol"


def test_who_saves_second_sees_both_and_loses_nothing(client: Client, priya: User, ann: Subscriber):
    client.force_login(priya)
    path = f"/subscribers/{ann.uuid}/edit/"
    mine = get(client, path) | {"city": "Bath", "attribute.tier": "Silver"}
    theirs = get(client, path) | {"city": "Cork", "region": "Munster", "attribute.likes": ["Garden"]}
    client.post(path, theirs)
    text = client.post(path, mine).content.decode()
    ann.refresh_from_db()
    assert ann.city == "Cork"
    conflict = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td></tr>', text)
    assert ("City", "Cork", "Bath") in conflict
    assert {label for label, _theirs, _mine in conflict} == {"City", "Region", "Tier", "Likes"}
    # Saving once more stores mine where I wrote and keeps theirs where I did not.
    assert client.post(path, filled(text)).status_code == 302
    ann.refresh_from_db()
    assert (ann.city, ann.region) == ("Bath", "Munster")
    assert (ann.attributes["tier"], ann.attributes["likes"]) == ("Silver", ["Garden"])


def test_a_person_is_added_without_any_consent(client: Client, priya: User, ann: Subscriber):
    client.force_login(priya)
    page = get(client, "/subscribers/new/") | {
        "email": "Zoe@post.example",
        "first_name": "Zoë",
        "attribute.points": "3",
    }
    assert client.post("/subscribers/new/", page).status_code == 302
    zoe = Subscriber.objects.get(email="zoe@post.example")
    assert (zoe.first_name, zoe.attributes, zoe.subscriptions.count()) == ("Zoë", {"points": 3}, 0)
    assert "Belongs to another person." in client.post("/subscribers/new/", page).content.decode()
    Subscriber.objects.filter(pk=zoe.pk).update(email=None, erased_at=NOW)
    assert "who was erased" in client.post("/subscribers/new/", page).content.decode()
    assert Subscriber.objects.count() == 2


def test_analysts_edit_nobody(client: Client, alan: User, ann: Subscriber):
    client.force_login(alan)
    assert client.get(f"/subscribers/{ann.uuid}/edit/").status_code == 403
    assert client.get("/subscribers/new/").status_code == 403
    assert "/edit/" not in client.get(f"/subscribers/{ann.uuid}/").content.decode()


def test_attributes_are_columns_by_choice_remembered_and_sorted_with_the_unknown_last(
    client: Client, priya: User, ann: Subscriber
):
    make_subscriber("b@post.example", attributes={"points": 40})
    make_subscriber("c@post.example", attributes={"points": 5})
    make_subscriber("d@post.example")
    client.force_login(priya)

    def heads(query: str = "") -> list[str]:
        return [str(head["label"]) for head in client.get(f"/subscribers/{query}").context["list"].heads()]

    usual = heads()
    assert "Points" not in usual
    assert heads("?column=person&column=attribute.points&column=password") == ["Person", "Points"]
    assert heads() == ["Person", "Points"]
    assert heads("?column=usual") == usual == heads()
    for sort, expected in (("attribute.points", "cab"), ("-attribute.points", "bac")):
        page = client.get(f"/subscribers/?sort={sort}").context["list"]
        assert [line["row"].email[0] for line in page.lines()] == [*expected, "d"]
    # Kept as digits, decimals would be sorted as text.
    assert client.get("/subscribers/?sort=attribute.spend").context["list"].sort == "-since"


def test_a_sensitive_attribute_is_no_column_for_those_who_see_no_addresses(client: Client, alan: User, ann: Subscriber):
    AttributeDefinition.objects.filter(key="company").update(sensitive=True)
    client.force_login(alan)
    text = client.get("/subscribers/?column=attribute.company&column=attribute.tier").content.decode()
    assert "Gold" in text
    assert "Oak" not in text
