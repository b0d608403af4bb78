"""The last mail to a person as the instant from which a rule's window is measured: ``"last_message"``.

A mail counts from its hand-over on, once it is known to have gone out.
"""

from __future__ import annotations

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from campaigns.delivery.models import Message
from campaigns.delivery.querysets import MessageQuerySet
from campaigns.delivery.types import MessageState
from segments.segmentation.rules.anchors import AnchorKind, Instant
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.landmarks import parse_alone
from segments.segmentation.rules.nodes import Anchor


def last_of(messages: MessageQuerySet, rows: Scope) -> Instant:
    """When the last of some messages went out to the person, before the instant asked about."""
    gone = messages.filter(
        subscriber=OuterRef(rows.person_id), state=MessageState.SENT, handed_at__lt=rows.as_of
    ).order_by("-handed_at")
    return Subquery(gone.values("handed_at")[:1])


def _last_message(anchor: Anchor, rows: Scope, asked: Scope) -> Instant:
    return last_of(Message.objects.all(), rows)


KIND = AnchorKind(
    "last_message",
    lambda of, path, vocabulary: parse_alone("last_message", of, path),
    _last_message,
    lambda anchor: _("the last mail to them"),
)
