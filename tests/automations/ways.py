"""What tests of people's ways share: live automations made of a few steps, and an engine that is told what time it is."""

from __future__ import annotations

import datetime as dt
from typing import Any

from campaigns.automations import executor
from campaigns.automations.models import Automation, AutomationVersion, Enrolment
from campaigns.automations.types import OWNER_KIND
from campaigns.delivery.models import Message
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_automation, make_enrolment, make_mailing, make_topic

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
TEMPLATE = "00000000-0000-4000-8000-000000000001"


def mail(id: str, next: str = "", **parts: Any) -> dict[str, Any]:
    return {"id": id, "type": "mail", "template": TEMPLATE, "next": next, **parts}


def wait(id: str, next: str = "", hours: int = 24, **parts: Any) -> dict[str, Any]:
    return {"id": id, "type": "wait", "for": [hours, "hours"], "next": next, **parts}


def definition(*steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"v": 1, "trigger": {"on": "call"}, "steps": list(steps), **parts}


def live(*steps: dict[str, Any], name: str = "Welcome", **parts: Any) -> Automation:
    """A live automation of these steps, with a mailing for each mail."""
    automation = make_automation(name, definition=definition(*steps, **parts), topic=make_topic())
    assert automation.live is not None
    open_mailings(automation.live)
    return automation


def publish(automation: Automation, *steps: dict[str, Any], **parts: Any) -> AutomationVersion:
    """A further version, live from now on."""
    version = AutomationVersion.objects.create(
        automation=automation,
        number=automation.versions.count() + 1,
        definition=definition(*steps, **parts),
        created_at=NOW,
    )
    open_mailings(version)
    automation.live = version
    automation.save(update_fields=["live"])
    return version


def open_mailings(version: AutomationVersion) -> None:
    content = None
    for step in version.definition["steps"]:
        if step["type"] == "mail":
            mailing = make_mailing(
                make_topic(), owner_kind=OWNER_KIND, owner=version.step_owner(step["id"]), version=content
            )
            content = mailing.version


def enter(automation: Automation, person: Subscriber, at: dt.datetime = NOW, **fields: Any) -> Enrolment:
    """Somebody who has just come in, due at the first step."""
    assert automation.live is not None
    given = {
        "state": "active",
        "step": automation.live.definition["steps"][0]["id"],
        "came_at": at,
        "due_at": at,
        "started_at": at,
        "activity_at": at,
        "created_at": at,
    }
    return make_enrolment(automation, person, **{**given, **fields})


def go(at: dt.datetime, limit: int = executor.BATCH) -> int:
    """Take everybody on who is due; gives how many batches that were."""
    batches = 0
    while executor.sweep_due(at, limit):
        batches += 1
        assert batches < 1000, "the sweep finds the same people again and again"
    return batches


def way(enrolment: Enrolment) -> list[str]:
    """What became of somebody, step by step."""
    return [f"{visit.step} {visit.outcome}" for visit in enrolment.visits.order_by("at", "pk")]


def where(enrolment: Enrolment) -> tuple[str, str, str]:
    """State, reason and step as they are stored."""
    enrolment.refresh_from_db()
    return enrolment.state, enrolment.reason, enrolment.step


def mails(person: Subscriber | None = None) -> list[Message]:
    written = Message.objects.order_by("pk")
    return list(written.filter(subscriber=person) if person else written)


def happens(person: Subscriber, name: str, at: dt.datetime, subject: str = "", **fields: Any) -> Event:
    """An event that is stored and not processed yet."""
    return Event.objects.create(
        subscriber=person,
        name=name,
        subject=subject,
        occurred_at=at,
        received_at=at,
        source="shop",
        idempotency_key=f"{name}:{subject}:{at.isoformat()}:{person.pk}",
        **fields,
    )
