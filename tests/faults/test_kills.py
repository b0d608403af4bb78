"""Senders killed in mid-send, a broker killed in mid-send: nobody twice, nobody lost, every doubt named."""

from __future__ import annotations

import subprocess

import pytest

from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from campaigns.delivery.verify import balance
from campaigns.scheduled.models import CampaignState
from campaigns.scheduled.services import send_campaign
from personalize.core.testing import free_port, redis_executable
from tests.faults.conftest import populate, worker_for
from tests.servers import wait_until

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]

KILLS = 5
WINDOW = 8


def finished(campaign) -> bool:
    campaign.refresh_from_db()
    return campaign.state == CampaignState.FINISHED


def test_a_worker_killed_five_times_in_mid_send_mails_nobody_twice_and_loses_nobody(campaign, server, tmp_path, maya):
    people = populate(campaign, 300)
    server.script.seconds = 0.004
    worker = worker_for(server, tmp_path)
    worker.start()
    assert send_campaign(campaign=campaign, actor=maya) == []
    for _ in range(KILLS):
        seen = len(server.addresses())
        wait_until(lambda seen=seen: len(server.addresses()) >= seen + 20, seconds=60, what="Twenty more mails")
        worker.kill()
        worker.start()
    wait_until(lambda: finished(campaign), seconds=90, what="The end of the campaign")
    worker.stop()

    accepted = server.addresses()
    doubtful = set(Message.objects.filter(state=MessageState.IN_DOUBT).values_list("subscriber__email", flat=True))
    sent = set(Message.objects.filter(state=MessageState.SENT).values_list("subscriber__email", flat=True))
    figures = balance(campaign.run)
    assert len(accepted) == len(set(accepted)), "somebody was mailed twice"
    assert set(accepted) | doubtful == set(people), "somebody is neither caught nor named as in doubt"
    assert set(accepted) <= sent | doubtful
    assert sent <= set(accepted)
    assert len(doubtful) <= WINDOW * KILLS
    assert figures.balances
    assert (figures.audience, figures.open) == (300, 0)


def test_the_send_goes_on_when_the_broker_dies_in_its_middle(campaign, server, tmp_path, maya):
    people = populate(campaign, 120)
    server.script.seconds = 0.01
    port = free_port()
    command = [redis_executable()[0], "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    broker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    worker = worker_for(server, tmp_path, CELERY_BROKER_URL=f"redis://127.0.0.1:{port}/0")
    try:
        worker.start()
        assert send_campaign(campaign=campaign, actor=maya) == []
        wait_until(lambda: len(server.addresses()) >= 20, seconds=60, what="The first mails")
        broker.kill()
        broker.wait()
        wait_until(lambda: finished(campaign), seconds=60, what="The end of the campaign")
    finally:
        broker.kill()
        worker.kill()
    assert sorted(server.addresses()) == sorted(people)
    assert not Message.objects.filter(state=MessageState.IN_DOUBT).exists()


@pytest.mark.parametrize("idle", ["0.2", "30"], ids=["by itself", "when rung"])
def test_a_worker_that_is_asked_to_stop_leaves_nothing_in_doubt(campaign, server, tmp_path, maya, idle):
    people = populate(campaign, 150)
    server.script.seconds = 0.05
    worker = worker_for(server, tmp_path, IDLE_LOOK_SECONDS=idle)
    worker.start()
    assert send_campaign(campaign=campaign, actor=maya) == []
    wait_until(lambda: len(server.addresses()) >= 20, seconds=60, what="The first mails")
    worker.stop()
    stopped_at = len(server.addresses())
    states = Message.objects.filter(run__isnull=False).tally()
    assert stopped_at < 150
    assert states[MessageState.SENT] == stopped_at
    assert states[MessageState.READY] == 150 - stopped_at
    worker.start()
    wait_until(lambda: finished(campaign), seconds=60, what="The end of the campaign")
    worker.stop()
    assert sorted(server.addresses()) == sorted(people)
