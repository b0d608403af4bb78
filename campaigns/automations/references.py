"""What a definition names that has to be there when it is published: templates, attributes, lists, topics, endpoints, segments.

Rules are not looked at here: reading them has asked already.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import cached_property

from django.utils.translation import gettext as _

from campaigns.automations.effects import COLUMNS
from campaigns.automations.models import Endpoint
from campaigns.automations.nodes import (
    DateTrigger,
    Definition,
    EventTrigger,
    ListStep,
    MailStep,
    SetStep,
    Step,
    TopicStep,
    WaitDateStep,
    WebhookStep,
)
from campaigns.automations.timing import BIRTHDAY, FIRST_ORDER, JOINED
from campaigns.automations.types import Problem
from personalize.content.models import Template
from segments.consent.models import Topic
from segments.segmentation.models import Segment
from segments.subscribers.attributes import typed
from segments.subscribers.models import AttributeDefinition, AttributeType, StaticList
from segments.subscribers.types import Refusal

_DATES = {BIRTHDAY, FIRST_ORDER, JOINED}


def missing(definition: Definition) -> list[Problem]:
    """What is named and not there, at its step; one query for each kind of thing that is named."""
    there = _There()
    return [
        *_of_trigger(definition, there),
        *(one for step in definition.steps.values() for one in _of_step(step, there)),
    ]


class _There:
    """What there is, read when it is first asked for."""

    @cached_property
    def templates(self) -> Set[str]:
        return {str(uuid) for uuid in Template.objects.filter(key__isnull=True).values_list("uuid", flat=True)}

    @cached_property
    def attributes(self) -> dict[str, AttributeDefinition]:
        return {one.key: one for one in AttributeDefinition.objects.all()}

    @cached_property
    def dates(self) -> Set[str]:
        kinds = (AttributeType.DATE, AttributeType.DATETIME)
        return _DATES | {key for key, one in self.attributes.items() if one.type in kinds}

    @cached_property
    def lists(self) -> Set[str]:
        return {str(uuid) for uuid in StaticList.objects.values_list("uuid", flat=True)}

    @cached_property
    def topics(self) -> Set[str]:
        return set(Topic.objects.values_list("key", flat=True))

    @cached_property
    def endpoints(self) -> Set[str]:
        return {str(uuid) for uuid in Endpoint.objects.values_list("uuid", flat=True)}

    @cached_property
    def segments(self) -> Set[str]:
        return {str(uuid) for uuid in Segment.objects.values_list("uuid", flat=True)}


def _of_trigger(definition: Definition, there: _There) -> Iterator[Problem]:
    trigger = definition.trigger
    if isinstance(trigger, DateTrigger) and trigger.field not in there.dates:
        yield Problem("", "trigger.field", _("There is no date ‘%(key)s’ of people.") % {"key": trigger.field})
    if not isinstance(trigger, EventTrigger) or trigger.joining not in ("subscribed", "joined", "left"):
        return
    for condition in trigger.match.where:
        if trigger.joining == "subscribed" and condition.value not in there.topics:
            yield Problem("", "trigger.topic", _("There is no topic ‘%(key)s’.") % {"key": condition.value})
        elif trigger.joining != "subscribed" and condition.value not in there.segments:
            yield Problem("", "trigger.segment", _("This segment is not there any more."))


def _of_step(step: Step, there: _There) -> Iterator[Problem]:
    match step:
        case MailStep():
            yield from _unless(step, "template", step.template, there.templates, _("template"))
        case WaitDateStep() if step.field not in there.dates:
            yield Problem(step.id, "field", _("There is no date ‘%(key)s’ of people.") % {"key": step.field})
        case SetStep():
            yield from _of_set(step, there)
        case ListStep():
            yield from _unless(step, "list", step.list, there.lists, _("list"))
        case TopicStep():
            yield from _unless(step, "topic", step.topic, there.topics, _("topic"))
        case WebhookStep():
            yield from _unless(step, "endpoint", step.endpoint, there.endpoints, _("endpoint"))


def _of_set(step: SetStep, there: _There) -> Iterator[Problem]:
    definition = there.attributes.get(step.attribute)
    if definition is None:
        if step.attribute not in COLUMNS:
            yield Problem(step.id, "attribute", _("There is no attribute ‘%(key)s’.") % {"key": step.attribute})
    elif step.value is not None and isinstance(refused := typed(definition, step.value), Refusal):
        yield Problem(step.id, "value", refused.sentence)


def _unless(step: Step, field: str, named: str, known: Set[str], what: str) -> Iterator[Problem]:
    if named not in known:
        yield Problem(step.id, field, _("This %(what)s is not there any more.") % {"what": what})
