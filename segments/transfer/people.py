"""Rows of a file become people, joined to a topic on a declared ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segments.consent.services import bulk_subscribe
from segments.subscribers.checking import check_rows, definitions
from segments.subscribers.models import AttributeDefinition, AttributeType
from segments.subscribers.policies import ATTRIBUTE
from segments.subscribers.services import upsert_ready
from segments.subscribers.storing import Ready, make_ready
from segments.subscribers.types import SubscriberRow
from segments.transfer.fields import SUBSCRIBER_FIELDS
from segments.transfer.models import Import
from segments.transfer.rows import given, last_of_each
from segments.transfer.types import Group, Layout, Record, Steps, Tally


def known() -> Mapping[str, Sequence[str]]:
    """The fields, attributes among them, with what their values may do to stored ones."""
    ids = ("email", "external_id")
    fields = {name: ("set",) if name in ids else ("set", "fill") for name in SUBSCRIBER_FIELDS}
    return fields | {
        f"{ATTRIBUTE}{key}": ("set", "fill", "append") if type == AttributeType.MULTI else ("set", "fill")
        for key, type in AttributeDefinition.objects.values_list("key", "type")
    }


def steps(job: Import, layout: Layout) -> Steps:
    """People become as the rows say and join the import's topic; nobody is joined who left or was barred."""
    plain = {field: place for field, place in layout.places.items() if not field.startswith(ATTRIBUTE)}
    own = {
        field.removeprefix(ATTRIBUTE): place for field, place in layout.places.items() if field.startswith(ATTRIBUTE)
    }
    known = definitions()

    def prepare(groups: Sequence[Group], tally: Tally) -> tuple[list[Record], Ready]:
        records = last_of_each(groups, lambda record: layout.value(record, "email").strip().casefold(), tally)
        rows = [
            SubscriberRow(**{"email": "", **given(record, plain)}, attributes=given(record, own) if own else {})
            for record in records
        ]
        return records, make_ready(check_rows(rows, known, [record.line for record in records]), layout.policies)

    def store(prepared: tuple[list[Record], Ready], tally: Tally) -> None:
        records, ready = prepared
        result = upsert_ready(ready=ready, source=job.source)
        for refused in result.refused:
            tally.reject(records[refused.index], str(refused.refusal))
        tally.counts.update(
            created=result.created,
            updated=result.updated,
            unchanged=result.unchanged,
            superseded=result.superseded,
            erased=result.erased,
            quarantined=result.quarantined,
        )
        if job.topic is not None:
            joined = bulk_subscribe(
                subscriber_ids=[person for person in result.ids if person is not None],
                topic=job.topic,
                source=f"import:{job.source}"[:80],
                basis=job.basis,
                wording=job.wording,
            )
            tally.counts.update(
                subscribed=joined.subscribed,
                pending=joined.pending,
                already_subscribed=joined.unchanged,
                kept_out=joined.kept_out,
            )

    return Steps(prepare, store)
