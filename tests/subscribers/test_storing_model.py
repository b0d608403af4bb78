"""Whatever is stored in whatever order, people end as a plain-Python reading of the rows says, on either engine."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personalize.core import addresses
from personalize.core.addresses import BadAddress, address_key, normalise
from segments.subscribers.models import AttributeDefinition, ExternalId, QuarantinedValue, Subscriber
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow
from tests.factories import NOW

pytestmark = pytest.mark.django_db

EXAMPLES = 300 if os.environ.get("FULL") else 30
ZONES = {"GB": "Europe/London", "FR": "Europe/Paris", "US": "", "": ""}
CHOICES = ["Garden", "Kitchen", "Änne"]

text = st.sampled_from(
    ["", "Ann", "O'Brien \\N", "a\tb", "Straße", "ÄÖ", "x\x00y", "new\nline", "\ud800", "{}", "%s %(a)s", '"']
)
ROW = st.fixed_dictionaries(
    {
        "email": st.sampled_from(
            ["a@post.example", "A@Post.example", "b@post.example", "c@post.example", "gone@post.example", "no"]
        )
    },
    optional={
        "first_name": text,
        "city": text,
        "postal_code": text,
        "country": st.sampled_from(["", "GB", "FR", "US", "Atlantis"]),
        "time_zone": st.sampled_from(["", "Asia/Tokyo", "Europe/Paris"]),
        "birth_date": st.sampled_from(["", "1988-02-29", "--02-29", "1900-01-01"]),
        "external_id": st.sampled_from(["", "1", "2", "3"]),
        "place": st.sampled_from([("", ""), ("51.5", "-2.5"), ("91", "0")]),
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                "note": text,
                "points": st.sampled_from([None, "7", "0", "many"]),
                "likes": st.sampled_from([None, "garden", "Kitchen;Änne", "cellar"]),
            },
        ),
    },
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "first_name": st.just("fill"),
        "country": st.just("fill"),
        "birth_date": st.just("fill"),
        "latitude": st.just("fill"),
        "attributes.points": st.just("fill"),
        "attributes.likes": st.sampled_from(["fill", "append"]),
    },
)


def clean(value: str) -> str:
    kept = "".join(" " if mark in "\t\n" else mark for mark in value if mark not in "\x00\ud800")
    return kept.strip()


def fold(value: str) -> str:
    return " ".join(value.split()).casefold()


class Model:
    """What the rows mean, one after the other, by dictionaries."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any]] = {}
        self.ids: dict[str, str] = {}
        self.misfits: dict[tuple[str, str], str] = {}

    def take(self, rows: list[dict[str, Any]], policies: dict[str, str]) -> dict[str, int]:
        good = [row for row in rows if row["email"] != "no"]
        last: dict[str, dict[str, Any]] = {}
        for row in good:
            last[row["email"].lower()] = row
        owners = {value: email for email, value in self.ids.items()}
        refused, counts = len(rows) - len(good), {"created": 0, "updated": 0, "unchanged": 0, "erased": 0}
        for email, row in last.items():
            wanted = row.get("external_id")
            if wanted and owners.setdefault(wanted, email) != email:
                refused += 1
            elif email == "gone@post.example":
                counts["erased"] += 1
            else:
                counts[self.one(email, row, policies)] += 1
        return {**counts, "refused": refused, "superseded": len(good) - len(last)}

    def one(self, email: str, row: dict[str, Any], policies: dict[str, str]) -> str:
        old = self.people.get(email)
        person = dict(old or {"first_name": "", "city": "", "postal_code": "", "country": "", "time_zone": ""})
        person["attributes"] = dict(person.get("attributes", {}))
        person.setdefault("birth", (None, None, None))
        person.setdefault("place", (None, None))
        said = {}
        for name in ("first_name", "city", "postal_code", "country", "time_zone"):
            if name in row and self.fits(email, name, row[name], bool(policies.get(name) == "fill" and person[name])):
                said[name] = clean(row[name])
        if said.get("country") and not said.get("time_zone") and person["time_zone"] in ("", ZONES[person["country"]]):
            said["time_zone"] = ZONES[said["country"]]
        person |= said
        born = bool(policies.get("birth_date") == "fill" and person["birth"][2])
        if "birth_date" in row and self.fits(email, "birth_date", row["birth_date"], born):
            births = {"": (None, None, None), "1988-02-29": (1988, 2, 29), "--02-29": (None, 2, 29)}
            person["birth"] = births[row["birth_date"]]
        placed = policies.get("latitude") == "fill" and person["place"][0] is not None
        if "place" in row and self.fits(email, "latitude", ", ".join(row["place"]), placed):
            person["place"] = (None, None) if row["place"][0] == "" else (51.5, -2.5)
        for key, raw in row.get("attributes", {}).items():
            self.attribute(email, person, key, raw, policies.get(f"attributes.{key}", "set"))
        linked = bool(row.get("external_id")) and self.ids.get(email) != row["external_id"]
        if row.get("external_id"):
            self.ids[email] = row["external_id"]
        self.people[email] = person
        return "created" if old is None else "updated" if person != old or linked else "unchanged"

    def fits(self, email: str, name: str, raw: str, kept: bool) -> bool:
        """Whether a value of a built-in field is taken; a bad one waits, and a good one ends the waiting."""
        if raw in ("Atlantis", "1900-01-01", "91, 0"):
            self.misfits[email, name] = raw
            return False
        if not kept:
            self.misfits.pop((email, name), None)
        return not kept

    def attribute(self, email: str, person: dict[str, Any], key: str, raw: str | None, policy: str) -> None:
        if raw in ("many", "cellar"):
            self.misfits[email, key] = raw
            return
        self_attributes = person["attributes"]
        value: Any = raw
        if raw is not None and key == "note":
            value = raw.replace("\x00", "").replace("\ud800", "") if raw else None
        elif raw is not None and key == "points":
            value = int(raw)
        elif raw is not None:
            value = {"garden": ["Garden"], "Kitchen;Änne": ["Kitchen", "Änne"]}[raw]
        kept = policy == "fill" and self_attributes.get(key) is not None
        if not kept:
            self.misfits.pop((email, key), None)
            if policy == "append" and value and self_attributes.get(key):
                value = sorted({*self_attributes[key], *value})
            self_attributes[key] = value
            if value is None:
                del self_attributes[key]


