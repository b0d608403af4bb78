"""How imports are listed and searched."""

from __future__ import annotations

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core.registries import ListFilter, ListView
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import count, moment, state
from segments.transfer.models import Import, ImportKind, ImportState
from segments.transfer.progress import TONES, UNDER_WAY, progress_of, state_words

PAGE = "imports"
NEW_IN_CHOICES = 20


def url(job: Import) -> str:
    return reverse("transfer:detail", args=[job.uuid])


def _name(job: Import) -> SafeString:
    return format_html(
        '<span class="lines"><a class="row-link cut" href="{}">{}</a><br><span class="second muted size-12">{}</span></span>',
        url(job),
        job.name,
        _("%(kind)s from %(source)s") % {"kind": ImportKind(job.kind).label, "source": job.source},
    )


def state_cell(job: Import) -> SafeString:
    """Dot and word, and how far it is while it runs."""
    word = state_words(job)
    if job.state not in UNDER_WAY or job.started_at is None:
        return state(word, TONES.get(ImportState(job.state), ""))
    return state(f"{word}, {progress_of(job).percent}%", "good")


def _rows(job: Import) -> str:
    return "–" if job.total is None else intcomma(job.total)


def _in_state(*states: ImportState) -> Any:
    return lambda imports: imports.filter(state__in=states)


def _named(imports: QuerySet[Import], words: str) -> QuerySet[Import]:
    for word in words.split():
        imports = imports.filter(name__icontains=word)
    return imports


IMPORTS = Lists(
    name=PAGE,
    columns=(
        Column("name", gettext_lazy("File"), value=lambda job: job.name, show=_name, sort=("name",)),
        Column("state", gettext_lazy("State"), value=lambda job: job.state, show=state_cell),
        Column("rows", gettext_lazy("Rows"), value=lambda job: job.total, show=_rows, number=True, later=True),
        Column(
            "rejected",
            gettext_lazy("Rejected"),
            value=lambda job: job.rejected,
            show=lambda job: count(job.rejected, f"{url(job)}#rejected"),
            number=True,
            later=True,
        ),
        Column("actor", gettext_lazy("By"), value=lambda job: job.actor, later=True),
        Column(
            "when",
            gettext_lazy("When"),
            value=lambda job: job.created_at.isoformat(),
            show=lambda job: moment(job.created_at),
            sort=("created_at",),
            number=True,
            later=True,
            quiet=True,
        ),
    ),
    search=_named,
    search_label=gettext_lazy("File name"),
    filters=(
        ListFilter(
            "kind",
            PAGE,
            gettext_lazy("What is in it"),
            lambda: ImportKind.choices,
            lambda imports, kind: imports.filter(kind=kind),
        ),
    ),
    views=(
        ListView("all", PAGE, gettext_lazy("All"), lambda imports: imports),
        ListView(
            "open",
            PAGE,
            gettext_lazy("Under way"),
            _in_state(ImportState.READY, ImportState.RUNNING),
        ),
        ListView(
            "waiting",
            PAGE,
            gettext_lazy("Waits for you"),
            _in_state(ImportState.UPLOADED, ImportState.PAUSED, ImportState.HELD, ImportState.FAILED),
        ),
        ListView("over", PAGE, gettext_lazy("Over"), _in_state(ImportState.FINISHED, ImportState.CANCELLED)),
    ),
    sort="-when",
)


def new_in() -> ListFilter:
    """On the list of people: who was first known while an import ran."""
    return ListFilter("new_in", "subscribers", gettext_lazy("New during import"), _lately, _new_in, order=60)


def _lately() -> list[tuple[str, Any]]:
    begun = Import.objects.filter(kind=ImportKind.SUBSCRIBERS, dry_run=False, started_at__isnull=False)
    return [(str(job.uuid), job.name) for job in begun.order_by("-created_at")[:NEW_IN_CHOICES]]


def _new_in(people: Any, value: str) -> Any:
    job = Import.objects.get(uuid=value)  # One of the choices, so it is there.
    people = people.filter(created_at__gte=job.started_at)
    return people.filter(created_at__lte=job.finished_at) if job.finished_at else people
