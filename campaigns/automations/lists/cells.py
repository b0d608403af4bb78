"""What the lists of people have in common: the person, the step, a moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.models import Enrolment
from personalize.dashboard.lists import Column
from personalize.dashboard.templatetags.dashboard import face, moment
from segments.subscribers.models import Subscriber
from segments.subscribers.people import address_for, find


def person_column(reader: Any) -> Column:
    """Name and address of the ``subscriber`` of a row, as far as the reader may see them."""
    return Column(
        "person", gettext_lazy("Person"), lambda row: address_for(reader, row.subscriber), show=partial(_person, reader)
    )


def searched_by(reader: Any) -> Callable[[QuerySet[Any], str], QuerySet[Any]]:
    """Finds rows by their person, as far as the reader may search."""
    return lambda rows, asked: rows.filter(subscriber__in=find(reader, Subscriber.objects.all(), asked))


def _person(reader: Any, row: Any) -> SafeString:
    person = row.subscriber
    address = address_for(reader, person)
    return format_html(
        '<div class="person">{}<div class="lines"><a class="row-link" href="{}">{}</a><span class="second">{}</span></div></div>',
        face(person.full_name or address, person.uuid),
        reverse("subscribers:detail", args=[person.uuid]),
        person.full_name or address or _("No name"),
        address if person.full_name else "",
    )


def at_step(titles: dict[str, str]) -> Callable[[Enrolment], Any]:
    """The step somebody is at, by its title."""
    return lambda row: format_html('<span class="cut">{}</span>', titles.get(row.step, row.step) or "–")


def moment_column(name: str, label: Any, *, quiet: bool = False) -> Column:
    """A moment of the row, sorted by it; left out on a phone."""
    return Column(
        name,
        label,
        lambda row: getattr(row, name).isoformat(),
        show=lambda row: moment(getattr(row, name)),
        sort=(name,),
        later=True,
        quiet=quiet,
    )
