"""An automation as one JSON document that another installation can read: its definition, and the templates of its mails."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.automations.definition import read
from campaigns.automations.models import Automation
from campaigns.automations.nodes import Definition
from campaigns.automations.services import create_automation
from campaigns.automations.types import Problem
from campaigns.delivery.models import Sender
from personalize.content.models import Template
from personalize.content.services import create_template
from segments.consent.models import Topic

FORMAT = "personalize-automation"
VERSION = 1
_TEXTS = {"name": 120, "subject": 500, "preheader": 500}


def exported(automation: Automation, definition: Mapping[str, Any]) -> dict[str, Any]:
    """The document of one of the automation's definitions, a version's or the draft."""
    wanted = {step["template"] for step in definition["steps"] if step.get("type") == "mail"}
    return {
        "format": FORMAT,
        "v": VERSION,
        "name": automation.name,
        "description": automation.description,
        "recipe": automation.recipe,
        "priority": automation.priority,
        "topic": automation.topic.key if automation.topic else None,
        "definition": definition,
        "templates": [
            {
                "uuid": str(template.uuid),
                "name": template.name,
                "subject": template.subject,
                "preheader": template.preheader,
                "blocks": template.blocks,
            }
            for template in Template.objects.filter(uuid__in=wanted).order_by("pk")
        ],
    }


def imported(document: Any, *, actor: Any, name: str = "") -> Automation | list[Problem]:
    """Make a draft of a document, with the templates it brings that are not here yet; or what is wrong with it.

    A template that is here under the same uuid is used as it is. A name that is taken gets a number. The topic is the one
    of the same key, and the sender the first there is; without them the draft says so before it is published.
    """
    problems = _problems(document)
    if problems:
        return problems
    definition = deepcopy(document["definition"])
    with transaction.atomic():
        here = _templates(document["templates"], actor)
        for step in definition["steps"]:
            if step["type"] == "mail":
                step["template"] = here.get(step["template"], step["template"])
        priority = document.get("priority", 50)
        return create_automation(
            name=_free(Automation, name or document["name"]),
            description=str(document.get("description", ""))[:255],
            recipe=str(document.get("recipe", ""))[:40],
            priority=priority if isinstance(priority, int) and 0 <= priority <= 100 else 50,
            topic=Topic.objects.filter(key=document.get("topic")).first(),
            sender=Sender.objects.order_by("pk").first(),
            definition=definition,
            actor=actor,
        )


def _problems(document: Any) -> list[Problem]:
    if not isinstance(document, dict) or document.get("format") != FORMAT or document.get("v") != VERSION:
        return [Problem("", "format", _("This is not an automation that was exported by this version."))]
    if not isinstance(document.get("name"), str) or not 0 < len(document["name"].strip()) <= 100:
        return [Problem("", "name", _("The name is missing or longer than 100 characters."))]
    found: list[Problem] = []
    listed = document.get("templates")
    if not isinstance(listed, list):
        return [Problem("", "templates", _("Expected a list."))]
    for number, one in enumerate(listed):
        where = f"templates[{number}]"
        if not isinstance(one, dict) or not isinstance(one.get("uuid"), str) or not isinstance(one.get("blocks"), list):
            found.append(Problem("", where, _("Expected an object with uuid and blocks.")))
            continue
        found += [
            Problem("", f"{where}.{key}", _("Expected a text of at most %d characters.") % longest)
            for key, longest in _TEXTS.items()
            if not isinstance(one.get(key), str) or len(one[key]) > longest
        ]
    definition = read(document.get("definition"))
    if not isinstance(definition, Definition):
        found += definition
    return found


def _templates(listed: list[dict[str, Any]], actor: Any) -> dict[str, str]:
    """Those of the document that are not here are made; their uuids here by those in the document."""
    known = {str(uuid) for uuid in Template.objects.values_list("uuid", flat=True)}
    made: dict[str, str] = {}
    for one in listed:
        if one["uuid"] not in known:
            template = create_template(
                name=_free(Template, one["name"]),
                subject=one["subject"],
                preheader=one["preheader"],
                blocks=one["blocks"],
                actor=actor,
            )
            made[one["uuid"]] = str(template.uuid)
    return made


def _free(model: type[Automation] | type[Template], name: str) -> str:
    """The name, with a number behind it where it is taken."""
    taken = set(model._default_manager.filter(name__startswith=name[:100]).values_list("name", flat=True))
    candidates = (name if number == 1 else f"{name[:100]} ({number})" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)
