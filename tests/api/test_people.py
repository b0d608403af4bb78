"""People over the API: stored, read, and joined to topics by nothing but their own word."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from personalize.core import clock
from segments.consent.models import ConsentEntry, Subscription, Topic
from segments.consent.services import suppress, unsubscribe
from segments.subscribers.models import ExternalId, Subscriber
from segments.subscribers.services import define_attribute
from tests.api.conftest import Shop
from tests.factories import make_subscriber, make_topic

pytestmark = pytest.mark.django_db

ANN = {"email": "Ann@Post.example", "external_id": "C-1", "first_name": "Ann", "country": "United Kingdom"}


@pytest.fixture
def news() -> Topic:
    return make_topic("news")


def consent(at: dt.datetime | None = None, **fields: Any) -> dict[str, Any]:
    return {"wording": "Yes, write to me.", "source": "checkout", "at": (at or clock.now()).isoformat(), **fields}


def test_a_person_is_created_then_updated_then_left_as_they_are(shop: Shop):
    first = shop.post("/subscribers", ANN).json()
    assert first["outcome"] == "created"
    assert shop.post("/subscribers", ANN).json() == {**first, "outcome": "unchanged"}
    assert shop.post("/subscribers", {**ANN, "city": "Bristol"}).json() == {**first, "outcome": "updated"}
    person = Subscriber.objects.get()
    assert (person.email, person.country, person.city) == ("ann@post.example", "GB", "Bristol")


@pytest.mark.parametrize("name", ["external:C-1", "email:ann@post.example", "uuid"])
def test_a_person_is_read_by_each_of_their_names(shop: Shop, news: Topic, name: str):
    made = shop.post("/subscribers", {**ANN, "birth_date": "--02-29", "topics": [consent(topic="news")]}).json()
    found = shop.get(f"/subscribers/{made['id'] if name == 'uuid' else name}").json()
    assert (found["id"], found["external_id"], found["country"]) == (made["id"], "C-1", "GB")
    assert (found["birth_date"], found["topics"]) == ("--02-29", {"news": "subscribed"})


def test_what_is_read_can_be_sent_back(shop: Shop):
    shop.post("/subscribers", {**ANN, "birth_date": "1988-02-29", "latitude": 51.4, "longitude": -2.6})
    found = shop.get("/subscribers/external:C-1").json()
    same = {
        name: value
        for name, value in found.items()
        if name not in ("id", "email", "topics", "created_at", "updated_at")
    }
    assert shop.send("PUT", "/subscribers/external:C-1", same).json()["outcome"] == "unchanged"


@pytest.mark.parametrize("who", ["external:C-2", "email:nobody@post.example", "C-1", "phone:1", "%00", "external:a%00"])
def test_nobody_is_nobody(shop: Shop, who: str):
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", "/topics")):
        assert shop.send(method, f"/subscribers/{who}{path}", {} if method == "PUT" else None).status_code == 404


def test_attributes_are_typed_and_what_is_wrong_is_told(shop: Shop):
    define_attribute(key="shoe_size", label="Shoe size", type="int", actor="tests")
    shop.post("/subscribers", {**ANN, "attributes": {"shoe_size": "39"}})
    assert shop.get("/subscribers/external:C-1").json()["attributes"] == {"shoe_size": 39}
    answer = shop.post("/subscribers", {**ANN, "attributes": {"hat_size": 7}})
    assert answer.status_code == 422
    assert "hat_size" in str(answer.json()["errors"])
    answer = shop.post("/subscribers", {**ANN, "country": "Narnia", "city": "Bath"})
    assert (answer.status_code, answer.json()["quarantined"]) == (200, 1)
    found = shop.get("/subscribers/external:C-1").json()
    assert (found["country"], found["city"]) == ("GB", "Bath")


@pytest.mark.parametrize("field", ["id", "is_suppressed", "consent", "subscribed", "tracking", "erased_at"])
def test_nothing_of_ours_can_be_set(shop: Shop, field: str):
    assert shop.post("/subscribers", {**ANN, field: True}).status_code == 422


def test_a_batch_tells_what_became_of_each(shop: Shop, news: Topic):
    shop.post("/subscribers", ANN)
    people = [
        ANN,
        {"email": "ben@post.example", "topics": [consent(topic="news"), consent(topic="gardens")]},
        {"email": "no address"},
        {"first_name": "Cy"},
        {"email": "dee@post.example", "external_id": "C-1"},
    ]
    answer = shop.post("/subscribers/batch", {"subscribers": people}).json()
    assert [result["outcome"] for result in answer["results"]] == [
        "unchanged",
        "created",
        "refused",
        "refused",
        "refused",
    ]
    assert [topic["outcome"] for topic in answer["results"][1]["topics"]] == ["subscribed", "refused"]
    assert (answer["created"], answer["unchanged"], answer["refused"]) == (1, 1, 3)
    assert [result["reason"].partition(":")[0] for result in answer["results"][2:]] == ["email", "email", "external_id"]


def test_the_erased_stay_erased(shop: Shop):
    person = make_subscriber("ann@post.example")
    Subscriber.objects.filter(pk=person.pk).update(email=None, erased_at=clock.now())
    assert shop.post("/subscribers", ANN).status_code == 422
    assert shop.get(f"/subscribers/{person.uuid}").status_code == 404


def test_everybody_is_listed_a_page_at_a_time(shop: Shop):
    people = [make_subscriber() for _ in range(5)]
    found, after = [], ""
    while after is not None:
        page = shop.get(f"/subscribers?limit=2{after and f'&after={after}'}").json()
        found += [item["id"] for item in page["items"]]
        after = page["next"]
    assert found == [str(person.uuid) for person in people]
    assert shop.get("/subscribers?after=00000000-0000-0000-0000-000000000000").status_code == 404
    assert shop.get("/subscribers?limit=501").status_code == 422


def test_a_join_keeps_the_proof(shop: Shop, news: Topic):
    shop.post("/subscribers", {**ANN, "topics": [consent(topic="news", basis="consent")]})
    entry = ConsentEntry.objects.get()
    assert (entry.wording, entry.source, entry.basis) == ("Yes, write to me.", "api: shop: checkout", "consent")


@pytest.mark.parametrize("lacking", ["wording", "source", "at"])
def test_nobody_is_joined_without_their_word(shop: Shop, news: Topic, lacking: str):
    word = {name: value for name, value in consent().items() if name != lacking}
    shop.post("/subscribers", ANN)
    assert shop.send("PUT", "/subscribers/external:C-1/topics/news", word).status_code == 422
    assert shop.post("/subscribers", {**ANN, "topics": [{**word, "topic": "news"}]}).status_code == 422
    assert not Subscription.objects.exists()


def test_a_word_older_than_their_leaving_does_not_count_and_a_later_one_does(shop: Shop, news: Topic):
    shop.post("/subscribers", ANN)
    person = Subscriber.objects.get()
    unsubscribe(subscriber=person, topic=news, source="one-click")
    earlier = consent(clock.now() - dt.timedelta(days=1))
    refused = shop.send("PUT", "/subscribers/external:C-1/topics/news", earlier).json()
    assert refused["outcome"] == "refused"
    assert refused["reason"]
    future = consent(clock.now() + dt.timedelta(hours=1))
    assert shop.send("PUT", "/subscribers/external:C-1/topics/news", future).json()["outcome"] == "refused"
    assert shop.send("PUT", "/subscribers/external:C-1/topics/news", consent()).json()["outcome"] == "subscribed"


def test_who_complained_is_not_joined(shop: Shop, news: Topic):
    shop.post("/subscribers", ANN)
    suppress(address_key=Subscriber.objects.get().address_key, reason="complained", source="report")
    assert shop.send("PUT", "/subscribers/external:C-1/topics/news", consent()).json()["outcome"] == "refused"


def test_a_topic_of_double_opt_in_waits_for_the_mail(shop: Shop):
    make_topic("garden", opt_in="double")
    shop.post("/subscribers", ANN)
    assert shop.send("PUT", "/subscribers/external:C-1/topics/garden", consent()).json()["outcome"] == "pending"
    assert shop.send("PUT", "/subscribers/external:C-1/topics/nothing", consent()).status_code == 404


def test_leaving_takes_effect_once(shop: Shop, news: Topic):
    shop.post("/subscribers", {**ANN, "topics": [consent(topic="news")]})
    assert shop.send("DELETE", "/subscribers/external:C-1/topics/news").json() == {"outcome": "changed"}
    assert shop.send("DELETE", "/subscribers/external:C-1/topics/news").json() == {"outcome": "unchanged"}
    assert shop.send("DELETE", "/subscribers/external:C-1/topics").json() == {"outcome": "changed"}
    assert shop.get("/subscribers/external:C-1").json()["topics"] == {"news": "unsubscribed"}


def test_a_new_id_of_the_same_system_takes_the_place_of_the_old(shop: Shop):
    shop.post("/subscribers", ANN)
    shop.post("/subscribers", {**ANN, "external_id": "C-2"})
    assert ExternalId.objects.get().value == "C-2"
    assert shop.get("/subscribers/external:C-1").status_code == 404


def test_topics_are_listed(shop: Shop, news: Topic):
    assert shop.get("/topics").json() == {"items": [{"key": "news", "name": "News", "opt_in": "single"}]}
