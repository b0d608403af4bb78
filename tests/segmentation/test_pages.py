"""The pages, the search and the command about segments."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from personalize.core.database import OutOfTime
from segments.segmentation import counting, membership, services
from segments.segmentation.explain import explain
from segments.segmentation.listing import hits
from segments.segmentation.models import Segment, SegmentSnapshot
from segments.segmentation.rules.parse import parse
from tests.factories import NOW, make_subscriber, make_subscription, make_topic

pytestmark = pytest.mark.django_db

GB = {"attr": "country", "op": "is", "value": "GB"}
BATH = {"attr": "city", "op": "is", "value": "Bath"}


@pytest.fixture
def british(maya: Any) -> Segment:
    make_subscriber(first_name="Ann", last_name="Whitaker", country="GB", city="Bristol")
    make_subscriber(first_name="Liam", last_name="Byrne", country="IE")
    make_subscriber(first_name="Fergus", country="GB", city="Bath")
    rule = {"v": 1, "all": [GB, {"none": [BATH]}]}
    return services.create_segment(name="British, not Bath", rule=rule, actor=maya)


def test_a_segment_page_shows_its_rules_as_sentences_and_in_words(client: Client, priya: Any, british: Segment) -> None:
    client.force_login(priya)
    text = client.get(reverse("segmentation:detail", args=[british.uuid])).content.decode()
    assert "People whose country is United Kingdom, except those whose city is ‘Bath’." in text
    assert 'aria-label="Country is United Kingdom"' in text
    assert 'aria-label="City is ‘Bath’"' in text


def test_a_segment_that_cannot_be_used_says_why_at_the_rule_that_is_wrong(
    client: Client, priya: Any, british: Segment
) -> None:
    Segment.objects.update(rule={"all": [GB, {"attr": "gone", "op": "is_known"}]})
    client.force_login(priya)
    text = client.get(reverse("segmentation:detail", args=[british.uuid])).content.decode()
    assert "<code>all[1]</code> There is no field ‘gone’." in text
    assert 'aria-label="Country is United Kingdom"' in text
    assert "Cannot be used" in client.get(reverse("segmentation:list")).content.decode()


def test_the_list_counts_people_and_is_searched_by_name(client: Client, priya: Any, british: Segment) -> None:
    services.create_segment(name="Everybody", rule={"all": []}, actor=priya)
    client.force_login(priya)
    found = client.get(reverse("segmentation:list"), {"q": "british"}).content.decode()
    assert "British, not Bath" in found
    assert "Everybody" not in found
    assert [hit.label for hit in hits(priya, "every", 5)] == ["Everybody"]


@pytest.mark.parametrize(
    ("noted", "shown"),
    [
        ({"kept": True, "taken_at": NOW, "took_ms": 5}, "7,531"),
        ({"took_ms": 5_000}, "about 7,531"),
        ({"took_ms": 5}, "1"),
        ({"kept": True, "taken_at": NOW, "why": "definition"}, "1"),
        ({"took_ms": 5_000, "counted_at": NOW - dt.timedelta(days=1)}, "1"),
    ],
)
def test_the_list_shows_what_is_written_down_where_that_is_as_good_or_counting_is_slow(
    client: Client, priya: Any, british: Segment, noted: dict[str, Any], shown: str
) -> None:
    Segment.objects.update(updated_at=NOW)
    SegmentSnapshot.objects.create(segment=british, **{"due_at": NOW, "counted_at": NOW, "people": 7531, **noted})
    client.force_login(priya)
    text = client.get(reverse("segmentation:list")).content.decode()
    assert re.search(rf"<td[^>]*>\s*{shown}\s*</td>", text)


def test_strangers_are_sent_to_log_in(client: Client, british: Segment) -> None:
    for url in (reverse("segmentation:list"), reverse("segmentation:detail", args=[british.uuid])):
        assert client.get(url).status_code == 302
    assert client.post(reverse("segmentation:edit_rule")).status_code == 302


def test_in_all_a_figure_is_who_is_left_and_elsewhere_whom_a_rule_finds_alone() -> None:
    topic = make_topic()
    make_subscription(make_subscriber(country="GB", city="Bath"), topic)
    make_subscriber(country="GB")
    make_subscriber(city="Bath")
    news = {"topic": "news", "is": "subscribed"}
    tree = explain(parse({"all": [GB, {"any": [BATH, news]}, {"none": [news]}]}), as_of=NOW)
    country, either, neither = tree.children
    assert (tree.total, tree.people) == (3, 0)
    assert (country.people, either.people, neither.people) == (2, 1, 0)
    assert [branch.people for branch in either.children] == [2, 1]
    assert [branch.people for branch in neither.children] == [1]
    assert neither.taken == 1


def test_every_rule_of_a_large_tree_has_its_figure() -> None:
    make_subscriber(country="GB", city="Bath")
    make_subscriber(country="GB")
    tree = explain(parse({"all": [*[GB] * 40, {"none": [BATH]}]}), as_of=NOW)
    assert [branch.people for branch in tree.children] == [2] * 40 + [1]
    assert all(branch.exact for branch in tree.walk())


def test_where_counting_takes_too_long_figures_are_told_or_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for country in ("GB", "GB", "IE"):
        make_subscriber(country=country)
    rule = parse({"all": [GB, {"none": [BATH]}]})
    told = explain(rule, as_of=NOW, seconds=0.0)
    assert (told.total, told.people, told.taken) == (3, None, None)
    monkeypatch.setattr(counting, "count", _too_long)
    told = explain(rule, as_of=NOW, seconds=30)
    assert [(branch.people, branch.exact) for branch in told.children] == [(2, False), (2, False)]


def _too_long(**_asked: object) -> int:
    raise OutOfTime


def test_some_of_the_people_are_found_by_asking_one_by_one_and_else_from_the_list_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    british = [make_subscriber(country="GB") for _ in range(6)]
    make_subscriber(country="IE")
    first, other = (services.some_of(rule=GB, as_of=NOW, turn=turn, most=4) for turn in (0, 1))
    assert set(first) | set(other) <= set(british)
    assert len(set(first)) == len(set(other)) == 4
    assert first != other
    monkeypatch.setattr(services, "time_limit", _no_time)
    assert services.some_of(rule=GB, as_of=NOW, turn=1, most=4) == other


@contextmanager
def _no_time(seconds: float) -> Iterator[None]:
    yield
    raise OutOfTime


def test_segment_size_tells_segments_by_name_and_id_and_rules(british: Segment) -> None:
    for which in (["British, not Bath"], [str(british.uuid)], ["--rule", json.dumps(british.rule)]):
        out = StringIO()
        call_command("segment_size", *which, "--json", "--as-of", "2026-11-19", stdout=out)
        assert json.loads(out.getvalue())["people"] == 1
    with pytest.raises(CommandError, match="no segment called"):
        call_command("segment_size", "Nobody")
    with pytest.raises(CommandError, match=r"all\[0\]\.op"):
        call_command("segment_size", rule='{"all": [{"attr": "city", "op": "near"}]}')


def test_the_administration_refuses_a_rule_that_cannot_be_used(client: Client, maya: Any, british: Segment) -> None:
    maya.is_staff = maya.is_superuser = True
    maya.save()
    client.force_login(maya)
    url = reverse("admin:segmentation_segment_change", args=[british.pk])
    form = {
        "name": "British",
        "mode": "live",
        "description": "",
        "rule": '{"all": [{"attr": "gone", "op": "is_known"}]}',
    }
    assert "There is no field" in client.post(url, form).content.decode()
    assert client.post(url, {**form, "rule": json.dumps({"all": [GB]})}).status_code == 302
    british.refresh_from_db()
    assert (british.name, british.rule, british.lock_version) == ("British", {"all": [GB]}, 1)


def test_a_snapshot_says_since_when_it_stands_and_is_taken_anew_by_a_button(
    client: Client, priya: Any, alan: Any, british: Segment
) -> None:
    rule, version = british.rule, british.lock_version
    services.update_segment(
        segment=british, lock_version=version, name="Taken", rule=rule, mode="snapshot", actor=priya
    )
    page, take = (reverse(f"segmentation:{name}", args=[british.uuid]) for name in ("detail", "take"))
    client.force_login(priya)
    assert "It was never taken yet" in client.get(page).content.decode()
    while membership.look():
        pass
    assert "1 person in it since" in client.get(page).content.decode()
    make_subscriber(country="GB")
    client.post(take)
    while membership.look():
        pass
    assert "2 people in it since" in client.get(page).content.decode()
    client.force_login(alan)
    assert "Take it now" not in client.get(page).content.decode()
    assert client.post(take).status_code == 403
