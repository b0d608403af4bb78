"""Sign-up forms take strangers in, tell nobody who is known, and bomb nobody with mail."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from personalize.core import hooks
from segments.consent import services
from segments.consent.forms.signup import stamp
from segments.consent.models import ConsentEntry, SignupForm, Subscription, Suppression
from segments.consent.views import public
from segments.subscribers.models import AttributeDefinition, Subscriber
from tests.consent.conftest import path
from tests.factories import NOW, make_subscriber, make_subscription, make_topic

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
PAGE = "/f/footer/"
NEW = "ben.okafor@post.example"


def send(
    client: Client,
    form: SignupForm,
    email: str = NEW,
    *,
    after: dt.timedelta = MINUTE,
    at: dt.datetime = NOW,
    network: str = "203.0.113.9",
    to: str = PAGE,
    **fields: Any,
) -> Any:
    """Open the form at ``at``, fill it in for as long as ``after``, and press the button."""
    with time_machine.travel(at, tick=False):
        shown = stamp(form)
    with time_machine.travel(at + after, tick=False):
        return client.post(to, {"email": email, "agree": "on", "stamp": shown, **fields}, REMOTE_ADDR=network)


def test_a_stranger_signs_up_confirms_and_is_known_as_they_wrote(signup, winter, wanted, stranger):
    answer = send(stranger, signup, first_name="Ben", birth_date_0="29", birth_date_1="2")
    assert "If your address is new here" in answer.content.decode()
    ben = Subscriber.objects.get()
    assert (ben.email, ben.first_name) == (NEW, "")
    entry = ConsentEntry.objects.get()
    assert (entry.action, entry.source, entry.wording, entry.ip_prefix) == (
        "requested",
        "form:footer",
        "Yes, send me letters. I can leave at any time.",
        "203.0.113.0/24",
    )
    with time_machine.travel(NOW + 5 * MINUTE, tick=False):
        stranger.post(path(wanted[0]))
    ben.refresh_from_db()
    assert (ben.first_name, ben.birth_day, ben.birth_month, ben.birth_year) == ("Ben", 29, 2, None)
    assert Subscription.objects.get().state == "subscribed"


def test_nothing_is_missing_from_the_page_without_a_script(signup, stranger):
    response = stranger.get(PAGE)
    text = response.content.decode()
    assert "<script" not in text
    assert not response.cookies
    for name in ("email", "first_name", "birth_date_0", "birth_date_1", "agree", "website", "stamp"):
        assert f'name="{name}"' in text
    assert "checked" not in text
    assert stranger.get("/f/other/").status_code == 404
    SignupForm.objects.update(active=False)
    assert stranger.get(PAGE).status_code == 404
    assert send(stranger, signup).status_code == 404


def answers(client: Client, form: SignupForm) -> dict[str, Any]:
    """One answer for each kind of address."""
    winter = form.topics.get()
    people = {name: make_subscriber(f"{name}@post.example") for name in ("known", "in", "left", "spam", "gone", "bad")}
    make_subscription(people["in"], winter)
    make_subscription(people["left"], winter)
    services.unsubscribe(subscriber=people["left"], topic=None, source="api")
    services.suppress(address_key=people["spam"].address_key, reason="complained", source="loop")
    services.suppress(address_key=people["bad"].address_key, reason="bounced", source="smtp")
    services.suppress(address_key=people["gone"].address_key, reason="erased", source="erasure")
    Subscriber.objects.filter(pk=people["gone"].pk).update(email=None, erased_at=NOW)
    return {name: send(client, form, f"{name}@post.example") for name in ("nobody", *people)}


def test_every_address_gets_the_same_answer_and_only_some_a_mail(signup, wanted, stranger):
    found = answers(stranger, signup)
    first = found["nobody"]
    for answer in found.values():
        assert (answer.status_code, answer.content, dict(answer.headers)) == (200, first.content, dict(first.headers))
    assert [mail["subscriber"].email for mail in wanted] == [
        "nobody@post.example",
        "known@post.example",
        "left@post.example",
    ]
    assert Subscriber.objects.get(address_key=Subscriber.objects.get(erased_at__isnull=False).address_key).email is None
    assert Suppression.objects.count() == 4


def test_every_address_is_answered_after_the_same_time(signup, wanted, stranger, monkeypatch):
    monkeypatch.setattr(public, "ANSWER_SECONDS", 0.4)
    make_subscriber("known@post.example")
    services.suppress(address_key=make_subscriber("bad@post.example").address_key, reason="bounced", source="smtp")
    took: dict[str, list[float]] = {"known": [], "bad": [], "new": []}
    for turn in range(3):
        for name in took:
            address = f"new{turn}@post.example" if name == "new" else f"{name}@post.example"
            shown = {"stamp": stamp(signup)}
            with time_machine.travel(dt.datetime.now(tz=dt.UTC) + MINUTE):
                began = time.perf_counter()
                stranger.post(PAGE, {"email": address, "agree": "on", **shown}, REMOTE_ADDR=f"203.0.{turn}.1")
                took[name].append(time.perf_counter() - began)
    # The quickest of each: a busy machine only makes answers later.
    quickest = [min(times) for times in took.values()]
    assert min(quickest) >= 0.4
    assert max(quickest) - min(quickest) < 0.1


def test_wishes_without_end_for_one_victim_make_three_mails_a_day(signup, wanted, stranger):
    with time_machine.travel(NOW, tick=False):
        shown = stamp(signup)
    for number in range(120):
        with time_machine.travel(NOW + MINUTE + number * dt.timedelta(minutes=11), tick=False):
            origin = f"10.0.{number}.7"
            stranger.post(PAGE, {"email": NEW, "agree": "on", "stamp": shown}, REMOTE_ADDR=origin)
    assert len(wanted) == 3
    assert ConsentEntry.objects.count() == 3
    assert Subscriber.objects.count() == 1


def test_one_network_signs_up_only_so_many_in_a_day(signup, wanted, stranger, settings):
    settings.SIGNUPS_PER_NETWORK = 5
    found = [send(stranger, signup, f"n{number}@post.example", network=f"203.0.113.{number}") for number in range(7)]
    assert [answer.status_code for answer in found] == [200] * 5 + [429] * 2
    assert "n6@post.example" in found[-1].content.decode()
    assert len(wanted) == 5
    assert send(stranger, signup, network="198.51.100.1").status_code == 200


def test_who_fills_in_the_hidden_field_is_thanked_and_ignored(signup, wanted, stranger):
    assert send(stranger, signup, website="https://buy.example").content == send(stranger, signup).content
    assert len(wanted) == 1


@pytest.mark.parametrize("after", [dt.timedelta(seconds=1), dt.timedelta(hours=25), dt.timedelta(seconds=-5)])
def test_too_quick_or_too_late_is_asked_once_more_without_losing_a_word(signup, wanted, stranger, after):
    answer = send(stranger, signup, after=after, first_name="Ben").content.decode()
    assert "press the button once more" in answer
    assert f'value="{NEW}"' in answer
    assert 'value="Ben"' in answer
    assert wanted == []
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("shown", ["", "footer.1", "footer.1:abc", "\x00", "x" * 5000])
def test_a_missing_or_forged_time_is_asked_once_more(signup, wanted, stranger, shown):
    answer = stranger.post(PAGE, {"email": NEW, "agree": "on", "stamp": shown})
    assert "press the button once more" in answer.content.decode()
    assert wanted == []


def test_the_time_of_another_form_does_not_count(signup, wanted, stranger):
    other = SignupForm.objects.create(
        key="other", name="O", heading="O", wording="O", button="O", thanks="O", created_at=NOW
    )
    with time_machine.travel(NOW, tick=False):
        shown = stamp(other)
    with time_machine.travel(NOW + MINUTE, tick=False):
        stranger.post(PAGE, {"email": NEW, "agree": "on", "stamp": shown})
    assert wanted == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "ben"}, "valid email"),
        ({"email": "ben@localhost"}, "email"),
        ({"agree": ""}, "Tick this if you agree"),
        ({"birth_date_0": "31", "birth_date_1": "2"}, "not in the calendar"),
        ({"birth_date_0": "31"}, "a day and a month"),
        ({"first_name": "Win at https://spam.example"}, "without an address or a link"),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lost(signup, wanted, stranger, fields, said):
    with time_machine.travel(NOW, tick=False):
        shown = stamp(signup)
    with time_machine.travel(NOW + MINUTE, tick=False):
        data = {"email": NEW, "agree": "on", "first_name": "Ben", "stamp": shown, **fields}
        answer = stranger.post(PAGE, data).content.decode()
    assert said in answer
    assert 'role="alert"' in answer
    assert f'value="{data["first_name"]}"' in answer
    assert wanted == []


def test_a_body_that_is_no_form_is_a_form_to_fill_in(signup, stranger):
    for body, kind in (
        (b"\xff\x00", "text/plain"),
        (b"{}", "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
    ):
        assert stranger.generic("POST", PAGE, body, content_type=kind).status_code == 200
    assert not Subscriber.objects.exists()


def test_a_stranger_cannot_write_into_the_profile_of_somebody_known(signup, wanted, stranger, ann):
    send(stranger, signup, ann.email, first_name="Rude")
    ann.refresh_from_db()
    assert ann.first_name == "Ann"
    with time_machine.travel(NOW + 5 * MINUTE, tick=False):
        stranger.post(path(wanted[0]))
    ann.refresh_from_db()
    assert ann.first_name == "Ann"


def test_a_topic_without_confirmation_takes_new_people_at_once(signup, wanted, stranger, news):
    signup.topics.set([news])
    send(stranger, signup, first_name="Ben")
    assert Subscription.objects.get().state == "subscribed"
    assert Subscriber.objects.get().first_name == "Ben"
    assert wanted == []


@pytest.mark.parametrize("everything", [True, False])
def test_who_left_comes_back_only_by_confirming(signup, wanted, stranger, ann, news, everything):
    signup.topics.set([news])
    make_subscription(ann, news)
    services.unsubscribe(subscriber=ann, topic=None if everything else news, source="api", at=NOW)
    send(stranger, signup, ann.email)
    assert Subscription.objects.get().state == "pending"
    assert [mail["kind"] for mail in wanted] == ["confirmation"]
    with time_machine.travel(NOW + 5 * MINUTE, tick=False):
        stranger.post(path(wanted[0]))
    assert Subscription.objects.get().state == "subscribed"
    assert not Suppression.objects.exists()


def test_with_several_topics_people_choose(signup, wanted, stranger, winter):
    garden = make_topic("garden", opt_in="double")
    signup.topics.add(garden)
    assert "Choose at least one" in send(stranger, signup).content.decode()
    send(stranger, signup, topics=["garden"])
    assert Subscription.objects.get().topic == garden
    assert "valid choice" in send(stranger, signup, topics=["secret"]).content.decode()


def test_one_mail_confirms_all_topics_of_a_form(signup, wanted, stranger):
    signup.topics.add(make_topic("garden", opt_in="double"))
    send(stranger, signup, topics=["garden", "winter"])
    assert [mail["context"]["topics"] for mail in wanted] == [["Garden", "Winter and gifts"]]
    assert ConsentEntry.objects.filter(details__mailed=True).count() == 1


def test_a_form_asks_only_what_people_may_set_themselves(signup, wanted, stranger):
    likes = {"type": "multi", "choices": ["Candles", "Garden"], "label": "What you like"}
    AttributeDefinition.objects.create(key="likes", self_service=True, **likes)
    AttributeDefinition.objects.create(key="margin", label="Margin", type="int")
    signup.asks = ["likes", "margin", "attributes", "email"]
    signup.save()
    text = stranger.get(PAGE).content.decode()
    assert "What you like" in text
    assert "Margin" not in text
    send(stranger, signup, about_likes=["Garden"], about_margin="7")
    with time_machine.travel(NOW + 5 * MINUTE, tick=False):
        stranger.post(path(wanted[0]))
    assert Subscriber.objects.get().attributes == {"likes": ["Garden"]}


def test_the_form_speaks_its_language_and_gives_it_to_who_joins(signup, wanted, stranger):
    SignupForm.objects.update(language="de", heading="Post, die sich lohnt")
    assert 'lang="de"' in stranger.get(PAGE).content.decode()
    signup.refresh_from_db()
    send(stranger, signup)
    assert Subscriber.objects.get().language == "de"


def test_the_form_can_lead_on_to_a_page_of_the_shop(signup, wanted, stranger):
    SignupForm.objects.update(redirect_url="https://alderandwren.example/thanks")
    answer = send(stranger, signup)
    assert (answer.status_code, answer["Location"]) == (302, "https://alderandwren.example/thanks")
    assert "form-action 'self' https://alderandwren.example;" in stranger.get(PAGE)["Content-Security-Policy"]


def test_only_the_framed_form_may_stand_in_other_pages(signup, stranger, ann):
    framed = stranger.get("/f/footer/frame/")
    assert "frame-ancestors *" in framed["Content-Security-Policy"]
    assert "X-Frame-Options" not in framed
    for page in (PAGE, "/link/", "/p/x", "/c/x"):
        assert "frame-ancestors 'none'" in stranger.get(page)["Content-Security-Policy"]
    assert send(stranger, signup, to="/f/footer/frame/").status_code == 200
    assert Subscriber.objects.filter(email=NEW).exists()


def test_the_hooks_tell_of_a_sign_up_exactly_once_each(signup, wanted, stranger, monkeypatch):
    told: list[Any] = []
    monkeypatch.setattr(hooks.consent_changed, "_listeners", [lambda **facts: told.append(facts)])
    send(stranger, signup)
    send(stranger, signup)
    cache.clear()
    assert [(set(facts), facts["entry"].action, facts["topic"].key) for facts in told] == [
        ({"subscriber", "topic", "entry"}, "requested", "winter")
    ]
    assert [set(mail["context"]) for mail in wanted] == [{"url", "topics", "key"}]


def test_opening_a_form_asks_the_database_a_fixed_number_of_times(signup, stranger, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        stranger.get(PAGE)
