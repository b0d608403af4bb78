"""An automation of two mails with everything that came back, made straight in the tables."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from typing import Any

from campaigns.automations.models import Automation, AutomationVersion, Enrolment, LeftOut
from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.types import MessageState
from campaigns.tracking.models import Verdict
from segments.commerce.models import OrderStatus, Refund
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_automation, make_enrolment, make_order, make_subscriber
from tests.tracking.world import make_click, make_mail, make_mailing

DAY = dt.timedelta(days=1)
STEPS = ("first", "second")


def _mail(id: str) -> dict[str, Any]:
    return {"id": id, "type": "mail", "name": id.capitalize(), "template": str(uuid.uuid4())}


def make_flow(name: str = "Cart", *, versions: int = 1) -> Automation:
    """A live automation of two mails; each of its versions has mailings of its own."""
    first, second = map(_mail, STEPS)
    definition = {"v": 1, "trigger": {"on": "call"}, "steps": [{**first, "next": second["id"]}, second]}
    automation = make_automation(name, definition=definition)
    for number in range(2, versions + 1):
        AutomationVersion.objects.create(automation=automation, number=number, definition=definition, created_at=NOW)
    for version in automation.versions.all():
        for step in STEPS:
            mailing = make_mailing(f"{name} {step}")
            Mailing.objects.filter(pk=mailing.pk).update(owner_kind="step", owner=version.step_owner(step))
    return automation


def make_step_mail(automation: Automation, person: Subscriber, step: str = "first", version: int = 1, **fields: Any):
    """A mail of a step, sent a day before NOW unless told otherwise."""
    owner = automation.versions.get(number=version).step_owner(step)
    at = fields.pop("at", NOW - DAY)
    given = {"created_at": at, "handed_at": at, "dedupe_key": uuid.uuid4().hex, **fields}
    return make_mail(person, mailing=Mailing.objects.get(owner=owner), **given)


def make_random_flow(seed: int, people: int = 30, name: str = "Cart") -> Automation:
    """Two versions lived through by people over a hundred days, with every end, and mails with every fate."""
    chance = random.Random(seed)
    automation, other = make_flow(name, versions=2), make_flow(f"After {name}")

    def ago(days: float) -> dt.datetime:
        return NOW - dt.timedelta(seconds=chance.randrange(int(days * 86_400)))

    for number in range(people):
        person = make_subscriber(f"f{seed}-{number}@post.example")
        for _ in range(chance.choice([1, 1, 2])):
            _come_in(chance, automation, person, ago(100))
        if chance.random() < 0.4:
            LeftOut.objects.create(
                automation=automation,
                subscriber=person,
                entry_key=uuid.uuid4().hex,
                reason=chance.choice(["rule", "ordered"]),
                at=ago(100),
            )
        for of in [automation] * chance.randrange(4) + [other]:
            version = chance.randrange(of.versions.count()) + 1
            _write(chance, make_step_mail, of, person, chance.choice(STEPS), version, ago(100))
        for _ in range(chance.choice([0, 0, 1, 2])):
            status = chance.choice([OrderStatus.PAID] * 5 + [OrderStatus.CANCELLED, OrderStatus.REFUNDED])
            order = make_order(person, ("MUG", 1, chance.randrange(10_000, 900_000)), placed_at=ago(100), status=status)
            if chance.random() < 0.3:
                Refund.objects.create(
                    number=f"R{order.number}",
                    order=order,
                    subscriber=person,
                    refunded_at=NOW,
                    total=order.total // 2,
                    updated_at=NOW,
                )
    return automation


def _come_in(chance: random.Random, automation: Automation, person: Subscriber, at: dt.datetime) -> Enrolment:
    ends: list[dict[str, Any]] = [
        {},
        {"state": "done", "ended_at": NOW, "due_at": None},
        {"state": "exited", "reason": "ordered", "ended_at": NOW, "due_at": None},
        {"state": "exited", "reason": "by_hand", "ended_at": NOW, "due_at": None},
        {"state": "failed", "reason": "error", "ended_at": NOW, "due_at": None},
        {"state": "held", "reason": "stale"},
    ]
    return make_enrolment(automation, person, step="first", created_at=at, **chance.choice(ends))


def _write(
    chance: random.Random, make: Any, of: Automation, person: Subscriber, step: str, version: int, at: Any
) -> None:
    state = chance.choice([MessageState.SENT] * 7 + [MessageState.SKIPPED, MessageState.FAILED, MessageState.READY])
    sent = state == MessageState.SENT
    delivered = sent and chance.random() < 0.9
    mail: Message = make(
        of,
        person,
        step,
        version,
        at=at,
        state=state,
        reason={MessageState.SKIPPED: "left", MessageState.FAILED: "refused"}.get(state, ""),
        handed_at=at + dt.timedelta(hours=chance.randrange(8)) if sent else None,
        delivered_at=at if delivered else None,
        bounced_at=at if sent and not delivered else None,
        unsubscribed_at=at if delivered and chance.random() < 0.1 else None,
    )
    for _ in range(chance.choice([0, 0, 1, 3]) if delivered else 0):
        verdict = chance.choice([Verdict.HUMAN] * 3 + [Verdict.MACHINE])
        make_click(mail, at=at + dt.timedelta(hours=chance.randrange(90)), verdict=verdict)
