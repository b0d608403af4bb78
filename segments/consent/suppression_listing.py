"""The list of the barred: how it looks, and how one address is found in it by its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core import clock, permissions
from personalize.core.addresses import BadAddress, address_key, mask, normalise
from personalize.core.registries import ListFilter, MenuEntry
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import day, icon, state
from segments.consent.lists import BARS
from segments.consent.models import Suppression, SuppressionReason, Topic
from segments.subscribers.models import Subscriber

PAGE = "suppression"
EVERYTHING = "everything"
_TONES = {SuppressionReason.COMPLAINED: "bad", SuppressionReason.BOUNCED: "bad", SuppressionReason.MANUAL: "warn"}


def in_force() -> QuerySet[Suppression]:
    """Every bar that holds now, with the address and the page of the person where they are still known."""
    person = Subscriber.objects.present().filter(address_key=OuterRef("address_key"))
    return (
        Suppression.objects.in_force(clock.now())
        .select_related("topic")
        .annotate(address=Subquery(person.values("email")[:1]), person=Subquery(person.values("uuid")[:1]))
    )


def menu_entry() -> MenuEntry:
    """The way to the list, below the people it is about."""
    return MenuEntry(
        PAGE,
        gettext_lazy("Suppression"),
        "block",
        "suppression:list",
        "people.view",
        group=gettext_lazy("Audience"),
        order=390,
    )


def kind_for(reader: Any) -> Lists:
    """The list as ``reader`` may see it: addresses whole or masked, the way to remove a bar or not."""
    may_remove = permissions.allowed(reader, "suppression.remove")
    return Lists(
        name=PAGE,
        columns=(
            Column("address", gettext_lazy("Address"), value=lambda row: row.address_key, show=_address_for(reader)),
            Column(
                "reason",
                gettext_lazy("Reason"),
                value=lambda row: row.reason,
                show=lambda row: state(BARS[SuppressionReason(row.reason)], _TONES.get(row.reason, "")),
                sort=("reason",),
            ),
            Column("scope", gettext_lazy("Barred from"), value=scope, later=True),
            Column(
                "source", gettext_lazy("Source"), value=lambda row: row.source, sort=("source",), later=True, quiet=True
            ),
            Column(
                "since",
                gettext_lazy("Since"),
                value=lambda row: row.created_at.isoformat(),
                show=_since,
                sort=("created_at",),
                number=True,
                later=True,
                quiet=True,
            ),
            *((Column("remove", "", value=lambda row: "", show=_remove, number=True),) if may_remove else ()),
        ),
        search=find,
        search_label=gettext_lazy("A whole address"),
        filters=(
            ListFilter(
                "reason",
                PAGE,
                gettext_lazy("Reason"),
                choices=lambda: SuppressionReason.choices,
                narrow=lambda rows, value: rows.filter(reason=value),
            ),
            ListFilter("scope", PAGE, gettext_lazy("Barred from"), choices=_scopes, narrow=_of_scope),
        ),
        sort="-since",
    )


def find(rows: QuerySet[Any], words: str) -> QuerySet[Any]:
    """The bars of an address, whoever it belonged to, or of a key or its beginning."""
    try:
        return rows.filter(address_key=address_key(normalise(words)))
    except BadAddress:
        return rows.filter(address_key__startswith=words.casefold())


def scope(row: Suppression) -> str:
    return row.topic.name if row.topic else _("Everything")


def name_for(reader: Any, row: Any) -> str:
    """The address as ``reader`` may see it, or the beginning of its key when it is nobody's we know."""
    if row.address:
        return row.address if permissions.allowed(reader, "people.address") else mask(row.address)
    return _("Not known here (%(key)s…)") % {"key": row.address_key[:8]}


def _address_for(reader: Any) -> Callable[[Any], SafeString | str]:
    def cell(row: Any) -> SafeString | str:
        name = name_for(reader, row)
        if not row.person:
            return format_html('<span class="muted cut">{}</span>', name)
        return format_html(
            '<a class="row-link cut" href="{}">{}</a>', reverse("subscribers:detail", args=[row.person]), name
        )

    return cell


def _since(row: Suppression) -> str:
    if row.until is None:
        return day(row.created_at)
    return _("%(since)s, until %(until)s") % {"since": day(row.created_at), "until": day(row.until)}


def _remove(row: Suppression) -> SafeString | str:
    if row.reason == SuppressionReason.ERASED:
        return ""
    return format_html(
        '<a class="action-link" href="{}" title="{}" aria-label="{}">{}</a>',
        reverse("suppression:remove", args=[row.pk]),
        _("Remove the bar"),
        _("Remove the bar"),
        icon("close", 16),
    )


def _scopes() -> list[tuple[str, Any]]:
    return [(EVERYTHING, _("Everything")), *((f"topic:{topic.key}", topic.name) for topic in Topic.objects.all())]


def _of_scope(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    if value == EVERYTHING:
        return rows.filter(topic__isnull=True)
    return rows.filter(topic__key=value.removeprefix("topic:"))
