"""Segments read, counted, written and deleted by other systems."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from personalize.accounts.models import AuditEntry
from personalize.core.clock import now
from segments.segmentation import membership
from segments.segmentation.models import Segment
from segments.segmentation.rules.schema import rule_schema
from segments.subscribers.models import Subscriber
from tests.api.conftest import Shop
from tests.factories import make_order, make_segment, make_subscriber

pytestmark = pytest.mark.django_db

BRITISH = {"attr": "country", "op": "is", "value": "GB"}
GB = {"v": 1, "all": [BRITISH]}
BOUGHT = {"orders": {"metric": "count", "op": ">=", "value": 1}}
BAD = {"all": [{"attr": "country", "op": ">", "value": "GB"}]}


def test_a_segment_is_defined_read_changed_and_deleted(shop: Shop):
    made = shop.post("/segments", {"name": " British ", "rule": GB}).json()
    assert (made["name"], made["lock_version"], made["problem"]) == ("British", 0, None)
    assert made["sentence"] == "People whose country is United Kingdom."
    path = f"/segments/{made['id']}"
    assert shop.get(path).json() == {**made, "updated_at": shop.get(path).json()["updated_at"]}
    changed = shop.send("PUT", path, {"rule": BOUGHT, "lock_version": 0}).json()
    assert (changed["name"], changed["rule"], changed["lock_version"]) == ("British", BOUGHT, 1)
    stale = shop.send("PUT", path, {"name": "Others", "lock_version": 0})
    assert (stale.status_code, Segment.objects.get().name) == (409, "British")
    assert shop.send("DELETE", f"{path}?lock_version=0").status_code == 409
    assert shop.send("DELETE", f"{path}?lock_version=1").json() == {"outcome": "deleted"}
    assert not Segment.objects.exists()
    assert shop.get(path).status_code == 404
    assert AuditEntry.objects.filter(action__startswith="segment.").count() == 3


def test_a_bad_rule_is_refused_from_every_door_with_its_place_and_nothing_is_written(shop: Shop):
    segment = make_segment()
    answers = [
        shop.post("/segments", {"name": "Bad", "rule": BAD}),
        shop.send("PUT", f"/segments/{segment.uuid}", {"rule": BAD, "lock_version": 0}),
        shop.post("/segments/count", {"rule": BAD}),
    ]
    for answer in answers:
        assert answer.status_code == 422
        [wrong] = answer.json()["errors"]
        assert (wrong["at"], wrong["reason"][:19]) == ("rule.all[0].op", "Expected one of: is")
    [found] = Segment.objects.all()
    assert (found.name, found.lock_version) == ("Customers", 0)


def test_a_name_is_taken_once_and_circles_are_refused(shop: Shop):
    inner = make_segment("Inner")
    outer = make_segment("Outer", {"any": [{"segment": str(inner.uuid)}]})
    taken = shop.post("/segments", {"name": "Inner", "rule": GB})
    assert (taken.status_code, taken.json()["errors"][0]["at"]) == (422, "name")
    rule = {"all": [{"segment": str(outer.uuid)}]}
    circle = shop.send("PUT", f"/segments/{inner.uuid}", {"rule": rule, "lock_version": 0})
    assert circle.json()["errors"][0]["at"] == "rule.all[0].segment"
    assert "contain itself" in circle.json()["errors"][0]["reason"]


def test_a_used_segment_is_not_deleted_and_its_users_are_named(shop: Shop):
    inner = make_segment("Inner")
    make_segment("Outer", {"any": [{"segment": str(inner.uuid)}]})
    assert shop.get(f"/segments/{inner.uuid}").json()["used_by"] == [{"name": "Outer", "state": "Segment"}]
    refused = shop.send("DELETE", f"/segments/{inner.uuid}")
    assert (refused.status_code, refused.json()["errors"]) == (409, [{"at": "Outer", "reason": "Segment"}])


def test_people_are_counted_as_of_any_time_until_now(shop: Shop):
    person = make_subscriber(country="GB")
    make_order(person, ("A", 1, 1), placed_at=now() - dt.timedelta(days=3))
    segment = make_segment("Customers", BOUGHT)
    path = f"/segments/{segment.uuid}/count"
    early = (now() - dt.timedelta(days=4)).isoformat().replace("+00:00", "Z")
    assert (shop.get(path).json()["people"], shop.get(path).json()["exact"]) == (1, True)
    assert shop.get(f"{path}?as_of={early}").json()["people"] == 0
    both = {"all": [BRITISH, BOUGHT]}
    counted = shop.post("/segments/count", {"rule": both, "as_of": early}).json()
    assert counted["people"] == 0
    assert counted["sentence"] == "People whose country is United Kingdom and who placed an order."
    for at in ("9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"):
        refused = shop.get(f"{path}?as_of={at}")
        assert (refused.status_code, refused.json()["errors"][0]["at"]) == (422, "as_of")


def test_who_is_in_comes_page_by_page_with_addresses_only_for_those_who_may_read_people(
    shop: Shop, make_shop: Callable[..., Shop]
):
    people = [make_subscriber(country="GB") for _ in range(5)]
    make_subscriber(country="IE")
    segment = make_segment("British", GB)
    found, after = [], ""
    while True:
        page = shop.get(f"/segments/{segment.uuid}/people?limit=2{after}").json()
        assert len(page["items"]) <= 2
        found += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == [{"id": str(person.uuid), "email": person.email} for person in people]
    reader = make_shop("segments:read")
    assert {item["email"] for item in reader.get(f"/segments/{segment.uuid}/people").json()["items"]} == {None}
    assert shop.get(f"/segments/{segment.uuid}/people?after={uuid.uuid4()}").status_code == 404


def test_a_person_is_told_segment_by_segment_and_a_broken_one_with_its_reason(shop: Shop):
    person = make_subscriber(country="GB")
    make_segment("British", GB)
    make_segment("Buyers", BOUGHT)
    make_segment("Gone", {"all": [{"attr": "gone", "op": "is_known"}]})
    items = shop.get(f"/subscribers/email:{person.email}/segments").json()["items"]
    assert [(item["name"], item["inside"]) for item in items] == [("British", True), ("Buyers", False), ("Gone", False)]
    assert items[2]["problem"] == {"at": "rule.all[0].attr", "reason": "There is no field ‘gone’."}
    assert shop.get(f"/segments/{items[2]['id']}").json()["problem"] == items[2]["problem"]
    assert shop.get(f"/segments/{items[2]['id']}/count").status_code == 422
    assert shop.get("/subscribers/email:nobody@post.example/segments").status_code == 404


def test_reading_does_not_let_anybody_write_and_the_schema_is_read_by_readers(make_shop: Callable[..., Shop]):
    segment = make_segment()
    reader, path = make_shop("segments:read"), f"/segments/{segment.uuid}"
    writes: list[tuple[str, str, Any]] = [
        ("POST", "/segments", {"name": "x", "rule": GB}),
        ("PUT", path, {"lock_version": 0}),
        ("DELETE", path, None),
    ]
    assert [reader.send(*write).status_code for write in writes] == [403, 403, 403]
    assert reader.get(f"/subscribers/{uuid.uuid4()}/segments").status_code == 403
    assert reader.get("/segments/rule-schema").json() == rule_schema()


def test_the_same_request_again_defines_one_segment(shop: Shop):
    body = {"name": "British", "rule": GB}
    headers = {"Idempotency-Key": "segment-1"}
    first, again = (shop.send("POST", "/segments", body, **headers) for _ in range(2))
    assert first.json() == again.json()
    assert Segment.objects.count() == 1


def test_a_snapshot_is_taken_when_it_is_asked_for_and_tells_how_many_and_when(shop: Shop):
    ann = make_subscriber(country="GB")
    made = shop.post("/segments", {"name": "British", "rule": GB, "mode": "snapshot"}).json()
    path = f"/segments/{made['id']}"
    assert (made["mode"], made["noted"]) == ("snapshot", None)
    membership.look()
    assert shop.get(path).json()["noted"]["people"] == 1
    make_subscriber(country="GB")
    assert not membership.look()
    assert shop.get(f"{path}/count").json()["people"] == 1
    assert shop.post(f"{path}/take", {}).json() == {"outcome": "asked"}
    assert membership.look()
    assert shop.get(path).json()["noted"]["people"] == shop.get(f"{path}/count").json()["people"] == 2
    Subscriber.objects.filter(pk=ann.pk).update(country="IE")
    live = shop.send("PUT", path, {"mode": "live", "lock_version": 0}).json()
    assert (live["mode"], live["name"], shop.get(f"{path}/count").json()["people"]) == ("live", "British", 1)
    assert shop.post(f"{path}/take", {}).status_code == 409
    assert shop.post("/segments", {"name": "Other", "rule": GB, "mode": "sometimes"}).status_code == 422
