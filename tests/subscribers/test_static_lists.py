"""Static lists hold whom somebody put on them; segments, filters and selections work with them."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from personalize.accounts.models import AuditEntry, User
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.segmentation.services import audience, create_segment
from segments.subscribers.lists import add_to_list, create_list, delete_list, remove_from_list, rename_list
from segments.subscribers.models import ListMember, StaticList, Subscriber
from segments.subscribers.types import Refusal
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db


@pytest.fixture
def evening(db: None) -> StaticList:
    made = create_list(name="Candle evening", actor="test")
    assert isinstance(made, StaticList)
    return made


def put(static_list: StaticList, *people: Subscriber) -> int:
    chosen = Subscriber.objects.filter(pk__in=[person.pk for person in people])
    return add_to_list(static_list=static_list, people=chosen, source="test", actor="test")


def test_everybody_selected_goes_on_once_in_one_statement_and_the_erased_never(
    evening: StaticList, django_assert_max_num_queries
):
    people = [make_subscriber() for _ in range(30)]
    Subscriber.objects.filter(pk=people[0].pk).update(email=None, erased_at=NOW)
    put(evening, people[1])
    with django_assert_max_num_queries(5):  # One of them notes whom it concerns.
        added = add_to_list(static_list=evening, people=Subscriber.objects.all(), source="test", actor="test")
    assert added == 28
    assert ListMember.objects.count() == 29
    assert AuditEntry.objects.filter(action="list.filled").latest("pk").details == {"people": 28, "source": "test"}
    assert remove_from_list(static_list=evening, people=Subscriber.objects.filter(pk=people[1].pk), actor="test") == 1
    assert ListMember.objects.count() == 28


def test_a_list_has_a_name_of_its_own(evening: StaticList):
    assert create_list(name=" Candle evening ", actor="test") == Refusal("name", "is taken by another list")
    assert create_list(name=" \u200b", actor="test") == Refusal("name", "is missing")
    other = create_list(name="Workshop", actor="test")
    assert isinstance(rename_list(static_list=other, name="Candle evening", actor="test"), Refusal)
    assert set(StaticList.objects.values_list("name", flat=True)) == {"Candle evening", "Workshop"}


@pytest.mark.parametrize("spelling", [str, lambda value: value.hex.upper()])
def test_a_list_that_a_segment_uses_stays_and_says_which(evening: StaticList, spelling):
    segment = create_segment(name="Guests", rule={"all": [{"list": spelling(evening.uuid), "is": "in"}]}, actor="test")
    refusal = delete_list(static_list=evening, actor="test")
    assert isinstance(refusal, Refusal)
    assert "Guests" in refusal.reason
    segment.delete()
    assert delete_list(static_list=evening, actor="test") is None
    assert not StaticList.objects.exists()


def test_a_rule_finds_who_is_on_a_list_and_who_is_not(evening: StaticList):
    ann, balint = make_subscriber(), make_subscriber()
    put(evening, ann)
    on, off = ({"list": str(evening.uuid), "is": place} for place in ("in", "not_in"))
    assert set(audience(rule=on, as_of=NOW)) == {ann}
    assert set(audience(rule=off, as_of=NOW)) == {balint}
    assert set(audience(rule={"none": [on]}, as_of=NOW)) == {balint}
    assert set(audience(rule={"none": [off]}, as_of=NOW)) == {ann}
    assert sentence(parse(on)) == "People who are on the list ‘Candle evening’."


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"list": str(uuid.UUID(int=7)), "is": "in"}, "all[0].list"),
        ({"list": "evening", "is": "in"}, "all[0].list"),
        ({"list": "LIST", "is": "on"}, "all[0].is"),
        ({"list": "LIST"}, "all[0]"),
        ({"list": "LIST", "is": "in", "op": "is"}, "all[0].op"),
    ],
)
def test_a_bad_rule_about_a_list_says_where_it_is_wrong(evening: StaticList, rule, path):
    rule = {key: str(evening.uuid) if value == "LIST" else value for key, value in rule.items()}
    with pytest.raises(RuleError) as caught:
        parse({"all": [rule]})
    assert caught.value.path == path


@pytest.mark.usefixtures("brand")
def test_selected_people_go_on_a_list_after_the_figure_was_named(client: Client, priya: User, evening: StaticList):
    people = [make_subscriber(country="GB") for _ in range(20)] + [make_subscriber(country="IE")]
    put(evening, people[0])
    client.force_login(priya)
    asked = client.post("/lists/add/?country=GB", {"all": "1"}).content.decode()
    assert "Add 20 people to a list" in asked
    assert ListMember.objects.count() == 1
    answer = client.post(
        "/lists/add/?country=GB", {"all": "1", "confirmed": "1", "static_list": str(evening.uuid)}, follow=True
    )
    assert "19 people added to ‘Candle evening’. 1 was on it already." in answer.content.decode()
    assert set(ListMember.objects.values_list("subscriber", flat=True)) == {person.pk for person in people[:20]}


@pytest.mark.usefixtures("brand")
def test_ticked_rows_alone_are_meant_and_a_new_list_can_be_named(client: Client, priya: User):
    ann, balint, _zoe = (make_subscriber() for _ in range(3))
    client.force_login(priya)
    ticked = {"row": [ann.pk, balint.pk, "x", "9" * 40], "confirmed": "1"}
    refused = client.post("/lists/add/", ticked).content.decode()
    assert "Choose a list, or name a new one." in refused
    assert f'name="row" value="{ann.pk}"' in refused
    client.post("/lists/add/", {**ticked, "name": "Guests"})
    assert set(StaticList.objects.get().members.values_list("subscriber", flat=True)) == {ann.pk, balint.pk}


@pytest.mark.usefixtures("brand")
def test_the_page_of_a_list_shows_its_people_takes_addresses_and_lets_people_go(
    client: Client, priya: User, evening: StaticList
):
    ann, balint = make_subscriber("ann@post.example", first_name="Ann"), make_subscriber(first_name="Bálint")
    client.force_login(priya)
    path = f"/lists/{evening.uuid}/"
    client.post(path, {"email": " ANN@post.example"})
    text = client.get(path).content.decode()
    assert str(ann.uuid) in text
    assert str(balint.uuid) not in text
    assert "Nobody here has this address" in client.post(path, {"email": "zoe@post.example"}).content.decode()
    # "All" on the page of a list means all of the list and nobody else.
    asked = client.post(f"/lists/remove/?list={evening.uuid}", {"all": "1"}).content.decode()
    assert "Take 1 person off" in asked
    client.post(f"/lists/remove/?list={evening.uuid}", {"all": "1", "confirmed": "1"})
    assert not ListMember.objects.exists()
    assert client.post("/lists/remove/?list=x", {"all": "1"}).status_code == 404


@pytest.mark.usefixtures("brand")
def test_people_are_filtered_by_the_list_they_are_on(client: Client, maya: User, evening: StaticList):
    ann, balint = make_subscriber(), make_subscriber()
    put(evening, ann)
    client.force_login(maya)
    text = client.get(f"/subscribers/?list={evening.uuid}").content.decode()
    assert str(ann.uuid) in text
    assert str(balint.uuid) not in text
    assert "Candle evening" in client.get(f"/subscribers/{ann.uuid}/").content.decode()


@pytest.mark.usefixtures("brand")
def test_an_analyst_looks_at_lists_and_changes_none(client: Client, alan: User, evening: StaticList):
    ann = make_subscriber("ann@post.example")
    put(evening, ann)
    client.force_login(alan)
    text = client.get(f"/lists/{evening.uuid}/").content.decode()
    assert str(ann.uuid) in text
    assert "ann@post.example" not in text
    assert 'id="bulk"' not in text
    for path in ("add/?", f"remove/?list={evening.uuid}", f"{evening.uuid}/", f"{evening.uuid}/delete/", "new/"):
        assert client.post(f"/lists/{path}", {"all": "1", "email": "ann@post.example"}).status_code == 403
    assert ListMember.objects.count() == 1


@pytest.mark.usefixtures("brand")
def test_a_list_is_deleted_from_its_page_unless_it_is_used(client: Client, priya: User, evening: StaticList):
    segment = create_segment(name="Guests", rule={"list": str(evening.uuid), "is": "in"}, actor="test")
    client.force_login(priya)
    kept = client.post(f"/lists/{evening.uuid}/delete/", follow=True).content.decode()
    assert "is used by ‘Guests’" in kept
    segment.delete()
    client.post(f"/lists/{evening.uuid}/delete/")
    assert not StaticList.objects.exists()
