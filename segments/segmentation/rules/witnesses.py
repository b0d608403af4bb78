"""The very fact by which a rule is true of one person or not: the order, the event, the value on file, in words.

``witness`` is open to kinds of rules from higher apps: they register a function for their node with ``witness.register``.
What is personal beyond need is not told: addresses are masked, and of sensitive attributes only that they are there.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

from django.db.models import Aggregate, Avg, Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KT
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalize.accounts.brand import shop_currency
from personalize.core import localtime
from personalize.core.addresses import mask
from personalize.dashboard.figures import money
from segments.commerce.models import OrderLine
from segments.consent.models import Subscription, SubscriptionState
from segments.events.models import Event
from segments.segmentation.rules import anchors, orders, windows
from segments.segmentation.rules.buckets import bucket_of
from segments.segmentation.rules.events import events, figured, known
from segments.segmentation.rules.happenings import noun
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.nodes import (
    AttributeRule,
    BucketRule,
    EventRule,
    ListRule,
    NearRule,
    Node,
    OrdersRule,
    SequenceRule,
    TopicRule,
    Window,
)
from segments.segmentation.rules.words import both, field_words, value_words, window_words
from segments.subscribers.models import AttributeDefinition, ListMember, Subscriber

NAMED = 3
"""So many products, properties or values are named; of more it is said how many there are."""

_EARTH = 6371.0088
"""The mean radius of the earth in kilometres."""


@dataclass(frozen=True)
class Asked(Scope):
    """The scope of a question about one row: ``rows`` selects just that one."""

    rows: QuerySet[Any, Any] | None = None


@singledispatch
def witness(node: Node, *, person: int, scope: Scope) -> str:
    """What is known of the person (by primary key) that decides the rule, as of the scope's instant.

    Empty for groups and for segments, whose own rules are the reason. At most three queries.
    """
    return ""


# --- what is on file ----------------------------------------------------------------------------------------------------


@witness.register
def _of_attribute(rule: AttributeRule, *, person: int, scope: Scope) -> str:
    row, field = Subscriber.objects.get(pk=person), rule.field
    if field.type == "age":
        return _age(row, rule.zone, scope.as_of)
    if field.key == "email":
        return _("Their address is %(address)s") % {"address": mask(row.email or "")}
    value = getattr(row, field.column.removesuffix("_folded")) if field.column else row.attributes.get(field.key)
    if value in (None, "") or (value == [] and field.type != "multi"):
        return _not_known(field_words(field))
    if field.key == "created_at":
        return _("Added on %(day)s") % {"day": _day(value)}
    if not field.column and AttributeDefinition.objects.filter(key=field.key, sensitive=True).exists():
        return _("There is one on file; it is sensitive and not told here")
    if isinstance(value, list):
        return _("Their %(field)s: %(values)s") % {"field": field_words(field), "values": _listed(value)}
    return _("Their %(field)s is %(value)s") % {"field": field_words(field), "value": _value(value, rule)}


def _age(row: Subscriber, zone: str, as_of: dt.datetime) -> str:
    if row.birth_year is None:
        return _not_known(_("birth year"))
    today = as_of.astimezone(localtime.zone(row.time_zone, zone)).date()
    month, day = row.birth_month or 1, row.birth_day or 1
    years = today.year - row.birth_year - ((today.month, today.day) < (month, day))
    # 29 February is a date of leap years only, and birth dates are kept in parts.
    born = date_format(dt.date(2000, month, day), "j F")
    words = ngettext("%(n)d year old; born on %(day)s %(year)d", "%(n)d years old; born on %(day)s %(year)d", years)
    return words % {"n": years, "day": born, "year": row.birth_year}


def _not_known(what: str) -> str:
    return _("Not known: no %(what)s on file") % {"what": what}


def _value(value: Any, rule: AttributeRule) -> str:
    try:
        match rule.field.type:
            case "date":
                value = dt.date.fromisoformat(str(value))
            case "datetime":
                value = dt.datetime.fromisoformat(str(value))
            case "decimal":
                value = float(value)
    except ValueError:
        pass  # Kept as it is on file: that it is not of the type is the reason.
    return value_words(replace(rule, op="is", values=(value,)))


def _listed(values: Sequence[Any]) -> str:
    return both([f"‘{value}’" for value in values]) if values else _("none")


@witness.register
def _of_place(rule: NearRule, *, person: int, scope: Scope) -> str:
    row = Subscriber.objects.get(pk=person)
    if row.latitude is None or row.longitude is None:
        return _not_known(_("position"))
    away = number_format(_kilometres(rule.latitude, rule.longitude, row.latitude, row.longitude), 1)
    if not row.city:
        return _("%(km)s km away") % {"km": away}
    return _("%(km)s km away, in %(city)s") % {"km": away, "city": row.city}


def _kilometres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """The length of the great circle between two points in degrees."""
    here, there = math.radians(latitude), math.radians(other_latitude)
    across = math.radians(other_longitude - longitude)
    half = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(across / 2) ** 2
    return 2 * _EARTH * math.asin(math.sqrt(min(1.0, half)))


@witness.register
def _of_topic(rule: TopicRule, *, person: int, scope: Scope) -> str:
    found = Subscription.objects.filter(subscriber_id=person, topic__key=rule.key).first()
    if found is None:
        return _("Never asked")
    words = {
        SubscriptionState.SUBSCRIBED: _("Subscribed since %(day)s"),
        SubscriptionState.PENDING: _("Asked on %(day)s and has not confirmed yet"),
        SubscriptionState.UNSUBSCRIBED: _("Left on %(day)s"),
    }
    return words[SubscriptionState(found.state)] % {"day": _day(found.changed_at)}


@witness.register
def _of_list(rule: ListRule, *, person: int, scope: Scope) -> str:
    found = ListMember.objects.filter(subscriber_id=person, list__uuid=rule.uuid).first()
    if found is None:
        return _("Not on it")
    return _("On it since %(day)s, by %(source)s") % {"day": _day(found.added_at), "source": found.source}


@witness.register
def _of_bucket(rule: BucketRule, *, person: int, scope: Scope) -> str:
    uuid = Subscriber.objects.values_list("uuid", flat=True).get(pk=person)
    return _("Their bucket is %(number)d") % {"number": bucket_of(rule.salt, uuid)}


# --- what they bought ---------------------------------------------------------------------------------------------------


@witness.register
def _of_orders(rule: OrdersRule, *, person: int, scope: Scope) -> str:
    window = settled(rule.window, person, scope)
    if window is None:
        return no_anchor(rule.window)
    asked = replace(rule, window=window)
    rows = orders.matching(asked, scope).filter(subscriber_id=person).order_by()
    by_line = rows.model is OrderLine
    if rule.metric == "distinct":
        return _products(rows) or never(rule.window)
    placed = _placed(rows, by_line)
    number = placed.count()
    if rule.metric == "sum" and not rule.gross:
        back = orders.matching(asked, scope, refunds=True).filter(subscriber_id=person)
        returned = back.order_by().aggregate(sum=Sum("amount" if by_line else "total"))["sum"] or 0
        if number or returned:
            return _balance(number, placed, returned)
    if not number:
        return never(rule.window)
    match rule.metric:
        case "count":
            return _counted(rule, number, placed, rows if by_line else None)
        case "sum":
            return _balance(number, placed, 0)
        case "avg":
            mean = round(placed.aggregate(mean=Avg("paid"))["mean"])
            words = ngettext("%(mean)s, the only one", "%(mean)s on average of %(n)d orders", number)
            return words % {"mean": _money(mean), "n": number}
        case "min" | "max":
            one = placed.order_by("paid" if rule.metric == "min" else "-paid", "at")[0]
            words = _("The smallest was %(paid)s: %(which)s on %(day)s")
            if rule.metric == "max":
                words = _("The largest was %(paid)s: %(which)s on %(day)s")
            return words % {"paid": _money(one["paid"]), "which": one["which"], "day": _day(one["at"])}
    one = placed.order_by("at" if rule.metric == "first" else "-at", "which")[0]
    words = _("Their last order was %(ago)s: %(which)s on %(day)s")
    if rule.metric == "first":
        words = _("Their first order was %(ago)s: %(which)s on %(day)s")
    return words % {"ago": _ago(one["at"], scope.as_of), "which": one["which"], "day": _day(one["at"])}


def _placed(rows: QuerySet[Any, Any], by_line: bool) -> QuerySet[Any, Any]:
    """The orders that match: number, time, and the amount of what matches."""
    if by_line:
        rows = rows.values("order_id", which=F("order__number"), at=F("order__placed_at"))
        placed: QuerySet[Any, Any] = rows.annotate(paid=Sum("amount"))
        return placed
    return rows.values(which=F("number"), at=F("placed_at"), paid=F("total"))


def _counted(rule: OrdersRule, number: int, placed: QuerySet[Any, Any], lines: QuerySet[Any, Any] | None) -> str:
    place = _deciding(rule.op, rule.values, number)
    one = placed.order_by("at", "which")[place - 1]
    which = one["which"]
    if lines is not None:
        own = lines.filter(order_id=one["order_id"]).order_by("position").values_list("product__title", "code")
        which = _("%(products)s (%(order)s)") % {
            "products": _some([title or code for title, code in own]),
            "order": which,
        }
    if number == 1:
        return _("Only once: %(which)s on %(day)s") % {"which": which, "day": _day(one["at"])}
    return _("%(n)s orders; %(nth)s was %(which)s on %(day)s") % {
        "n": number_format(number, force_grouping=True),
        "nth": _nth(place, number),
        "which": which,
        "day": _day(one["at"]),
    }


def _balance(number: int, placed: QuerySet[Any, Any], returned: int) -> str:
    total = placed.aggregate(sum=Sum("paid"))["sum"] or 0
    words = ngettext("%(sum)s in %(n)d order", "%(sum)s in %(n)d orders", number) % {"sum": _money(total), "n": number}
    if not returned:
        return words
    return _("%(spent)s, less %(back)s given back") % {"spent": words, "back": _money(returned)}


def _products(lines: QuerySet[Any, Any]) -> str:
    """The different products of some order lines; empty where there are none."""
    found = dict(lines.values_list("code").annotate(title=Max("product__title")).order_by("code"))
    if not found:
        return ""
    words = ngettext("%(n)d product: %(names)s", "%(n)d different products: %(names)s", len(found))
    return words % {"n": len(found), "names": _some([title or code for code, title in found.items()])}


# --- what they did ------------------------------------------------------------------------------------------------------


@witness.register
def _of_events(rule: EventRule, *, person: int, scope: Scope) -> str:
    window = settled(rule.window, person, scope)
    if window is None:
        return no_anchor(rule.window)
    rows = windows.within(events(rule.happening), "occurred_at", window, scope).filter(subscriber_id=person).order_by()
    if rule.metric in ("count", "first", "last"):
        return _happened(rule, rows, scope.as_of)
    rows = rows.filter(known(rule.of, figured(rule)))
    if rule.metric == "distinct":
        shown = KT(f"properties__{rule.of.partition('.')[2]}") if rule.of.startswith("data.") else F(rule.of)
        rows = rows.annotate(witnessed=shown)
        values = [str(value) for value in rows.values_list("witnessed", flat=True).distinct().order_by("witnessed")]
        words = ngettext("%(n)d: %(values)s", "%(n)d different ones: %(values)s", len(values))
        return words % {"n": len(values), "values": _some(values)} if values else never(rule.window)
    figures: dict[str, type[Aggregate]] = {"sum": Sum, "avg": Avg, "min": Min, "max": Max}
    found = rows.annotate(witnessed=figured(rule)).aggregate(
        number=Count("pk"), figure=figures[rule.metric]("witnessed")
    )
    if not found["number"]:
        return never(rule.window)
    figure = found["figure"]
    words = {
        "sum": ngettext("%(figure)s, of one time", "%(figure)s, of %(n)d times", found["number"]),
        "avg": ngettext("%(figure)s, of one time", "%(figure)s on average of %(n)d times", found["number"]),
        "min": ngettext("%(figure)s, of one time", "The smallest of %(n)d is %(figure)s", found["number"]),
        "max": ngettext("%(figure)s, of one time", "The largest of %(n)d is %(figure)s", found["number"]),
    }[rule.metric]
    told = _money(round(figure)) if rule.of == "amount" else _plainly(figure)
    return words % {"figure": told, "n": found["number"]}


def _plainly(figure: float) -> str:
    """A number with at most four decimals, and with none where it is whole."""
    rounded = round(figure, 4)
    return number_format(int(rounded) if rounded == int(rounded) else rounded, force_grouping=True)


def _happened(rule: EventRule, rows: QuerySet[Event, Any], as_of: dt.datetime) -> str:
    number = rows.count()
    if not number:
        return never(rule.window)
    place = {"first": 1, "last": number}.get(rule.metric) or _deciding(rule.op, rule.values, number)
    one = rows.order_by("occurred_at", "pk")[place - 1]
    if number == 1:
        return _("Only once, %(ago)s: %(event)s") % {"ago": _ago(one.occurred_at, as_of), "event": _told(one)}
    return _("%(n)s times; %(nth)s %(ago)s: %(event)s") % {
        "n": number_format(number, force_grouping=True),
        "nth": _nth(place, number),
        "ago": _ago(one.occurred_at, as_of),
        "event": _told(one),
    }


@witness.register
def _of_sequence(rule: SequenceRule, *, person: int, scope: Scope) -> str:
    window = settled(rule.window, person, scope)
    if window is None:
        return no_anchor(rule.window)
    later = events(rule.then).filter(
        Q(occurred_at__gt=OuterRef("occurred_at"))
        | Q(received_at__gt=OuterRef("received_at"))
        | Q(received_at=OuterRef("received_at"), pk__gt=OuterRef("pk")),
        subscriber_id=OuterRef("subscriber_id"),
        occurred_at__gte=OuterRef("occurred_at"),
        occurred_at__lt=scope.as_of,
    )
    span = dt.timedelta(**{rule.within[1]: rule.within[0]}) if rule.within else None
    if span:
        later = later.filter(occurred_at__lt=OuterRef("occurred_at") + span)
    answer = Subquery(later.order_by("occurred_at", "received_at", "pk").values("pk")[:1])
    firsts = windows.within(events(rule.first), "occurred_at", window, scope).filter(subscriber_id=person)
    firsts = firsts.annotate(answer=answer).order_by("-occurred_at", "-pk")
    # The pair that decides stands before one that only came nearer.
    alone = Q(answer__isnull=True)
    if span and not rule.came:
        alone &= Q(occurred_at__lte=scope.as_of - span)
    decides = ~Q(answer__isnull=True) if rule.came else alone
    one: Any = firsts.filter(decides).first() or firsts.first()
    if one is None:
        return _("Never: ‘%(event)s’") % {"event": noun(rule.first.name)}
    told = {"first": noun(rule.first.name), "event": _told(one, exactly=True), "then": noun(rule.then.name)}
    if one.answer is not None:
        then = _told(Event.objects.get(pk=one.answer), exactly=True)
        return _("‘%(first)s’: %(event)s; then ‘%(then)s’: %(after)s") % {**told, "after": then}
    if span and one.occurred_at + span > scope.as_of:
        return _("‘%(first)s’: %(event)s; no ‘%(then)s’ yet, and the time for it is not over") % told
    return _("‘%(first)s’: %(event)s; no ‘%(then)s’ after it") % told


def _told(event: Event, *, exactly: bool = False) -> str:
    """An event by its day, what it is about, its worth and some of its properties."""
    day = date_format(timezone.localtime(event.occurred_at), "j F Y, H:i") if exactly else _day(event.occurred_at)
    told = [day, event.subject, _money(event.amount) if event.amount is not None else ""]
    plain = [(name, value) for name, value in event.properties.items() if isinstance(value, str | int | float)]
    told += [f"{name}: {str(value)[:60]}" for name, value in plain[:NAMED]]
    return ", ".join(filter(None, told))


# --- words --------------------------------------------------------------------------------------------------------------


def settled(window: Window, person: int, scope: Scope) -> Window | None:
    """The window with the person's own instant in place of an anchor; None where they have none."""
    anchor = window.since or window.until
    if anchor is None:
        return window
    rows = scope.rows if isinstance(scope, Asked) and scope.rows is not None else None
    if rows is None:
        rows, scope = Subscriber.objects.filter(pk=person), replace(scope, person="")
    instant = anchors.instant(anchor, scope, scope)
    at = rows.order_by().annotate(anchored_at=instant).values_list("anchored_at", flat=True).first()
    if at is None:
        return None
    return Window(start=at) if window.since else Window(end=min(at, scope.as_of))


