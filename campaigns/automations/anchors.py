"""The coming into an automation as the instant from which a rule's window is measured: ``"enrolment"``.

It is asked of rows that have it, enrolments and the mails that they write; of a person alone there is none.
"""

from __future__ import annotations

from django.db.models import DateTimeField, F, OuterRef, Value
from django.utils.translation import gettext as _

from segments.segmentation.rules.anchors import AnchorKind, Instant
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.landmarks import parse_alone
from segments.segmentation.rules.nodes import Anchor

COLUMN = "started_at"
"""Where rows keep when what brought their person in took place, beside the person."""


def _started(anchor: Anchor, rows: Scope, asked: Scope) -> Instant:
    if not asked.person:
        return Value(None, DateTimeField())
    column = "__".join([*asked.person.split("__")[:-1], COLUMN])
    return F(column) if rows is asked else OuterRef(column)


KIND = AnchorKind(
    "enrolment",
    lambda of, path, vocabulary: parse_alone("enrolment", of, path),
    _started,
    lambda anchor: _("they came into the automation"),
    by_row=True,
)
