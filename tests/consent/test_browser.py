"""On a phone, with and without scripts: from the form of a stranger to the preference centre."""

from __future__ import annotations

from typing import Any

import pytest
from playwright import sync_api
from pytest_django.live_server_helper import LiveServer

from segments.consent.models import SignupForm, Subscription, Topic
from segments.subscribers.models import AttributeDefinition, Subscriber
from tests.consent.conftest import path
from tests.dashboard.test_browser import NARROW, Watch, browser  # noqa: F401  The fixture is used by its name.
from tests.factories import make_topic

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Milliseconds: a little longer than the quickest that a person is believed to be.
A_READER = 2_200


def unlabelled(page: sync_api.Page) -> list[str]:
    """Fields that a screen reader could not name, and headings that skip a level or are not one on top."""
    found: list[str] = page.evaluate(
        """() => {
          const named = (field) => field.labels?.length || field.getAttribute("aria-label");
          const fields = [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
            .filter((field) => !field.closest("[aria-hidden=true]") && !named(field)).map((field) => field.name);
          const levels = [...document.querySelectorAll("h1, h2, h3")].map((heading) => Number(heading.tagName[1]));
          const jumps = levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1).map((level) => `h${level}`);
          return [...fields, ...jumps, ...(levels.filter((level) => level === 1).length === 1 ? [] : ["h1"])];
        }"""
    )
    return found


@pytest.mark.parametrize("scripts", [True, False])
def test_a_stranger_signs_up_confirms_and_chooses(
    browser: sync_api.Browser,  # noqa: F811
    live_server: LiveServer,
    signup: SignupForm,
    winter: Topic,
    wanted: list[dict[str, Any]],
    scripts: bool,
):
    make_topic("garden", name="Garden")
    AttributeDefinition.objects.create(
        key="likes", label="What you like", type="multi", choices=["Candles", "Garden"], self_service=True
    )
    watch = Watch(browser, live_server.url, viewport=NARROW, java_script_enabled=scripts)
    page = watch.page

    def fine() -> None:
        assert watch.troubles == []
        if scripts:
            assert watch.sideways() <= 0
            assert unlabelled(page) == []

    page.goto("/f/footer/")
    fine()
    page.get_by_label("Email").fill("ben.okafor@post.example")
    page.get_by_label("What we call you").fill("Ben")
    page.get_by_label("Day").select_option("29")
    page.get_by_label("Month").select_option("2")
    page.get_by_label("Yes, send me letters").check()
    page.wait_for_timeout(A_READER)
    page.get_by_role("button", name="Sign up").click()
    sync_api.expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    fine()

    page.goto(path(wanted[0]))
    fine()
    assert Subscription.objects.get().state == "pending"
    page.get_by_role("button", name="Yes, send me these letters").click()
    sync_api.expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    fine()

    preferences = page.get_by_role("link", name="Choose more").get_attribute("href") or ""
    page.goto(preferences.partition("8000")[2])
    sync_api.expect(page.get_by_role("heading", level=1)).to_contain_text("Ben?")
    fine()
    page.get_by_label("Garden").first.check()
    page.get_by_text("Weekly at most").click()
    page.get_by_text("60 days").click()
    page.get_by_text("Candles").click()
    page.get_by_role("button", name="Save").click()
    sync_api.expect(page.get_by_text("Saved. It holds from now on.")).to_be_visible()
    fine()
    ben = Subscriber.objects.get()
    assert (ben.rhythm, ben.attributes, ben.birth_day, ben.tracking) == (
        "weekly",
        {"likes": ["Candles"]},
        29,
        "unknown",
    )
    assert Subscription.objects.filter(state="subscribed", paused_until__isnull=False).count() == 2

    page.get_by_role("button", name="stop all letters").click()
    sync_api.expect(page.get_by_role("heading", name="You get no more letters")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    sync_api.expect(page.get_by_text("It is as it was before you left.")).to_be_visible()
    assert Subscription.objects.filter(state="subscribed").count() == 2
    fine()
