"""Campaigns in the dashboard: whom they reach, what they do, and who may."""

from __future__ import annotations

import pytest
from django.urls import reverse

from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from campaigns.scheduled import services
from campaigns.scheduled.looking import look
from campaigns.scheduled.models import Campaign
from campaigns.scheduled.views import UNDO
from personalize.accounts.models import AuditEntry
from personalize.core.clock import now

pytestmark = pytest.mark.django_db


def url(name: str, campaign: Campaign) -> str:
    return reverse(f"scheduled:{name}", args=[campaign.uuid])


@pytest.fixture
def page(client, maya):
    client.force_login(maya)
    return client


def test_a_draft_shows_whom_it_reaches_and_why_others_are_left_out(page, campaign):
    html = page.get(url("detail", campaign)).content.decode()
    assert "Send to 2 people" in html
    assert "Does not follow the topic" in html
    assert "Ready to go" in html


def test_a_draft_with_something_in_its_way_offers_no_button_to_send(page, campaign):
    Campaign.objects.update(topic=None)
    html = page.get(url("detail", campaign)).content.decode()
    assert "Choose the topic it belongs to" in html
    assert "Send to" not in html


def test_sending_now_leaves_a_minute_to_cancel(page, campaign):
    page.post(url("send", campaign), {"send_at": ""})
    campaign.refresh_from_db()
    assert campaign.state == "scheduled"
    assert 0 < (campaign.send_at - now()).total_seconds() <= UNDO.total_seconds()
    page.post(url("cancel", campaign))
    campaign.refresh_from_db()
    assert campaign.state == "cancelled"


def test_a_moment_that_is_over_is_refused_at_the_field(page, campaign):
    answer = page.post(url("send", campaign), {"send_at": "2020-01-01T09:00"})
    assert answer.status_code == 422
    assert "This moment is over" in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_the_live_part_asks_again_while_it_is_sending_and_stops_when_it_is_not(page, campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya)
    look()
    moving = page.get(url("progress", campaign)).content.decode()
    assert "every 2s" in moving
    page.post(url("pause", campaign))
    still = page.get(url("progress", campaign)).content.decode()
    assert "every 2s" not in still
    assert "Paused by Maya" in still
    page.post(url("resume", campaign))
    campaign.refresh_from_db()
    assert campaign.state == "sending"


def test_the_whole_page_is_asked_for_anew_when_the_state_has_changed_meanwhile(page, campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya)
    assert "HX-Refresh" not in page.get(url("progress", campaign) + "?state=scheduled").headers
    look()
    assert page.get(url("progress", campaign) + "?state=scheduled").headers["HX-Refresh"] == "true"


def test_every_figure_opens_the_people_behind_it(page, campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya)
    look()
    left = page.get(f"{url('people', campaign)}?reason=no_consent").content.decode()
    assert "stranger@post.example" in left
    assert "ann@post.example" not in left


def test_a_doubt_is_settled_by_a_person_and_only_once(page, campaign, maya):
    services.send_campaign(campaign=campaign, actor=maya)
    look()
    Message.objects.filter(subscriber__first_name="Ann").update(state=MessageState.IN_DOUBT, due_at=None)
    message = Message.objects.get(subscriber__first_name="Ann")
    settle = reverse("scheduled:settle", args=[message.uuid])
    page.post(settle, {"decision": "send again", "reason": "The relay never saw it."})
    message.refresh_from_db()
    assert message.state == MessageState.READY
    assert AuditEntry.objects.get(action="settle.doubt").reason == "The relay never saw it."
    answer = page.post(settle, {"decision": "send again"}, follow=True)
    assert "no longer in doubt" in answer.content.decode()


def test_a_draft_is_made_and_changed_and_a_taken_name_is_refused(page, campaign):
    fields = {
        "name": "Winter tables",
        "segment": campaign.segment_id,
        "topic": campaign.topic_id,
        "template": campaign.variants.get().template_id,
        "sender": campaign.sender_id,
    }
    assert "of this name already" in page.post(reverse("scheduled:new"), fields).content.decode()
    page.post(reverse("scheduled:new"), {**fields, "name": "Advent"})
    made = Campaign.objects.get(name="Advent")
    page.post(url("edit", made), {**fields, "name": "Advent calendar"})
    made.refresh_from_db()
    assert made.name == "Advent calendar"


def test_the_list_shows_subjects_with_their_fields_as_chips_and_filters_by_state(page, campaign):
    html = page.get(reverse("scheduled:list")).content.decode()
    assert '<span class="merge">greeting</span>' in html
    assert "Winter tables" not in page.get(reverse("scheduled:list") + "?view=sent").content.decode()


def test_an_analyst_looks_but_sends_nothing(client, alan, campaign):
    client.force_login(alan)
    assert client.get(url("detail", campaign)).status_code == 200
    for verb in ("send", "pause", "resume", "cancel"):
        assert client.post(url(verb, campaign)).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_a_link_alone_sends_nothing(page, campaign):
    for verb in ("send", "pause", "resume", "cancel"):
        assert page.get(url(verb, campaign)).status_code == 405
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_a_hostile_name_is_shown_as_text(page, campaign):
    Campaign.objects.update(name="<script>alert(1)</script>")
    for address in (reverse("scheduled:list"), url("detail", campaign), reverse("dashboard:home")):
        assert "<script>alert" not in page.get(address).content.decode()
