"""What imports and exports bring to the frame and to other apps' pages: entries, buttons, and what runs on Home."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from personalize.accounts.models import AuditEntry, User
from personalize.core import clock, permissions
from personalize.core.registries import (
    BulkAction,
    MenuEntry,
    PageAction,
    Panel,
    actions,
    bulk_actions,
    creations,
    list_filters,
    menu,
    panels,
)
from segments.transfer import listing
from segments.transfer.models import Import, ImportState
from segments.transfer.progress import progress_of, state_words

TOLD_FOR = dt.timedelta(days=7)


def register() -> None:
    """Fill the registries."""
    _register_imports()
    _register_exports()


def _register_imports() -> None:
    allowed_to = "people.import"
    menu.add(
        MenuEntry(
            "imports",
            _("Imports"),
            "upload_file",
            "transfer:list",
            allowed_to,
            group=_("Audience"),
            order=390,
            count=_open,
        )
    )
    creations.add(MenuEntry("import", _("Import"), "upload_file", "transfer:new", allowed_to, order=60))
    actions.add(
        PageAction(
            "import",
            "subscribers",
            lambda _page: _("Import"),
            "upload",
            lambda _page: reverse("transfer:new"),
            allowed_to,
            order=10,
        )
    )
    list_filters.add(listing.new_in())
    panels.add(Panel("imports", "home.main", "transfer/_running.html", _running, order=30))


def _register_exports() -> None:
    export = "people.export"
    actions.add(
        PageAction(
            "export", "subscribers.list", lambda _list: _("Export"), "download", _export_of_list, export, order=20
        )
    )
    actions.add(
        PageAction(
            "export.segment",
            "segment",
            lambda _segment: _("Export"),
            "download",
            lambda segment: reverse("transfer:export_segment", args=[segment.uuid]),
            export,
            order=20,
        )
    )
    actions.add(
        PageAction(
            "export.static_list",
            "static_list",
            lambda _list: _("Export"),
            "download",
            lambda found: reverse("transfer:export_static_list", args=[found.uuid]),
            export,
            order=20,
        )
    )
    bulk_actions.add(
        BulkAction(
            "export",
            "subscribers",
            _("Export"),
            "download",
            lambda _request: reverse("transfer:export_selected"),
            export,
            order=30,
        )
    )
    panels.add(Panel("exports", "home.side", "transfer/_taken_out.html", _taken_out, order=30))


def _export_of_list(page: Any) -> str | None:
    """Where the people of the list in hand are exported, with its search, filters and order; None while it is empty."""
    if not page.count:
        return None
    query = page.request.GET.copy()
    for name in ("page", "size"):
        query.pop(name, None)
    return f"{reverse('transfer:export')}?{query.urlencode()}"


def _taken_out(request: HttpRequest, _target: object) -> dict[str, Any] | None:
    """What colleagues took out within the last days, told to everybody who might have done it themselves."""
    if not permissions.allowed(request.user, "people.export"):
        return None
    since = clock.now() - TOLD_FOR
    found = AuditEntry.objects.filter(action="people.export", details__has_key="people", at__gte=since).exclude(
        user=cast(User, request.user)
    )
    entries = list(found.order_by("-at")[:3])
    return {"entries": entries} if entries else None


def _under_way() -> Any:
    return Import.objects.filter(
        state__in=[ImportState.READY, ImportState.RUNNING, ImportState.PAUSED, ImportState.HELD, ImportState.FAILED]
    )


def _open() -> int | None:
    return _under_way().count() or None


def _running(request: HttpRequest, _target: object) -> dict[str, Any] | None:
    """Imports that run, and those that wait for a decision."""
    if not permissions.allowed(request.user, "people.import"):
        return None
    jobs = [(job, progress_of(job), state_words(job), listing.url(job)) for job in _under_way()[:5]]
    return {"jobs": jobs} if jobs else None
