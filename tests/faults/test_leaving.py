"""Leaving in the middle of a send: a POST stops the mail that waits, a GET changes nothing."""

from __future__ import annotations

import pytest

from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState, SkipReason
from campaigns.scheduled.models import CampaignState
from campaigns.scheduled.services import cancel_campaign, pause_campaign, resume_campaign, send_campaign
from personalize.core.clock import now
from personalize.core.tokens import Purpose, seal
from segments.consent.models import Subscription
from tests.faults.conftest import populate, worker_for
from tests.servers import wait_until

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]


def leave_url(message: Message) -> str:
    return f"/t/u/{seal(Purpose.UNSUBSCRIBE, message.uuid, issued_at=now())}"


def test_unsubscribing_by_post_during_a_send_stops_the_queued_mail_and_a_get_changes_nothing(
    campaign, server, tmp_path, maya, client
):
    people = populate(campaign, 80)
    server.script.seconds = 0.05
    worker = worker_for(server, tmp_path)
    worker.start()
    try:
        assert send_campaign(campaign=campaign, actor=maya) == []
        wait_until(lambda: len(server.addresses()) >= 5, seconds=60, what="The first mails")
        looks, leaves = Message.objects.order_by("-pk")[:2]
        assert client.get(leave_url(looks)).status_code == 200
        assert client.post(leave_url(leaves), {"List-Unsubscribe": "One-Click"}).status_code == 200
        assert Message.objects.get(pk=leaves.pk).state in (MessageState.READY, MessageState.CLAIMED)
        wait_until(lambda: ended(campaign), seconds=60, what="The end of the campaign")
    finally:
        worker.stop()
    leaves.refresh_from_db()
    assert (leaves.state, leaves.reason) == (MessageState.SKIPPED, SkipReason.NO_CONSENT)
    # Whoever leaves by a link gets one mail, with the way back; nothing of the campaign.
    marketing = [post.to for post in server.accepted if post.mail["List-Unsubscribe"]]
    assert leaves.subscriber.email not in marketing
    assert looks.subscriber.email in marketing
    assert Subscription.objects.filter(state="subscribed").count() == len(people) - 1


def test_a_pause_holds_the_rest_and_a_cancel_ends_it(campaign, server, tmp_path, maya):
    populate(campaign, 80)
    server.script.seconds = 0.05
    worker = worker_for(server, tmp_path)
    worker.start()
    try:
        assert send_campaign(campaign=campaign, actor=maya) == []
        wait_until(lambda: len(server.addresses()) >= 5, seconds=60, what="The first mails")
        campaign.refresh_from_db()
        assert pause_campaign(campaign=campaign, actor=maya, reason="A wrong price")
        wait_until(lambda: settled(), what="The window in hand")
        held = len(server.addresses())
        assert resume_campaign(campaign=campaign, actor=maya)
        wait_until(lambda: len(server.addresses()) > held, what="The next mail")
        assert cancel_campaign(campaign=campaign, actor=maya)
        wait_until(lambda: settled(), what="The window in hand")
    finally:
        worker.stop()
    states = Message.objects.filter(run=campaign.run).tally()
    assert states[MessageState.SENT] == len(server.addresses()) < 80
    assert states[MessageState.SKIPPED] == 80 - states[MessageState.SENT]


def settled() -> bool:
    return not Message.objects.filter(state__in=(MessageState.CLAIMED, MessageState.SENDING)).exists()


def ended(campaign) -> bool:
    campaign.refresh_from_db()
    return campaign.state == CampaignState.FINISHED
