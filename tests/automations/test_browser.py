"""In a real browser: an automation is made from nothing, published, and somebody is seen in it."""

from __future__ import annotations

import pytest
from playwright import sync_api
from pytest_django.live_server_helper import LiveServer

from campaigns.automations.enrolling import enrol_by_hand
from campaigns.automations.executor import sweep_due
from campaigns.automations.models import Automation, Enrolment
from personalize.accounts.models import User
from personalize.content.services import create_template
from tests.dashboard.test_browser import NARROW, Watch, browser, owner
from tests.factories import make_follower, make_sender, make_topic

__all__ = ["browser", "owner"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("brand")]


def add(page: sync_api.Page, place: str, kind: str) -> None:
    page.locator(f"{place} summary", has_text="Step").first.click()
    with page.expect_response(lambda answer: "step=" in answer.url and answer.ok):
        page.locator(f"{place} details[open] button[value={kind}]").click()
    page.wait_for_selector("#step-form")


def test_an_automation_is_made_from_nothing_and_somebody_is_in_it(
    browser: sync_api.Browser, live_server: LiveServer, owner: User
):
    topic, _sender = make_topic(), make_sender()
    person = make_follower(topic, first_name="Ann", last_name="Whitaker")
    create_template(
        name="Hello there",
        subject="Hello",
        preheader="",
        blocks=[{"id": "t", "type": "text", "text": "{{ greeting }}"}, {"id": "foot", "type": "footer"}],
        actor=owner,
    )
    watch = Watch(browser, live_server.url, viewport={"width": 1440, "height": 900})
    page = watch.page
    watch.log_in()
    page.goto("/automations/recipes/")
    page.get_by_role("link", name="Start", exact=True).click()
    page.fill("input[name=name]", "A word of thanks")
    page.click("main button.primary")

    # Two steps, the second of them behind the first; what is typed is saved as soon as one goes on.
    add(page, ".step-foot", "mail")
    with page.expect_response(lambda answer: answer.url.endswith("/save/")):
        page.select_option("#step-form select[name=template]", label="Hello there")
    page.wait_for_load_state("networkidle")
    add(page, ".step-actions", "wait")
    with page.expect_response(lambda answer: answer.url.endswith("/save/")):
        page.fill("#step-form input[name=length_0]", "3")
        page.press("#step-form input[name=length_0]", "Tab")
    page.wait_for_load_state("networkidle")
    assert page.locator(".node", has_text="Wait 3 days").count() == 1
    assert page.locator(".node").count() == 3

    # Whoever is faster than the saving loses nothing: three fields are changed before the first answer comes.
    page.evaluate(
        """() => ["length_0=5", "length_1=hours", "name=Patience"].forEach((said) => {
            const [name, value] = said.split("=");
            const field = document.querySelector("#step-form").elements[name];
            field.focus();
            field.value = value;
            field.dispatchEvent(new Event("change", { bubbles: true }));
        })"""
    )
    page.locator("#step-form [name=length_0]").focus()
    sync_api.expect(page.locator(".node", has_text="Patience")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    [step] = [one for one in Automation.objects.get().draft["steps"] if one["type"] == "wait"]
    assert (step["for"], step["name"]) == ([5, "hours"], "Patience")

    # The topic and the sender are still in the way, and the page says so.
    assert page.get_by_text("2 things are in the way of publishing").is_visible()
    page.get_by_role("link", name="Choose the topic its mails belong to.").click()
    page.select_option("select[name=topic]", label="News")
    page.select_option("select[name=sender]", index=1)
    page.get_by_role("button", name="Save in the draft").click()
    page.get_by_role("button", name="Publish version 1").click()
    page.locator("#publish button[type=submit]").click()
    page.wait_for_selector("text=Live, version 1")

    automation = Automation.objects.get()
    assert isinstance(enrol_by_hand(automation=automation, subscriber=person, actor=owner), Enrolment)
    sweep_due()
    page.goto(f"/automations/{automation.uuid}/")
    page.locator(".node", has_text="Patience").get_by_role("link", name="1", exact=True).click()
    assert page.locator("tbody tr", has_text="Ann Whitaker").count() == 1
    assert watch.troubles == []

    narrow = Watch(browser, live_server.url, viewport=NARROW)
    narrow.log_in()
    for path in ("", "?step=wait-1", "?tab=entry", "people/", "held/", "left-out/"):
        narrow.page.goto(f"/automations/{automation.uuid}/{path}")
        assert narrow.sideways() <= 0, path
    assert narrow.troubles == []
