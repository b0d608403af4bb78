"""Figures of a campaign: the same as counted by hand, whatever happened, in a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from campaigns.analytics.figures import CampaignFigures, campaign_figures, summaries
from campaigns.analytics.recipients import Group, narrow, recipients
from campaigns.delivery.models import Message
from campaigns.delivery.types import MailingKind, MessageState
from campaigns.tracking.models import Hit, Verdict
from segments.commerce.models import Order, Refund
from tests.analytics.world import START, make_campaign, make_random_world, make_sent
from tests.factories import make_order, make_subscriber
from tests.tracking.world import make_click, make_mail, make_mailing

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
PRICE = 500_000


def told(campaign) -> CampaignFigures:
    found = campaign_figures(campaign)
    assert found is not None
    return found


def credited_by_hand(run_id: int) -> list[tuple[Order, Hit]]:
    """Orders of a run, by looking at every click there is."""
    clicks = list(Hit.objects.filter(kind="click", verdict="human").select_related("message__mailing", "link"))
    found = []
    for order in Order.objects.exclude(status="cancelled"):
        before = [
            hit
            for hit in clicks
            if hit.message.subscriber_id == order.subscriber_id
            and hit.message.mailing.kind == MailingKind.MARKETING
            and order.placed_at - 5 * DAY <= hit.at <= order.placed_at
        ]
        if before:
            last = max(before, key=lambda hit: (hit.at, hit.pk))
            if last.message.run_id == run_id:
                found.append((order, last))
    return found


def counted_by_hand(campaign) -> dict[str, Any]:
    messages = list(Message.objects.filter(run=campaign.run).select_related("subscriber"))
    hits = list(Hit.objects.filter(message__run=campaign.run).select_related("link"))
    human = [hit for hit in hits if hit.verdict == Verdict.HUMAN]
    credited = credited_by_hand(campaign.run_id)
    back = {
        order.pk: order.total
        if order.status == "refunded"
        else sum(refund.total for refund in Refund.objects.filter(order=order))
        for order, _ in credited
    }
    first = START.replace(minute=0)
    hours = Counter(int((hit.at - first).total_seconds() // 3600) for hit in human)
    follower = {(hit.link.key, hit.message_id) for hit in human if hit.link}
    return {
        "audience": len(messages),
        "sent": sum(m.state == MessageState.SENT for m in messages),
        "in_doubt": sum(m.state == MessageState.IN_DOUBT for m in messages),
        "skipped": dict(Counter(m.reason for m in messages if m.state == MessageState.SKIPPED)),
        "failed": dict(Counter(m.reason for m in messages if m.state == MessageState.FAILED)),
        "delivered": sum(m.delivered_at is not None for m in messages) or None,
        "bounced": sum(m.bounced_at is not None for m in messages),
        "unsubscribed": sum(m.unsubscribed_at is not None for m in messages),
        "clickers": len({hit.message_id for hit in human}),
        "machine_clicks": len(hits) - len(human),
        "orders": len(credited),
        "buyers": len({order.subscriber_id for order, _ in credited}),
        "gross": sum(order.total for order, _ in credited),
        "returned": sum(back.values()),
        "clicks_by_hour": tuple(hours[hour] for hour in range(72)),
        "links": dict(Counter(key for key, _ in follower)),
        "link_orders": dict(Counter(hit.link.key for _, hit in credited if hit.link)),
    }


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_one_counts_by_hand(brand, seed):
    for campaign in make_random_world(seed):
        assert campaign.run is not None
        found, hand = told(campaign), counted_by_hand(campaign)
        links, link_orders = hand.pop("links"), hand.pop("link_orders")
        assert {name: getattr(found, name) for name in hand} == hand
        urls = {hit.link.key: hit.link.url for hit in Hit.objects.select_related("link") if hit.link}
        assert {link.url: link.people for link in found.links} == {urls[key]: n for key, n in links.items()}
        assert {link.url: link.orders for link in found.links if link.orders} == {
            urls[key]: n for key, n in link_orders.items()
        }
        assert sum(service.reached for service in found.services) == found.delivered
        assert sum(service.clickers for service in found.services) == found.clickers
        assert found.audience == found.sent + found.left_out + found.in_doubt + found.open
        for group, number in {
            Group.ALL: found.audience,
            Group.SENT: found.sent,
            Group.DELIVERED: found.delivered,
            Group.CLICKED: found.clickers,
            Group.ORDERED: found.buyers,
            Group.LEFT_OUT: found.left_out,
            Group.BOUNCED: found.bounced,
            Group.UNSUBSCRIBED: found.unsubscribed,
            Group.COMPLAINED: found.complained,
        }.items():
            assert narrow(recipients(Message.objects.filter(run=campaign.run)), group=group).count() == number


def test_a_line_of_the_list_says_the_same_as_the_report(brand):
    campaigns = make_random_world(7)
    for line, campaign in zip(summaries(campaigns), campaigns, strict=True):
        found = told(campaign)
        assert (line.audience, line.sent, line.delivered, line.clickers, line.reached) == (
            found.audience,
            found.sent,
            found.delivered,
            found.clickers,
            found.reached,
        )
        assert (line.orders, line.revenue) == (found.orders, found.revenue)


def test_the_number_of_queries_does_not_depend_on_the_number_of_people(brand, django_assert_num_queries):
    campaign, _ = make_random_world(1, people=4)
    with django_assert_num_queries(7):
        told(campaign)
    for number in range(30):
        make_click(make_sent(campaign, make_subscriber(f"more{number}@gmail.com"), delivered_at=START))
    with django_assert_num_queries(7):
        told(campaign)
    with django_assert_num_queries(3):
        summaries([campaign])


@pytest.fixture
def campaign(brand):
    return make_campaign()


@pytest.fixture
def ann():
    return make_subscriber("ann.whitaker@post.example", first_name="Ann")


def test_an_order_is_credited_to_the_last_mail_clicked_and_to_no_other(campaign, ann):
    other = make_campaign("Winter tables")
    make_click(make_sent(campaign, ann), at=START)
    make_click(make_sent(other, ann), at=START + DAY)
    make_order(ann, ("MUG", 1, PRICE), placed_at=START + 2 * DAY)
    assert (told(campaign).orders, told(other).orders) == (0, 1)


@pytest.mark.parametrize(
    ("after", "credited"), [(dt.timedelta(0), 1), (5 * DAY, 1), (5 * DAY + dt.timedelta(seconds=1), 0)]
)
def test_the_window_is_five_days_from_the_click(campaign, ann, after, credited):
    make_click(make_sent(campaign, ann), at=START + DAY)
    make_order(ann, ("MUG", 1, PRICE), placed_at=START + DAY + after)
    assert told(campaign).orders == credited


def test_an_order_before_the_click_is_not_credited(campaign, ann):
    make_click(make_sent(campaign, ann), at=START + DAY)
    make_order(ann, ("MUG", 1, PRICE), placed_at=START + DAY - dt.timedelta(seconds=1))
    assert told(campaign).orders == 0


def test_a_machines_click_earns_nothing(campaign, ann):
    make_click(make_sent(campaign, ann), at=START, verdict=Verdict.MACHINE)
    make_order(ann, ("MUG", 1, PRICE), placed_at=START + DAY)
    found = told(campaign)
    assert (found.orders, found.clickers, found.machine_clicks, found.links) == (0, 0, 1, ())


def test_a_click_on_a_service_mail_takes_no_credit(campaign, ann):
    receipt = make_mailing("Your order")
    receipt.kind = MailingKind.SERVICE
    receipt.save()
    make_click(make_sent(campaign, ann), at=START)
    make_click(make_mail(ann, mailing=receipt), at=START + DAY)
    make_order(ann, ("MUG", 1, PRICE), placed_at=START + 2 * DAY)
    assert told(campaign).orders == 1


def test_returns_are_taken_off_and_cancelled_orders_never_count(campaign, ann):
    make_click(make_sent(campaign, ann), at=START)
    kept = make_order(ann, ("MUG", 2, PRICE), placed_at=START + DAY)
    make_order(ann, ("MUG", 1, PRICE), placed_at=START + DAY, status="cancelled")
    make_order(ann, ("MUG", 1, PRICE), placed_at=START + DAY, status="refunded")
    Refund.objects.create(number="R1", order=kept, subscriber=ann, refunded_at=START, total=PRICE, updated_at=START)
    found = told(campaign)
    assert (found.orders, found.gross, found.returned, found.revenue) == (2, 3 * PRICE, 2 * PRICE, PRICE)


def test_deliveries_are_unknown_when_nobody_reports_them(campaign, ann):
    make_sent(campaign, ann)
    found = told(campaign)
    assert found.delivered is None
    assert found.reached == found.sent == 1


def test_a_link_in_two_variants_is_one_link(brand):
    campaign = make_campaign("Test", make_mailing("A"), make_mailing("B"))
    for variant in (0, 1):
        make_click(make_sent(campaign, make_subscriber(), variant=variant), 2, at=START)
    assert [(link.label, link.people) for link in told(campaign).links] == [("See mug", 2)]


def test_mail_services_are_named_and_the_rest_counted(campaign):
    for number, host in enumerate(["gmail.com", "googlemail.com", "orchard.example", "mews.example", "hotmail.com"]):
        mail = make_sent(campaign, make_subscriber(f"s{number}@{host}"))
        if host == "googlemail.com":
            make_click(mail, at=START)
    shown = [(row.service, row.domains, row.reached, row.clickers) for row in told(campaign).services]
    assert shown == [("Gmail", 2, 2, 1), ("Microsoft", 1, 1, 0), ("", 2, 2, 0)]


def test_a_campaign_that_gathered_nobody_has_no_figures(campaign):
    campaign.run = None
    assert campaign_figures(campaign) is None
