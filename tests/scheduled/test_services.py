"""Campaigns move from state to state once, and say what is in their way."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.types import Gate, MessageState, SkipReason
from campaigns.delivery.verify import balance
from campaigns.scheduled import services
from campaigns.scheduled.looking import look
from campaigns.scheduled.models import Campaign, CampaignState
from campaigns.scheduled.readiness import blockers
from campaigns.scheduled.why import why_campaign
from personalize.accounts.models import AuditEntry, Brand
from personalize.content.models import TemplateVersion
from personalize.core.clock import now
from segments.segmentation.models import Segment
from segments.segmentation.services import create_segment, freeze, update_segment
from tests.factories import make_follower

pytestmark = pytest.mark.django_db


def test_a_ready_campaign_has_nothing_in_its_way(campaign):
    assert blockers(campaign) == []


def test_everything_in_the_way_is_said_at_once_and_nothing_is_frozen(campaign, maya):
    campaign.topic = campaign.sender = None
    campaign.save()
    Brand.objects.update(postal_address="")
    template = campaign.variants.get().template
    template.subject = "{{ subscriber.shoe_size }}"
    template.save()
    found = services.send_campaign(campaign=campaign, actor=maya)
    assert sorted(blocker.part for blocker in found) == ["audience", "content", "sender", "sender"]
    assert any("shoe_size" in blocker.message for blocker in found)
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.DRAFT
    assert not Mailing.objects.exists()


def test_a_segment_that_cannot_be_used_blocks_with_the_reason(campaign, maya):
    Segment.objects.filter(pk=campaign.segment.pk).update(
        rule={"v": 1, "all": [{"attr": "nothing", "op": "is", "value": 1}]}
    )
    campaign.refresh_from_db()
    [blocker] = services.send_campaign(campaign=campaign, actor=maya)
    assert blocker.part == "audience"
    assert "nothing" in blocker.message


def test_a_campaign_is_sent_once_however_often_it_is_asked(campaign, maya):
    twin = Campaign.objects.get(pk=campaign.pk)
    assert services.send_campaign(campaign=campaign, actor=maya) == []
    [refusal] = services.send_campaign(campaign=twin, actor=maya)
    assert refusal.part == "timing"
    assert Mailing.objects.count() == 1
    assert AuditEntry.objects.filter(action="campaign.send").count() == 1


def test_a_scheduled_campaign_waits_for_its_time(campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya, send_at=now() + dt.timedelta(hours=1))
    look()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SCHEDULED
    assert not Message.objects.exists()


def test_a_due_campaign_lists_everyone_and_opens_its_gate(campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya)
    look()
    campaign.refresh_from_db()
    figures = balance(campaign.run)
    assert campaign.state == CampaignState.SENDING
    assert (figures.audience, figures.open, figures.reasons) == (3, 2, {"no_consent": 1})
    assert Mailing.objects.get().gate == Gate.OPEN


def test_a_later_edit_of_segment_or_template_changes_nothing_that_was_scheduled(campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya)
    Segment.objects.update(rule={"v": 1, "any": []})
    template = campaign.variants.get().template
    template.subject = "Another"
    template.save()
    look()
    campaign.refresh_from_db()
    assert balance(campaign.run).audience == 3
    assert TemplateVersion.objects.get(pk=campaign.variants.get().version_id).subject == "{{ greeting }}"


def test_people_of_the_excluded_segment_are_left_out_with_the_reason(campaign, maya):
    rule = {"v": 1, "all": [{"attr": "city", "op": "is", "value": "Oban"}]}
    campaign.excluded = create_segment(name="Oban", rule=rule, actor=maya)
    campaign.save()
    services.send_campaign(campaign=campaign, actor=maya)
    look()
    campaign.refresh_from_db()
    assert balance(campaign.run).reasons == {SkipReason.EXCLUDED: 1, SkipReason.NO_CONSENT: 1}


def test_a_campaign_is_finished_when_none_of_its_mails_may_leave_any_more(campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya)
    look()
    campaign.refresh_from_db()
    assert not services.finish_campaign(campaign=campaign)
    Message.objects.filter(state=MessageState.READY).update(
        state=MessageState.SENT, due_at=None, handed_at=now(), settled_at=now()
    )
    look()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.FINISHED


def test_a_campaign_cancelled_before_its_time_mails_nobody(campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya, send_at=now() + dt.timedelta(seconds=60))
    assert services.cancel_campaign(campaign=campaign, actor=maya)
    assert not services.start_campaign(campaign=Campaign.objects.get(pk=campaign.pk))
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CANCELLED
    assert Mailing.objects.get().gate == Gate.CLOSED


def test_a_cancelled_run_balances_although_not_everyone_was_listed(campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya)
    services.start_campaign(campaign=campaign)
    make_follower(campaign.topic)
    assert services.cancel_campaign(campaign=campaign, actor=maya)
    campaign.refresh_from_db()
    assert balance(campaign.run).balances
    assert not services.expand_campaign(campaign=campaign)
    assert not Message.objects.exists()


def test_only_a_draft_can_be_changed(campaign, maya):
    fields = {
        "template": campaign.variants.get().template,
        "segment": campaign.segment,
        "excluded": None,
        "topic": campaign.topic,
        "sender": campaign.sender,
        "actor": maya,
    }
    assert services.change_campaign(campaign=campaign, name="Summer tables", **fields)
    services.send_campaign(campaign=campaign, actor=maya)
    assert not services.change_campaign(campaign=Campaign.objects.get(pk=campaign.pk), name="Too late", **fields)
    campaign.refresh_from_db()
    assert campaign.name == "Summer tables"


def _gone() -> dict[str, object]:
    return {"v": 1, "all": [{"attr": "shoe_size", "op": ">", "value": 40}]}


def _break(what: str, campaign: Campaign, maya) -> None:
    """Let something go that the scheduled campaign's rules need."""
    inner = create_segment(name="Inner", rule={"all": []}, actor=maya)
    rule = {"v": 1, "all": [{"segment": str(inner.uuid)}]}
    frozen: dict[str, Any] = {"segment": {"v": 1, "all": []}, "excluded": None}
    match what:
        case "the audience":
            frozen["segment"] = _gone()
        case "a segment within it":
            frozen |= {"segment": rule, "segments": freeze(rules=[rule])}
            frozen["segments"][str(inner.uuid)]["rule"] = _gone()
        case "who is left out":
            frozen["excluded"] = rule
            Segment.objects.filter(pk=inner.pk).delete()
        case "a block":
            TemplateVersion.objects.update(rules={"hello": _gone()})
    Campaign.objects.filter(pk=campaign.pk).update(audience_rule=frozen)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("the audience", "Who gets it cannot be asked any more: all[0].attr: There is no field ‘shoe_size’"),
        ("a segment within it", "In ‘Inner’: all[0].attr: There is no field ‘shoe_size’"),
        ("who is left out", "Who is left out cannot be asked any more: all[0].segment: There is no such segment"),
        ("a block", "Block ‘hello’ cannot be asked any more: all[0].attr"),
    ],
)
def test_a_scheduled_campaign_whose_rule_broke_meanwhile_pauses_with_the_reason(campaign, maya, what, words):
    services.send_campaign(campaign=campaign, actor=maya)
    _break(what, campaign, maya)
    look()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert words in campaign.pause_reason
    assert not Message.objects.exists()
    assert Mailing.objects.get().gate == Gate.HELD
    services.resume_campaign(campaign=campaign, actor=maya)
    look()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    Campaign.objects.update(audience_rule={"segment": {"all": []}, "excluded": None})
    TemplateVersion.objects.update(rules={})
    services.resume_campaign(campaign=campaign, actor=maya)
    look()
    assert Message.objects.count() == 3


