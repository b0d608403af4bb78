"""The verbs of campaigns. Each is one transaction; a move that somebody else made first is a refusal, not an error."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.delivery import services as delivery
from campaigns.delivery.audience import comes_in_many_slices, materialise
from campaigns.delivery.models import Mailing, Run, Sender
from campaigns.scheduled.models import Campaign, CampaignState, Variant
from campaigns.scheduled.readiness import Blocker, content_blockers, settings_blockers
from personalize.content.models import Template, TemplateVersion
from personalize.content.services import save_version
from personalize.core import audit
from personalize.core.clock import now
from personalize.core.queue import enqueue
from personalize.core.states import move
from segments.consent.models import Topic
from segments.segmentation.models import Segment
from segments.segmentation.services import audience, condition, freeze

OWNER_KIND = "variant"
CANCELLABLE = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)


def create_campaign(
    *,
    name: str,
    template: Template,
    segment: Segment | None,
    topic: Topic | None,
    sender: Sender | None,
    actor: Any,
    excluded: Segment | None = None,
) -> Campaign:
    """Make a draft with one variant."""
    at = now()
    with transaction.atomic():
        campaign = Campaign.objects.create(
            name=name,
            segment=segment,
            excluded=excluded,
            topic=topic,
            sender=sender,
            created_by=actor if getattr(actor, "pk", None) else None,
            created_at=at,
            updated_at=at,
        )
        Variant.objects.create(campaign=campaign, template=template)
        audit.record(actor=actor, action="campaign.edit", target=campaign)
    return campaign


def change_campaign(
    *,
    campaign: Campaign,
    name: str,
    template: Template,
    segment: Segment,
    excluded: Segment | None,
    topic: Topic,
    sender: Sender,
    actor: Any,
) -> bool:
    """Change a draft; false when it is no draft any more, and then nothing is changed."""
    with transaction.atomic():
        won = move(
            campaign,
            old=CampaignState.DRAFT,
            new=CampaignState.DRAFT,
            name=name,
            segment=segment,
            excluded=excluded,
            topic=topic,
            sender=sender,
            updated_at=now(),
        )
        if won:
            Variant.objects.filter(campaign=campaign).update(template=template)
            audit.record(actor=actor, action="campaign.edit", target=campaign)
    return won


def send_campaign(
    *, campaign: Campaign, actor: Any, send_at: dt.datetime | None = None, as_of: dt.datetime | None = None
) -> list[Blocker]:
    """Freeze content and audience rule and schedule the campaign, at once when ``send_at`` is None.

    Gives what is in the way; empty means it is scheduled. A campaign that is no draft any more is refused the same way.
    ``as_of`` reads dated facts as they were at an earlier instant.
    """
    found = settings_blockers(campaign)
    versions: dict[int, TemplateVersion] = {}
    for variant in campaign.variants.select_related("template"):
        # Compiled before the transaction begins: no lock is held while a template is worked on.
        version = save_version(template=variant.template, actor=actor)
        if isinstance(version, TemplateVersion):
            versions[variant.pk] = version
        else:
            found += content_blockers(variant.template, version)
    if not versions and not found:
        found.append(Blocker("content", _("Choose what is sent: there is no template yet.")))
    if found or campaign.segment is None or campaign.sender is None:
        return found
    rules = {
        "segment": campaign.segment.meaning,
        "excluded": campaign.excluded.meaning if campaign.excluded else None,
    }
    with transaction.atomic():
        won = move(
            campaign,
            old=CampaignState.DRAFT,
            new=CampaignState.SCHEDULED,
            send_at=send_at or now(),
            as_of=as_of,
            audience_rule={**rules, "segments": freeze(rules=rules.values())},
            updated_at=now(),
        )
        if not won:
            return [Blocker("timing", _("It is no draft any more: somebody scheduled or sent it already."))]
        for variant in campaign.variants.all():
            variant.version = versions[variant.pk]
            variant.mailing = delivery.open_mailing(
                name=campaign.name,
                owner_kind=OWNER_KIND,
                owner=variant.uuid,
                version=variant.version,
                sender=campaign.sender,
                topic=campaign.topic,
                group=campaign.uuid,
            )
            variant.save(update_fields=["version", "mailing"])
        audit.record(actor=actor, action="campaign.send", target=campaign, send_at=str(campaign.send_at))
        enqueue("scheduled.look")
    return []


def start_campaign(*, campaign: Campaign) -> bool:
    """Begin a scheduled campaign whose time has come; false when another process did."""
    with transaction.atomic():
        at = now()
        run = delivery.begin_run(owner_kind="campaign", owner=campaign.uuid, as_of=campaign.as_of or at)
        won = move(
            campaign, old=CampaignState.SCHEDULED, new=CampaignState.SENDING, run=run, started_at=at, updated_at=at
        )
        if not won:
            transaction.set_rollback(True)
            return False
        for mailing in mailings(campaign):
            delivery.open_gate(mailing=mailing)
    return True


def expand_campaign(*, campaign: Campaign) -> bool:
    """List the next slice of a sending campaign's audience; true while there is more."""
    run, rule = _run(campaign), campaign.audience_rule or {}
    [mailing] = mailings(campaign)
    few = comes_in_many_slices(run)
    frozen = rule.get("segments", {})
    excluded = condition(rule=rule["excluded"], as_of=run.as_of, few=few, frozen=frozen) if rule["excluded"] else None
    return materialise(
        run=run,
        people=audience(rule=rule["segment"], as_of=run.as_of, few=few, frozen=frozen),
        mailing=mailing,
        due_at=campaign.send_at or now(),
        excluded=excluded,
    )


