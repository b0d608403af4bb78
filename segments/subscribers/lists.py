"""Static lists: made, named, filled, emptied and deleted; whoever is put on or taken off goes in one statement."""

from __future__ import annotations

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core import audit, clock, hooks, permissions, registries
from personalize.core.database import among
from personalize.core.registries import ListFilter, SearchHit
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import day
from segments.subscribers.models import ListMember, StaticList, Subscriber
from segments.subscribers.profile import clean_text
from segments.subscribers.types import Refusal


def create_list(*, name: str, actor: Any, description: str = "") -> StaticList | Refusal:
    """Make an empty list; refused without a name or with one that is taken."""
    return _save(
        StaticList(created_at=clock.now()), name=name, description=description, action="list.created", actor=actor
    )


def rename_list(*, static_list: StaticList, name: str, actor: Any, description: str = "") -> StaticList | Refusal:
    """Call a list something else; who is on it, and which segments ask for it, stays."""
    return _save(static_list, name=name, description=description, action="list.renamed", actor=actor)


def _save(row: StaticList, *, name: str, description: str, action: str, actor: Any) -> StaticList | Refusal:
    name, description = clean_text(name), clean_text(description)
    for field, text, longest in (("name", name, 120), ("description", description, 255)):
        if len(text) > longest:
            return Refusal(field, _("is longer than %d characters") % longest)
    if not name:
        return Refusal("name", _("is missing"))
    row.name, row.description = name, description
    try:
        with transaction.atomic():
            row.save()
            audit.record(actor=actor, action=action, target=row)
    except IntegrityError:
        return Refusal("name", _("is taken by another list"))
    return row


@transaction.atomic
def add_to_list(*, static_list: StaticList, people: QuerySet[Subscriber], source: str, actor: Any) -> int:
    """Put people on a list; returns how many were not on it yet. ``source`` says by what, such as ``dashboard``."""
    wanted = Subscriber.objects.present().filter(pk__in=people.order_by().values("pk")).values(who=F("pk"))
    sql, parameters = wanted.query.get_compiler(connection=connection).as_sql()
    at = connection.ops.adapt_datetimefield_value(clock.now())
    instant = "CAST(%s AS timestamptz)" if connection.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {ListMember._meta.db_table} (list_id, subscriber_id, added_at, source)
            SELECT %s, found.who, {instant}, %s FROM ({sql}) AS found WHERE true
            ON CONFLICT DO NOTHING RETURNING subscriber_id
            """,
            [static_list.pk, at, source[:80], *parameters],
        )
        added = [row[0] for row in cursor.fetchall()]
    if added:
        audit.record(actor=actor, action="list.filled", target=static_list, people=len(added), source=source)
        hooks.facts_changed(subscriber_ids=added)
    return len(added)


@transaction.atomic
def remove_from_list(*, static_list: StaticList, people: QuerySet[Subscriber], actor: Any) -> int:
    """Take people off a list; returns how many were on it."""
    members = ListMember.objects.filter(list=static_list)
    removed = list(
        members.filter(subscriber__in=people.order_by().values("pk")).values_list("subscriber_id", flat=True)
    )
    members.filter(subscriber__in=among(removed)).delete()
    if removed:
        audit.record(actor=actor, action="list.emptied", target=static_list, people=len(removed))
        hooks.facts_changed(subscriber_ids=removed)
    return len(removed)


@transaction.atomic
def delete_list(*, static_list: StaticList, actor: Any) -> Refusal | None:
    """Delete a list, not the people on it; refused while anything uses it."""
    if uses := registries.uses_of("list", static_list):
        return Refusal("name", _("is used by %s") % ", ".join(f"‘{label}’" for label, _state, _url in uses))
    audit.record(actor=actor, action="list.deleted", target=static_list, people=static_list.members.count())
    static_list.delete()
    return None


def members(static_list: StaticList) -> QuerySet[Subscriber]:
    """The people on a list, erased ones left out."""
    return Subscriber.objects.present().filter(list_memberships__list=static_list)


def url(static_list: StaticList) -> str:
    return reverse("subscribers:static_list", args=[static_list.uuid])


def hits(reader: Any, words: str, limit: int) -> list[SearchHit]:
    """Lists for the search field, by name."""
    if not permissions.allowed(reader, "people.view"):
        return []
    found = _named(StaticList.objects.all(), words)[:limit]
    return [SearchHit(row.name, row.description, url(row)) for row in found]


def all_with_sizes() -> QuerySet[StaticList]:
    """All lists with ``people``, how many are on each."""
    present = Q(members__subscriber__erased_at__isnull=True)
    return StaticList.objects.annotate(people=Count("members", filter=present))


def filter_on_list() -> ListFilter:
    """The filter of people by the lists they are on; its key is part of the addresses of lists."""
    return ListFilter("list", "subscribers", gettext_lazy("On list"), choices=_choices, narrow=_on_list, order=50)


def _choices() -> list[tuple[str, Any]]:
    return [(str(uuid), name) for uuid, name in StaticList.objects.values_list("uuid", "name")]


def _on_list(people: QuerySet[Subscriber], uuid: str) -> QuerySet[Subscriber]:
    return people.filter(pk__in=ListMember.objects.filter(list__uuid=uuid).values("subscriber"))


def _named(lists: QuerySet[StaticList], words: str) -> QuerySet[StaticList]:
    for word in words.split():
        lists = lists.filter(name__icontains=word)
    return lists


def _name(row: StaticList) -> SafeString:
    return format_html(
        '<span class="lines"><a class="row-link" href="{}">{}</a><span class="second muted">{}</span></span>',
        url(row),
        row.name,
        row.description,
    )


LISTS = Lists(
    name="lists",
    columns=(
        Column("name", gettext_lazy("List"), value=lambda row: row.name, show=_name, sort=("name",)),
        Column(
            "people",
            gettext_lazy("People"),
            value=lambda row: row.people,
            show=lambda row: intcomma(row.people),
            sort=("people",),
            number=True,
        ),
        Column(
            "made",
            gettext_lazy("Made"),
            value=lambda row: row.created_at.isoformat(),
            show=lambda row: day(row.created_at),
            sort=("created_at",),
            number=True,
            later=True,
            quiet=True,
        ),
    ),
    search=_named,
    search_label=gettext_lazy("Name"),
    sort="name",
)
