"""Why somebody got a mail or did not: the gates they came to, each with whether it let them through and what proves it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.delivery.models import Message
from campaigns.delivery.timeline import names_in_traces, why, why_not
from campaigns.delivery.types import MessageState
from segments.consent.models import ConsentEntry, Subscription, SubscriptionState, Suppression, Topic
from segments.consent.standing import ABOUT_MANNER
from segments.segmentation.rules.reading import RuleError
from segments.segmentation.rules.vocabulary import NOTHING_FROZEN, Frozen
from segments.segmentation.why import Answer, answers_of
from segments.subscribers.models import Subscriber


@dataclass(frozen=True)
class Gate:
    """One gate. ``let`` is whether it let them through, None where it only tells; ``answers`` are the nodes of its rule.

    ``witnesses`` are what proves it: a word and what it says.
    """

    title: Any
    text: Any = ""
    let: bool | None = None
    at: dt.datetime | None = None
    icon: str = "circle"
    answers: Sequence[Answer] = ()
    witnesses: Sequence[tuple[Any, Any]] = ()
    lines: Sequence[tuple[str, Any]] = ()

    @property
    def tone(self) -> Literal["good", "bad", ""]:
        return "" if self.let is None else "good" if self.let else "bad"


def of_rule(
    title: Any,
    rule: Mapping[str, Any],
    *,
    rows: QuerySet[Any, Any],
    as_of: dt.datetime,
    person: str = "",
    frozen: Frozen = NOTHING_FROZEN,
) -> Gate:
    """A rule in words, and node by node whether it is true of the one row ``as_of`` that instant, and by what.

    Segments in ``frozen`` are read as they are defined there.
    """
    try:
        found = answers_of(rule=dict(rule), rows=rows, as_of=as_of, path=person, frozen=frozen)
    except RuleError as error:
        return Gate(title, _("It cannot be asked any more: %(error)s") % {"error": error.message}, False, icon="error")
    if not found:
        return Gate(title, _("It is asked of nobody: the person is not there any more."), False, icon="error")
    return Gate(title, found[0].words, found[0].holds, as_of, "rule", found)


def of_consent(person: Subscriber, topic: Topic | None, at: dt.datetime) -> list[Gate]:
    """Whether the person may be mailed about the topic at ``at``: what they said, and what stands in the way."""
    barred = Suppression.objects.in_force(at).concerning(topic.pk if topic else None)
    gates = []
    if topic is not None:
        follows = Subscription.objects.filter(subscriber=person, topic=topic).first()
        said = ConsentEntry.objects.filter(Q(topic=topic) | Q(topic=None), subscriber=person).order_by("-at", "-pk")
        entry = said.exclude(action__in=ABOUT_MANNER).first()
        proof = [(entry.get_action_display(), entry.source)] if entry else []
        yes = follows is not None and follows.state == SubscriptionState.SUBSCRIBED
        words = _("Follows ‘%(topic)s’.") if yes else _("Does not follow ‘%(topic)s’.")
        gates.append(
            Gate(
                _("Consent"), words % {"topic": topic.name}, yes, entry.at if entry else None, "label", witnesses=proof
            )
        )
    found = barred.filter(address_key=person.address_key).first()
    if found is not None:
        text = _("The address is blocked: %(reason)s.") % {"reason": found.get_reason_display()}
        gates.append(
            Gate(_("Address"), text, False, found.created_at, "block", witnesses=[(_("Said by"), found.source)])
        )
    if person.erased_at is not None:
        gates.append(Gate(_("Address"), _("The person was erased."), False, person.erased_at, "block"))
    return gates


def of_message(message: Message) -> Gate:
    """What became of a mail, with what was decided on the way."""
    title = _("Mail ‘%(name)s’") % {"name": message.mailing.name}
    at = message.handed_at or message.settled_at or message.created_at
    if message.state == MessageState.SKIPPED:
        text = _("Not sent: %(why)s") % {"why": why_not(message, names_in_traces([message]))}
        return Gate(title, text, False, at, "mail")
    let = True if message.state == MessageState.SENT else False if message.state == MessageState.FAILED else None
    return Gate(title, message.get_state_display(), let, at, "mail", lines=list(why(message)))
