"""Campaigns by command: honest words, honest figures, honest exit codes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from campaigns.scheduled.looking import look
from campaigns.scheduled.models import Campaign

pytestmark = pytest.mark.django_db


def answer(capsys, *words: str) -> dict[str, Any]:
    call_command(*words, "--json")
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_counts_and_changes_nothing(campaign, capsys):
    assert answer(capsys, "send_campaign", "Winter tables", "--dry-run") == {"people": 3}
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_a_campaign_goes_from_draft_to_cancelled_by_command_and_balances(campaign, capsys):
    assert answer(capsys, "send_campaign", "Winter tables")["state"] == "scheduled"
    look()
    status = answer(capsys, "campaign_status", str(campaign.uuid))
    assert (status["state"], status["audience"], status["open"], status["skipped"]) == ("sending", 3, 2, 1)
    assert (
        answer(capsys, "pause_campaign", "Winter tables", "--reason", "A wrong price")["pause_reason"]
        == "A wrong price"
    )
    assert answer(capsys, "resume_campaign", "Winter tables")["state"] == "sending"
    assert answer(capsys, "cancel_campaign", "Winter tables")["skipped"] == 3
    assert answer(capsys, "verify_campaign", "Winter tables")["balances"] is True


def test_a_ledger_that_does_not_balance_is_an_error_that_says_why(campaign, capsys):
    call_command("send_campaign", "Winter tables")
    look()
    Message.objects.filter(state=MessageState.SKIPPED).delete()
    with pytest.raises(CommandError, match="3 people were listed, 2 messages are there"):
        call_command("verify_campaign", "Winter tables")


def test_addresses_in_doubt_are_named(campaign, capsys):
    call_command("send_campaign", "Winter tables")
    look()
    capsys.readouterr()
    Message.objects.filter(subscriber__first_name="Ann").update(state=MessageState.IN_DOUBT, due_at=None)
    assert answer(capsys, "campaign_status", "Winter tables", "--in-doubt")["in_doubt_addresses"] == [
        "ann@post.example"
    ]


@pytest.mark.parametrize("verb", ["pause_campaign", "resume_campaign", "verify_campaign"])
def test_what_a_draft_cannot_do_is_refused_in_words(campaign, verb):
    with pytest.raises(CommandError, match="Winter tables"):
        call_command(verb, "Winter tables")


def test_an_unknown_campaign_is_answered_with_the_names_there_are(campaign):
    with pytest.raises(CommandError, match="There are: ‘Winter tables’"):
        call_command("campaign_status", "Winter table")


def test_what_is_in_the_way_is_listed(campaign):
    Campaign.objects.update(topic=None)
    with pytest.raises(CommandError, match="Choose the topic"):
        call_command("send_campaign", "Winter tables")


def test_a_time_nobody_can_read_is_refused(campaign):
    with pytest.raises(CommandError, match="not a date and time"):
        call_command("send_campaign", "Winter tables", "--at", "tomorrow")
