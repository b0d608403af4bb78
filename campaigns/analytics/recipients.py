"""The people behind the figures of a report, as a list one can search, narrow and export."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import models
from django.db.models import Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from campaigns.analytics.attribution import credited_orders
from campaigns.delivery.models import Link, Message, Run
from campaigns.delivery.types import OPEN_STATES, MessageState, SkipReason
from campaigns.tracking.models import Hit
from personalize.core.registries import ListFilter, ListView
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import face, moment, state
from segments.subscribers.models import Subscriber

_NAME = "recipients"


class Group(models.TextChoices):
    """The people a figure counts."""

    ALL = "all", _("Audience")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    CLICKED = "clicked", _("Clicked")
    ORDERED = "ordered", _("Ordered")
    LEFT_OUT = "left-out", _("Left out")
    BOUNCED = "bounced", _("Bounced")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    COMPLAINED = "complained", _("Marked as spam")


def recipients(run: Run) -> QuerySet[Message]:
    """The messages of ``run`` with ``first_click``, the first by a person."""
    clicks = Hit.objects.clicks().by_people().filter(message=OuterRef("pk")).order_by()
    first = clicks.values("message").annotate(first=Min("at")).values("first")
    return Message.objects.filter(run=run).annotate(first_click=Subquery(first)).select_related("subscriber")


def narrow(rows: QuerySet[Message], *, run: Run, group: Group) -> QuerySet[Message]:
    """Those of ``rows`` whom the figure ``group`` counts."""
    orders = credited_orders().filter(subscriber=OuterRef("subscriber"), credited_run=run.pk)
    chosen = {
        Group.ALL: Q(),
        Group.SENT: Q(state=MessageState.SENT),
        Group.DELIVERED: Q(delivered_at__isnull=False),
        Group.CLICKED: Exists(Hit.objects.clicks().by_people().filter(message=OuterRef("pk"))),
        Group.ORDERED: Exists(orders),
        Group.LEFT_OUT: ~Q(state__in=[MessageState.SENT, MessageState.IN_DOUBT, *OPEN_STATES]),
        Group.BOUNCED: Q(bounced_at__isnull=False),
        Group.UNSUBSCRIBED: Q(unsubscribed_at__isnull=False),
        Group.COMPLAINED: Q(complained_at__isnull=False),
    }
    return rows.filter(chosen[group])


def people_list(run: Run) -> Lists:
    """The list of a run's people, with one view for each figure."""
    return Lists(
        name=_NAME,
        columns=(
            Column("person", _("Person"), lambda mail: mail.subscriber.email, show=_person),
            Column("state", _("Mail"), lambda mail: mail.get_state_display(), show=_state),
            Column("reason", _("Reason"), lambda mail: reason_label(mail.reason), later=True, quiet=True),
            _moment_column("handed_at", _("Sent")),
            _moment_column("delivered_at", _("Delivered")),
            _moment_column("first_click", _("First click")),
            _moment_column("unsubscribed_at", _("Unsubscribed")),
        ),
        search=lambda rows, words: rows.filter(subscriber__in=Subscriber.objects.matching(words)),
        search_label=_("Search by name or address"),
        views=[ListView(group.value, _NAME, group.label, partial(narrow, run=run, group=group)) for group in Group],
        filters=[ListFilter("link", _NAME, _("Link"), partial(_links, run), _followed)],
        export_action="people.export",
    )


def _links(run: Run) -> list[tuple[str, str]]:
    followed = Link.objects.filter(hits__message__run=run).order_by("label", "number")
    return list(dict(followed.values_list("key", "label")).items())


def _followed(rows: QuerySet[Message], key: str) -> QuerySet[Message]:
    clicks = Hit.objects.clicks().by_people().filter(message=OuterRef("pk"), link__key=key)
    return rows.filter(Exists(clicks))


def reason_label(code: str) -> str:
    """The sentence for a reason; a reason of a mail server is shown as it is."""
    return str(SkipReason(code).label) if code in SkipReason.values else code


def _moment_column(name: str, label: Any) -> Column:
    return Column(
        name,
        label,
        lambda mail: getattr(mail, name),
        show=lambda mail: moment(getattr(mail, name)),
        later=True,
        quiet=True,
    )


def _person(mail: Message) -> SafeString:
    person = mail.subscriber
    return format_html(
        '<div class="person">{}<div class="lines"><a class="row-link" href="{}">{}</a><span class="second">{}</span></div></div>',
        face(person, person.uuid),
        reverse("subscribers:detail", args=[person.uuid]),
        person,
        person.email if person.full_name and person.email else "",
    )


def _state(mail: Message) -> SafeString:
    tones = {MessageState.SENT: "good", MessageState.FAILED: "bad", MessageState.IN_DOUBT: "warn"}
    return state(mail.get_state_display(), tones.get(MessageState(mail.state), ""))
