"""The snippet is small, says nothing before consent, and names people by a signed token only."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from segments.commerce import snippet
from segments.commerce.models import Connection
from segments.events.models import Event
from segments.subscribers.models import ExternalId, Subscriber, Tracking
from tests.commerce.payloads import connect
from tests.dashboard.test_browser import browser as browser
from tests.factories import make_product, make_subscriber

SHOP = "https://shop.example"


@pytest.fixture(autouse=True)
def fresh_cache():
    cache.clear()


@pytest.fixture
def shop(db: None) -> Connection:
    connection = connect("custom", secret="")
    Connection.objects.update(origins=[SHOP])
    make_product("MUG-1")
    ExternalId.objects.create(subscriber=make_subscriber("ann@post.example"), source="shop", value="17.850")
    return connection


def view(client: Client, connection: Connection, *, origin: str = SHOP, **said: Any) -> Any:
    token = snippet.token(connection.secret, "17.850", said.pop("at"))
    body = json.dumps({"key": str(connection.uuid), "who": token, "product": "MUG-1", **said})
    return client.post("/s/e", body, content_type="text/plain", headers={"Origin": origin})


def test_the_script_is_small(client, shop):
    answer = client.get(f"/s/{shop.uuid}.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert len(answer.content) <= 1024


def test_a_look_of_a_known_person_is_an_event_once_a_minute(client, shop, present):
    for _ in range(2):
        answer = view(client, shop, at=present)
        assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (204, SHOP)
    event = Event.objects.get()
    assert (event.name, event.subject, event.subscriber.email) == ("product_viewed", "MUG-1", "ann@post.example")


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "https://evil.example"},
        {"origin": ""},
        {"who": ""},
        {"who": "17.850.1763540400." + "0" * 64},
        {"who": "ann@post.example"},
        {"product": "UNKNOWN"},
        {"key": "no key"},
        {"key": 7},
        {"hours": -25},
        {"hours": 1},
    ],
)
def test_everything_else_is_answered_alike_and_leaves_nothing(client, shop, present, said):
    at = present + dt.timedelta(hours=said.pop("hours", 0))
    assert view(client, shop, at=at, **said).status_code == 204
    assert not Event.objects.exists()


def test_who_refused_tracking_is_left_alone(client, shop, present):
    Subscriber.objects.update(tracking=Tracking.DENIED)
    view(client, shop, at=present)
    assert not Event.objects.exists()


def test_a_flood_and_a_long_body_are_refused(client, shop, present):
    assert client.post("/s/e", "x" * 3000, content_type="text/plain").status_code == 413
    assert [client.post("/s/e", "{", content_type="text/plain").status_code for _ in range(121)][-1] == 429


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of the shop, on another origin than ours."""

    class Page(BaseHTTPRequestHandler):
        html = b""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(Page.html)

        def log_message(self, *_args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Page.address = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield Page
    server.shutdown()
    server.server_close()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_in_a_browser_nothing_leaves_before_consent(browser: Any, live_server: LiveServer, page: Any, present: Any):
    connection = connect("custom", secret="")
    Connection.objects.update(origins=[page.address])
    make_product("MUG-1")
    ExternalId.objects.create(subscriber=make_subscriber("ann@post.example"), source="shop", value="17850")
    token = snippet.token(connection.secret, "17850", present)
    page.html = (
        f'<script src="{live_server.url}/s/{connection.uuid}.js"></script>'
        f'<script>personalize("who","{token}");personalize("viewed","MUG-1")</script>'
    ).encode()
    tab = browser.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    tab.goto(page.address)
    tab.wait_for_load_state("networkidle")
    assert "e" not in asked
    assert tab.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    with tab.expect_request("**/s/e"):
        tab.evaluate('personalize("consent", true)')
    tab.wait_for_timeout(500)
    assert Event.objects.get().subject == "MUG-1"
    assert tab.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
