"""Topics and sign-up forms in the dashboard: listed with their people, changed by those who may."""

from __future__ import annotations

import datetime as dt

import pytest

from personalize.accounts.models import AuditEntry
from personalize.core import clock
from segments.consent import offers, services
from segments.consent.models import SignupForm, Topic
from tests.factories import NOW, make_subscriber, make_subscription, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]
TOPIC = {"name": "Garden", "kind": "marketing", "opt_in": "double", "visible": "on", "frequency": "Once a month"}


def form_data(*topics: Topic, **fields):
    return {
        "name": "Footer",
        "heading": "Letters",
        "wording": "Yes, send me letters.",
        "button": "Sign up",
        "thanks": "Thank you.",
        "active": "on",
        "topics": [topic.pk for topic in topics],
        "lock_version": 0,
        **fields,
    }


def test_topics_show_who_follows_waits_and_left_and_lead_to_them(client, alan):
    news = make_topic("news", name="News")
    for state in ("subscribed", "subscribed", "pending", "unsubscribed"):
        make_subscription(make_subscriber(), news, state)
    make_subscription(make_subscriber(email=None), news)
    client.force_login(alan)
    page = client.get("/topics/").content.decode()
    assert 'href="/subscribers/?topic=news:subscribed">3</a>' in page
    assert 'href="/subscribers/?topic=news:pending">1</a>' in page
    assert 'href="/subscribers/?topic=news:unsubscribed">1</a>' in page
    assert "New topic" not in page


def test_the_erased_are_not_counted(brand):
    gone = make_subscriber()
    make_subscription(gone, make_topic("news"))
    type(gone).objects.update(email=None, erased_at=NOW)
    assert list(offers.with_people(Topic.objects.all()).values_list("following", flat=True)) == [0]


@pytest.mark.parametrize("page", ["/topics/new/", "/topics/news/edit/", "/forms/new/", "/forms/footer/edit/"])
def test_who_only_looks_may_not_change(client, alan, page):
    client.force_login(alan)
    assert client.get(page).status_code == 403
    assert client.post(page, TOPIC).status_code == 403


def test_a_topic_gets_its_key_from_its_name_and_keeps_it(client, priya):
    client.force_login(priya)
    assert client.post("/topics/new/", TOPIC).status_code == 302
    garden = Topic.objects.get()
    assert (garden.key, garden.opt_in, garden.frequency) == ("garden", "double", "Once a month")
    client.post("/topics/garden/edit/", {**TOPIC, "name": "Gardens", "key": "other", "visible": ""})
    garden.refresh_from_db()
    assert (garden.key, garden.name, garden.visible) == ("garden", "Gardens", False)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "topic.created",
        "topic.changed",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"key": "news"}, "has this key"), ({"name": "News"}, "nothing else here has"), ({"name": "北"}, "Latin letters"), ({"key": "no blanks"}, "valid")],
)  # fmt: skip
def test_a_key_is_unique_and_can_be_written(client, priya, fields, said):
    make_topic("news")
    client.force_login(priya)
    page = client.post("/topics/new/", {**TOPIC, **fields})
    assert page.status_code == 200
    assert said in page.content.decode()
    assert Topic.objects.count() == 1


def test_a_form_is_made_shown_and_pasted_into_the_shop(client, priya):
    news, garden = make_topic("news"), make_topic("garden")
    client.force_login(priya)
    client.get("/forms/new/")
    answer = client.post("/forms/new/", form_data(news, garden, asks=["first_name", "language"]))
    assert answer["Location"] == "/forms/footer/edit/"
    form = SignupForm.objects.get()
    assert set(form.topics.all()) == {news, garden}
    assert form.asks == ["first_name", "language"]
    page = client.get("/forms/footer/edit/").content.decode()
    assert "&lt;iframe src=&quot;http://127.0.0.1:8000/f/footer/frame/&quot;" in page
    assert "&lt;form action=&quot;http://127.0.0.1:8000/f/footer/&quot; method=&quot;post&quot;" in page
    preview = client.get("/forms/footer/preview/")
    assert "inert" in preview.content.decode()
    assert "frame-ancestors 'self'" in preview["Content-Security-Policy"]
    assert preview["X-Frame-Options"] == "SAMEORIGIN"


def test_the_plain_fields_lead_to_the_form_with_all_that_was_typed(client, stranger, priya, wanted):
    client.force_login(priya)
    client.post("/forms/new/", form_data(make_topic("news", opt_in="double")))
    answer = stranger.post("/f/footer/", {"email": "ben@post.example", "agree": "on", "website": ""})
    assert 'value="ben@post.example"' in answer.content.decode()
    assert "press the button once more" in answer.content.decode()
    assert wanted == []


def test_words_from_a_form_are_never_markup(client, priya, stranger):
    client.force_login(priya)
    bad = "<script>alert(1)</script>\"'>"
    client.post(
        "/forms/new/", form_data(make_topic("news", name=bad), heading=bad, wording=bad, button="Go", name=bad, key="x")
    )
    for page in ("/f/x/", "/forms/x/edit/", "/forms/", "/forms/x/preview/"):
        assert "<script>alert" not in client.get(page).content.decode()
    assert "&lt;script&gt;" in offers.snippets(SignupForm.objects.get())["frame"]


def test_two_who_edit_the_same_form_do_not_overwrite_each_other(client, priya, signup, winter):
    client.force_login(priya)
    assert client.post("/forms/footer/edit/", form_data(winter, heading="First")).status_code == 302
    late = client.post("/forms/footer/edit/", form_data(winter, heading="Second"))
    assert "Somebody else saved this form" in late.content.decode()
    assert "Second" in late.content.decode()
    assert SignupForm.objects.get().heading == "First"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"redirect_url": "javascript:alert(1)"}, "valid URL"),
        ({"redirect_url": "ftp://files.example/"}, "starts with https"),
        ({"language": "klingon"}, "not a language"),
        ({"asks": ["margin"]}, "valid choice"),
        ({"wording": ""}, "required"),
        ({"topics": []}, "required"),
    ],
)
def test_what_is_wrong_with_a_form_is_said(client, priya, fields, said):
    client.force_login(priya)
    page = client.post("/forms/new/", form_data(make_topic("news"), **fields))
    assert said in page.content.decode()
    assert not SignupForm.objects.exists()


def test_the_figures_of_a_form_are_those_of_its_last_thirty_days(client, alan, signup, winter):
    now = clock.now()
    for number, age in enumerate((0, 1, 2, 40)):
        person = make_subscriber(f"p{number}@post.example")
        at = now - dt.timedelta(days=age)
        services.subscribe(subscriber=person, topic=winter, source="form:footer", at=at)
        if number in (0, 3):
            services.confirm(subscriber=person, topic=None, source="confirmation page", at=at)
    assert offers.by_form(now) == {"footer": (3, 1)}
    client.force_login(alan)
    page = client.get("/forms/").content.decode()
    assert "Winter and gifts" in page
    assert ">3<" in page.replace(" ", "").replace("\n", "")


def test_before_the_first_topic_the_page_of_forms_says_what_comes_first(client, priya):
    client.force_login(priya)
    page = client.get("/forms/").content.decode()
    assert "First, a topic" in page
    assert "/topics/new/" in page
