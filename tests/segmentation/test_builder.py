"""The requests of the rule builder, and the pages of segments on which it stands."""

from __future__ import annotations

import datetime as dt
import json
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from personalize.accounts.models import User
from personalize.core.database import OutOfTime
from segments.segmentation import counting, services
from segments.segmentation.builder.links import people_url
from segments.segmentation.models import Segment, SegmentFigure
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db

GB = {"attr": "country", "op": "in", "value": ["GB"]}
BATH = {"attr": "city", "op": "is", "value": "Bath"}


@pytest.fixture
def page(client: Client, priya: User) -> Client:
    client.force_login(priya)
    make_subscriber(first_name="Ann", last_name="Whitaker", country="GB", city="Bristol")
    make_subscriber(first_name="Liam", last_name="Byrne", country="IE")
    make_subscriber(first_name="Fergus", country="GB", city="Bath")
    return client


@pytest.fixture
def british(maya: User) -> Segment:
    return services.create_segment(name="British", rule={"v": 1, "all": [GB, {"none": [BATH]}]}, actor=maya)


def post(page: Client, name: str, rule: Any, **given: str) -> str:
    sent = {"rb_id": "r", "rule": rule if isinstance(rule, str) else json.dumps(rule)}
    sent |= {key if key in ("value", "way", "typed", "turn", "person") or key.startswith("in-") else f"rb_{key}": one
             for key, one in given.items()}  # fmt: skip
    answer = page.post(reverse(f"segmentation:{name}"), sent)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def rule_in(html: str) -> Any:
    return json.loads(unescape(html.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]))


def test_a_rule_is_added_and_asks_for_its_value_at_once(page: Client) -> None:
    html = post(page, "edit_rule", {"all": []}, do="add", place="", value="attr:country")
    assert rule_in(html)["all"] == [{"attr": "country", "op": "in"}]
    assert 'data-focus="r-0-value" data-opens' in html
    assert "Not finished yet." in html


def test_a_question_offers_values_that_occur_and_its_answer_goes_into_the_rule(page: Client) -> None:
    rule = {"all": [{"attr": "country", "op": "in"}]}
    asked = post(page, "ask_rule", rule, place="0", part="value")
    assert 'data-value="GB"' in asked
    assert "United Kingdom" in asked
    found = post(page, "rule_options", rule, place="0", part="value", typed="irel")
    assert 'data-value="IE"' in found
    assert 'data-value="GB"' not in found
    html = post(page, "edit_rule", rule, do="set", place="0", part="value", value="GB")
    assert rule_in(html)["all"] == [GB]
    assert "data-sound" in html


def test_a_window_is_filled_in_one_of_its_ways(page: Client) -> None:
    rule = {"all": [{"orders": {"metric": "count", "op": ">=", "value": 1}}]}
    given = {"way": "last", "in-last-count": "90", "in-last-unit": "days"}
    html = post(page, "edit_rule", rule, do="set", place="0", part="orders.window", **given)
    assert rule_in(html)["all"][0]["orders"]["window"] == {"last": [90, "days"]}
    assert "in the last 90 days" in html


def test_an_edit_that_is_refused_says_so_at_its_place_and_changes_nothing(page: Client) -> None:
    rule = {"v": 1, "all": [GB]}
    html = post(page, "edit_rule", rule, do="up", place="0")
    assert "It is the first already." in html
    assert rule_in(html) == rule
    assert rule_in(post(page, "edit_rule", rule, do="remove", place="7.7")) == rule
    assert rule_in(post(page, "edit_rule", rule, do="add", place="", value="no:such")) == rule


def test_rules_that_are_no_json_stay_as_they_were_typed(page: Client) -> None:
    html = post(page, "edit_rule", '{"all": [', do="")
    assert "This is no JSON" in html
    assert "{&quot;all&quot;: [" in html


def test_people_are_counted_without_what_is_not_finished_and_the_page_says_so(page: Client) -> None:
    html = post(page, "count_rule", {"all": [GB, {"attr": "city", "op": "in"}]})
    assert ">2</a>" in html
    assert "66.7% of the 3 people known" in html
    assert "Without 1 rule that cannot be used yet." in html
    assert "Exact, " in html


