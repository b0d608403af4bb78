"""Why somebody got what an automation sends, or did not: every gate they came to, with what let them through or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from campaigns.automations import findings, matching, words
from campaigns.automations.definition import read
from campaigns.automations.matching import EventFacts
from campaigns.automations.models import Automation, Enrolment, LeftOut, StepVisit
from campaigns.automations.nodes import Definition, EventExit, EventTrigger
from campaigns.automations.types import EnrolmentState, HeldReason, Visit
from campaigns.delivery.gates import Gate, of_consent, of_message, of_rule
from campaigns.delivery.models import Message
from personalize.core.clock import now
from segments.events.models import Event
from segments.subscribers.models import Subscriber

WAYS = 5
"""So many of somebody's ways are told, the latest first."""

NEAR_MISSES = 3


def why(*, subscriber: Subscriber, automation: Automation, at: dt.datetime | None = None) -> list[list[Gate]]:
    """What became of a person in an automation: one list of gates for each way or staying out, the latest first.

    For whom it never heard of, a single list says what would have brought them in, and which gates stand open now.
    """
    at = at or now()
    names = words.Names()
    ways = Enrolment.objects.filter(automation=automation, subscriber=subscriber).select_related("version")
    found = [(row.created_at, _way(row, subscriber, automation, names)) for row in ways.order_by("-pk")[:WAYS]]
    outs = LeftOut.objects.filter(automation=automation, subscriber=subscriber).order_by("-at")[:WAYS]
    found += [(row.at, _left_out(row, subscriber, automation)) for row in outs]
    told = [gates for _at, gates in sorted(found, key=lambda one: one[0], reverse=True)]
    return told or [_never(subscriber, automation, at)]


def _way(row: Enrolment, person: Subscriber, automation: Automation, names: words.Names) -> list[Gate]:
    definition = row.version.definition
    gates = [_brought(row.event, row.started_at, row.context)]
    rule = (definition.get("entry") or {}).get("rule")
    mine = Enrolment.objects.filter(pk=row.pk)
    if rule:
        gates.append(of_rule(_("Who may come in"), rule, rows=mine, as_of=row.created_at, person="subscriber"))
    gates.append(
        Gate(
            _("Came in"),
            _("on version %(n)s") % {"n": row.version.number},
            True,
            row.created_at,
            "login",
            witnesses=[(_("For"), row.entry_key)],
        )
    )
    gates += of_consent(person, automation.topic, now())
    visits = list(row.visits.order_by("at", "pk"))
    mails = _messages(visits)
    titles = findings.titles(definition, names)
    bodies = {step["id"]: step for step in definition["steps"]}
    for visit in visits:
        gates.append(_step(visit, titles.get(visit.step, visit.step), bodies.get(visit.step, {}), row))
        if visit.message in mails:
            gates.append(of_message(mails[visit.message]))
    return [*gates, _stand(row, titles)]


def _messages(visits: Iterable[StepVisit]) -> dict[UUID | None, Message]:
    wanted = [visit.message for visit in visits if visit.message]
    rows = Message.objects.filter(uuid__in=wanted).select_related("mailing__version", "mailing__topic")
    return {message.uuid: message for message in rows}


def _brought(event: UUID | None, at: dt.datetime, context: Mapping[str, Any]) -> Gate:
    """What brought them in, with the stored event as witness where it was one."""
    if event is None:
        day = context.get("date")
        text = _("Their day came: %(day)s.") % {"day": day} if day else _("Put in by hand or by the API.")
        return Gate(_("What brought them"), text, True, at, "event" if day else "touch_app")
    found = Event.objects.filter(uuid=event).first()
    if found is None:
        return Gate(_("What brought them"), _("An event that is not kept any more."), None, at, "bolt")
    return Gate(_("What brought them"), _heard(found), True, found.occurred_at, "bolt", witnesses=_witness(found))


def _heard(event: Event) -> str:
    happens = words.happens(event.name)
    return f"{happens[:1].upper()}{happens[1:]}"


def _witness(event: Event) -> list[tuple[str, str]]:
    found = [(_("Event"), f"{event.name} {event.subject}".strip()), (_("Told by"), event.source)]
    found.append((_("Happened"), _exactly(event.occurred_at)))
    if event.received_at - event.occurred_at > dt.timedelta(minutes=1):
        found.append((_("Heard"), _exactly(event.received_at)))
    return found


def _exactly(at: dt.datetime) -> str:
    return date_format(localtime(at), "j M Y, H:i:s")


def _step(visit: StepVisit, title: str, body: Mapping[str, Any], row: Enrolment) -> Gate:
    icon = words.ICONS.get(str(body.get("type")), "circle")
    text = str(Visit(visit.outcome).label)
    if visit.detail.get("reason"):
        text = f"{text}: {findings.skip_words(str(visit.detail['reason']))}"
    if visit.detail.get("way"):
        text = _("Way %(n)s, by chance") % {"n": visit.detail["way"]}
    let = {Visit.SKIPPED: False, Visit.FAILED: False, Visit.MAILED: True}.get(Visit(visit.outcome))
    if not body.get("rule"):
        return Gate(title, text, let, visit.at, icon)
    mine = Enrolment.objects.filter(pk=row.pk)
    asked = of_rule(title, body["rule"], rows=mine, as_of=visit.at, person="subscriber")
    return Gate(title, f"{text}. {asked.text}", let, visit.at, icon, asked.answers)


