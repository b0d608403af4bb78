"""The look for campaigns: starts those that are due, lists their people slice by slice, and closes those that are done."""

from __future__ import annotations

from campaigns.scheduled import services
from campaigns.scheduled.models import Campaign, CampaignState
from campaigns.scheduled.readiness import broken_rule
from personalize.core import queue
from personalize.core.clock import now

MAX_REASON = 255
"""How many characters of a reason are kept."""


def look() -> bool:
    """One turn; true when any campaign moved on."""
    moved = False
    due = Campaign.objects.filter(state=CampaignState.SCHEDULED, send_at__lte=now()).order_by("send_at", "pk")
    for campaign in due:
        moved = services.start_campaign(campaign=campaign) or moved
    for campaign in (
        Campaign.objects.filter(state=CampaignState.SENDING).select_related("run").order_by("send_at", "pk")
    ):
        if problem := broken_rule(campaign):
            # Half an audience is worse than none: somebody has to mend the rule, or cancel.
            moved = services.pause_campaign(campaign=campaign, actor="system", reason=problem[:MAX_REASON]) or moved
            continue
        while campaign.run and campaign.run.state == "expanding" and not queue.stopping.is_set():
            moved = True
            if not services.expand_campaign(campaign=campaign):
                break
        moved = services.finish_campaign(campaign=campaign) or moved
    return moved
