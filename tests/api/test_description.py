"""The description of the API: complete, true, and shown without asking anybody else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from pytest_django.live_server_helper import LiveServer
from schemathesis.checks import not_a_server_error

from campaigns.automations.models import Automation
from personalize.accounts.keys import SCOPES
from personalize.api import api
from personalize.core import clock
from personalize.wsgi import application
from segments.consent.models import Topic
from segments.segmentation.models import Segment
from segments.subscribers.services import define_attribute, upsert_subscribers
from segments.subscribers.types import SubscriberRow
from tests.api.conftest import Shop
from tests.dashboard.test_browser import Watch, browser  # noqa: F401  The fixture of the browser.
from tests.factories import make_automation, make_segment, make_subscriber, make_topic

ROOT = Path(__file__).parent.parent.parent
FULL = os.environ.get("FULL") == "1"
MOVING = ("occurred_at", "placed_at", "changed_at", "at")
SCHEMA = schemathesis.openapi.from_dict(dict(api.get_openapi_schema()))


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = api.get_openapi_schema()["paths"]
    return [(method.upper(), path, found) for path, methods in paths.items() for method, found in methods.items()]


@pytest.mark.parametrize(
    ("method", "path", "found"), operations(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_operation_stands_in_the_document_with_its_scope(method: str, path: str, found: dict[str, Any]):
    document = (ROOT / "docs" / "api.md").read_text()
    row = rf"^\| `{method} {re.escape(path.removeprefix('/api/v1'))}` \| `{found['x-scope']}` \| .+ \|$"
    assert re.search(row, document, flags=re.MULTILINE), f"docs/api.md lacks {method} {path}."


def test_the_document_names_no_operation_that_is_not_there():
    rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", (ROOT / "docs" / "api.md").read_text(), flags=re.MULTILINE)
    assert set(rows) == {f"{method} {path.removeprefix('/api/v1')}" for method, path, _found in operations()}


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_is_explained(scope: str):
    assert f"`{scope}`" in (ROOT / "docs" / "api.md").read_text()


def test_every_operation_describes_its_refusals_and_shows_an_example():
    for _method, path, found in operations():
        assert {"401", "403", "429"} <= set(found["responses"]), path
        if "requestBody" in found:
            assert "example" in found["requestBody"]["content"]["application/json"], path


@pytest.mark.django_db
def test_every_example_is_a_good_request(shop: Shop):
    make_subscriber("ann.whitaker@post.example")
    make_topic("news")
    welcome, segment = make_automation(), make_segment()
    define_attribute(key="shoe_size", label="Shoe size", type="int", actor="tests")
    shop.post("/subscribers", {"email": "ann.whitaker@post.example", "external_id": "C-1042"})
    for method, path, found in operations():
        if "requestBody" in found and path != "/api/v1/messages":
            example = found["requestBody"]["content"]["application/json"]["example"]
            here = {"who": "external:C-1042", "topic": "news", "automation": welcome.uuid, "segment": segment.uuid}
            address = path.removeprefix("/api/v1").format(**here)
            answer = shop.send(method, address, recent(example))
            assert answer.status_code == 200, (path, answer.content)
            assert "refused" not in str(answer.json().get("outcome")), (path, answer.content)
            assert not answer.json().get("refused"), (path, answer.content)


def recent(example: Any) -> Any:
    """The example as if it were written today: its times are as old as these pages."""
    if isinstance(example, dict):
        return {name: recent(value) for name, value in example.items() if name not in MOVING} | {
            name: clock.now().isoformat() for name in MOVING if name in example
        }
    return [recent(item) for item in example] if isinstance(example, list) else example


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The server's own application is called here within the test's transaction: no request may close its connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


ANN = "ann.whitaker@post.example"
HERE = {"who": "external:C-1042", "topic": "news"}


def aimed(given: Any) -> Any:
    """What was made up, with Ann's address and times of today wherever it has any."""
    if isinstance(given, dict):
        known = {"email": ANN, "name": "wish_list_shared"} | dict.fromkeys(MOVING, clock.now().isoformat())
        return {name: known[name] if name in known else aimed(value) for name, value in given.items()}
    return [aimed(item) for item in given] if isinstance(given, list) else given


@pytest.mark.django_db
@pytest.mark.usefixtures("one_connection")
@SCHEMA.parametrize()
@settings(
    max_examples=400 if FULL else 6,
    deadline=None,
    derandomize=not FULL,
    phases=[Phase.explicit, Phase.generate] if not FULL else list(Phase),
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_can_be_sent_makes_it_fail(case: Any, shop: Shop):
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {shop.secret}"}
    # Half of what is made up speaks of somebody who is there, or little of it would come further than that.
    if len(str(case.body)) % 2:
        upsert_subscribers(rows=[SubscriberRow(ANN, external_id="C-1042")], source="shop")
        Topic.objects.get_or_create(key="news", defaults={"name": "News"})
        automation = Automation.objects.first() or make_automation()
        segment = Segment.objects.first() or make_segment()
        here = {**HERE, "automation": str(automation.uuid), "segment": str(segment.uuid)}
        case.path_parameters = {name: here[name] for name in case.path_parameters or {}}
        case.headers.pop("Idempotency-Key", None)
        case.body = aimed(case.body)
    case.call_and_validate(app=application, checks=[not_a_server_error])


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_of_the_api_asks_nobody_else_and_breaks_no_rule(live_server: LiveServer, browser: Any):  # noqa: F811
    watch = Watch(browser, live_server.url)
    watch.page.goto("/api/v1/docs")
    watch.page.wait_for_selector(".opblock")
    watch.page.click("css=.opblock-summary-path[data-path*=batch] >> nth=-1")
    watch.page.wait_for_selector(".opblock-description")
    assert watch.page.locator(".opblock").count() == len(operations())
    assert watch.troubles == []
