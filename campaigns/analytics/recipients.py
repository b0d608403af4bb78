"""The people behind the figures of a report, as a list one can search, narrow and export."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import models
from django.db.models import Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from campaigns.analytics.attribution import credited_orders
from campaigns.automations import periods
from campaigns.automations.figures import mail_owners, messages
from campaigns.automations.lists.cells import person_column, searched_by
from campaigns.automations.models import Automation
from campaigns.automations.words import titles_of
from campaigns.delivery.models import Link, Message, Run
from campaigns.delivery.types import OPEN_STATES, MessageState, SkipReason
from campaigns.tracking.models import Hit
from personalize.core import clock
from personalize.core.registries import ListFilter, ListView
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import moment, state

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


def recipients(mails: QuerySet[Message]) -> QuerySet[Message]:
    """These mails with ``first_click``, the first by a person."""
    clicks = Hit.objects.clicks().by_people().filter(message=OuterRef("pk")).order_by()
    first = clicks.values("message").annotate(first=Min("at")).values("first")
    return mails.annotate(first_click=Subquery(first)).select_related("subscriber", "mailing")


def narrow(rows: QuerySet[Message], *, group: Group) -> QuerySet[Message]:
    """Those of ``rows`` whom the figure ``group`` counts."""
    orders = credited_orders().filter(subscriber=OuterRef("subscriber"), credited_message=OuterRef("pk"))
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


def people_list(reader: Any, run: Run) -> Lists:
    """The list of a run's people, with one view for each figure."""
    return _list(reader, filters=[ListFilter("link", _NAME, _("Link"), partial(_links, run), _followed)])


def automation_people_list(reader: Any, automation: Automation) -> Lists:
    """The list of an automation's mails with their people, with one view for each figure of its report."""
    owners = mail_owners(automation)
    titles = {step: title for step, title in titles_of(automation).items() if step in owners.values()}
    return _list(
        reader,
        everybody=_("Written"),
        columns=[Column("step", _("Step"), lambda mail: titles.get(owners[mail.mailing.owner], ""), later=True)],
        filters=[
            ListFilter(
                "step",
                _NAME,
                _("Step"),
                lambda: list(titles.items()),
                lambda rows, step: rows.filter(mailing__owner__in=[one for one, of in owners.items() if of == step]),
            ),
            ListFilter(
                "reason",
                _NAME,
                _("Reason"),
                lambda: _reasons(messages(list(owners))),
                lambda rows, reason: rows.filter(reason=reason),
            ),
            ListFilter(
                "period",
                _NAME,
                _("Written"),
                periods.choices,
                lambda rows, key: periods.span(key, clock.now()).of(rows, "created_at"),
            ),
        ],
    )


def _list(
    reader: Any,
    *,
    everybody: Any = Group.ALL.label,
    columns: Sequence[Column] = (),
    filters: Sequence[ListFilter],
) -> Lists:
    labels = {group: everybody if group is Group.ALL else group.label for group in Group}
    return Lists(
        name=_NAME,
        columns=(
            person_column(reader),
            *columns,
            Column("state", _("Mail"), lambda mail: mail.get_state_display(), show=_state),
            Column("reason", _("Reason"), lambda mail: reason_label(mail.reason), later=True, quiet=True),
            _moment_column("handed_at", _("Sent")),
            _moment_column("delivered_at", _("Delivered")),
            _moment_column("first_click", _("First click")),
            _moment_column("unsubscribed_at", _("Unsubscribed")),
        ),
        search=searched_by(reader),
        search_label=_("Search by name or address"),
        views=[ListView(group.value, _NAME, labels[group], partial(narrow, group=group)) for group in Group],
        filters=filters,
        export_action="people.export",
    )


def _reasons(mails: QuerySet[Message]) -> list[tuple[str, str]]:
    given = mails.filter(reason__gt="").order_by("reason").values_list("reason", flat=True).distinct()
    return [(reason, reason_label(reason)) for reason in given]


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


def _state(mail: Message) -> SafeString:
    tones = {MessageState.SENT: "good", MessageState.FAILED: "bad", MessageState.IN_DOUBT: "warn"}
    return state(mail.get_state_display(), tones.get(MessageState(mail.state), ""))
