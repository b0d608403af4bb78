"""Why somebody got a campaign, or did not: the audience rule by rule, what keeps people out, and what became of their mail."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from campaigns.delivery.gates import Gate, of_consent, of_message, of_rule
from campaigns.delivery.models import Message
from campaigns.scheduled.models import Campaign
from personalize.core.clock import now
from segments.subscribers.models import Subscriber


def why_campaign(*, subscriber: Subscriber, campaign: Campaign, at: dt.datetime | None = None) -> list[Gate]:
    """The gates of a campaign for one person, as the audience was drawn; of one not drawn yet, as it would be ``at`` (now)."""
    at = at or now()
    drawn = campaign.run.as_of if campaign.run else campaign.as_of or at
    frozen = campaign.audience_rule or {
        "segment": campaign.segment.meaning if campaign.segment else None,
        "excluded": campaign.excluded.meaning if campaign.excluded else None,
    }
    segments = frozen.get("segments", {})
    mine = Subscriber.objects.filter(pk=subscriber.pk)
    gates = []
    if frozen["segment"]:
        gates.append(of_rule(_("Audience"), frozen["segment"], rows=mine, as_of=drawn, frozen=segments))
    if frozen["excluded"]:
        barred = of_rule(_("Left out of it"), frozen["excluded"], rows=mine, as_of=drawn, frozen=segments)
        let = None if barred.icon == "error" else not barred.let
        gates.append(Gate(barred.title, barred.text, let, barred.at, "filter_alt_off", barred.answers))
    gates += of_consent(subscriber, campaign.topic, at)
    message = (
        Message.objects.filter(run=campaign.run, subscriber=subscriber)
        .select_related("mailing__version", "mailing__topic")
        .first()
        if campaign.run
        else None
    )
    if message is not None:
        gates.append(of_message(message))
    elif campaign.run:
        gates.append(
            Gate(_("Mail"), _("None was written: they were not in the audience when it was drawn."), False, icon="mail")
        )
    else:
        gates.append(Gate(_("Mail"), _("The audience has not been drawn yet."), None, campaign.send_at, "mail"))
    return gates
