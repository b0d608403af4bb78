"""In a real browser, by keyboard alone: a segment is built from nothing, counted, saved and opened again."""

from __future__ import annotations

import pytest
from playwright import sync_api
from pytest_django.live_server_helper import LiveServer

from personalize.accounts.models import User
from segments.segmentation.models import Segment
from tests.dashboard.test_browser import NARROW, Watch, browser, owner
from tests.factories import make_order, make_subscriber

__all__ = ["browser", "owner"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("brand")]


class Keys:
    """A person who only has a keyboard."""

    def __init__(self, page: sync_api.Page) -> None:
        self.page = page

    def __call__(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def reach(self, id: str, key: str = "Tab") -> None:
        """Go on with the Tab key until the element has the focus."""
        for _ in range(80):
            if self.focus() == id:
                return
            self(key)
        raise AssertionError(f"{id} is not reached by {key}; the focus is on {self.focus()}")

    def focus(self) -> str:
        return str(self.page.evaluate("document.activeElement.id"))

    def until(self, condition: str) -> None:
        """Wait for something of the page, whose policy lets no script wait for it there."""
        for _ in range(100):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{condition}; the focus is on {self.focus()}")

    def open(self, id: str) -> None:
        """Press a button and wait for its question."""
        self.reach(id)
        self("Enter")
        self.page.wait_for_selector("#rule-ask:popover-open")
        self.until("document.activeElement.closest('#rule-ask') !== null")

    def settled(self, id: str) -> None:
        """The rule was drawn again, and the focus is on the button where one goes on."""
        self.until(f"document.activeElement.id === '{id}'")

    def question(self, title: str) -> None:
        """The next question opened by itself."""
        self.page.wait_for_selector(f"#rule-ask:popover-open h2:text-is('{title}')")
        self.until("document.activeElement.closest('#rule-ask') !== null")


def test_a_segment_is_built_from_nothing_by_keyboard_alone(
    browser: sync_api.Browser, live_server: LiveServer, owner: User
):
    ann = make_subscriber(first_name="Ann", last_name="Whitaker", country="GB", city="Bristol")
    fergus = make_subscriber(first_name="Fergus", last_name="McAllister", country="GB", city="Oban")
    make_subscriber(first_name="Liam", last_name="Byrne", country="IE", city="Cork")
    for person in (ann, fergus):
        make_order(person, ("MUG", 1, 140_000))
    watch = Watch(browser, live_server.url, viewport={"width": 1440, "height": 900})
    page = watch.page
    watch.log_in()
    page.goto("/segments/new/")
    page.wait_for_selector("text=100.0% of the 3 people known")
    keys = Keys(page)
    keys.reach("segment-name")
    keys.type("Bought, but not in Oban")

    # A field, whose values are offered as one types; a first one is taken from the list and Done pressed.
    keys.open("id_rule-rules-add")
    keys.type("country")
    keys("Enter")
    keys.question("Value of country")
    keys.type("united k")
    page.wait_for_selector("#rule-ask-typed[data-answered='united k']")
    keys("ArrowDown", "Enter")
    page.wait_for_selector("#rule-ask [data-chips] label")
    keys.reach("rule-ask-typed")
    keys("Enter")
    keys.settled("id_rule-rules-0-value")
    assert page.locator("#id_rule-rules-0-value").inner_text().startswith("United Kingdom")

    # Orders need no answer: they were placed at least once.
    keys.open("id_rule-rules-add")
    keys.type("orders")
    keys("Enter")
    keys.settled("id_rule-rules-1-title")

    # Escape closes a question, and the focus is where it was.
    keys.open("id_rule-rules-1-orders_window")
    keys("Escape")
    keys.settled("id_rule-rules-1-orders_window")
    assert not page.locator("#rule-ask").is_visible()

    # A group of those who must not be, with one rule in it.
    keys.open("id_rule-rules-nest")
    keys("ArrowDown", "ArrowDown", "Enter")
    keys.question("Ask about")
    keys.type("city")
    keys("Enter")
    keys.question("Value of city")
    keys.type("ob")
    page.wait_for_selector("#rule-ask-typed[data-answered=ob]")
    keys("ArrowDown", "Enter")
    keys.settled("id_rule-rules-2-0-value")

    page.wait_for_selector("text=33.3% of the 3 people known")
    page.wait_for_selector("text=, which takes 1 away")
    assert page.locator("#id_rule-rules-1-figure").inner_text().strip() == "2"
    assert "except those whose city is ‘Oban’" in page.locator(".segment-sentence").inner_text()
    page.wait_for_selector("[data-sample] >> text=Ann Whitaker")

    # Rules change places by Alt with an arrow key, and the focus goes with them.
    keys.reach("id_rule-rules-1-title", "Shift+Tab")
    keys("Alt+ArrowUp")
    keys.settled("id_rule-rules-0-more")
    page.wait_for_selector("#id_rule-rules-0-title:has-text('Orders')")

    page.get_by_role("button", name="Save segment").focus()
    keys("Enter")
    page.wait_for_url("**/segments/*-*/")
    segment = Segment.objects.get()
    assert segment.name == "Bought, but not in Oban"
    for rule, kind in zip(segment.rule["all"], ("orders", "attr", "none"), strict=True):
        assert kind in rule

    # Whoever is asked about has the fact under each rule; that stays in the address.
    page.wait_for_selector("[data-sample] >> text=Why?")
    page.get_by_role("link", name="Why is Ann Whitaker in?").focus()
    keys("Enter")
    page.wait_for_url("**/?person=*")
    page.wait_for_selector("#id_rule-rules-1-answer >> text=United Kingdom")
    assert watch.troubles == []

    narrow = Watch(browser, live_server.url, viewport=NARROW)
    narrow.log_in()
    for path in ("", f"{segment.uuid}/", f"{segment.uuid}/?person={ann.uuid}", "new/"):
        narrow.page.goto(f"/segments/{path}")
        narrow.page.wait_for_load_state("networkidle")
        assert narrow.sideways() <= 0, path
    assert narrow.troubles == []