def test_each_rule_has_its_figure_and_a_list_of_the_people_behind_it(page: Client) -> None:
    rule = {"all": [GB, {"any": [BATH, {"attr": "city", "op": "is_known"}]}, {"none": [BATH]}]}
    html = post(page, "rule_figures", rule)
    for row, people in (("r-0", 2), ("r-1", 2), ("r-1-0", 1), ("r-1-1", 2), ("r-2", 1), ("r-2-0", 1)):
        figure = html.partition(f'id="{row}-figure"')[2].partition("</a>")[0]
        assert figure.endswith(f">{people}"), row
    assert "which takes 1 away" in html
    url = html.partition('id="r-2-figure"')[2].partition('href="')[2].partition('"')[0]
    listed = page.get(url).content.decode()
    assert "Ann Whitaker" in listed
    assert "Fergus" not in listed


def test_an_unfinished_rule_has_no_figure_and_takes_none_from_the_others(page: Client) -> None:
    rule = {"all": [GB, {"any": [BATH, {"attr": "city", "op": "in"}]}, {"none": []}]}
    html = post(page, "rule_figures", rule)
    assert 'id="r-1-0-figure"' in html
    assert 'id="r-1-1-figure"' not in html
    assert 'id="r-2-figure"' not in html


def test_who_is_left_out_for_want_of_knowledge_is_counted_by_field(page: Client) -> None:
    html = post(page, "rule_missing", {"all": [{"none": [BATH]}, GB]})
    assert "No city" in html
    assert ">1</a>" in html
    assert "No country" not in html


