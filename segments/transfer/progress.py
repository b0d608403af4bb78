"""How far an import is, and what it did, in words and figures for people."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from personalize.core import clock
from segments.transfer.models import Import, ImportKind, ImportState

HEADER = "header"
"""The option of an import that names the file's columns, for the rows it rejected to be handed out with."""

UNDER_WAY = (ImportState.READY, ImportState.RUNNING)
OVER = (ImportState.FINISHED, ImportState.CANCELLED)

TONES = {
    ImportState.RUNNING: "good",
    ImportState.READY: "info",
    ImportState.PAUSED: "warn",
    ImportState.HELD: "warn",
    ImportState.FAILED: "bad",
}

# What each figure of an import means, in the order in which it is told: its label and the quiet words after it.
_FIGURES: dict[str, tuple[Any, Any]] = {
    "created": (gettext_lazy("New"), ""),
    "updated": (gettext_lazy("Changed"), ""),
    "unchanged": (gettext_lazy("Unchanged"), gettext_lazy("they are already as the file says")),
    "orders_created": (gettext_lazy("New orders"), ""),
    "orders_updated": (gettext_lazy("Changed orders"), ""),
    "orders_unchanged": (gettext_lazy("Unchanged orders"), ""),
    "refunds_created": (gettext_lazy("New refunds"), ""),
    "refunds_updated": (gettext_lazy("Changed refunds"), ""),
    "refunds_unchanged": (gettext_lazy("Unchanged refunds"), ""),
    "unknown_customers": (
        gettext_lazy("Of customers nobody knows"),
        gettext_lazy("stored without a person; import the people and then this file again"),
    ),
    "subscribed": (gettext_lazy("Join the topic"), ""),
    "pending": (
        gettext_lazy("Wait for confirmation"),
        gettext_lazy("no ground was declared, or the topic asks for it"),
    ),
    "already_subscribed": (gettext_lazy("Follow the topic already"), ""),
    "kept_out": (
        gettext_lazy("Kept suppressed"),
        gettext_lazy("they left, complained or bounced; no import brings them back"),
    ),
    "erased": (gettext_lazy("Erased before"), gettext_lazy("known by the hash of their address alone, and left out")),
    "quarantined": (
        gettext_lazy("Values put aside"),
        gettext_lazy("they do not fit their field; the rest of the row is taken"),
    ),
    "superseded": (gettext_lazy("Said twice"), gettext_lazy("the last row of the file counts")),
}


@dataclass(frozen=True)
class Figure:
    """One line of what an import did or would do."""

    key: str
    label: Any
    number: int
    note: Any = ""
    url: str = ""


@dataclass(frozen=True)
class Progress:
    """``rate`` in rows a second since it began, ``left`` in words; both empty while nothing moves."""

    done: int
    total: int
    rate: float = 0.0
    left: str = ""

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done // self.total) if self.total else 0


def progress_of(job: Import) -> Progress:
    """How many rows are dealt with, how fast, and how long the rest takes."""
    done, total = job.cursor, job.total or 0
    if job.state not in UNDER_WAY or job.started_at is None or not done:
        return Progress(done, total)
    rate = done / max(0.1, (clock.now() - job.started_at).total_seconds())
    return Progress(done, total, rate, in_words(dt.timedelta(seconds=max(0, total - done) / rate)))


def in_words(left: dt.timedelta) -> str:
    """A time that is left, as roughly as it is known."""
    seconds = round(left.total_seconds())
    if seconds < 60:
        return ngettext("about %(n)d second left", "about %(n)d seconds left", seconds) % {"n": seconds}
    minutes = round(seconds / 60)
    if minutes < 60:
        return ngettext("about %(n)d minute left", "about %(n)d minutes left", minutes) % {"n": minutes}
    hours = round(minutes / 60)
    return ngettext("about %(n)d hour left", "about %(n)d hours left", hours) % {"n": hours}


def figures_of(job: Import) -> list[Figure]:
    """What the import did, or in a check would do; figures of nothing are left out, save how much is new."""
    known = [
        key for key in _FIGURES if job.counts.get(key) or (key in ("created", "orders_created") and key in job.counts)
    ]
    unknown = [key for key in job.counts if key not in _FIGURES and job.counts[key]]
    return [_figure(job, key) for key in [*known, *unknown]]


def _figure(job: Import, key: str) -> Figure:
    label, note = _FIGURES.get(key, (key.replace("_", " ").capitalize(), ""))
    url = "" if job.dry_run or job.kind != ImportKind.SUBSCRIBERS else _people_or_values(job, key)
    return Figure(key, label, job.counts[key], note, url)


def _people_or_values(job: Import, key: str) -> str:
    """Where the people or values stand that a figure counts; empty where no page can tell them apart."""
    if key == "created":
        return f"{reverse('subscribers:list')}?new_in={job.uuid}"
    if key == "quarantined" and job.started_at:
        span = {"source": job.source, "since": job.started_at.isoformat()}
        span |= {"until": job.finished_at.isoformat()} if job.finished_at else {}
        return f"{reverse('subscribers:quarantine')}?{urlencode(span)}"
    return ""


def taken(job: Import) -> int:
    """How many people, products, orders or events the file would leave stored as it says."""
    return sum(
        number for key, number in job.counts.items() if key.rpartition("_")[2] in ("created", "updated", "unchanged")
    )


def things(kind: str, number: int) -> str:
    """``12,480 people``, ``1 order``: so many of what the import brings."""
    words = {
        ImportKind.SUBSCRIBERS: ngettext("%(n)s person", "%(n)s people", number),
        ImportKind.PRODUCTS: ngettext("%(n)s product", "%(n)s products", number),
        ImportKind.ORDERS: ngettext("%(n)s order", "%(n)s orders", number),
        ImportKind.EVENTS: ngettext("%(n)s event", "%(n)s events", number),
    }
    return words[ImportKind(kind)] % {"n": intcomma(number)}


def state_words(job: Import) -> str:
    """The state as people say it; a check is not an import yet."""
    if job.state == ImportState.UPLOADED:
        return _("Checked") if job.dry_run else _("Needs its columns")
    if job.state in UNDER_WAY and job.started_at is not None:
        # Between two turns it is ready again, for the next worker to take.
        return _("Being checked") if job.dry_run else _("Running")
    return str(ImportState(job.state).label)
