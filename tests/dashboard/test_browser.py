"""In a real browser: nothing is fetched from elsewhere, the script policy holds, and the frame's manners work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright import sync_api
from pytest_django.live_server_helper import LiveServer

from personalize.accounts.models import Role, User
from tests.factories import make_subscriber

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("brand")]

PASSWORD = "tea-and-cake-12"
NARROW = {"width": 390, "height": 844}


def find_chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), "")
    if not found:
        reason = "No Chromium is on this machine."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[sync_api.Browser]:
    executable = find_chromium()
    # Playwright's loop runs in this thread, where Django would refuse to touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Watch:
    """A page together with everything a person would not want to see in its log."""

    def __init__(self, browser: sync_api.Browser, base: str, **options: Any) -> None:
        self.page = browser.new_context(base_url=base, **options).new_page()
        self.troubles: list[str] = []
        self.page.on("request", lambda request: self._look_at(request.url, base))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.troubles.append(message.text) if message.type in ("error", "warning") else None,
        )
        self.page.on("response", lambda found: self.troubles.append(found.url) if found.status >= 400 else None)

    def _look_at(self, url: str, base: str) -> None:
        if not url.startswith((base, "data:", "about:")):
            self.troubles.append(f"fetched from elsewhere: {url}")

    def log_in(self) -> None:
        self.page.goto("/login/")
        self.page.fill("input[name=email]", "maya@alderandwren.example")
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("button.primary")
        self.page.wait_for_url("**/")

    def sideways(self) -> int:
        """How many pixels the page is wider than the window, once it is all there."""
        self.page.wait_for_load_state()
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_superuser(
        "maya@alderandwren.example", PASSWORD, first_name="Maya", last_name="Okafor", role=Role.OWNER
    )


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (900, "light"), (390, "dark")])
def test_pages_fetch_nothing_from_elsewhere_break_no_policy_and_fit_the_screen(
    browser: sync_api.Browser, live_server: LiveServer, owner: User, settings: object, width: int, scheme: str
):
    settings.DEMO = True  # type: ignore[attr-defined]  # Opens the board of components.
    person = make_subscriber("a-rather-long-address-of-somebody@post.example", first_name="Ann" * 20, last_name="W")
    watch = Watch(browser, live_server.url, viewport={"width": width, "height": 900}, color_scheme=scheme)
    watch.log_in()
    for path in (
        "/",
        "/subscribers/",
        f"/subscribers/{person.uuid}/",
        "/search/?q=ann",
        "/settings/brand/",
        "/settings/you/",
        "/design/",
    ):
        watch.page.goto(path)
        watch.page.wait_for_load_state("networkidle")
        assert watch.sideways() <= 0, path
    assert watch.troubles == []


def test_the_administration_works_under_its_own_policy(browser: sync_api.Browser, live_server: LiveServer, owner: User):
    watch = Watch(browser, live_server.url)
    watch.log_in()
    for path in ("/admin/", "/admin/accounts/user/", f"/admin/accounts/user/{owner.pk}/change/"):
        watch.page.goto(path)
        watch.page.wait_for_load_state("networkidle")
    assert [trouble for trouble in watch.troubles if "favicon" not in trouble and "404" not in trouble] == []


def test_a_slash_opens_the_search_and_typing_finds_a_person(
    browser: sync_api.Browser, live_server: LiveServer, owner: User
):
    make_subscriber("ann.whitaker@post.example", first_name="Ann", last_name="Whitaker")
    watch = Watch(browser, live_server.url)
    watch.log_in()
    watch.page.keyboard.press("/")
    watch.page.keyboard.type("whit")
    watch.page.wait_for_selector("#palette-hits a")
    watch.page.keyboard.press("ArrowDown")
    watch.page.keyboard.press("Enter")
    watch.page.wait_for_url("**/subscribers/*/")
    assert watch.page.inner_text("h1") == "Ann Whitaker"
    assert watch.troubles == []


def test_a_list_narrows_while_one_types_and_the_address_keeps_it(
    browser: sync_api.Browser, live_server: LiveServer, owner: User
):
    make_subscriber("ann@post.example", first_name="Ann", country="GB")
    make_subscriber("balint@post.example", first_name="Bálint", country="HU")
    watch = Watch(browser, live_server.url)
    watch.log_in()
    watch.page.goto("/subscribers/")
    watch.page.fill("#list-search", "bálint")
    watch.page.wait_for_url("**q=b%C3%A1lint**")
    sync_api.expect(watch.page.locator("tbody tr")).to_have_count(1)
    watch.page.reload()
    sync_api.expect(watch.page.locator("tbody tr")).to_have_count(1)
    watch.page.go_back()
    watch.page.locator("tbody tr", has_text="Ann").locator("td").last.click()
    watch.page.wait_for_url("**/subscribers/*-*/")
    assert watch.troubles == []


def test_the_colours_are_switched_at_once_and_stay(browser: sync_api.Browser, live_server: LiveServer, owner: User):
    watch = Watch(browser, live_server.url, color_scheme="light")
    watch.log_in()
    ground = "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
    assert watch.page.evaluate(ground) == "rgb(255, 255, 255)"
    watch.page.click(".top-bar details.menu:last-of-type summary")
    watch.page.click("[data-theme-set=dark]")
    assert watch.page.evaluate(ground) == "rgb(24, 24, 27)"
    watch.page.reload()
    assert watch.page.evaluate(ground) == "rgb(24, 24, 27)"
    assert watch.troubles == []


def test_on_a_phone_the_navigation_is_a_drawer_that_escape_closes(
    browser: sync_api.Browser, live_server: LiveServer, owner: User
):
    watch = Watch(browser, live_server.url, viewport=NARROW)
    watch.log_in()
    entry = watch.page.locator(".nav .entry", has_text="Subscribers")
    assert not entry.is_visible()
    watch.page.click("[data-nav-open]")
    sync_api.expect(entry).to_be_in_viewport()
    watch.page.keyboard.press("Escape")
    sync_api.expect(entry).to_be_hidden()
    watch.page.click("[data-nav-open]")
    entry.click()
    watch.page.wait_for_url("**/subscribers/")
    assert watch.troubles == []