def test_figures_that_were_not_counted_say_so(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_subscriber(country="GB")
    assert "≈" not in post(page, "rule_figures", {"all": [GB]})
    monkeypatch.setattr(counting, "count", _too_long)
    figures, total = (post(page, name, {"all": [GB]}) for name in ("rule_figures", "count_rule"))
    assert "≈" in figures
    assert "about" in figures
    assert "about" in total
    assert "From a sample" in total


def _too_long(**_asked: object) -> int:
    raise OutOfTime


def test_some_people_are_shown_and_others_when_one_asks_again(page: Client) -> None:
    for number in range(60):
        make_subscriber(first_name=f"Guest{number}", country="FR")
    french = {"all": [{"attr": "country", "op": "is", "value": "FR"}]}
    first, second = (post(page, "rule_people", french, turn=turn) for turn in ("0", "1"))
    assert "Guest0<" in first
    assert "Guest0<" not in second
    assert second.count("segment-person") == 20


def test_why_somebody_is_in_stands_under_each_rule(page: Client) -> None:
    person = make_subscriber(first_name="Bea", country="GB", city="Wells")
    html = post(page, "rule_why", {"all": [GB, {"none": [BATH]}]}, person=str(person.uuid))
    assert ">In</span>" in html.replace("</i>In", ">In")
    under = html.partition('id="r-1-0-answer"')[2]
    assert "good-text" in under
    assert "Wells" in under
    assert "Bea" in post(page, "rule_whom", {}, typed="bea")


def test_what_saving_would_do_is_told_before_it_is_saved(page: Client, british: Segment) -> None:
    html = post(page, "rule_change", {"all": [BATH]}, segment=str(british.uuid))
    assert "Saving brings 1 in and takes 1 out." in html
    assert "Fergus" in html
    assert "Ann Whitaker" in html
    assert "Saving" not in post(page, "rule_change", british.rule, segment=str(british.uuid))


def test_whoever_may_not_see_people_is_not_told_what_occurs(client: Client, british: Segment) -> None:
    for name in (
        "edit_rule",
        "ask_rule",
        "rule_options",
        "count_rule",
        "rule_figures",
        "rule_missing",
        "rule_people",
        "rule_why",
        "rule_whom",
    ):
        assert client.post(reverse(f"segmentation:{name}")).status_code == 302, name


def test_a_segment_is_made_from_nothing(page: Client) -> None:
    assert page.get(reverse("segmentation:new")).status_code == 200
    made = {"name": "British", "description": "", "rule": json.dumps({"all": [GB]}), "mode": "incremental"}
    assert page.post(reverse("segmentation:create"), made).status_code == 302
    segment = Segment.objects.get()
    assert (segment.rule, segment.mode) == ({"v": 1, "all": [GB]}, "incremental")
    again = page.post(reverse("segmentation:create"), made)
    assert again.status_code == 422
    assert "There is a segment of this name already." in again.content.decode()


def test_a_broken_rule_is_not_saved_and_stays_as_it_was_written(page: Client, british: Segment) -> None:
    broken = json.dumps({"all": [{"attr": "shoe", "op": "is", "value": 1}]})
    answer = page.post(
        reverse("segmentation:save", args=[british.uuid]), {"name": "Shod", "rule": broken, "lock_version": "0"}
    )
    assert answer.status_code == 422
    assert "all[0].attr: There is no field ‘shoe’." in answer.content.decode()
    assert 'value="Shod"' in answer.content.decode()
    british.refresh_from_db()
    assert british.name == "British"


def test_an_edit_over_somebody_elses_is_refused_without_losing_what_was_written(
    page: Client, british: Segment, maya: User
) -> None:
    services.update_segment(segment=british, lock_version=0, name="Theirs", rule={"all": []}, actor=maya)
    mine = {"name": "Mine", "rule": json.dumps({"all": [BATH]}), "lock_version": "0"}
    answer = page.post(reverse("segmentation:save", args=[british.uuid]), mine)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "Somebody else changed it in the meantime" in html
    assert 'value="Mine"' in html
    assert "City is ‘Bath’" in html
    assert 'name="lock_version" value="1"' in html
    page.post(reverse("segmentation:save", args=[british.uuid]), {**mine, "lock_version": "1"})
    british.refresh_from_db()
    assert british.name == "Mine"


def test_a_draft_is_kept_for_whoever_writes_it_until_it_is_saved_or_discarded(
    page: Client, british: Segment, maya: User
) -> None:
    url = reverse("segmentation:detail", args=[british.uuid])
    written = {"name": "Half", "description": "", "rule": '{"all": [', "lock_version": "0"}
    assert "Draft kept" in page.post(reverse("segmentation:keep", args=[british.uuid]), written).content.decode()
    html = page.get(url).content.decode()
    assert 'value="Half"' in html
    assert "This is no JSON" in html
    other = Client()
    other.force_login(maya)
    assert 'value="British"' in other.get(url).content.decode()
    page.post(reverse("segmentation:discard", args=[british.uuid]))
    assert 'value="British"' in page.get(url).content.decode()


def test_whoever_may_only_look_can_try_rules_and_save_nothing(client: Client, alan: User, british: Segment) -> None:
    client.force_login(alan)
    html = client.get(reverse("segmentation:detail", args=[british.uuid])).content.decode()
    assert "Save segment" not in html
    assert "data-rules" in html
    assert client.post(reverse("segmentation:save", args=[british.uuid])).status_code == 403
    assert client.get(reverse("segmentation:new")).status_code == 403


def test_the_page_shows_how_many_there_were_in_the_last_month(page: Client, british: Segment) -> None:
    for days, people in ((20, 2_890), (0, 3_412)):
        SegmentFigure.objects.create(segment=british, day=NOW.date() - dt.timedelta(days=days), people=people)
    with time_machine.travel(NOW, tick=False):
        html = page.get(reverse("segmentation:detail", args=[british.uuid])).content.decode()
    assert "2,890" in html
    assert "+522" in html


def test_an_address_that_holds_no_rule_is_not_found_and_a_wrong_rule_is_told(page: Client) -> None:
    assert page.get(reverse("segmentation:people", args=["nonsense"])).status_code == 404
    told = page.get(people_url({"all": [{"attr": "gone", "op": "is_known"}]})).content.decode()
    assert "There is no field ‘gone’" in told
    assert people_url({"all": [{"attr": "city", "op": "in", "value": [f"{n * 7919}" for n in range(2_000)]}]}) == ""
