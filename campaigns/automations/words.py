"""Triggers, steps and reasons in the words and pictures of the pages, also of a draft that is not finished."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.automations.models import Automation, Endpoint
from campaigns.automations.outline import Outline
from campaigns.automations.types import ExitReason, FailReason, HeldReason
from personalize.content.models import Template
from segments.consent.models import Topic
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.segmentation.rules.words import both, either
from segments.subscribers.models import AttributeDefinition, StaticList

Body = Mapping[str, Any]

ICONS = {
    "mail": "mail",
    "wait": "schedule",
    "wait_time": "schedule",
    "wait_date": "event",
    "wait_for": "hourglass_empty",
    "branch": "alt_route",
    "split": "call_split",
    "set": "edit_note",
    "list": "playlist_add",
    "topic": "label",
    "webhook": "webhook",
    "notify": "notifications",
    "exit": "logout",
}
TONES = {"mail": "mail", "branch": "fork", "split": "fork"}
KINDS = {
    "mail": gettext_lazy("Send a mail"),
    "wait": gettext_lazy("Wait for a while"),
    "wait_time": gettext_lazy("Wait until a time of day"),
    "wait_date": gettext_lazy("Wait until a date of theirs"),
    "wait_for": gettext_lazy("Wait for something to happen"),
    "branch": gettext_lazy("Ask: yes or no"),
    "split": gettext_lazy("Split by chance"),
    "set": gettext_lazy("Set an attribute"),
    "list": gettext_lazy("Put on a list, or take off"),
    "topic": gettext_lazy("Subscribe to a topic"),
    "webhook": gettext_lazy("Tell another system"),
    "notify": gettext_lazy("Tell the team"),
    "exit": gettext_lazy("Let them leave"),
}
"""The kinds of steps, in the order in which they are offered."""

TRIGGER_ICONS = {
    "subscribed": "person_add",
    "joined": "filter_alt",
    "left": "filter_alt_off",
    "date": "cake",
    "quiet": "hourglass_empty",
    "call": "touch_app",
    "order": "receipt_long",
}
EVENT_ICONS = {
    "cart_updated": "shopping_cart",
    "checkout_started": "shopping_cart",
    "product_viewed": "visibility",
    "order_delivered": "local_shipping",
    "back_in_stock": "inventory_2",
}
HAPPENS = {
    "product_viewed": gettext_lazy("a product is looked at"),
    "cart_updated": gettext_lazy("a cart changes"),
    "cart_emptied": gettext_lazy("a cart is emptied"),
    "checkout_started": gettext_lazy("a checkout begins"),
    "order_placed": gettext_lazy("an order is placed"),
    "order_paid": gettext_lazy("an order is paid"),
    "order_fulfilled": gettext_lazy("an order is sent out"),
    "order_delivered": gettext_lazy("an order arrives"),
    "order_cancelled": gettext_lazy("an order is cancelled"),
    "order_refunded": gettext_lazy("an order is refunded"),
    "subscription_confirmed": gettext_lazy("somebody subscribes"),
    "segment_joined": gettext_lazy("somebody joins a segment"),
    "segment_left": gettext_lazy("somebody leaves a segment"),
    "email_clicked": gettext_lazy("a mail is clicked"),
    "email_opened": gettext_lazy("a mail is opened"),
    "price_dropped": gettext_lazy("a price drops"),
    "back_in_stock": gettext_lazy("something is back in stock"),
}
"""Events with names of our own, as clauses after "when" and "until"."""
OWN_REASONS = {
    "order": gettext_lazy("Ordered"),
    "ordered": gettext_lazy("Ordered"),
    "bought": gettext_lazy("Bought it"),
    "emptied": gettext_lazy("Emptied the cart"),
    "came_back": gettext_lazy("Came back"),
}
QUIET = {
    "orders": gettext_lazy("no order"),
    "clicks": gettext_lazy("no click"),
    "both": gettext_lazy("neither order nor click"),
}
WAYS = {"no": gettext_lazy("No"), "late": gettext_lazy("Not in time")}
FIRST_WAYS = {"branch": gettext_lazy("Yes"), "wait_for": gettext_lazy("It happened")}


@dataclass(frozen=True)
class Words:
    """What a box or a row says: the title, and a quiet second line."""

    title: str
    second: str = ""


class Names:
    """The names of what definitions name by id; each kind is read once, when the first of it is asked for."""

    def of(self, kind: str, id: Any, otherwise: Any = "") -> str:
        """The name of a template, topic, segment, list, endpoint or attribute; ``otherwise`` when it is not there."""
        table: dict[str, str] = getattr(self, kind)
        return table.get(str(id), str(otherwise or id or _("not chosen yet")))

    @cached_property
    def template(self) -> dict[str, str]:
        return {uuid: template.name for uuid, template in self.templates.items()}

    @cached_property
    def templates(self) -> dict[str, Template]:
        """The templates themselves, without their blocks."""
        return {str(one.uuid): one for one in Template.objects.only("uuid", "name")}

    @cached_property
    def topic(self) -> dict[str, str]:
        return dict(Topic.objects.order_by().values_list("key", "name"))

    @cached_property
    def segment(self) -> dict[str, str]:
        return {str(uuid): name for uuid, name in Segment.objects.values_list("uuid", "name")}

    @cached_property
    def list(self) -> dict[str, str]:
        return {str(uuid): name for uuid, name in StaticList.objects.values_list("uuid", "name")}

    @cached_property
    def endpoint(self) -> dict[str, str]:
        return {str(uuid): name for uuid, name in Endpoint.objects.values_list("uuid", "name")}

    @cached_property
    def attribute(self) -> dict[str, str]:
        found = AttributeDefinition.objects.values_list("key", "label")
        return {**{key: str(label) for key, label in found}, "birthday": _("birthday")}


def trigger_words(trigger: Any, names: Names) -> Words:
    """What brings people in."""
    if not isinstance(trigger, dict):
        return Words(_("Nothing brings people in yet"))
    match trigger.get("on"):
        case "event":
            return Words(_("When %(it)s") % {"it": happens(trigger.get("event"))}, _where(trigger))
        case "order":
            event = f"order_{trigger.get('status')}"
            return Words(_("When %(it)s") % {"it": happens(event)}, _("once for each order"))
        case "subscribed":
            topic = trigger.get("topic")
            return Words(
                _("When somebody subscribes"),
                _("to ‘%(topic)s’") % {"topic": names.of("topic", topic)} if topic else "",
            )
        case "joined" | "left" as way:
            segment = names.of("segment", trigger.get("segment"))
            title = _("When they join a segment") if way == "joined" else _("When they leave a segment")
            return Words(title, f"‘{segment}’")
        case "date":
            return _date_words(trigger, names)
        case "quiet":
            what = QUIET.get(str(trigger.get("what")), "")
            return Words(
                _("When it gets quiet"),
                _("%(what)s for %(time)s") % {"what": what, "time": lasting(trigger.get("after"))},
            )
    return Words(_("When you put them in"), _("by hand or by the API"))


def trigger_icon(trigger: Any) -> str:
    """The picture of what brings people in."""
    if not isinstance(trigger, dict):
        return "touch_app"
    if trigger.get("on") == "event":
        return EVENT_ICONS.get(_one(trigger.get("event")), "bolt")
    if trigger.get("on") == "order" and trigger.get("status") == "delivered":
        return "local_shipping"
    return TRIGGER_ICONS.get(str(trigger.get("on")), "bolt")


def _date_words(trigger: Body, names: Names) -> Words:
    field, offset = names.of("attribute", trigger.get("field")), trigger.get("offset") or 0
    time = trigger.get("at", "09:00")
    if offset:
        days = ngettext("%(n)d day", "%(n)d days", abs(offset)) % {"n": abs(offset)}
        which = _("%(days)s before their %(field)s") if offset < 0 else _("%(days)s after their %(field)s")
        title = which % {"days": days, "field": field}
    else:
        title = _("On their %(field)s") % {"field": field}
    every = _("each year") if trigger.get("every", "year") == "year" else _("once")
    return Words(title[:1].upper() + title[1:], _("%(every)s, at %(time)s their time") % {"every": every, "time": time})


def step_words(body: Body, names: Names) -> Words:
    """A step; its own name, where it has one, takes the place of the title."""
    found = _step_words(body, names)
    return Words(str(body["name"]), found.second or found.title) if body.get("name") else found


def _step_words(body: Body, names: Names) -> Words:
    match body.get("type"):
        case "mail":
            return Words(names.of("template", body.get("template"), _("No template yet")), _mail_second(body))
        case "wait":
            since = _("starts again with each change") if body.get("since") == "activity" else ""
            return Words(_("Wait %(time)s") % {"time": lasting(body.get("for"))}, since)
        case "wait_time":
            return Words(_("Wait until %(time)s") % {"time": body.get("at", "?")}, days_words(body.get("days")))
        case "wait_date":
            return Words(_("Wait for a date"), _date_words({**body, "every": "once"}, names).title)
        case "wait_for":
            what = happens(body["event"]) if "event" in body else _("a rule holds")
            return Words(
                _("Wait until %(it)s") % {"it": what}, _("%(time)s at most") % {"time": lasting(body.get("most"))}
            )
        case "branch":
            return Words(_("Ask: yes or no"), rule_words(body.get("rule")))
        case "split":
            ways = [way for way in body.get("ways") or [] if isinstance(way, dict)]
            return Words(_("Split by chance"), " / ".join(f"{way.get('share')}%" for way in ways))
        case "set":
            label = names.of("attribute", body.get("attribute"))
            if body.get("value") is None:
                return Words(_("Clear ‘%(name)s’") % {"name": label})
            return Words(_("Set ‘%(name)s’") % {"name": label}, _("to ‘%(value)s’") % {"value": body["value"]})
        case "list":
            does = _("Put on ‘%(name)s’") if body.get("on", True) else _("Take off ‘%(name)s’")
            return Words(does % {"name": names.of("list", body.get("list"))})
        case "topic":
            topic = names.of("topic", body.get("topic"))
            return Words(_("Subscribe to ‘%(name)s’") % {"name": topic}, _("unless they left it"))
        case "webhook":
            return Words(_("Tell ‘%(name)s’") % {"name": names.of("endpoint", body.get("endpoint"))})
        case "notify":
            return Words(_("Tell the team"), ", ".join(str(one) for one in body.get("to") or []))
        case "exit":
            return Words(_("Leave"), reason_words(str(body.get("reason", ""))))
    return Words(_("A step nobody knows"), str(body.get("type", "")))


def titles_of(automation: Automation) -> dict[str, str]:
    """What the steps are called, by id: those of the draft, of the live version and of all before it."""
    names = Names()
    found: dict[str, str] = {}
    for definition in [*reversed([version.definition for version in automation.versions.all()]), automation.draft]:
        for item in Outline.of(definition).items.values():
            found[item.id] = step_words(item.body, names).title
    return found


def _mail_second(body: Body) -> str:
    parts = []
    window = body.get("window")
    if isinstance(window, dict):
        times = {"from": window.get("from"), "to": window.get("to")}
        theirs = window.get("zone", "person") == "person"
        parts.append((_("%(from)s to %(to)s, their time") if theirs else _("%(from)s to %(to)s, our time")) % times)
    if body.get("mode", "live") != "live":
        parts.append(_("asks before it goes out") if body["mode"] == "review" else _("draft, nothing goes out"))
    return ", ".join(parts) or _("at any time")


def way_words(kind: str, outlet: str, body: Body) -> str:
    """A way on from a fork: Yes, No, It happened, 50%."""
    if kind == "split" and outlet.startswith("way"):
        ways = body.get("ways") or []
        number = int(outlet[3:])
        share = ways[number - 1].get("share") if number <= len(ways) and isinstance(ways[number - 1], dict) else None
        return f"{share}%"
    return str(WAYS.get(outlet) or FIRST_WAYS.get(kind) or "")


def reason_words(reason: str) -> str:
    """Why somebody is held, left or failed, in words: one of ours, or the name an automation gives it, made readable."""
    if reason in HeldReason.values:
        return str(HeldReason(reason).label)
    if reason in ExitReason.values:
        return str(ExitReason(reason).label)
    if reason in FailReason.values:
        return str(FailReason(reason).label)
    return str(OWN_REASONS.get(reason) or reason.replace("_", " ").capitalize())


def rule_words(rule: Any) -> str:
    """A rule as a sentence, or what is wrong with it."""
    try:
        return sentence(parse(rule))
    except RuleError as error:
        return _("Cannot be used: %(error)s") % {"error": error.message}


def happens(event: Any) -> str:
    """What an event means, as a clause after "when"."""
    names = [event] if isinstance(event, str) else event if isinstance(event, list) and event else [""]
    return either(str(HAPPENS.get(name) or _("‘%(event)s’ is told") % {"event": name}) for name in names)


def lasting(duration: Any) -> str:
    """A length of time such as ``[4, "hours"]`` in words."""
    if not (isinstance(duration, list | tuple) and len(duration) == 2 and isinstance(duration[0], int)):
        return "?"
    count, unit = duration
    words = {
        "minutes": ngettext("%(n)d minute", "%(n)d minutes", count),
        "hours": ngettext("%(n)d hour", "%(n)d hours", count),
        "days": ngettext("%(n)d day", "%(n)d days", count),
        "weeks": ngettext("%(n)d week", "%(n)d weeks", count),
    }
    return words[unit] % {"n": count} if unit in words else "?"


def short(duration: Any) -> str:
    """A length of time where there is little room: 4 h, 2 d."""
    if not (isinstance(duration, list | tuple) and len(duration) == 2):
        return "?"
    letter = {"minutes": _("min"), "hours": _("h"), "days": _("d"), "weeks": _("wk")}.get(str(duration[1]), "")
    return f"{duration[0]} {letter}"


def weekday(number: int) -> str:
    """An ISO weekday's name; 1 is Monday."""
    return date_format(dt.date(2024, 1, number), "l")  # 1 January 2024 was a Monday.


def days_words(days: Any) -> str:
    """ISO weekdays in words; nothing when it is all of them."""
    if not isinstance(days, list) or len(set(days)) >= 7:
        return ""
    if sorted(days) == [1, 2, 3, 4, 5]:
        return _("Monday to Friday")
    return both([weekday(day) for day in sorted(days) if isinstance(day, int) and 1 <= day <= 7] or ["?"])


def _where(trigger: Body) -> str:
    key = {"subject": "", "event": _("each time"), "person": _("once for each person")}
    parts = [key.get(str(trigger.get("key", "subject")), "")]
    if trigger.get("where"):
        parts.insert(0, _("with conditions"))
    return ", ".join(part for part in parts if part)


def _one(event: Any) -> str:
    if isinstance(event, list):
        return str(event[0]) if event else ""
    return str(event)
