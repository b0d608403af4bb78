"""Storing many people at once: checked rows are staged in the database and become people by a few statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from segments.subscribers import policies as policing
from segments.subscribers import quarantine
from segments.subscribers.checking import Checked, Wanted
from segments.subscribers.stage import Stage
from segments.subscribers.types import Refusal, RefusedRow, UpsertResult

SLICE = 20_000
"""Rows staged at once: an index page is then written once for many, and the memory stays small."""


class Upsert:
    """One call: what it was given and what it did so far. Use it within a transaction."""

    def __init__(self, checked: Checked, *, source: str, at: dt.datetime, policies: Mapping[str, str]) -> None:
        self.checked, self.source, self.at, self.policies = checked, source, at, policies
        self.ids: dict[str, int] = {}
        self.created: set[int] = set()
        self.updated: set[int] = set()
        self.erased = self.quarantined = 0
        self.refused = list(checked.refused)

    def run(self) -> UpsertResult:
        """Store the last row about each person."""
        good = self.checked.good
        last = {row.key: row for row in good}
        people = list(last.values())
        for start in range(0, len(people), SLICE):
            self._store(people[start : start + SLICE])
        found: list[int | None] = [None] * len(self.checked.rows)
        for row in good:
            found[row.index] = self.ids.get(row.key)
        return UpsertResult(
            created=len(self.created),
            updated=len(self.updated),
            unchanged=len(self.ids) - len(self.created) - len(self.updated),
            erased=self.erased,
            superseded=len(good) - len(last),
            refused=sorted(self.refused, key=lambda row: row.index),
            ids=found,
            quarantined=self.quarantined,
        )

    def _store(self, rows: Sequence[Wanted]) -> None:
        """Store rows about different people with a fixed number of statements."""
        rows = self._without(rows, policing.narrow(rows, self.policies, self.checked.known))
        stage = Stage(rows)
        if any(row.external_id for row in rows):
            foreign = list(_foreign(rows, stage.owners(self.source)))
            stage.drop(row.index for row, _refusal in foreign)
            rows = self._without(rows, foreign)
        known = stage.known()
        made = stage.create(self.at) if len(known) < len(rows) else {}
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
        self.quarantined += quarantine.settle(
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
