"""The instants of people's own that are known here: ``"last_order"``, ``{"topic": "news"}`` and ``{"attr": "contract_start"}``.

The last order is the last that was not cancelled; a topic's is when the subscription that stands began; a date on file begins
at midnight by the person's clock.
"""

from __future__ import annotations

from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext as _

from segments.commerce.models import Order, OrderStatus
from segments.consent.models import Subscription, SubscriptionState
from segments.segmentation.rules.anchors import AnchorKind, Instant
from segments.segmentation.rules.instants import Midnight, Moment
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.nodes import Anchor
from segments.segmentation.rules.reading import RuleError
from segments.segmentation.rules.vocabulary import Vocabulary


def parse_alone(kind: str, of: str, path: str) -> Anchor:
    """Read a kind of anchor of which a person has one; raises RuleError where one is named nevertheless."""
    if of:
        raise RuleError(path, _("There is only one ‘%(kind)s’: it is written alone.") % {"kind": kind})
    return Anchor(kind)


def parse_named(kind: str, of: str, path: str) -> None:
    """Refuse a kind of anchor of which a person has many where none is named; raises RuleError."""
    if not of:
        raise RuleError(path, _("Which ‘%(kind)s’ is meant? Expected an object with that key.") % {"kind": kind})


def _last_order(anchor: Anchor, rows: Scope, asked: Scope) -> Instant:
    orders = Order.objects.filter(subscriber=OuterRef(rows.person_id), placed_at__lt=rows.as_of)
    orders = orders.exclude(status=OrderStatus.CANCELLED).order_by("-placed_at")
    return Subquery(orders.values("placed_at")[:1])


def _parse_topic(of: str, path: str, vocabulary: Vocabulary) -> Anchor:
    parse_named("topic", of, path)
    if of not in vocabulary.topics:
        raise RuleError(path, _("There is no topic ‘%(key)s’.") % {"key": of})
    return Anchor("topic", of, vocabulary.topics[of])


def _subscribed(anchor: Anchor, rows: Scope, asked: Scope) -> Instant:
    subscriptions = Subscription.objects.filter(
        subscriber=OuterRef(rows.person_id), topic__key=anchor.of, state=SubscriptionState.SUBSCRIBED
    )
    return Subquery(subscriptions.values("changed_at")[:1])


def _parse_date(of: str, path: str, vocabulary: Vocabulary) -> Anchor:
    parse_named("attr", of, path)
    field = vocabulary.fields.get(of)
    if field is None:
        raise RuleError(path, _("There is no field ‘%(key)s’.") % {"key": of})
    if field.type not in ("date", "datetime"):
        raise RuleError(path, _("‘%(key)s’ is no date.") % {"key": of})
    return Anchor("attr", of, field.label, field, vocabulary.zone() if field.type == "date" else "UTC")


def _date(anchor: Anchor, rows: Scope, asked: Scope) -> Instant:
    field = anchor.field
    if field is None:
        raise TypeError("An anchor of a date on file carries its field.")
    if field.column:
        return F(rows.path(field.column))
    if field.type == "datetime":
        return Moment(rows.path("attributes"), field.key)
    return Midnight(rows.path("attributes"), field.key, rows.path("time_zone"), anchor.zone)


def _date_words(anchor: Anchor) -> str:
    return _("they were added") if anchor.of == "created_at" else _("their %(field)s") % {"field": anchor.label}


KINDS = (
    AnchorKind(
        "last_order",
        lambda of, path, vocabulary: parse_alone("last_order", of, path),
        _last_order,
        lambda anchor: _("their last order"),
    ),
    AnchorKind(
        "topic",
        _parse_topic,
        _subscribed,
        lambda anchor: _("they subscribed to %(topic)s") % {"topic": anchor.label},
    ),
    AnchorKind("attr", _parse_date, _date, _date_words),
)
