"""In a real browser: every page keeps to WCAG 2.2 AA, in light and in dark, as far as axe can tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright import sync_api
from pytest_django.live_server_helper import LiveServer

from campaigns.automations.models import Automation, Endpoint
from campaigns.delivery.models import Message
from campaigns.scheduled.models import Campaign
from personalize.content.models import Template
from personalize.core.clock import now
from personalize.core.database import is_postgres
from personalize.core.tokens import Purpose, seal
from personalize.demo import services as demo
from personalize.demo.story import PASSWORD
from segments.commerce.models import Product
from segments.consent.models import SignupForm, Topic
from segments.segmentation.models import Segment
from segments.subscribers.models import StaticList, Subscriber
from tests.analytics.world import make_campaign, make_sent
from tests.automations.ways import enter, live, mail, wait
from tests.dashboard.test_browser import browser
from tests.factories import make_enrolment
from tests.tracking.world import make_click

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(is_postgres(), reason="Pages look the same on every database: they are looked at on SQLite."),
]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The mails within pages are shown in frames without scripts, where axe cannot look; what they are named is looked at.
OPTIONS: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False, "preload": False, "elementRef": False}
# The frame is the same everywhere: it is looked at on the first page.
FRAME = {"exclude": [[".nav"], [".top-bar"]]}
STEPS = [
    mail("ask", "wait", mode="review"),
    {**wait("wait", "happens"), "since": "activity", "most": [24, "hours"]},
    {
        "id": "happens",
        "type": "wait_for",
        "event": "order_placed",
        "most": [1, "days"],
        "next": "asked",
        "late": "asked",
    },
    {
        "id": "asked",
        "type": "branch",
        "rule": {"attr": "country", "op": "is", "value": "GB"},
        "next": "chance",
        "no": "",
    },
    {"id": "chance", "type": "split", "ways": [{"share": 50, "next": "morning"}, {"share": 50, "next": ""}]},
    {"id": "morning", "type": "wait_time", "at": "09:00", "next": "birthday"},
    {"id": "birthday", "type": "wait_date", "field": "birthday", "next": "tell"},
    {"id": "tell", "type": "notify", "to": ["maya@alderandwren.example"], "text": "Somebody came.", "next": "leave"},
    {"id": "leave", "type": "exit", "reason": "enough"},
]


@pytest.fixture
def ann() -> Subscriber:
    """The demo shop, in which Ann ordered, got and clicked a campaign, and is in an automation with every kind of step."""
    demo.seed(subscribers=30)
    person = Subscriber.objects.filter(orders__isnull=False).earliest("pk")
    campaign = make_campaign("Longer evenings once more")
    Campaign.objects.filter(pk=campaign.pk).update(audience_rule={"segment": None, "excluded": None})
    make_click(make_sent(campaign, person))
    automation = live(*STEPS, name="Everything", trigger={"on": "event", "event": "cart_updated"})
    enter(automation, person, state="held", reason="review", due_at=None)
    other = Subscriber.objects.exclude(pk=person.pk).earliest("pk")
    make_enrolment(automation, other, step="wait")
    Endpoint.objects.create(name="CRM", url="https://crm.example/", secret="whsec_AAAA", created_at=now())
    words = {"heading": "Letters from the workshop", "wording": "Yes, write to me.", "button": "Sign up"}
    form = SignupForm.objects.create(name="Footer", key="footer", created_at=now(), **words)
    form.topics.set(Topic.objects.all())
    return person


def pages(ann: Subscriber) -> Iterator[str]:
    """The addresses to walk through."""
    shop = Automation.objects.get(recipe="abandoned_cart")
    whole = f"/automations/{Automation.objects.get(name='Everything').uuid}/"
    sent = Campaign.objects.get(name="Longer evenings once more")
    letter = Message.objects.get(subscriber=ann, mailing__name=sent.name)
    yield from ("/", "/search/?q=candle", "/design/", "/reports/", "/caught/", "/nothing-here/")
    yield from ("/subscribers/", "/subscribers/new/", f"/subscribers/{ann.uuid}/")
    yield from (
        f"/subscribers/{ann.uuid}/{part}/" for part in ("edit", "address", "merge", "export", "erase", "put-in")
    )
    yield from ("/attributes/", "/attributes/new/", "/attributes/quarantine/", "/lists/", "/lists/new/")
    yield from (
        f"/lists/{StaticList.objects.earliest('pk').uuid}/",
        "/imports/",
        "/imports/new/",
        "/exports/subscribers/",
    )
    yield from ("/segments/", f"/segments/{Segment.objects.latest('pk').uuid}/")
    yield from ("/topics/", "/topics/news/edit/", "/forms/", "/forms/new/", "/forms/footer/edit/", "/suppression/")
    yield from ("/templates/", f"/templates/{Template.objects.get(name='Longer evenings').uuid}/")
    yield from ("/products/", f"/products/{Product.objects.earliest('pk').uuid}/")
    yield from ("/campaigns/", "/campaigns/new/", f"/campaigns/{Campaign.objects.get(name='Advent calendar').uuid}/")
    yield from (
        f"/campaigns/{sent.uuid}/{part}" for part in ("", "people/", f"people/{ann.uuid}/", "report/", "report/people/")
    )
    yield from ("/automations/", "/automations/recipes/", "/automations/new/", f"/automations/{shop.uuid}/")
    yield from (f"{whole}?tab={tab}" for tab in ("people", "entry", "versions"))
    yield from (f"{whole}?step={step['id']}" for step in STEPS)
    yield from (f"{whole}{part}/" for part in ("people", "people/put-in", "held", "left-out", f"why/{ann.uuid}"))
    yield from (
        f"/settings/{part}/" for part in ("brand", "you", "keys", "keys/new", "limits", "limits/new", "connections")
    )
    yield from ("/settings/connections/new/", "/settings/endpoints/new/", "/settings/endpoints/")
    yield f"/settings/endpoints/{Endpoint.objects.get().uuid}/"
    yield from ("/login/", "/link/", "/f/footer/")
    at = now()
    for door, purpose in (("p", Purpose.PREFERENCES), ("c", Purpose.CONFIRM), ("b", Purpose.UNDO)):
        yield f"/{door}/{seal(purpose, ann.uuid, issued_at=at)}"
    yield f"/t/u/{seal(Purpose.UNSUBSCRIBE, letter.uuid, issued_at=at)}"


def faults(page: sync_api.Page, where: str) -> Iterator[str]:
    """What axe finds on the page that is open: in light by every rule, in dark by that which colours can break."""
    page.evaluate(AXE_SCRIPT)
    looked_at: dict[str, Any] = {} if where == "/" else FRAME
    if "?step=" in where:
        looked_at = {"include": [[".automation-side"]]}
    for scheme, rules in (("light", RULES), ("dark", ["color-contrast"])):
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(
            "([context, options]) => axe.run({include: [['html']], ...context}, options)",
            [looked_at, {**OPTIONS, "runOnly": rules}],
        )
        for fault in found["violations"]:
            for node in fault["nodes"]:
                yield f"{where} in {scheme}: {fault['id']} at {node['target']}: {node['html'][:120]}"


def test_every_page_can_be_read_and_used_by_everybody(
    browser: sync_api.Browser, live_server: LiveServer, ann: Subscriber, settings: Any
):
    settings.DEMO = True
    page = browser.new_context(
        base_url=live_server.url, viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
    ).new_page()
    page.goto("/login/")
    page.fill("input[name=email]", "maya@alderandwren.example")
    page.fill("input[name=password]", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/")
    found: list[str] = []
    for path in pages(ann):
        answer = page.goto(path)
        assert answer.status == (404 if path == "/nothing-here/" else 200), path
        if page.locator("[data-rules]").count():  # the figures of a rule come after the page
            page.wait_for_load_state("networkidle")
        found += faults(page, path)
    cart = Automation.objects.get(name="Everything")
    page.goto(f"/automations/{cart.uuid}/simulate/")
    page.get_by_role("button", name="Simulate").click()
    page.wait_for_url("**simulation=**")
    page.goto(f"{page.url}&person={ann.email}")
    found += faults(page, "simulation")
    assert not found, "\n".join(found)
