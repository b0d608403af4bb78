"""The preference centre: all of it with a fresh link, only less with an older one, nothing by opening it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine
from django.test import Client

from personalize.core import hooks
from personalize.core.addresses import address_key
from personalize.core.tokens import Purpose
from segments.consent import services
from segments.consent.models import ConsentEntry, Subscription, Suppression, Topic
from segments.consent.types import Choices, Outcome
from segments.subscribers.models import AttributeDefinition, Subscriber
from tests.consent.conftest import page_of, path
from tests.factories import NOW, make_subscription, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]
MINUTE = dt.timedelta(minutes=1)
OLD = dt.timedelta(hours=24)


@pytest.fixture
def follower(ann: Subscriber, news: Topic, winter: Topic) -> Subscriber:
    """Ann follows ‘News’; ‘Winter and gifts’ is there to be chosen."""
    make_subscription(ann, news)
    return ann


def look(client: Client, person: Subscriber, after: dt.timedelta = MINUTE) -> str:
    with time_machine.travel(NOW + after, tick=False):
        response = client.get(page_of(person))
    assert response.status_code == 200
    return str(response.content.decode())


def save(client: Client, person: Subscriber, after: dt.timedelta = MINUTE, **fields: Any) -> str:
    """Send the form as the page made it, with ``fields`` changed; None leaves one out."""
    stored = {row.topic.key for row in Subscription.objects.filter(subscriber=person, state="subscribed")}
    person.refresh_from_db()
    data = {
        "do": "save",
        "was": " ".join(stored),
        "topics": list(stored),
        "rhythm": person.rhythm,
        "pause": "",
        "tracking": "" if person.tracking == "denied" else "on",
        "first_name": person.first_name,
        "language": person.language,
        **fields,
    }
    with time_machine.travel(NOW + after, tick=False):
        response = client.post(page_of(person), {name: value for name, value in data.items() if value is not None})
    assert response.status_code == 200
    assert not response.cookies
    return str(response.content.decode())


def state(key: str) -> str:
    row = Subscription.objects.filter(topic__key=key).first()
    return row.state if row else ""


def said() -> list[str]:
    return list(ConsentEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "?do=stop", "?do=save&was=news", "?topics=winter"])
def test_opening_the_page_changes_nothing(follower, stranger, wanted, method, query):
    with time_machine.travel(NOW + MINUTE, tick=False):
        assert stranger.generic(method, page_of(follower) + query).status_code == 200
    assert (state("news"), state("winter"), said(), wanted) == ("subscribed", "", [], [])


def test_saving_without_a_change_says_nothing_and_stores_nothing(follower, stranger):
    before = Subscriber.objects.values().get()
    assert "Saved" in save(stranger, follower)
    assert (said(), Subscriber.objects.values().get()) == ([], before)


def test_topics_are_joined_and_left_with_proof(follower, stranger, wanted):
    save(stranger, follower, topics=["winter"])
    assert (state("news"), state("winter")) == ("unsubscribed", "subscribed")
    assert said() == ["unsubscribed", "subscribed"]
    assert set(ConsentEntry.objects.values_list("source", flat=True)) == {"preference page"}
    assert [mail["kind"] for mail in wanted] == ["undo"]


def test_a_page_that_was_open_for_long_undoes_nothing_done_meanwhile(follower, stranger):
    make_topic("garden")
    services.unsubscribe(subscriber=follower, topic=Topic.objects.get(key="news"), source="api")
    save(stranger, follower, was="news", topics=["news", "garden"])
    assert (state("news"), state("garden")) == ("unsubscribed", "subscribed")


def test_what_waits_for_confirmation_is_confirmed_by_switching_it_on(follower, winter, stranger):
    services.subscribe(subscriber=follower, topic=winter, source="form:footer", at=NOW)
    assert "Waits for you to confirm" in look(stranger, follower)
    save(stranger, follower, topics=["news", "winter"])
    assert state("winter") == "subscribed"


def test_a_hidden_topic_is_shown_to_those_who_follow_it_and_to_nobody_else(follower, stranger):
    club = make_topic("club", name="Inner circle", visible=False)
    assert "Inner circle" not in look(stranger, follower)
    assert "valid choice" in save(stranger, follower, topics=["news", "club"])
    assert state("club") == ""
    make_subscription(follower, club)
    assert "Inner circle" in look(stranger, follower)
    save(stranger, follower, topics=["news"])
    assert state("club") == "unsubscribed"


@pytest.mark.parametrize("days", [30, 60, 90])
def test_a_break_ends_by_itself_or_when_they_like(follower, stranger, days):
    at = NOW + MINUTE
    save(stranger, follower, pause=str(days))
    assert Subscription.objects.get().paused_until == at + dt.timedelta(days=days)
    assert not Subscription.objects.in_force(at + dt.timedelta(days=days - 1)).exists()
    assert Subscription.objects.in_force(at + dt.timedelta(days=days)).exists()
    assert "Paused until" in look(stranger, follower)
    save(stranger, follower, pause="0")
    assert Subscription.objects.get().paused_until is None
    assert said() == ["paused", "resumed"]


def test_a_pause_of_no_offered_length_is_refused(follower, stranger):
    assert "valid choice" in save(stranger, follower, pause="3650")
    assert said() == []


def test_once_a_week_at_most_is_stored_with_proof(follower, stranger):
    save(stranger, follower, rhythm="weekly")
    assert Subscriber.objects.get().rhythm == "weekly"
    save(stranger, follower, rhythm="")
    assert Subscriber.objects.get().rhythm == ""
    assert said() == ["slowed", "unslowed"]


def test_tracking_is_refused_and_allowed_again(follower, stranger):
    save(stranger, follower, tracking=None)
    assert Subscriber.objects.get().tracking == "denied"
    save(stranger, follower, tracking="on")
    assert Subscriber.objects.get().tracking == "granted"
    assert said() == ["tracking_denied", "tracking_granted"]


def test_people_say_who_they_are_and_take_it_back(follower, stranger):
    AttributeDefinition.objects.create(
        key="likes", label="What you like", type="multi", choices=["Candles", "Garden"], self_service=True
    )
    AttributeDefinition.objects.create(key="margin", label="Margin", type="int")
    Subscriber.objects.update(attributes={"margin": 7}, birth_day=1, birth_month=1, birth_year=1988)
    page = look(stranger, follower)
    assert "What you like" in page
    assert 'name="about_margin"' not in page
    save(
        stranger, follower, first_name="Annie", language="de", birth_date_0="22", birth_date_1="2",
        about_likes=["Garden"], about_margin="900", email="eve@post.example",
    )  # fmt: skip
    person = Subscriber.objects.get()
    assert (person.first_name, person.language, person.birth_day, person.birth_month) == ("Annie", "de", 22, 2)
    assert person.attributes == {"likes": ["Garden"], "margin": 7}
    assert person.email == "ann.whitaker@post.example"
    save(stranger, follower, first_name="", birth_date_0="", birth_date_1="", about_likes=[])
    person.refresh_from_db()
    assert (person.first_name, person.birth_month, person.attributes) == ("", None, {"margin": 7})


def test_a_bad_answer_changes_nothing_at_all_and_is_said_at_its_field(follower, stranger):
    answer = save(stranger, follower, topics=[], first_name="Ann", birth_date_0="31", birth_date_1="2")
    assert "not in the calendar" in answer
    assert (state("news"), said()) == ("subscribed", [])


def test_a_fresh_link_shows_what_is_stored_and_why(follower, winter, stranger):
    AttributeDefinition.objects.create(key="health", label="Allergies", type="text", sensitive=True)
    Subscriber.objects.update(attributes={"health": "Nuts"}, city="Bristol")
    services.subscribe(subscriber=follower, topic=winter, source="form:footer", wording="Yes, send me", double=False)
    page = look(stranger, follower)
    for shown in ("Allergies", "Nuts", "Bristol", "Whitaker", "Yes, send me", "our sign-up form", "Orchard Mews"):
        assert shown in page
    assert follower.email not in page


def test_an_older_link_shows_nothing_that_is_stored_but_what_can_be_left(follower, stranger):
    Subscriber.objects.update(city="Bath", birth_day=22, birth_month=2)
    page = look(stranger, follower, OLD)
    assert "News" in page
    assert "a…@post.example" in page
    for hidden in ("Ann", "Whitaker", "Bath", "Winter and gifts", "first_name", "whitaker", "What we store"):
        assert hidden not in page


def test_an_older_link_can_get_less(follower, stranger):
    save(stranger, follower, OLD, pause="60", rhythm="weekly", tracking=None, first_name=None, language=None)
    assert said() == ["paused", "slowed", "tracking_denied"]
    save(stranger, follower, OLD, topics=[])
    assert state("news") == "unsubscribed"


@pytest.mark.parametrize(
    "more",
    [
        {"topics": ["news", "winter"]},
        {"topics": ["winter"]},
        {"rhythm": ""},
        {"pause": "0"},
        {"tracking": "on"},
        {"first_name": "Eve"},
        {"birth_date_0": "1", "birth_date_1": "1"},
    ],
)
def test_an_older_link_can_get_nothing_more(follower, stranger, more):
    make_subscription(follower, make_topic("garden"), paused_until=NOW + dt.timedelta(days=9))
    Subscriber.objects.update(rhythm="weekly", tracking="denied")
    before = Subscriber.objects.values().get()
    subscriptions = list(Subscription.objects.order_by("pk").values())
    save(stranger, follower, OLD, **more)
    assert Subscriber.objects.values().get() == before
    assert list(Subscription.objects.order_by("pk").values()) == subscriptions
    assert said() == []


def test_the_service_itself_refuses_more_without_a_fresh_link(follower):
    for more in (Choices(join=frozenset({"winter"})), Choices(pause_days=0), Choices(rhythm=""), Choices(tracking=True),
                 Choices(profile={"first_name": "Eve"})):  # fmt: skip
        done = services.set_preferences(subscriber=follower, choices=more, fresh=False, source="preference page")
        assert done is Outcome.REFUSED
    assert said() == []


def test_an_older_link_sends_a_new_one_to_the_person_three_times_a_day(follower, stranger, wanted):
    for _ in range(5):
        with time_machine.travel(NOW + OLD, tick=False):
            answer = stranger.post(page_of(follower), {"do": "link"}).content.decode()
        assert "A new link is on its way to a…@post.example" in answer
    assert [(mail["kind"], mail["subscriber"]) for mail in wanted] == [("preferences_link", follower)] * 3
    with time_machine.travel(NOW + OLD + MINUTE, tick=False):
        assert "What we store about you" in stranger.get(path(wanted[0])).content.decode()


def test_everything_can_be_stopped_and_had_back_for_an_hour(follower, stranger, wanted):
    with time_machine.travel(NOW + MINUTE, tick=False):
        answer = stranger.post(page_of(follower), {"do": "stop"}).content.decode()
    assert "You get no more letters" in answer
    assert Suppression.objects.get().reason == "unsubscribed"
    assert "You get no letters at present" in look(stranger, follower)
    with time_machine.travel(NOW + 59 * MINUTE, tick=False):
        assert "as it was before you left" in stranger.post(page_of(follower), {"do": "undo"}).content.decode()
    assert (state("news"), Suppression.objects.exists()) == ("subscribed", False)


def test_an_hour_later_the_page_cannot_bring_back(follower, stranger):
    with time_machine.travel(NOW + MINUTE, tick=False):
        stranger.post(page_of(follower), {"do": "stop"})
    with time_machine.travel(NOW + 62 * MINUTE, tick=False):
        assert "Too late" in stranger.post(page_of(follower), {"do": "undo"}).content.decode()
    assert state("news") == "unsubscribed"


def test_who_stopped_everything_can_choose_again_with_a_fresh_link(follower, stranger):
    services.unsubscribe(subscriber=follower, topic=None, source="api", at=NOW)
    save(stranger, follower, topics=["winter"])
    assert (state("winter"), Suppression.objects.exists()) == ("subscribed", False)


@pytest.mark.parametrize("purpose", [Purpose.PREFERENCES, Purpose.CONFIRM, Purpose.UNDO])
def test_bad_links_all_lead_to_one_page_without_asking_the_database(
    follower, stranger, purpose, django_assert_num_queries
):
    good = page_of(follower, purpose)
    last = "A" if good[-1] != "A" else "B"
    bad = [good[:-1], good[:-3] + "xyz", good[:-1] + last, good[:3] + "x" + good[4:], good[:3] + "nonsense", good + "/"]
    bad += [good[:3] + page_of(follower, other)[3:] for other in Purpose if other in (5, 6, 7) and other != purpose]
    with django_assert_num_queries(0):
        answers = [stranger.get(address) for address in bad] + [stranger.post(address) for address in bad]
    answers.append(stranger.get(page_of(Subscriber(uuid=uuid.UUID(int=7)), purpose)))
    Subscriber.objects.update(email=None, erased_at=NOW)
    answers.append(stranger.get(good))
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}


def test_a_network_that_guesses_is_slowed_and_costs_no_query(stranger, django_assert_num_queries):
    with django_assert_num_queries(0), time_machine.travel(NOW, tick=False):
        found = [stranger.get(f"/p/{number}").status_code for number in range(70)]
    assert (found.count(404), found.count(429)) == (60, 10)


def test_public_pages_are_kept_nowhere_and_tell_nobody(follower, signup, stranger):
    with time_machine.travel(NOW + MINUTE, tick=False):
        pages = [page_of(follower), page_of(follower, Purpose.CONFIRM), page_of(follower, Purpose.UNDO), "/link/"]
        for page in (*pages, "/f/footer/", "/f/footer/frame/", "/p/nonsense"):
            response = stranger.get(page)
            assert response["Referrer-Policy"] == "no-referrer"
            assert response["Cache-Control"] == "no-store"
            assert "default-src 'none'" in response["Content-Security-Policy"]
            assert not response.cookies
            assert "Cookie" not in response.get("Vary", "")
            for foreign in (b"<script", b"http://", b"https://"):
                assert foreign not in response.content


def test_a_link_is_sent_to_whoever_is_here_and_the_answer_tells_nobody_who_is(ann, stranger, wanted):
    bounced = "bounced@post.example"
    services.suppress(address_key=address_key(bounced), reason="bounced", source="smtp")
    found = [stranger.post("/link/", {"email": email}) for email in (ann.email, "no@post.example", bounced)]
    assert {(answer.status_code, answer.content) for answer in found} == {(200, found[0].content)}
    assert [(mail["kind"], mail["subscriber"]) for mail in wanted] == [("preferences_link", ann)]
    assert "valid email" in stranger.post("/link/", {"email": "ann@nowhere"}).content.decode()


def test_a_link_can_be_asked_for_three_times_a_day_and_not_by_machines(ann, stranger, wanted):
    stranger.post("/link/", {"email": ann.email, "website": "x"})
    assert wanted == []
    for _ in range(6):
        assert stranger.post("/link/", {"email": " ANN.Whitaker@post.example "}).status_code == 200
    assert len(wanted) == 3
    statuses = [stranger.post("/link/", {"email": f"n{number}@post.example"}).status_code for number in range(30)]
    assert statuses[-1] == 429


def test_the_hooks_tell_of_each_choice_exactly_once(follower, stranger, monkeypatch):
    told: list[Any] = []
    monkeypatch.setattr(hooks.consent_changed, "_listeners", [lambda **facts: told.append(facts)])
    save(stranger, follower, topics=["news", "winter"], rhythm="weekly", pause="30")
    assert [(facts["topic"] and facts["topic"].key, facts["entry"].action) for facts in told] == [
        ("winter", "subscribed"),
        (None, "paused"),
        (None, "slowed"),
    ]
    assert {facts["subscriber"] for facts in told} == {follower}
