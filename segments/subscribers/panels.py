"""What people, lists and attributes bring to the frame: lines of the menu, buttons, and what selected people can be used for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from personalize.core import registries
from personalize.core.registries import BulkAction, MenuEntry, PageAction, Panel
from segments.subscribers import lists
from segments.subscribers.models import ListMember, StaticList, Subscriber
from segments.subscribers.people import PAGE


def register() -> None:
    """Put everything in its place; called once when the app is ready."""
    audience = _("Audience")
    registries.menu.add(
        MenuEntry(
            "lists",
            _("Lists"),
            "list_alt",
            "subscribers:static_lists",
            "people.view",
            group=audience,
            order=320,
            count=StaticList.objects.count,
        )
    )
    registries.menu.add(
        MenuEntry(
            "attributes",
            _("Attributes"),
            "data_object",
            "subscribers:attributes",
            "people.view",
            group=audience,
            order=340,
        )
    )
    registries.creations.add(
        MenuEntry("subscriber", _("Subscriber"), "person_add", "subscribers:new", "people.edit", order=30)
    )
    registries.creations.add(
        MenuEntry("list", _("List"), "list_alt", "subscribers:static_list_new", "audience.edit", order=40)
    )
    registries.actions.add(
        PageAction(
            "add",
            "subscribers",
            lambda _target: _("Add a subscriber"),
            "person_add",
            lambda _target: reverse("subscribers:new"),
            "people.edit",
            order=900,
        )
    )
    registries.bulk_actions.add(
        BulkAction(
            "add_to_list",
            PAGE,
            _("Add to list"),
            "playlist_add",
            lambda _request: reverse("subscribers:add_selected"),
            "audience.edit",
            order=10,
        )
    )
    registries.bulk_actions.add(
        BulkAction(
            "remove_from_list",
            PAGE,
            _("Remove from this list"),
            "playlist_remove",
            _remove_url,
            "audience.edit",
            order=20,
        )
    )
    registries.panels.add(Panel("lists", "subscriber.profile", "subscribers/_lists.html", _lists_of, order=20))


def _remove_url(request: HttpRequest) -> str | None:
    """Only on the page of a list is there one to remove people from."""
    here = request.resolver_match
    on_list = here is not None and here.view_name == "subscribers:static_list"
    return reverse("subscribers:remove_selected") if on_list else None


def _lists_of(_request: HttpRequest, person: Subscriber) -> dict[str, Any] | None:
    found = ListMember.objects.filter(subscriber=person).select_related("list").order_by("list__name")
    rows = [(member, lists.url(member.list)) for member in found]
    return {"memberships": rows} if rows else None
