"""Campaigns with everything that came back, made straight in the tables."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from campaigns.delivery.models import Mailing, Run
from campaigns.delivery.types import MessageState
from campaigns.scheduled.models import Campaign, CampaignState, Variant
from campaigns.tracking.models import Verdict
from segments.commerce.models import OrderStatus, Refund
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_order, make_subscriber
from tests.tracking.world import LINKS, make_click, make_mail, make_mailing, make_run

START = NOW - dt.timedelta(days=7)
_HOSTS = ("gmail.com", "googlemail.com", "outlook.com", "icloud.com", "yahoo.co.uk", "orchard.example", "mews.example")


def make_campaign(name: str = "Longer evenings", *mailings: Mailing, **fields: Any) -> Campaign:
    """A campaign that was sent a week before NOW, with a run and a variant for each mailing."""
    run = make_run()
    Run.objects.filter(pk=run.pk).update(created_at=START)
    run.refresh_from_db()
    campaign = Campaign.objects.create(
        name=name,
        state=CampaignState.FINISHED,
        run=run,
        send_at=START,
        audience_rule={"v": 1, "all": []},
        started_at=START,
        finished_at=START,
        created_at=START,
        updated_at=START,
        **fields,
    )
    for key, mailing in zip("ABC", mailings or (make_mailing(name),), strict=False):
        Variant.objects.create(campaign=campaign, key=key, template=mailing.version.template, mailing=mailing)
    return campaign


def make_sent(campaign: Campaign, person: Subscriber, *, variant: int = 0, **fields: Any):
    mailing = campaign.variants.all()[variant].mailing
    return make_mail(person, mailing=mailing, run=campaign.run, **{"created_at": START, "handed_at": START, **fields})


def make_random_world(seed: int, people: int = 40) -> list[Campaign]:
    """Two campaigns to the same people, with skips, failures, clicks of all kinds, orders and refunds."""
    chance = random.Random(seed)
    campaigns = [
        make_campaign("Longer evenings", make_mailing("Evenings A"), make_mailing("Evenings B")),
        make_campaign("Winter tables", make_mailing("Tables")),
    ]
    persons = [make_subscriber(f"p{seed}-{n}@{chance.choice(_HOSTS)}") for n in range(people)]

    def moment(days: float) -> dt.datetime:
        return START + dt.timedelta(seconds=chance.randrange(int(days * 86_400)))

    for person in persons:
        for campaign in campaigns:
            state = chance.choice(
                [MessageState.SENT] * 7 + [MessageState.SKIPPED, MessageState.FAILED, MessageState.IN_DOUBT]
            )
            reason = {
                MessageState.SKIPPED: chance.choice(["suppressed", "no_consent", "holdout"]),
                MessageState.FAILED: "refused",
            }.get(state, "")
            delivered = state == MessageState.SENT and chance.random() < 0.9
            mail = make_sent(
                campaign,
                person,
                variant=chance.randrange(campaign.variants.count()),
                state=state,
                reason=reason,
                delivered_at=START if delivered else None,
                bounced_at=START if state == MessageState.SENT and not delivered else None,
                unsubscribed_at=START if delivered and chance.random() < 0.1 else None,
            )
            if delivered:
                for _ in range(chance.choice([0, 0, 1, 1, 2, 4])):
                    verdict = chance.choice([Verdict.HUMAN] * 3 + [Verdict.MACHINE, Verdict.PROBABLE_MACHINE])
                    make_click(mail, chance.randint(1, len(LINKS)), at=moment(5), verdict=verdict)
        for _ in range(chance.choice([0, 0, 1, 2])):
            status = chance.choice([*[OrderStatus.PAID] * 5, OrderStatus.CANCELLED, OrderStatus.REFUNDED])
            order = make_order(
                person, ("MUG", 1, chance.randrange(10_000, 900_000)), placed_at=moment(12), status=status
            )
            if chance.random() < 0.3:
                Refund.objects.create(
                    number=f"R{order.number}",
                    order=order,
                    subscriber=person,
                    refunded_at=NOW,
                    total=order.total // 2,
                    updated_at=NOW,
                )
    return campaigns