def no_anchor(window: Window) -> str:
    """That a person has no window, for want of what it is measured from."""
    return _("Not known: there is nothing to reckon from %(window)s") % {"window": window_words(window)}


def never(window: Window) -> str:
    """That there was nothing in the window."""
    words = window_words(window)
    return _("Never %(window)s") % {"window": words} if words else _("Never")


def _deciding(op: str, values: Sequence[Any], number: int) -> int:
    """The place, from 1, of the one that made a count large enough; the last where it never was, or need not be."""
    wanted = {">": values[0] + 1, ">=": values[0], "=": values[0], "between": values[0]}.get(op, number)
    return int(wanted) if 1 <= wanted <= number else number


def _nth(place: int, number: int) -> str:
    if place == number:
        return _("the last")
    words = (_("the first"), _("the second"), _("the third"), _("the fourth"), _("the fifth"))
    return words[place - 1] if place <= len(words) else _("number %(n)d") % {"n": place}


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    if len(listed) <= NAMED:
        return ", ".join(listed)
    return _("%(names)s and %(n)d more") % {"names": ", ".join(listed[:NAMED]), "n": len(listed) - NAMED}


def _day(at: dt.datetime) -> str:
    return date_format(timezone.localtime(at), "j F Y")


def _ago(at: dt.datetime, as_of: dt.datetime) -> str:
    days = (as_of - at).days
    if not days:
        return _("less than a day ago")
    return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}


def _money(amount: int) -> str:
    return money(amount, shop_currency())
