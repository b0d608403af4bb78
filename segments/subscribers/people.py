"""How people are listed and described: columns, filters, search hits and what is known of one person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from babel import Locale
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.dates import MONTHS
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from personalize.core import clock, permissions
from personalize.core.addresses import mask
from personalize.core.registries import ListFilter, ListView, SearchHit
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import day, face
from segments.subscribers import lists
from segments.subscribers.models import AttributeDefinition, AttributeType, Subscriber

PAGE = "subscribers"
NEW_FOR = dt.timedelta(days=7)


def address_for(reader: Any, person: Subscriber) -> str:
    """The address as ``reader`` may see it: whole, or its first letter and domain."""
    if person.email is None:
        return ""
    return person.email if permissions.allowed(reader, "people.address") else mask(person.email)


def kind_for(reader: Any) -> Lists:
    """The list of people as ``reader`` may see it; attributes are columns one may choose."""
    return Lists(
        name=PAGE,
        columns=(
            Column(
                "person",
                gettext_lazy("Person"),
                value=lambda person: address_for(reader, person),
                show=_cell_for(reader),
                sort=("first_name_folded", "last_name_folded", "email"),
            ),
            Column(
                "first_name", gettext_lazy("First name"), value=lambda person: person.first_name, only_exported=True
            ),
            Column("last_name", gettext_lazy("Last name"), value=lambda person: person.last_name, only_exported=True),
            Column(
                "city",
                gettext_lazy("Place"),
                value=_place,
                show=_place_cell,
                sort=("country", "city_folded"),
                later=True,
            ),
            Column(
                "language", gettext_lazy("Language"), value=lambda person: person.language, show=_language, later=True
            ),
            Column(
                "since",
                gettext_lazy("Known since"),
                value=lambda person: person.created_at.isoformat(),
                show=lambda person: day(person.created_at),
                sort=("created_at",),
                number=True,
                later=True,
                quiet=True,
            ),
            *_OPTIONAL,
            *(_attribute_column(definition) for definition in _readable(reader)),
        ),
        search=lambda people, words: find(reader, people, words),
        search_label=gettext_lazy("Name, address"),
        filters=(
            ListFilter("country", PAGE, gettext_lazy("Country"), _countries, _exactly("country")),
            ListFilter("language", PAGE, gettext_lazy("Language"), _languages, _exactly("language")),
            lists.filter_on_list(),
        ),
        views=(
            ListView("everyone", PAGE, gettext_lazy("Everyone"), lambda people: people),
            ListView("new", PAGE, gettext_lazy("New this week"), lambda people: people.since(clock.now() - NEW_FOR)),
        ),
        sort="-since",
    )


def find(reader: Any, people: Any, words: str) -> QuerySet[Subscriber]:
    """People by name, and by address for those who may see addresses."""
    found: QuerySet[Subscriber] = (
        people.matching(words) if permissions.allowed(reader, "people.address") else people.named(words)
    )
    return found


def hits(reader: Any, words: str, limit: int) -> list[SearchHit]:
    """People for the search field."""
    if not permissions.allowed(reader, "people.view"):
        return []
    return [
        SearchHit(person.full_name or _("No name"), address_for(reader, person), url(person))
        for person in find(reader, Subscriber.objects.present(), words).order_by("last_name_folded", "pk")[:limit]
    ]


def url(person: Subscriber) -> str:
    return reverse("subscribers:detail", args=[person.uuid])


def known(reader: Any, person: Subscriber) -> list[tuple[Any, str]]:
    """What is known of a person as (term, value); an empty value says that it is not known."""
    place = ", ".join(part for part in (person.city, country_name(person.country)) if part)
    facts: list[tuple[Any, str]] = [
        (_("Email"), address_for(reader, person)),
        (_("Called"), person.preferred_name),
        (_("Lives in"), place),
        (_("Birthday"), birthday(person)),
        (_("Language"), language_name(person.language)),
        (_("Time zone"), person.time_zone),
    ]
    may_see = permissions.allowed(reader, "people.address")
    for definition in AttributeDefinition.objects.all():
        value = person.attributes.get(definition.key)
        if value is not None and definition.sensitive and not may_see:
            value = "…"
        facts.append((definition.label, attribute_text(definition, value)))
    return facts


def _readable(reader: Any) -> list[AttributeDefinition]:
    """The attributes whose values ``reader`` may see."""
    may_see = permissions.allowed(reader, "people.address")
    return [one for one in AttributeDefinition.objects.all() if may_see or not one.sensitive]


def _attribute_column(definition: AttributeDefinition) -> Column:
    key = definition.key
    # Decimals are kept as digits and lists have no order, so that sorting by them would mislead.
    sortable = definition.type not in (AttributeType.DECIMAL, AttributeType.MULTI)
    folded = definition.type in (AttributeType.TEXT, AttributeType.ENUM)
    number = definition.type in (AttributeType.INT, AttributeType.DECIMAL)
    return Column(
        f"attribute.{key}",
        definition.label,
        value=lambda person: _plain(person.attributes.get(key)),
        show=lambda person: attribute_text(definition, person.attributes.get(key)) or "–",
        sort=(f"attributes{'_folded' if folded else ''}__{key}",) if sortable else (),
        number=number,
        later=True,
        optional=True,
        missing_last=True,
    )


def _plain(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def _optional(name: str, label: Any) -> Column:
    return Column(
        name, label, value=lambda person: getattr(person, name) or None, sort=(name,), later=True, optional=True
    )


_OPTIONAL = (
    _optional("preferred_name", gettext_lazy("Called")),
    _optional("title", gettext_lazy("Title")),
    _optional("region", gettext_lazy("Region")),
    _optional("postal_code", gettext_lazy("Postal code")),
    _optional("time_zone", gettext_lazy("Time zone")),
    Column(
        "birthday",
        gettext_lazy("Birthday"),
        value=lambda person: birthday(person) or None,
        sort=("birth_month", "birth_day"),
        later=True,
        optional=True,
        missing_last=True,
    ),
)


def country_name(code: str) -> str:
    return str(_locale().territories.get(code, code))


def language_name(tag: str) -> str:
    """The language in the reader's words: ``en-GB`` is English (GB)."""
    language, _dash, rest = tag.partition("-")
    name = str(_locale().languages.get(language, language))
    return f"{name} ({rest})" if rest else name