def _stand(row: Enrolment, titles: Mapping[str, str]) -> Gate:
    """Where they are, or how it ended."""
    step = titles.get(row.step, row.step)
    match row.state:
        case EnrolmentState.DONE:
            return Gate(_("Came to the end"), "", True, row.ended_at, "flag")
        case EnrolmentState.EXITED | EnrolmentState.FAILED:
            text = words.reason_words(row.reason)
            return Gate(
                _("Left at ‘%(step)s’") % {"step": step}, text, False, row.ended_at, "logout", witnesses=_last_news(row)
            )
        case EnrolmentState.HELD:
            return Gate(
                _("Held at ‘%(step)s’") % {"step": step}, HeldReason(row.reason).label, None, row.came_at, "pause"
            )
    return Gate(_("Is at ‘%(step)s’") % {"step": step}, _("goes on when its time comes"), None, row.due_at, "schedule")


def _last_news(row: Enrolment) -> list[tuple[str, str]]:
    """The event that ended it, where an exit of the version says that one did."""
    definition = read(row.version.definition)
    if row.ended_at is None or not isinstance(definition, Definition):
        return []
    exits = [exit for exit in definition.exits if isinstance(exit, EventExit) and exit.reason == row.reason]
    names = {name for exit in exits for name in exit.match.names}
    heard = Event.objects.filter(subscriber=row.subscriber_id, name__in=names, received_at__lte=row.ended_at)
    for event in heard.order_by("-received_at", "-pk")[:20]:
        if any(matching.ends(exit, _facts(event), row) for exit in exits):
            return _witness(event)
    return []


def _facts(event: Event) -> EventFacts:
    return EventFacts(*(getattr(event, name) for name in EventFacts.__dataclass_fields__))


# --- who did not come in ------------------------------------------------------------------------------------------------


def _left_out(row: LeftOut, person: Subscriber, automation: Automation) -> list[Gate]:
    gates = [_brought(row.event, row.at, {})]
    if row.reason == "no_consent" or row.reason == "suppressed":
        gates += of_consent(person, automation.topic, row.at)
    version = automation.live
    rule = (version.definition.get("entry") or {}).get("rule") if version else None
    if rule and row.reason == "rule":
        mine = Subscriber.objects.filter(pk=person.pk)
        gates.append(of_rule(_("Who may come in"), rule, rows=mine, as_of=row.at))
    return [*gates, Gate(_("Stayed out"), row.get_reason_display(), False, row.at, "block")]


def _never(person: Subscriber, automation: Automation, at: dt.datetime) -> list[Gate]:
    """Nothing named them: what would have, what came near to it, and the gates that they would come to now."""
    if automation.live is None or automation.live_since is None:
        return [Gate(_("Never live"), _("Nobody could come in yet."), False, icon="block")]
    definition = automation.live.definition
    trigger = words.trigger_words(definition["trigger"], words.Names())
    gates = [
        Gate(
            _("Nothing brought them in"),
            _("It is for: %(trigger)s") % {"trigger": f"{trigger.title} {trigger.second}".strip()},
            False,
            icon="hourglass_empty",
            witnesses=[(_("Live since"), _exactly(automation.live_since)), *_near_misses(person, automation)],
        )
    ]
    rule = (definition.get("entry") or {}).get("rule")
    if rule:
        mine = Subscriber.objects.filter(pk=person.pk)
        gates.append(of_rule(_("Who may come in, as of now"), rule, rows=mine, as_of=at))
    return [*gates, *of_consent(person, automation.topic, at)]


def _near_misses(person: Subscriber, automation: Automation) -> Sequence[tuple[str, str]]:
    """The latest events of the trigger's name that did not bring them in, and why not."""
    definition = read(automation.live.definition) if automation.live else None
    if not isinstance(definition, Definition) or not isinstance(definition.trigger, EventTrigger):
        return []
    trigger, since = definition.trigger, automation.live_since
    heard = Event.objects.filter(subscriber=person, name__in=trigger.match.names).order_by("-received_at", "-pk")
    found = []
    for event in heard[:NEAR_MISSES]:
        if event.historic:
            reason = _("was imported as history")
        elif since is not None and event.received_at < since:
            reason = _("came before it was live")
        elif not matching.matches(trigger.match, _facts(event)):
            reason = _("does not match what it asks for")
        else:
            reason = _("is not looked at yet")
        found.append((f"{event.name} {event.subject}".strip(), f"{_exactly(event.occurred_at)}: {reason}"))
    return found or [(_("Heard of them"), _("no such event"))]