def finish_campaign(*, campaign: Campaign) -> bool:
    """Close a campaign none of whose mails may still leave; false when some may, or another process did."""
    run = _run(campaign)
    run.refresh_from_db()
    if not delivery.is_settled(run=run, mailings=mailings(campaign)):
        return False
    return move(campaign, old=CampaignState.SENDING, new=CampaignState.FINISHED, finished_at=now(), updated_at=now())


def pause_campaign(*, campaign: Campaign, actor: Any, reason: str) -> bool:
    """Hold a sending campaign; false when it is not sending. Mails already handed over cannot be recalled."""
    with transaction.atomic():
        won = move(
            campaign,
            old=CampaignState.SENDING,
            new=CampaignState.PAUSED,
            pause_reason=reason or "paused",
            updated_at=now(),
        )
        if won:
            for mailing in mailings(campaign):
                delivery.hold_gate(mailing=mailing)
            audit.record(actor=actor, action="campaign.pause", target=campaign, reason=reason)
    return won


def resume_campaign(*, campaign: Campaign, actor: Any) -> bool:
    """Let a paused campaign go on; false when it is not paused."""
    with transaction.atomic():
        won = move(campaign, old=CampaignState.PAUSED, new=CampaignState.SENDING, pause_reason="", updated_at=now())
        if won:
            for mailing in mailings(campaign):
                delivery.open_gate(mailing=mailing)
            audit.record(actor=actor, action="campaign.resume", target=campaign)
            enqueue("scheduled.look")
    return won


def cancel_campaign(*, campaign: Campaign, actor: Any, reason: str = "") -> bool:
    """End a campaign for good; false when it is a draft, finished or cancelled. What was not handed over is skipped."""
    with transaction.atomic():
        won = move(campaign, old=CANCELLABLE, new=CampaignState.CANCELLED, finished_at=now(), updated_at=now())
        if won:
            if campaign.run:
                delivery.end_run(run=campaign.run)
            for mailing in mailings(campaign):
                delivery.close_gate(mailing=mailing)
            audit.record(actor=actor, action="campaign.cancel", target=campaign, reason=reason)
    return won


def named() -> list[tuple[uuid.UUID, str]]:
    """All campaigns as groups of mails: their uuid and name."""
    return list(Campaign.objects.order_by("name").values_list("uuid", "name"))


def mailings(campaign: Campaign) -> list[Mailing]:
    """The mailings of the campaign's variants, once it is scheduled."""
    return [variant.mailing for variant in campaign.variants.select_related("mailing") if variant.mailing]


def content_of(campaign: Campaign) -> Template | TemplateVersion | None:
    """What the campaign sends: the version it froze, before that the template as it stands."""
    variant = campaign.variants.select_related("template", "version__template").first()
    return (variant.version or variant.template) if variant else None


def _run(campaign: Campaign) -> Run:
    if campaign.run is None:
        raise ValueError(f"The campaign {campaign.name!r} has not begun.")
    return campaign.run