def _locale() -> Locale:
    return Locale.parse((get_language() or "en-gb").replace("-", "_"), sep="_")


def _cell_for(reader: Any) -> Callable[[Subscriber], SafeString]:
    def cell(person: Subscriber) -> SafeString:
        name = person.full_name
        return format_html(
            '<div class="person">{}<span class="lines cut"><a class="row-link{}" href="{}">{}</a>'
            '<span class="second cut">{}</span></span></div>',
            face(name or person.email or "", person.uuid),
            "" if name else " muted",
            url(person),
            name or _("No name"),
            address_for(reader, person),
        )

    return cell


def _place(person: Subscriber) -> str:
    return " ".join(part for part in (person.city, person.country) if part)


def _place_cell(person: Subscriber) -> SafeString | str:
    if not (person.city or person.country):
        return "–"
    return format_html('{} <span class="muted">{}</span>', person.city, person.country)


def _language(person: Subscriber) -> str:
    return language_name(person.language) or "–"


def birthday(person: Subscriber) -> str:
    """Day, month and, when it is known, year, such as 22 February 1988."""
    if person.birth_day is None or person.birth_month is None:
        return ""
    year = f" {person.birth_year}" if person.birth_year else ""
    return f"{person.birth_day} {MONTHS[person.birth_month]}{year}"


def attribute_text(definition: AttributeDefinition, value: Any) -> str:
    """A value in the reader's words; empty when it is not known."""
    if value is None:
        return ""
    match definition.type:
        case AttributeType.BOOL:
            return _("Yes") if value else _("No")
        case AttributeType.MULTI if isinstance(value, list):
            return ", ".join(map(str, value))
        case AttributeType.INT if isinstance(value, int):
            value = formats.number_format(value, force_grouping=True)
        case AttributeType.DATE if value != "…":
            return formats.date_format(dt.date.fromisoformat(value), "j M Y")
        case AttributeType.DATETIME if value != "…":
            return formats.date_format(timezone.localtime(dt.datetime.fromisoformat(value)), "j M Y, H:i")
    return f"{value} {definition.unit}".strip()


def _countries() -> list[tuple[str, str]]:
    codes = Subscriber.objects.present().exclude(country="").order_by("country").values_list("country", flat=True)
    return sorted(((code, country_name(code)) for code in codes.distinct()), key=lambda pair: pair[1])


def _languages() -> list[tuple[str, str]]:
    tags = Subscriber.objects.present().exclude(language="").order_by("language").values_list("language", flat=True)
    return sorted(((tag, language_name(tag)) for tag in tags.distinct()), key=lambda pair: pair[1])


def _exactly(name: str) -> Callable[[Any, str], Any]:
    return lambda people, value: people.filter(**{name: value})
