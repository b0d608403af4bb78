"""In a real browser: a file goes from the disk to the report while the page shows how far it is."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from playwright import sync_api
from pytest_django.live_server_helper import LiveServer

from personalize.accounts.models import User
from personalize.core import queue
from segments.subscribers.models import Subscriber
from segments.transfer import engine
from tests.dashboard.test_browser import Watch, browser, owner  # noqa: F401  Fixtures.

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("brand")]

ROWS = 60
PATIENCE = 20_000  # Milliseconds.


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[threading.Event]:
    """Looks for due work as a worker does, by small chunks, one at each sign of the test."""
    settings.VAR = tmp_path
    monkeypatch.setattr(engine, "CHUNK_ROWS", 20)
    go, ended = threading.Event(), threading.Event()
    monkeypatch.setattr(engine, "TURN_SECONDS", 0.0)

    def work() -> None:
        try:
            while not ended.is_set():
                if go.wait(timeout=0.05):
                    go.clear()
                    queue.look(raising=True)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield go
    ended.set()
    thread.join()


def test_a_file_is_mapped_checked_and_imported_while_the_page_shows_it(
    browser: sync_api.Browser,  # noqa: F811
    live_server: LiveServer,
    owner: User,  # noqa: F811
    worker: threading.Event,
    tmp_path: Path,
):
    rows = "".join(f"person{number}@post.example,Ann,Bristol\n" for number in range(ROWS))
    file = tmp_path / "autumn.csv"
    file.write_text(f"E-mail,First name,Town\n{rows}nobody,Nobody,Bath\n")
    watch = Watch(browser, live_server.url)
    page, expect = watch.page, sync_api.expect
    watch.log_in()
    page.goto("/subscribers/")
    page.click(".page-head a:has-text('Import')")
    page.set_input_files("input[type=file]", file)
    page.click("button:has-text('Upload')")
    page.wait_for_url("**/columns/")
    page.get_by_label("E-mail", exact=True).select_option(label="Mail address")
    page.get_by_label("Town", exact=True).select_option(label="City")
    page.click("button:has-text('Check the file')")
    page.wait_for_url(re.compile(r"/imports/[0-9a-f-]+/$"))
    start = page.locator("button", has_text="Import 60 people")
    while not start.count():
        worker.set()
        page.wait_for_timeout(200)
    assert "nobody" in page.inner_text("#rejected")
    assert not Subscriber.objects.exists()
    start.click()
    expect(page.locator("#progress")).to_contain_text("Waits for a worker", timeout=PATIENCE)
    worker.set()
    expect(page.locator("#progress")).to_contain_text("20 of 61 rows", timeout=PATIENCE)
    expect(page.locator("#progress")).to_contain_text("a second, about", timeout=PATIENCE)
    page.click("button:has-text('Pause')")
    expect(page.locator(".badge")).to_have_text("Paused", timeout=PATIENCE)
    page.reload()
    page.click("button:has-text('Go on')")
    finished = page.locator(".badge", has_text="Finished")
    while not finished.count():
        worker.set()
        page.wait_for_timeout(200)
    assert page.inner_text("#progress .number-link") == "60"
    assert Subscriber.objects.filter(city="Bristol").count() == ROWS
    assert watch.troubles == []
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for path in (page.url, "/imports/", "/imports/new/", "/exports/subscribers/"):
            page.goto(path)
            assert watch.sideways() <= 0, (width, path)
    assert watch.troubles == []
