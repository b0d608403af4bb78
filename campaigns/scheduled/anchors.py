"""The last mail of a campaign as the instant from which a rule's window is measured: ``{"campaign": "<uuid>"}``."""

from __future__ import annotations

from django.utils.translation import gettext as _

from campaigns.delivery.anchors import last_of
from campaigns.delivery.models import Message
from campaigns.scheduled.models import Campaign
from segments.segmentation.rules import reading
from segments.segmentation.rules.anchors import AnchorKind, Instant
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.landmarks import parse_named
from segments.segmentation.rules.nodes import Anchor
from segments.segmentation.rules.reading import RuleError
from segments.segmentation.rules.vocabulary import Vocabulary


def _parse(of: str, path: str, vocabulary: Vocabulary) -> Anchor:
    parse_named("campaign", of, path)
    uuid = reading.identifier(of, path)
    campaign = Campaign.objects.filter(uuid=uuid).only("name").first()
    if campaign is None:
        raise RuleError(path, _("There is no such campaign."))
    return Anchor("campaign", str(uuid), campaign.name)


def _last_mail(anchor: Anchor, rows: Scope, asked: Scope) -> Instant:
    return last_of(Message.objects.filter(mailing__group=anchor.of), rows)


KIND = AnchorKind(
    "campaign", _parse, _last_mail, lambda anchor: _("the mail of ‘%(name)s’ to them") % {"name": anchor.label}
)
