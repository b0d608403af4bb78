"""The verbs of automations themselves: make, edit, publish, turn off and on. What happens to people in them is elsewhere:
``enrolling`` brings them in and out, ``executor`` takes them on.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _

from campaigns.automations import references
from campaigns.automations.definition import read
from campaigns.automations.models import Automation, AutomationVersion, Call, CallState, Endpoint
from campaigns.automations.nodes import Definition, MailStep
from campaigns.automations.types import OWNER_KIND, AutomationState, Problem
from campaigns.delivery import services as delivery
from campaigns.delivery.models import Mailing, Sender
from personalize.content.models import Template, TemplateVersion
from personalize.content.services import save_version
from personalize.core import audit
from personalize.core.clock import now
from personalize.core.queue import enqueue
from personalize.core.states import move
from segments.consent.models import Topic

EMPTY: Mapping[str, Any] = {"v": 1, "trigger": {"on": "call"}, "steps": []}


def create_automation(
    *,
    name: str,
    actor: Any,
    definition: Mapping[str, Any] = EMPTY,
    topic: Topic | None = None,
    sender: Sender | None = None,
    recipe: str = "",
    description: str = "",
    priority: int = 50,
) -> Automation:
    """Make a draft. Raises IntegrityError when the name is taken. Its definition may still have problems."""
    at = now()
    with transaction.atomic():
        automation = Automation.objects.create(
            name=name,
            description=description,
            recipe=recipe,
            topic=topic,
            sender=sender,
            priority=priority,
            draft=dict(definition),
            created_by=actor if getattr(actor, "pk", None) else None,
            created_at=at,
            updated_at=at,
        )
        audit.record(actor=actor, action="automation.edit", target=automation, created=True)
    return automation


def save_draft(*, automation: Automation, lock_version: int, actor: Any, **changes: Any) -> bool:
    """Change name, description, topic, sender, priority or ``draft``; false when somebody did since ``lock_version``.

    What is live is not touched before it is published.
    """
    with transaction.atomic():
        won = Automation.objects.filter(pk=automation.pk, lock_version=lock_version).update(
            **changes, updated_at=now(), lock_version=F("lock_version") + 1
        )
        if won:
            automation.refresh_from_db()
            audit.record(actor=actor, action="automation.edit", target=automation, created=False)
    return bool(won)


def problems_of(automation: Automation) -> list[Problem]:
    """What is in the way of publishing the draft, each at its step; content is compiled only when it is published."""
    definition = read(automation.draft)
    if not isinstance(definition, Definition):
        return definition
    found: list[Problem] = []
    if not definition.steps:
        found.append(Problem("", "steps", _("There is no step yet.")))
    if any(definition.mails()):
        if automation.topic is None:
            found.append(Problem("", "topic", _("Choose the topic its mails belong to.")))
        if automation.sender is None:
            found.append(Problem("", "sender", _("Choose whom its mails come from.")))
    return found + references.missing(definition)


def publish(*, automation: Automation, actor: Any) -> AutomationVersion | list[Problem]:
    """Freeze the draft as a new version and let people who come from now on have it; what was off or a draft is live.

    Gives what is in the way instead. People who are in it stay on their version.
    """
    found = problems_of(automation)
    definition = read(automation.draft)
    if found or not isinstance(definition, Definition):
        return found
    contents: dict[str, TemplateVersion] = {}
    for step in definition.mails():
        # Compiled before the transaction begins: no lock is held while a template is worked on.
        saved = save_version(template=Template.objects.get(uuid=step.template), actor=actor)
        if isinstance(saved, TemplateVersion):
            contents[step.id] = saved
        else:
            found += [Problem(step.id, "template", problem.message) for problem in saved]
    if found:
        return found
    at = now()
    with transaction.atomic():
        locked = (
            Automation.objects.select_for_update(of=("self",)).select_related("topic", "sender").get(pk=automation.pk)
        )
        last = locked.versions.aggregate(last=Max("number"))["last"] or 0
        version = AutomationVersion.objects.create(
            automation=locked,
            number=last + 1,
            definition=automation.draft,
            created_by=actor if getattr(actor, "pk", None) else None,
            created_at=at,
        )
        for step in definition.mails():
            _open(locked, version, step, contents[step.id])
        was_live = locked.state == AutomationState.LIVE
        Automation.objects.filter(pk=locked.pk).update(
            state=AutomationState.LIVE,
            live=version,
            live_since=locked.live_since if was_live else at,
            updated_at=at,
        )
        _let_mails_leave(locked)
        audit.record(actor=actor, action="automation.run", target=locked, version=version.number)
        enqueue("automations.look")
    automation.refresh_from_db()
    return version


def turn_off(*, automation: Automation, actor: Any) -> bool:
    """Let nobody in and nobody on; false when it is not live. Written mails wait, and everybody keeps their place."""
    with transaction.atomic():
        won = move(automation, old=AutomationState.LIVE, new=AutomationState.OFF, updated_at=now())
        if won:
            for mailing in mailings(automation):
                delivery.hold_gate(mailing=mailing)
            audit.record(actor=actor, action="automation.run", target=automation, off=True)
    return won


def turn_on(*, automation: Automation, actor: Any) -> bool:
    """Let people in and on again, on the versions they had; false when it is not off."""
    with transaction.atomic():
        won = move(automation, old=AutomationState.OFF, new=AutomationState.LIVE, live_since=now(), updated_at=now())
        if won:
            _let_mails_leave(automation)
            audit.record(actor=actor, action="automation.run", target=automation, off=False)
            enqueue("automations.look")
    return won


def create_endpoint(*, name: str, url: str, actor: Any) -> Endpoint:
    """Let webhook steps tell another system, with a new secret. Raises IntegrityError when the name is taken."""
    with transaction.atomic():
        endpoint = Endpoint.objects.create(name=name, url=url, secret=_new_secret(), created_at=now())
        audit.record(actor=actor, action="settings.edit", target=endpoint, created=True)
    return endpoint


def change_endpoint(*, endpoint: Endpoint, actor: Any, **changes: Any) -> None:
    """Change name, url or ``enabled``; what waits to be told goes by it too. Raises IntegrityError when the name is taken."""
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(**changes)
        audit.record(actor=actor, action="settings.edit", target=endpoint, changed=sorted(changes))
    endpoint.refresh_from_db()


def replace_secret(*, endpoint: Endpoint, actor: Any) -> None:
    """Sign with a new secret from now on, what waits to be told too; the old one signs nothing any more."""
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(secret=_new_secret())
        audit.record(actor=actor, action="settings.edit", target=endpoint, changed=["secret"])
    endpoint.refresh_from_db()


def delete_endpoint(*, endpoint: Endpoint, actor: Any) -> None:
    """Take an endpoint away with all its calls; those that wait are not made. Steps that name it are passed over."""
    with transaction.atomic():
        audit.record(actor=actor, action="settings.edit", target=endpoint, deleted=endpoint.name)
        endpoint.delete()


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def call_again(*, call: Call, actor: Any) -> bool:
    """Tell an endpoint what was given up, from the first try on and under the same id.

    False when it was not given up, or the endpoint is gone or turned off.
    """
    if call.endpoint is None or not call.endpoint.enabled:
        return False
    with transaction.atomic():
        won = move(call, old=CallState.FAILED, new=CallState.READY, attempt=0, due_at=now(), ended_at=None)
        if won:
            audit.record(actor=actor, action="settings.edit", target=call.endpoint, told_again=str(call.uuid))
            enqueue("automations.look")
    return won


def named() -> list[tuple[uuid.UUID, str]]:
    """All automations as groups of mails: their uuid and name."""
    return list(Automation.objects.order_by("name").values_list("uuid", "name"))


def mailings(automation: Automation) -> list[Mailing]:
    """The mailings of all mail steps of all its versions."""
    owners = [
        version.step_owner(step) for version in automation.versions.all() for step in mail_ids(version.definition)
    ]
    return list(Mailing.objects.filter(owner_kind=OWNER_KIND, owner__in=owners).order_by("pk"))


def mail_ids(definition: Mapping[str, Any]) -> list[str]:
    """The ids of a definition's mail steps."""
    return [step["id"] for step in definition["steps"] if step["type"] == "mail"]


def step_mailing(version: AutomationVersion, step: str) -> Mailing:
    """What a mail step of a published version sends."""
    return Mailing.objects.get(owner_kind=OWNER_KIND, owner=version.step_owner(step))


def _open(automation: Automation, version: AutomationVersion, step: MailStep, content: TemplateVersion) -> uuid.UUID:
    if automation.sender is None:
        raise ValueError(f"The automation {automation.name!r} has no sender.")
    mailing = delivery.open_mailing(
        name=f"{automation.name}: {step.name or content.template.name}"[:160],
        owner_kind=OWNER_KIND,
        owner=version.step_owner(step.id),
        version=content,
        sender=automation.sender,
        topic=automation.topic,
        group=automation.uuid,
        window=step.window,
        priority=automation.priority,
    )
    return mailing.uuid


def _let_mails_leave(automation: Automation) -> None:
    for mailing in mailings(automation):
        delivery.open_gate(mailing=mailing)
