"""Why somebody is in a segment or not, for their page, the segment's, and whoever asks about the person."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from segments.segmentation.belonging import segments_of
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError
from segments.segmentation.why import MAX_WITNESSES, Answer, Nobody, answers
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_order, make_subscriber

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
GB = {"attr": "country", "op": "is", "value": "GB"}
BATH = {"attr": "city", "op": "is", "value": "Bath"}
BOUGHT = {"orders": {"metric": "count", "op": ">=", "value": 1}}


@pytest.fixture
def ann() -> Subscriber:
    person = make_subscriber("ann@post.example", first_name="Ann", last_name="Whitaker", country="GB", city="Bristol")
    make_order(person, ("A", 1, 100_000), placed_at=NOW - DAY, number="10417")
    return person


def segment(name: str, rule: Any) -> Segment:
    return Segment.objects.create(name=name, rule=rule, created_at=NOW, updated_at=NOW)


def told(rule: Any, person: Subscriber, at: dt.datetime = NOW) -> list[Answer]:
    found = answers(rule=rule, person=person, as_of=at)
    assert isinstance(found, list)
    return found


def test_every_node_has_its_place_its_truth_and_its_witness(ann: Subscriber) -> None:
    customers = segment("Customers", {"any": [BOUGHT]})
    rule = {"v": 1, "all": [GB, {"segment": str(customers.uuid)}, {"none": [BATH]}]}
    assert [(one.path, one.kind, one.holds, one.witness) for one in told(rule, ann)] == [
        ("", "all", True, ""),
        ("all[0]", "", True, "Their country is United Kingdom"),
        ("all[1]", "", True, ""),
        ("all[1].segment", "any", True, ""),
        ("all[1].segment.any[0]", "", True, "Only once: 10417 on 18 November 2026"),
        ("all[2]", "none", True, ""),
        ("all[2].none[0]", "", False, "Their city is ‘Bristol’"),
    ]


def test_before_the_order_was_placed_it_says_never(ann: Subscriber) -> None:
    [one] = told(BOUGHT, ann, NOW - 2 * DAY)
    assert (one.holds, one.witness) == (False, "Never")


def test_whoever_is_erased_or_unknown_is_refused_by_a_value(ann: Subscriber) -> None:
    ann.email, ann.erased_at = None, NOW
    ann.save()
    assert answers(rule=GB, person=ann, as_of=NOW) is Nobody.ERASED
    assert answers(rule=GB, person=None, as_of=NOW) is Nobody.UNKNOWN
    assert answers(rule=GB, person=Subscriber(pk=0), as_of=NOW) is Nobody.UNKNOWN
    with pytest.raises(RuleError, match="no field"):
        answers(rule={"attr": "gone", "op": "is_known"}, person=make_subscriber(), as_of=NOW)


def test_a_long_rule_takes_few_queries_and_witnesses_only_for_its_beginning(
    ann: Subscriber, django_assert_max_num_queries: Any
) -> None:
    rule = {"any": [{"attr": "city", "op": "is", "value": f"Town {n}"} for n in range(240)] + [GB]}
    with django_assert_max_num_queries(6):
        found = told(rule, ann)
    assert (found[0].holds, found[1].holds, found[-1].holds) == (True, False, True)
    assert [bool(one.witness) for one in found].count(True) == MAX_WITNESSES


def test_the_page_tells_both_those_who_are_in_and_those_who_are_not(
    client: Client, priya: Any, ann: Subscriber
) -> None:
    customers = segment("Customers", {"all": [GB, BOUGHT]})
    client.force_login(priya)
    page = client.get(reverse("segmentation:why", args=[customers.uuid, ann.uuid])).content.decode()
    assert "Why Ann Whitaker is in" in page
    assert "Only once: 10417" in page
    other = make_subscriber(first_name="Liam", country="GB")
    page = client.get(reverse("segmentation:why", args=[customers.uuid, other.uuid])).content.decode()
    assert "Why Liam is not in" in page
    assert "Never" in page
    Segment.objects.update(rule={"attr": "gone", "op": "is_known"})
    page = client.get(reverse("segmentation:why", args=[customers.uuid, ann.uuid])).content.decode()
    assert "There is no field ‘gone’." in page


def test_the_page_of_a_person_leads_to_why_for_each_segment(client: Client, priya: Any, ann: Subscriber) -> None:
    inside, outside = segment("Customers", BOUGHT), segment("Bath", BATH)
    segment("Broken", {"attr": "gone", "op": "is_known"})
    client.force_login(priya)
    page = client.get(reverse("subscribers:detail", args=[ann.uuid])).content.decode()
    assert "Not in 1 other" in page
    for one in (inside, outside):
        assert reverse("segmentation:why", args=[one.uuid, ann.uuid]) in page


def test_all_segments_of_a_person_are_told_by_few_queries(ann: Subscriber, django_assert_max_num_queries: Any) -> None:
    names = [f"Segment {number:02}" for number in range(60)]
    for number, name in enumerate(names):
        segment(name, {"all": [GB if number % 2 else BATH] * 20})
    segment("Broken", {"attr": "gone", "op": "is_known"})
    with django_assert_max_num_queries(8):
        found = segments_of(person=ann, as_of=NOW)
    assert [one.segment.name for one in found if one.inside] == names[1::2]
    assert [one.segment.name for one in found if one.error] == ["Broken"]
