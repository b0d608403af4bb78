"""Automations in the dashboard: made, drawn, edited and published there, and the people in them looked after."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.forms import ModelChoiceField
from django.test import Client
from django.urls import reverse

from campaigns.automations import addresses, figures, panels, services
from campaigns.automations.definition import read
from campaigns.automations.models import Automation, Enrolment, LeftOut, StepVisit
from campaigns.delivery.models import Link, Message
from campaigns.delivery.types import MessageState
from campaigns.tracking.models import Hit, HitKind, Verdict
from personalize.accounts.models import AuditEntry, User
from personalize.content.services import create_template
from personalize.core import registries
from personalize.core.clock import now
from personalize.core.registries import Span
from tests.factories import make_enrolment, make_follower, make_order, make_sender, make_subscriber, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]


@pytest.fixture
def page(client: Client, maya: User) -> Client:
    client.force_login(maya)
    return client


@pytest.fixture
def cart(maya: User) -> Automation:
    """A reminder of a cart: wait, mail, ask, and two mails that come together in a wait."""
    template = create_template(
        name="Your basket is still here",
        subject="Your basket",
        preheader="",
        blocks=[{"id": "t", "type": "text", "text": "{{ greeting }}"}, {"id": "foot", "type": "footer"}],
        actor=maya,
    )
    mail = {"type": "mail", "template": str(template.uuid)}
    automation = services.create_automation(
        name="Abandoned cart",
        actor=maya,
        topic=make_topic(),
        sender=make_sender(),
        definition={
            "v": 1,
            "trigger": {"on": "event", "event": "cart_updated"},
            "exits": [{"event": "order_placed", "reason": "order"}],
            "steps": [
                {"id": "wait", "type": "wait", "for": [4, "hours"], "since": "activity", "next": "first"},
                {"id": "first", **mail, "window": {"from": "08:00", "to": "21:00"}, "next": "ask"},
                {
                    "id": "ask",
                    "type": "branch",
                    "rule": {"attr": "country", "op": "is", "value": "GB"},
                    "next": "yes",
                    "no": "no",
                },
                {"id": "yes", **mail, "name": "Delivery is on us", "next": "order"},
                {"id": "no", **mail, "mode": "review", "name": "Still thinking it over?", "next": "order"},
                {"id": "order", "type": "wait_for", "event": "order_placed", "most": [3, "days"]},
            ],
        },
    )
    version = services.publish(automation=automation, actor=maya)
    assert not isinstance(version, list), version
    return automation


def url(name: str, automation: Automation, *more: Any) -> str:
    return reverse(f"automations:{name}", args=[automation.uuid, *more])


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def record_click(message: Message, *, at: dt.datetime) -> None:
    link = Link.objects.create(mailing=message.mailing, number=99, key="k", url="https://alderandwren.example/")
    Hit.objects.create(
        message=message, kind=HitKind.CLICK, link=link, at=at, verdict=Verdict.HUMAN, method="GET", rule_version=1
    )


def enrolled(automation: Automation, name: str = "Ann", **fields: Any) -> Enrolment:
    person = make_follower(make_topic(), first_name=name, last_name="Whitaker")
    given = {"came_at": now(), "created_at": now(), "due_at": now() + dt.timedelta(hours=3), **fields}
    return make_enrolment(automation, person, **given)


def step_of(automation: Automation, id: str) -> dict[str, Any]:
    automation.refresh_from_db()
    return next(step for step in automation.draft["steps"] if step["id"] == id)


def save(page: Client, automation: Automation, step: str, **fields: Any) -> Any:
    automation.refresh_from_db()
    given = {"lock_version": automation.lock_version, **fields}
    return page.post(url("save_step", automation, step), given)


# --- the list and the gallery -------------------------------------------------------------------------------------------


def test_the_list_says_who_is_in_it_and_has_a_switch(page: Client, cart: Automation):
    enrolled(cart)
    html = text(page, reverse("automations:list"))
    assert "Abandoned cart" in html
    assert "When a cart changes" in html
    assert addresses.people_url(cart) in html
    page.post(url("pause", cart), {"list": "1"})
    cart.refresh_from_db()
    assert cart.state == "off"
    page.post(url("resume", cart), {"list": "1"})
    cart.refresh_from_db()
    assert cart.state == "live"


def test_the_gallery_offers_recipes_and_an_empty_start(page: Client):
    html = text(page, reverse("automations:recipes"))
    assert "Welcome" in html
    assert "Start empty" in html
    assert "Welcome" not in text(page, reverse("automations:recipes") + "?q=birthday").partition("<main")[2]


def test_a_recipe_is_ready_with_one_click(page: Client):
    make_topic()
    make_sender()
    page.post(reverse("automations:use", args=["welcome"]))
    automation = Automation.objects.get()
    assert automation.recipe == "welcome"
    assert services.problems_of(automation) == []


def test_a_recipe_without_a_sender_says_what_to_do_first(page: Client):
    make_topic()
    answer = page.post(reverse("automations:use", args=["welcome"]), follow=True)
    assert "Make a sender first" in answer.content.decode()
    assert not Automation.objects.exists()


def test_a_name_that_is_taken_is_refused_at_the_field(page: Client, cart: Automation):
    answer = page.post(reverse("automations:new"), {"name": cart.name})
    assert answer.status_code == 422
    assert "There is an automation of this name already" in answer.content.decode()


# --- one automation -----------------------------------------------------------------------------------------------------


def test_the_page_draws_every_step_and_lists_it(page: Client, cart: Automation):
    html = text(page, url("detail", cart))
    for title in ("When a cart changes", "Wait 4 hours", "Delivery is on us", "Still thinking it over?"):
        assert html.count(title) >= 2, title
    assert "Live, version 1" in html
    assert "08:00 to 21:00, their time" in html


def test_figures_are_links_to_the_people_behind_them(page: Client, cart: Automation):
    enrolled(cart)
    gone = enrolled(cart, "Tom", state="exited", reason="order", due_at=None, ended_at=now())
    html = text(page, url("detail", cart))
    waiting = addresses.people_url(cart, "view=now&step=wait").replace("&", "&amp;")
    left = addresses.people_url(cart, "view=all&left=wait:order").replace("&", "&amp;")
    assert waiting in html
    assert left in html
    assert "Ann Whitaker" in text(page, addresses.people_url(cart, "view=now&step=wait"))
    people = text(page, addresses.people_url(cart, "view=all&left=wait:order"))
    assert gone.subscriber.full_name in people
    assert "Ann Whitaker" not in people


def test_clicks_are_counted_of_the_mails_that_were_sent(page: Client, cart: Automation):
    assert cart.live is not None
    mailing = services.step_mailing(cart.live, "first")
    for number in range(4):
        row = enrolled(cart, f"Ann{number}")
        message = Message.objects.create(
            uuid=uuid.uuid4(),
            mailing=mailing,
            subscriber=row.subscriber,
            address_key=row.subscriber.address_key,
            state=MessageState.SENT if number else MessageState.FAILED,
            created_at=now(),
            clicked_at=now() if number == 1 else None,
        )
        StepVisit.objects.create(enrolment=row, step="first", outcome="mailed", at=now(), message=message.uuid)
    at = figures.figures(cart, at=now()).of("first")
    assert (at.sent, at.clicked, at.met) == (3, 1, 4)
    clicked = text(page, addresses.people_url(cart, "view=all&met=first:clicked"))
    assert "Ann1 Whitaker" in clicked
    assert "Ann2 Whitaker" not in clicked


def test_the_figures_need_as_many_queries_for_many_people_as_for_few(
    cart: Automation, django_assert_num_queries: Any, django_assert_max_num_queries: Any
):
    enrolled(cart)
    with django_assert_max_num_queries(12) as few:
        figures.figures(cart, at=now())
    for _number in range(20):
        enrolled(cart)
    with django_assert_num_queries(len(few)):
        figures.figures(cart, at=now())


def test_an_edit_is_saved_in_the_draft_and_the_live_version_stays(page: Client, cart: Automation):
    assert save(page, cart, "wait", length_0="6", length_1="hours", since="activity").status_code == 302
    assert step_of(cart, "wait") == {
        "id": "wait", "type": "wait", "for": [6, "hours"], "since": "activity", "next": "first",
    }  # fmt: skip
    assert cart.live is not None
    assert cart.live.definition["steps"][0]["for"] == [4, "hours"]
    assert "Publish version 2" in text(page, url("detail", cart))


def test_a_mistake_is_told_at_its_field_and_nothing_is_saved(page: Client, cart: Automation):
    answer = save(page, cart, "wait", length_0="", length_1="hours")
    assert answer.status_code == 422
    assert "Say how long" in answer.content.decode()
    assert step_of(cart, "wait")["for"] == [4, "hours"]


def test_an_edit_over_somebody_elses_is_refused_and_what_was_typed_stays(page: Client, cart: Automation, priya: User):
    before = cart.lock_version
    services.save_draft(automation=cart, lock_version=before, actor=priya, description="mine")
    answer = page.post(url("save_step", cart, "wait"), {"lock_version": before, "length_0": "77", "length_1": "hours"})
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "Somebody else changed it in the meantime" in html
    assert 'value="77"' in html
    assert step_of(cart, "wait")["for"] == [4, "hours"]


def test_a_question_is_put_together_in_the_rule_builder(page: Client, cart: Automation):
    orders = {"orders": {"metric": "count", "op": ">=", "value": 2, "window": {"last": [90, "days"]}}}
    save(page, cart, "ask", rule=json.dumps(orders))
    assert step_of(cart, "ask")["rule"] == {"v": 1, "all": [orders]}
    assert (step_of(cart, "ask")["next"], step_of(cart, "ask")["no"]) == ("yes", "no")
    html = text(page, addresses.url(cart, "step=ask"))
    assert "data-rules" in html
    assert "Orders were placed at least 2 times in the last 90 days" in html


def test_a_question_may_ask_what_brought_people_in(page: Client, cart: Automation):
    worth = {"trigger": "total", "op": ">=", "value": 80}
    save(page, cart, "ask", rule=json.dumps({"any": [worth]}))
    assert step_of(cart, "ask")["rule"]["any"] == [worth]
    assert "Worth of the cart or order is at least 80" in text(page, addresses.url(cart, "step=ask"))


def test_a_question_that_makes_no_sense_is_told_at_its_place_and_nothing_is_saved(page: Client, cart: Automation):
    before = step_of(cart, "ask")["rule"]
    broken = save(page, cart, "ask", rule='{"any": [{"attr": "shoe", "op": "is", "value": 1}]}')
    assert broken.status_code == 422
    assert "any[0].attr: There is no field ‘shoe’" in broken.content.decode()
    assert "Ask something." in save(page, cart, "ask", rule='{"v": 1, "all": []}').content.decode()
    assert step_of(cart, "ask")["rule"] == before


def test_a_mail_step_keeps_its_window_and_its_mode(page: Client, cart: Automation):
    template = step_of(cart, "first")["template"]
    save(page, cart, "first", template=template, window_from="09:30", window_to="18:00", otherwise="skip",
         window_zone="person", mode="review", late_0="", late_1="hours")  # fmt: skip
    said = step_of(cart, "first")
    assert said["window"] == {"from": "09:30", "to": "18:00", "otherwise": "skip", "zone": "person"}
    assert said["mode"] == "review"
    half = save(page, cart, "first", template=template, window_from="09:30", window_to="", mode="live")
    assert "Give both times, or neither" in half.content.decode()


@pytest.mark.parametrize("kind", ["mail", "wait", "wait_time", "wait_date", "wait_for", "branch", "split", "set", "list",
                                  "topic", "webhook", "notify", "exit"])  # fmt: skip
def test_every_kind_of_step_can_be_put_in_and_opened(page: Client, maya: User, kind: str):
    automation = services.create_automation(name="New", actor=maya)
    answer = page.post(
        url("add", automation), {"lock_version": 0, "after": "", "outlet": "", "type": kind}, follow=True
    )
    assert answer.status_code == 200
    assert 'id="step-form"' in answer.content.decode()
    automation.refresh_from_db()
    assert [step["type"] for step in automation.draft["steps"]] == [kind]


def test_a_problem_is_told_at_its_step_and_publishing_waits(page: Client, cart: Automation):
    page.post(url("add", cart), {"lock_version": cart.lock_version, "after": "yes", "outlet": "next", "type": "mail"})
    html = text(page, url("detail", cart))
    assert "1 thing is in the way of publishing" in html
    assert 'href="?step=mail-1"' in html
    assert 'data-dialog="publish"' not in html
    assert page.post(url("publish", cart)).status_code == 422
    assert cart.versions.count() == 1


def test_a_step_is_moved_and_removed(page: Client, cart: Automation):
    page.post(url("move_step", cart, "wait"), {"lock_version": cart.lock_version, "to": "first:next"})
    assert (step_of(cart, "first")["next"], step_of(cart, "wait")["next"]) == ("wait", "ask")
    page.post(url("remove", cart, "wait"), {"lock_version": cart.lock_version})
    cart.refresh_from_db()
    assert [step["id"] for step in cart.draft["steps"]] == ["first", "ask", "yes", "no", "order"]


def test_who_comes_in_and_what_ends_it_is_edited(page: Client, cart: Automation):
    answer = page.post(
        url("save_entry", cart),
        {
            "lock_version": cart.lock_version,
            "name": "Forgotten cart",
            "description": "",
            "priority": "70",
            "topic": cart.topic_id,
            "sender": cart.sender_id,
            "trigger-on": "date",
            "trigger-field": "birthday",
            "trigger-every": "year",
            "trigger-offset": "-3",
            "trigger-at": "10:00",
            "trigger-feb29": "mar01",
            "entry-again": "once",
            "entry-cooldown_0": "7",
            "entry-cooldown_1": "days",
            "entry-cooldown_from": "entry",
            "exits-TOTAL_FORMS": "2",
            "exits-INITIAL_FORMS": "1",
            "exits-0-event": "order_placed, order_paid",
            "exits-0-reason": "order",
            "exits-0-about": "same",
            "exits-1-event": "",
            "exits-1-reason": "",
            "exits-1-about": "any",
        },
    )
    assert answer.status_code == 302, answer.content.decode()
    cart.refresh_from_db()
    assert (cart.name, cart.priority) == ("Forgotten cart", 70)
    assert cart.draft["trigger"] == {
        "on": "date", "field": "birthday", "every": "year", "offset": -3, "at": "10:00", "feb29": "mar01",
    }  # fmt: skip
    assert cart.draft["entry"] == {"again": "once", "cooldown": [7, "days"], "cooldown_from": "entry"}
    assert cart.draft["exits"] == [{"event": ["order_placed", "order_paid"], "reason": "order", "about": "same"}]
    assert services.problems_of(cart) == []


def sent_back(form: Any) -> dict[str, Any]:
    """What a browser sends of a form nobody touched: of a select without a value its first option."""
    fields: dict[str, Any] = {}
    for field in form:
        value = field.value()
        if value is None and hasattr(field.field, "choices") and not isinstance(field.field, ModelChoiceField):
            value = next(iter(field.field.choices))[0]
        if isinstance(value, list | tuple):
            fields |= {f"{field.html_name}_{number}": part for number, part in enumerate(value)}
        elif value not in (None, False):
            fields[field.html_name] = value
    return fields


def test_saving_the_entry_tab_untouched_changes_nothing_that_counts(page: Client, cart: Automation):
    forms = page.get(addresses.url(cart, "tab=entry")).context["entry"]
    fields: dict[str, Any] = {"lock_version": cart.lock_version}
    for form in (forms["settings"], forms["trigger"], forms["entry"], *forms["exits"], forms["exits"].management_form):
        fields |= sent_back(form)
    before = read(cart.draft)
    answer = page.post(url("save_entry", cart), fields)
    assert answer.status_code == 302, answer.context["entry"]["entry"].errors
    cart.refresh_from_db()
    assert read(cart.draft) == before


def test_an_old_version_is_taken_back_into_the_draft(page: Client, cart: Automation):
    save(page, cart, "wait", length_0="6", length_1="hours", since="here")
    cart.refresh_from_db()
    page.post(url("restore", cart, 1), {"lock_version": cart.lock_version})
    assert step_of(cart, "wait")["for"] == [4, "hours"]


def test_an_analyst_looks_and_changes_nothing(client: Client, cart: Automation, alan: User):
    client.force_login(alan)
    row = enrolled(cart)
    html = text(client, addresses.url(cart, "step=wait"))
    assert "step-form" not in html
    assert "data-dialog" not in html.partition("<main")[2].partition("</main")[0]
    people = text(client, addresses.people_url(cart))
    assert row.subscriber.full_name in people
    assert str(row.subscriber.email) not in people
    assert client.post(url("pause", cart)).status_code == 403
    assert client.post(url("save_step", cart, "wait")).status_code == 403


def test_a_draft_that_cannot_be_read_is_shown_with_what_is_wrong(page: Client, maya: User):
    broken = {"v": 1, "trigger": {"on": "moon"}, "steps": [{"id": "a", "type": "fly", "next": "a"}, "nonsense", 7]}
    automation = services.create_automation(name="Broken", actor=maya, definition=broken)
    for query in ("", "step=a", "tab=entry", "tab=people", "tab=versions", "zoom=7"):
        assert "in the way of publishing" in text(page, addresses.url(automation, query))


# --- the people ---------------------------------------------------------------------------------------------------------


def test_people_are_taken_out_once_the_figure_was_seen(page: Client, cart: Automation, maya: User):
    row, other = enrolled(cart), enrolled(cart, "Tom")
    asked = page.post(url("take_out", cart), {"row": row.pk}).content.decode()
    assert "Take 1 person out of ‘Abandoned cart’?" in asked
    page.post(url("take_out", cart), {"row": row.pk, "confirmed": "1"})
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.state, row.reason) == ("exited", "by_hand")
    assert other.state == "waiting"
    noted = AuditEntry.objects.get(details__has_key="taken_out")
    assert (noted.user, noted.action, noted.target_id) == (maya, "automation.run", str(cart.pk))
    assert noted.details["taken_out"] == 1


def test_people_are_moved_to_another_step(page: Client, cart: Automation):
    row = enrolled(cart)
    page.post(url("move", cart), {"row": row.pk, "confirmed": "1", "step": "order"})
    row.refresh_from_db()
    assert row.step == "order"
    page.post(url("move", cart), {"row": row.pk, "confirmed": "1", "step": "nowhere"})
    row.refresh_from_db()
    assert row.step == "order"


def test_held_mails_are_let_out_or_left_out(page: Client, cart: Automation):
    held = [enrolled(cart, name, state="held", reason="review", step="no", due_at=None) for name in ("Ann", "Tom")]
    html = text(page, url("held", cart))
    assert "2 mails are held" in html
    assert "Let all 2 mails go out" in html
    assert "2 mails of ‘Abandoned cart’ wait for you" in text(page, "/")
    page.post(url("drop", cart), {"row": held[0].pk, "confirmed": "1"})
    page.post(url("release", cart), {"all": "1", "confirmed": "1"})
    assert not Enrolment.objects.filter(state="held").exists()


def test_who_did_not_come_in_is_listed_with_the_reason(page: Client, cart: Automation):
    person = make_subscriber(first_name="Ida", last_name="Mills")
    LeftOut.objects.create(automation=cart, subscriber=person, entry_key="c", reason="ordered", at=now())
    html = text(page, addresses.left_out_url(cart, "at=30"))
    assert "Ida Mills" in html
    assert "Ordered just now" in html


def test_the_people_are_exported_as_a_file(page: Client, cart: Automation):
    enrolled(cart)
    answer = page.get(addresses.people_url(cart, "format=csv"))
    assert b"Wait 4 hours" in b"".join(answer)


def test_a_person_has_their_automations_on_their_page(page: Client, cart: Automation):
    row = enrolled(cart)
    html = text(page, reverse("subscribers:detail", args=[row.subscriber.uuid]))
    assert "In automations" in html
    assert "Came into" in html
    row.state, row.reason, row.ended_at, row.due_at = "exited", "order", now(), None
    row.save()
    verbs = [str(entry.verb) for entry in panels.entries(row.subscriber, 10, Span())]
    assert verbs == ["Left", "Came into"]


def test_what_an_automation_uses_knows_of_it(cart: Automation):
    template = step_of(cart, "first")["template"]
    assert [use[0] for use in registries.uses_of_all("template")[template]] == ["Abandoned cart"]
    assert "Abandoned cart" in [use[0] for use in registries.uses_of("topic", cart.topic)]
    assert "Abandoned cart" in [use[0] for use in registries.uses_of_all("attribute")["country"]]


def test_an_automation_is_found_by_its_name(cart: Automation, maya: User):
    assert [hit.label for hit in panels.hits(maya, "cart", 5)] == ["Abandoned cart"]
    assert panels.hits(AnonymousUser(), "cart", 5) == []


def test_orders_count_for_the_mail_that_was_clicked_last(page: Client, cart: Automation):
    assert cart.live is not None
    row = enrolled(cart)
    message = Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=services.step_mailing(cart.live, "first"),
        subscriber=row.subscriber,
        address_key=row.subscriber.address_key,
        state=MessageState.SENT,
        created_at=now() - dt.timedelta(days=2),
        handed_at=now() - dt.timedelta(days=2),
    )
    record_click(message, at=now() - dt.timedelta(days=1))
    make_order(row.subscriber, ("P1", 1, 600_000), placed_at=now() - dt.timedelta(hours=2))
    make_order(make_subscriber(), ("P1", 1, 900_000), placed_at=now() - dt.timedelta(hours=2))
    html = text(page, url("detail", cart))
    assert "Orders from its mail" in html
    assert "£60.00 an order" in html
    line = text(page, reverse("automations:list")).partition("<tbody>")[2]
    assert ">1</td>" in line
