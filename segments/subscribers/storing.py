"""Storing many people at once: checked rows are staged in the database and become people by a few statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from segments.subscribers import misfits
from segments.subscribers import policies as policing
from segments.subscribers.checking import Checked, Wanted
from segments.subscribers.stage import Draft, Stage
from segments.subscribers.types import Refusal, RefusedRow, UpsertResult

SLICE = 20_000
"""Rows staged at once: an index page is then written once for many, and the memory stays small."""


@dataclass(frozen=True)
class Slice:
    """Rows about different people; ``draft`` is missing where policies must see people before rows are written down."""

    rows: Sequence[Wanted]
    draft: Draft | None


@dataclass(frozen=True)
class Ready:
    """Checked rows with the policies they come under: the last row about each person, by slices, ready for the database."""

    checked: Checked
    policies: Mapping[str, str]
    slices: Sequence[Slice]


def make_ready(checked: Checked, policies: Mapping[str, str]) -> Ready:
    """Do all that needs no database, so that a thread may do it while the database works."""
    people = list({row.key: row for row in checked.good}.values())
    slices = [people[start : start + SLICE] for start in range(0, len(people), SLICE)]
    later = policing.have_a_say(policies, checked.known)
    return Ready(checked, policies, [Slice(rows, None if later else Draft.of(rows)) for rows in slices])


class Upsert:
    """One call: what it was given and what it did so far. Use it within a transaction."""

    def __init__(self, ready: Ready, *, source: str, at: dt.datetime) -> None:
        self.ready, self.checked, self.source, self.at = ready, ready.checked, source, at
        self.ids: dict[str, int] = {}
        self.created: set[int] = set()
        self.updated: set[int] = set()
        self.erased = self.quarantined = 0
        self.refused = list(self.checked.refused)

    def run(self) -> UpsertResult:
        """Store the last row about each person."""
        good = self.checked.good
        for slice in self.ready.slices:
            if slice.draft is not None:
                self._store(slice.rows, slice.draft)
            else:
                rows = self._without(slice.rows, policing.narrow(slice.rows, self.ready.policies))
                self._store(rows, Draft.of(rows))
        found: list[int | None] = [None] * len(self.checked.rows)
        for row in good:
            found[row.index] = self.ids.get(row.key)
        return UpsertResult(
            created=len(self.created),
            updated=len(self.updated),
            unchanged=len(self.ids) - len(self.created) - len(self.updated),
            erased=self.erased,
            superseded=len(good) - sum(len(slice.rows) for slice in self.ready.slices),
            refused=sorted(self.refused, key=lambda row: row.index),
            ids=found,
            quarantined=self.quarantined,
        )

    def _store(self, rows: Sequence[Wanted], draft: Draft) -> None:
        """Store rows about different people with a fixed number of statements."""
        stage = Stage(draft)
        if any(row.external_id for row in rows):
            foreign = list(_foreign(rows, stage.owners(self.source)))
            stage.drop(row.index for row, _refusal in foreign)
            rows = self._without(rows, foreign)
        known = stage.known()
        made = stage.create(self.at, beside=bool(known)) if len(known) < len(rows) else {}
        if len(known) + len(made) < len(rows):
            # Somebody else created the rest between our look and our write, so that they are known by now.
            known = [found for found in stage.known() if found[0] not in made]
        erased = sum(gone for _key, _person, gone in known)
        ids = made | {key: person for key, person, gone in known if not gone}
        updated: set[int] = set()
        if len(known) > erased:
            updated |= stage.change(self.at)
        if "external_id" in stage.used:
            updated |= stage.link(self.source)
        self.quarantined += misfits.settle(
            [(ids[row.key], row) for row in rows if row.key in ids],
            checked=self.checked,
            source=self.source,
            at=self.at,
        )
        self.erased += erased
        self.ids |= ids
        self.created.update(made.values())
        self.updated |= updated - self.created

    def _without(self, rows: Sequence[Wanted], refused: Iterable[tuple[Wanted, Refusal]]) -> Sequence[Wanted]:
        """The rows that are left when some are refused."""
        out = {row.index: refusal for row, refusal in refused}
        self.refused += [RefusedRow(index, refusal) for index, refusal in out.items()]
        return [row for row in rows if row.index not in out] if out else rows


def _foreign(rows: Sequence[Wanted], owners: dict[str, str]) -> Iterable[tuple[Wanted, Refusal]]:
    """The rows whose external id belongs to another person, or to an earlier row."""
    for row in rows:
        if row.external_id and owners.setdefault(row.external_id, row.key) != row.key:
            yield row, Refusal("external_id", _("belongs to another person: %s") % row.external_id)