def test_a_later_edit_of_a_segment_within_the_audience_changes_nothing(campaign, maya):
    inner = create_segment(name="Inner", rule={"all": []}, actor=maya)
    outer = create_segment(name="Outer", rule={"all": [{"segment": str(inner.uuid)}]}, actor=maya)
    Campaign.objects.filter(pk=campaign.pk).update(segment=outer)
    campaign.refresh_from_db()
    assert services.send_campaign(campaign=campaign, actor=maya) == []
    nobody: dict[str, Any] = {"none": [{"all": []}]}
    update_segment(segment=inner, lock_version=0, name="Inner", rule=nobody, actor=maya)
    look()
    assert Message.objects.count() == 3
    campaign.refresh_from_db()
    gate = why_campaign(subscriber=Message.objects.first().subscriber, campaign=campaign)[0]
    assert gate.let


def test_a_segment_left_out_or_within_another_blocks_when_it_cannot_be_used(campaign, maya):
    inner = create_segment(name="Inner", rule={"all": []}, actor=maya)
    outer = create_segment(name="Outer", rule={"any": [{"segment": str(inner.uuid)}]}, actor=maya)
    Segment.objects.filter(pk=inner.pk).update(rule=_gone())
    campaign.excluded = outer
    campaign.save()
    [blocker] = services.send_campaign(campaign=campaign, actor=maya)
    assert blocker.part == "audience"
    assert "‘Outer’ cannot be used: any[0].segment: In ‘Inner’: all[0].attr" in blocker.message
