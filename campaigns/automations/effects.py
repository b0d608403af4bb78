"""What the steps that act do, for everybody who is at one of them now, in the caller's transaction.

One function a type of step. It gives what became of those for whom it is not simply done, by enrolment; the number of
its statements does not depend on how many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, cast
from uuid import UUID

from campaigns.automations.calling import notify_team, write_calls
from campaigns.automations.nodes import ListStep, MailStep, NotifyStep, SetStep, Step, TopicStep, WebhookStep
from campaigns.automations.types import OWNER_KIND, StepSkip
from campaigns.automations.walking import Group
from campaigns.delivery.models import Mailing
from campaigns.delivery.services import write_messages
from campaigns.delivery.types import NewMessage
from personalize.core.database import among
from segments.consent import standing
from segments.consent.models import OptIn, Topic
from segments.consent.services import bulk_subscribe, subscribe
from segments.subscribers.attributes import typed
from segments.subscribers.lists import add_to_list, remove_from_list
from segments.subscribers.models import AttributeDefinition, StaticList, Subscriber
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import Refusal, SubscriberRow

SOURCE = "automation"
COLUMNS = {field.name for field in fields(SubscriberRow)} - {"email", "external_id", "attributes"}
"""What a step may set of a person beside attributes."""


@dataclass(frozen=True)
class Done:
    """What became of the effect for one person: the mail that was written, or why nothing was done."""

    message: UUID | None = None
    skip: StepSkip | None = None
    failed: str = ""


Results: TypeAlias = dict[int, Done]
Effect: TypeAlias = Callable[[Group], Results]
GONE = Done(skip=StepSkip.GONE)


def carry_out(group: Group) -> Results:
    """Do what the group's step does."""
    return EFFECTS[type(group.step)](group)


def message_key(enrolment: int) -> str:
    """Under which an enrolment's mail of one step is written once."""
    return f"e{enrolment}"


def mailing_of(group: Group) -> Mailing | None:
    """What the group's mail step sends."""
    owner = group.version.step_owner(group.step.id)
    return Mailing.objects.filter(owner_kind=OWNER_KIND, owner=owner).first()


def _all(group: Group, done: Done) -> Results:
    return dict.fromkeys(group.ids, done)


def _mail(group: Group) -> Results:
    step = cast(MailStep, group.step)
    mailing = mailing_of(group)
    if mailing is None:
        return _all(group, GONE)
    written = write_messages(
        mailing=mailing,
        messages=[
            NewMessage(
                subscriber_id=walker.row.subscriber_id,
                key=message_key(walker.pk),
                due_at=group.at,
                expires_at=walker.due_at + step.late.delta,
                context=walker.row.context,
                started_at=walker.row.started_at,
            )
            for walker in group.people
        ],
    )
    return {walker.pk: Done(message=written[message_key(walker.pk)]) for walker in group.people}


def _set(group: Group) -> Results:
    step = cast(SetStep, group.step)
    definition = AttributeDefinition.objects.filter(key=step.attribute).first()
    changes: dict[str, Any]
    if definition is not None:
        refused = None if step.value is None else typed(definition, step.value)
        if isinstance(refused, Refusal):
            return _all(group, Done(failed=str(refused)))
        changes = {"attributes": {step.attribute: step.value}}
    elif step.attribute in COLUMNS:
        changes = {step.attribute: "" if step.value is None else step.value}
    else:
        return _all(group, GONE)
    rows = [SubscriberRow(email=walker.row.subscriber.email or "", **changes) for walker in group.people]
    stored = upsert_subscribers(rows=rows, source=SOURCE, at=group.at)
    return {group.people[row.index].pk: Done(failed=str(row.refusal)) for row in stored.refused}


def _list(group: Group) -> Results:
    step = cast(ListStep, group.step)
    found = StaticList.objects.filter(uuid=step.list).first()
    if found is None:
        return _all(group, GONE)
    people = Subscriber.objects.filter(pk__in=among(group.subscribers))
    if step.on:
        add_to_list(static_list=found, people=people, source=f"{SOURCE}: {group.version.automation.name}", actor=SOURCE)
    else:
        remove_from_list(static_list=found, people=people, actor=SOURCE)
    return {}


def _topic(group: Group) -> Results:
    """Whoever left the topic or is barred stays out of it. Where it asks for confirmation, so does this."""
    step = cast(TopicStep, group.step)
    topic = Topic.objects.filter(key=step.topic).first()
    if topic is None:
        return _all(group, GONE)
    if topic.opt_in == OptIn.SINGLE:
        bulk_subscribe(subscriber_ids=group.subscribers, topic=topic, source=SOURCE, basis=SOURCE, at=group.at)
        return {}
    kept_out = standing.kept_out(set(group.subscribers), topic, group.at)
    for walker in group.people:
        if walker.row.subscriber_id not in kept_out:
            # Each of them gets a mail of their own to confirm by.
            subscribe(subscriber=walker.row.subscriber, topic=topic, source=SOURCE, at=group.at)
    return {}


def _webhook(group: Group) -> Results:
    rows = [walker.row for walker in group.people]
    return dict.fromkeys(write_calls(step=cast(WebhookStep, group.step), enrolments=rows, at=group.at), GONE)


def _notify(group: Group) -> Results:
    notify_team(step=cast(NotifyStep, group.step), enrolments=[walker.row for walker in group.people], at=group.at)
    return {}


EFFECTS: Mapping[type[Step], Effect] = {
    MailStep: _mail,
    SetStep: _set,
    ListStep: _list,
    TopicStep: _topic,
    WebhookStep: _webhook,
    NotifyStep: _notify,
}
"""By type of step, for those that do anything."""