def stored() -> tuple[Any, Any, Any]:
    people = {}
    for one in Subscriber.objects.present():
        assert one.first_name_folded == fold(one.first_name)
        assert one.city_folded == fold(one.city)
        texts = {key: value for key, value in one.attributes.items() if not isinstance(value, int)}
        assert one.attributes_folded == {
            key: fold(value) if isinstance(value, str) else [fold(item) for item in value]
            for key, value in texts.items()
        }
        assert one.address_key == address_key(one.email)
        people[one.email] = {
            **{name: getattr(one, name) for name in ("first_name", "city", "postal_code", "country", "time_zone")},
            "attributes": one.attributes,
            "birth": (one.birth_year, one.birth_month, one.birth_day),
            "place": (one.latitude, one.longitude),
        }
    ids = dict(ExternalId.objects.values_list("subscriber__email", "value"))
    misfits = QuarantinedValue.objects.values_list("subscriber__email", "key", "raw")
    return people, ids, {(email, key): raw for email, key, raw in misfits}


def made(row: dict[str, Any]) -> SubscriberRow:
    latitude, longitude = row.get("place", (None, None))
    return SubscriberRow(
        latitude=latitude, longitude=longitude, **{name: v for name, v in row.items() if name != "place"}
    )


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=st.lists(st.tuples(st.lists(ROW, max_size=8), POLICIES), min_size=1, max_size=4))
def test_people_end_as_a_plain_reading_of_the_rows_says(db, batches):
    for kind in (QuarantinedValue, ExternalId, Subscriber, AttributeDefinition):
        kind._default_manager.all().delete()
    for key, type, choices in (("note", "text", []), ("points", "int", []), ("likes", "multi", CHOICES)):
        AttributeDefinition.objects.create(key=key, label=key, type=type, choices=choices)
    Subscriber.objects.create(
        address_key=address_key("gone@post.example"), erased_at=NOW, created_at=NOW, updated_at=NOW
    )
    model = Model()
    for rows, policies in batches:
        result = upsert_subscribers(rows=[made(row) for row in rows], source="shop", at=NOW, policies=policies)
        said = {name: getattr(result, name) for name in ("created", "updated", "unchanged", "erased", "superseded")}
        assert {**said, "refused": len(result.refused)} == model.take(rows, policies)
        assert stored() == (model.people, model.ids, model.misfits)
        emails = dict(Subscriber.objects.values_list("pk", "email"))
        for row, person in zip(rows, result.ids, strict=True):
            assert person is None or emails[person] == normalise(row["email"])
    versions = Subscriber.objects.values_list("email", "lock_version")
    again = upsert_subscribers(rows=[], source="shop", at=NOW)
    assert (again.created, list(versions)) == (0, list(versions))


@settings(max_examples=EXAMPLES * 5, deadline=None)
@given(
    st.from_regex(r"\A[a-zA-Z0-9_+.\-]{1,66}@[a-zA-Z0-9.\-]{1,70}\.[a-z]{1,8}\Z")
    | st.sampled_from(["a@b.test", "a@localhost", "a@b.local", "a@x.onion", "K@x.com", "a@xn--p1ai.com", "a@a--b.com"])
)
def test_the_quick_way_to_read_an_address_says_the_same_as_the_long_one(address):
    quick, never = outcome(address), re.compile("(?!)")
    plain, addresses._PLAIN = addresses._PLAIN, never
    try:
        assert quick == outcome(address)
    finally:
        addresses._PLAIN = plain


def outcome(address: str) -> str | None:
    try:
        return normalise(address)
    except BadAddress:
        return None
