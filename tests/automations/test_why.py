"""Why somebody got what an automation or a campaign sends, or did not."""

from __future__ import annotations

import pytest
from django.urls import reverse

from campaigns.automations.enrolling import sweep_events
from campaigns.automations.models import Automation
from campaigns.automations.why import why
from campaigns.scheduled.models import Campaign
from campaigns.scheduled.why import why_campaign
from segments.consent.models import Subscription
from segments.segmentation.models import Segment
from segments.segmentation.why import answers
from tests.automations.ways import DAY, HOUR, go, happens, live, mail, mails, wait
from tests.factories import NOW, make_follower, make_order, make_subscriber, make_topic

pytestmark = pytest.mark.usefixtures("brand")

BRITISH = {"attr": "country", "op": "is", "value": "GB"}
CUSTOMER = {"orders": {"metric": "count", "op": ">=", "value": 1}}


def make_segment(name, rule):
    return Segment.objects.create(name=name, rule=rule, created_at=NOW, updated_at=NOW)


def make_campaign(topic, **fields):
    return Campaign.objects.create(name="Autumn", topic=topic, created_at=NOW, updated_at=NOW, **fields)


@pytest.fixture
def ann(db):
    return make_follower(make_topic(), "ann@post.example", first_name="Ann", country="GB")


def cart(**parts):
    steps = parts.pop(
        "steps",
        (
            wait("wait", "known", hours=2),
            {"id": "known", "type": "branch", "rule": {"all": [CUSTOMER, BRITISH]}, "next": "mail", "no": "mail"},
            mail("mail", "rest", name="Reminder"),
            wait("rest"),
        ),
    )
    automation = live(
        *steps,
        name="Cart",
        trigger={"on": "event", "event": "cart_updated"},
        exits=[{"event": "order_placed", "reason": "ordered"}],
        **parts,
    )
    Automation.objects.update(live_since=NOW - 30 * DAY)
    automation.refresh_from_db()
    return automation


def told(person, automation):
    [gates] = why(subscriber=person, automation=automation, at=NOW + 9 * DAY)
    return {str(gate.title): gate for gate in gates}


def test_a_way_is_told_from_what_brought_them_to_the_mail_and_the_order_that_ended_it(ann):
    automation = cart(entry={"rule": BRITISH})
    happens(ann, "cart_updated", NOW, "C7")
    sweep_events(NOW)
    go(NOW)
    go(NOW + 2 * HOUR)
    happens(ann, "order_placed", NOW + 3 * HOUR, "O9")
    sweep_events(NOW + 3 * HOUR)
    gates = told(ann, automation)
    assert ("Event", "cart_updated C7") in gates["What brought them"].witnesses
    assert gates["Who may come in"].let
    assert gates["Consent"].let
    [_entry, branch] = [gate for gate in gates.values() if gate.answers]
    assert [one.holds for one in branch.answers] == [False, False, True]
    assert str(branch.text).startswith("No.")
    assert gates["Reminder"].text == "Mail written"
    mailed = next(gate for title, gate in gates.items() if title.startswith("Mail ‘"))
    assert "Not sent" in mailed.text
    ended = next(gate for title, gate in gates.items() if title.startswith("Left at"))
    assert ended.text == "Ordered"
    assert ("Event", "order_placed O9") in ended.witnesses


def test_whoever_stayed_out_is_told_the_reason_and_the_rule(ann):
    automation = cart(entry={"rule": {"all": [BRITISH, CUSTOMER]}})
    happens(ann, "cart_updated", NOW, "C7")
    sweep_events(NOW)
    gates = told(ann, automation)
    assert gates["Stayed out"].text == "Is not whom it is for"
    assert [one.holds for one in gates["Who may come in"].answers] == [False, True, False]


def test_whom_nothing_brought_in_is_told_what_came_near(ann):
    automation = cart()
    happens(ann, "cart_updated", NOW - 90 * DAY, "C1")
    gates = told(ann, automation)
    near = dict(gates["Nothing brought them in"].witnesses)
    assert "came before it was live" in near["cart_updated C1"]


def test_whoever_left_the_topic_is_told_so(ann):
    automation = cart()
    Subscription.objects.update(state="unsubscribed")
    happens(ann, "cart_updated", NOW, "C7")
    sweep_events(NOW)
    gates = told(ann, automation)
    assert gates["Consent"].let is False


def test_a_rule_is_told_node_by_node_with_the_segments_own_rules_beneath(ann):
    make_order(ann, ("P1", 1, 10_000), placed_at=NOW - DAY)
    segment = make_segment("Customers", rule=CUSTOMER)
    rule = {"all": [{"segment": str(segment.uuid)}, {"none": [BRITISH]}]}
    found = answers(rule=rule, person=ann, as_of=NOW)
    assert [(one.depth, one.kind, one.holds) for one in found] == [
        (0, "all", False),
        (1, "", True),
        (2, "", True),
        (1, "none", False),
        (2, "", True),
    ]
    before = answers(rule=rule, person=ann, as_of=NOW - 2 * DAY)
    assert [one.holds for one in before] == [False, False, False, False, True]


def test_a_campaign_says_which_rule_keeps_somebody_out(ann):
    campaign = make_campaign(
        make_topic(), segment=make_segment("Customers", rule=CUSTOMER), excluded=make_segment("British", rule=BRITISH)
    )
    gates = {str(gate.title): gate for gate in why_campaign(subscriber=ann, campaign=campaign, at=NOW)}
    assert gates["Audience"].let is False
    assert gates["Left out of it"].let is False
    assert gates["Consent"].let
    assert "not been drawn" in gates["Mail"].text


def test_the_pages_show_it_to_those_who_may_see_people(client, priya, alan, ann):
    automation = cart()
    happens(ann, "cart_updated", NOW, "C7")
    sweep_events(NOW)
    go(NOW)
    go(NOW + 2 * HOUR)
    page = reverse("automations:why", args=[automation.uuid, ann.uuid])
    client.force_login(priya)
    assert "cart_updated C7" in client.get(page).content.decode()
    assert page in client.get(reverse("automations:people", args=[automation.uuid])).content.decode()
    assert page in client.get(reverse("subscribers:detail", args=[ann.uuid])).content.decode()
    assert len(mails(ann)) == 1
    campaign = make_campaign(make_topic(), segment=make_segment("Customers", rule=CUSTOMER))
    answer = client.get(reverse("scheduled:why", args=[campaign.uuid, make_subscriber().uuid]))
    assert "Does not follow" in answer.content.decode()
