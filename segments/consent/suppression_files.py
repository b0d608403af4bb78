"""The barred as a file: one address or key a line comes in, rows that can be read again go out."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _

from personalize.core import audit, clock
from personalize.core.addresses import BadAddress, address_key, normalise
from personalize.dashboard.lists import formula_safe
from segments.consent.models import Suppression, SuppressionReason, Topic
from segments.consent.suppression import Bar, BarCounts, bar_all
from segments.subscribers.models import Subscriber

BATCH = 2_000
FAULTS_KEPT = 100
EVERYTHING = "everything"
COLUMNS = ("address_key", "address", "reason", "scope", "source", "until")
_ADDRESS_COLUMNS = ("address", "email", "e-mail", "mail", "email_address")
_KEY = re.compile(r"[0-9a-f]{64}")
_LONGEST_SOURCE = 80
_LONGEST_LINE = 10_000

Progress = Callable[[int], None]


class Unusable(ValueError):
    """The file as a whole cannot be read; the message says why, with the line."""


@dataclass(frozen=True)
class Fault:
    """A line that was passed over, and why."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.line}: {self.message}"


@dataclass(frozen=True)
class Imported:
    """What became of a file: rows read, what they did, and what was wrong; the first hundred faults are kept."""

    rows: int = 0
    counts: BarCounts = field(default_factory=BarCounts)
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)
    dry_run: bool = False


@dataclass(frozen=True)
class Default:
    """What holds for rows that do not say it themselves."""

    reason: SuppressionReason = SuppressionReason.MANUAL
    topic: Topic | None = None
    source: str = "file"


def import_suppression(
    *, stream: IO[bytes], default: Default, actor: Any, dry_run: bool = False, progress: Progress | None = None
) -> Imported:
    """Bar every address of a file: a CSV with a header (``address`` or ``address_key``, and if it likes ``reason``,
    ``scope``, ``source``, ``until``), or just one address a line.

    Each two thousand rows commit together, and the same file again changes nothing, so an import that was broken off is
    simply repeated. Rows that cannot be read are passed over and told. ``progress`` hears how many bytes are read. Raises
    Unusable for a file that is no such list; what stood before the fault is then already in.
    """
    rows = refused = 0
    counts = BarCounts()
    faults: list[Fault] = []
    reading = read(stream, default=default)
    while some := list(islice(reading, BATCH)):
        bars = [one for one in some if isinstance(one, Bar)]
        wrong = [one for one in some if isinstance(one, Fault)]
        rows, refused = rows + len(some), refused + len(wrong)
        faults += wrong[: FAULTS_KEPT - len(faults)]
        with transaction.atomic():
            counts += bar_all(bars=bars)
            transaction.set_rollback(dry_run)
        if progress:
            progress(stream.tell())
    if rows == 0:
        raise Unusable(_("The file is empty."))
    if not dry_run:
        audit.record(
            actor=actor, action="suppression.imported", added=counts.added, strengthened=counts.strengthened, rows=rows
        )
    return Imported(rows, counts, refused, faults, dry_run)


def read(stream: IO[bytes], *, default: Default) -> Iterator[Bar | Fault]:
    """The rows of a file one by one; raises Unusable where it stops being a table."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    first = text.readline(_LONGEST_LINE)
    if len(first) == _LONGEST_LINE:
        raise Unusable(_("Line 1 is too long for a list of addresses."))
    delimiter = max(",;\t", key=first.count)
    header = [cell.strip().strip('"').casefold() for cell in first.split(delimiter)]
    named = "address_key" in header or any(name in header for name in _ADDRESS_COLUMNS)
    if not named:
        header = ["address_key" if _KEY.fullmatch(header[0]) else "address"]
        text.seek(0)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    topics = {topic.key: topic.pk for topic in Topic.objects.all()}
    skipped = 1 if named else 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                yield _bar(row, reader.line_num + skipped, default, topics)
    except csv.Error as error:
        raise Unusable(_("Line %(line)d: %(error)s") % {"line": reader.line_num + skipped, "error": error}) from error
    finally:
        # The caller's stream stays open.
        text.detach()


def _bar(row: dict[str, str], line: int, default: Default, topics: dict[str, int]) -> Bar | Fault:
    try:
        key = _key(row)
        reason = SuppressionReason(row.get("reason") or default.reason)
        topic_id = _topic(row.get("scope", ""), default, topics)
        until = _until(row.get("until", ""))
    except BadAddress as error:
        return Fault(line, str(error))
    except ValueError as error:
        known = ", ".join(SuppressionReason.values)
        return Fault(line, str(error) if isinstance(error, _Wrong) else _("The reason is one of: %s.") % known)
    if reason == SuppressionReason.ERASED and not row.get("address_key"):
        return Fault(line, _("Who was erased is known by key alone; there is no address to name."))
    return Bar(key, reason, (row.get("source") or default.source)[:_LONGEST_SOURCE], topic_id, until)


class _Wrong(ValueError):
    """A value that cannot be used; the message says why."""


def _key(row: dict[str, str]) -> str:
    key = row.get("address_key", "").casefold()
    if _KEY.fullmatch(key):
        return key
    address = next((row[name] for name in _ADDRESS_COLUMNS if row.get(name)), "")
    if key and not address:
        raise _Wrong(_("An address key has 64 digits and letters from a to f."))
    return address_key(normalise(address))


def _topic(scope: str, default: Default, topics: dict[str, int]) -> int | None:
    if not scope:
        return default.topic.pk if default.topic else None
    if scope == EVERYTHING:
        return None
    if scope not in topics:
        raise _Wrong(_("There is no topic “%s”.") % scope[:40])
    return topics[scope]


def _until(text: str) -> dt.datetime | None:
    if not text:
        return None
    try:
        until = parse_datetime(text)
    except ValueError:
        until = None
    if until is None:
        raise _Wrong(_("“until” is a date and time such as 2027-01-31T00:00:00Z."))
    until = make_aware(until, dt.UTC) if is_naive(until) else until
    if until <= clock.now():
        raise _Wrong(_("This bar is already over."))
    return until


def export_csv(*, addresses: bool) -> Iterator[str]:
    """A header and every bar in force, line by line as ``import_suppression`` reads them.

    ``addresses`` adds the address where the person is still known.
    """
    columns = [name for name in COLUMNS if addresses or name != "address"]
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    writer.writerow(columns)
    known = Subscriber.objects.present().filter(address_key=OuterRef("address_key")).values("email")[:1]
    rows: QuerySet[Any] = Suppression.objects.in_force(clock.now()).select_related("topic").order_by("pk")
    for row in rows.annotate(address=Subquery(known)).iterator(chunk_size=BATCH):
        yield line.getvalue()
        line.seek(0)
        line.truncate()
        values = {
            "address_key": row.address_key,
            "address": row.address or "",
            "reason": row.reason,
            "scope": row.topic.key if row.topic else EVERYTHING,
            "source": formula_safe(row.source),
            "until": row.until.isoformat() if row.until else "",
        }
        writer.writerow(values[name] for name in columns)
    yield line.getvalue()
