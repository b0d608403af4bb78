"""Figures of an automation: the same as counted by hand, in every period, in a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from campaigns.analytics.automation_figures import AutomationFigures, automation_figures
from campaigns.analytics.automation_report import tell
from campaigns.analytics.automations import orders_by_automation
from campaigns.analytics.recipients import Group, narrow, recipients
from campaigns.automations import periods
from campaigns.automations.figures import mail_owners, messages
from campaigns.automations.models import Automation, Enrolment, LeftOut
from campaigns.delivery.models import Message
from campaigns.delivery.types import MailingKind, MessageState
from campaigns.tracking.models import Hit
from segments.commerce.models import Order, Refund
from tests.analytics.flows import DAY, STEPS, make_flow, make_random_flow, make_step_mail
from tests.factories import NOW, make_enrolment, make_order, make_subscriber
from tests.tracking.world import make_click, make_mail

pytestmark = pytest.mark.django_db

ZONE = ZoneInfo("Asia/Kolkata")


def told(automation: Automation, period: str = periods.ALL) -> AutomationFigures:
    return automation_figures(automation, period=period, at=NOW)


def credited_by_hand(automation: Automation, since: dt.datetime) -> list[tuple[Order, Message]]:
    """Orders after its mails, by looking at every click there is."""
    clicks = list(Hit.objects.filter(kind="click", verdict="human").select_related("message__mailing"))
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
            mail = max(before, key=lambda hit: (hit.at, hit.pk)).message
            if mail.mailing.name.startswith(automation.name) and mail.created_at >= since:
                found.append((order, mail))
    return found


def worth_by_hand(order: Order) -> int:
    if order.status == "refunded":
        return 0
    return order.total - sum(refund.total for refund in Refund.objects.filter(order=order))


def mails_by_hand(automation: Automation, step: str, since: dt.datetime) -> dict[str, Any]:
    name = f"{automation.name} {step}"
    mails = list(Message.objects.filter(mailing__name=name, created_at__gte=since))
    clicked = {hit.message_id for hit in Hit.objects.filter(verdict="human", message__in=mails)}
    credited = [(order, mail) for order, mail in credited_by_hand(automation, since) if mail.mailing.name == name]
    return {
        "written": len(mails),
        "sent": sum(mail.state == MessageState.SENT for mail in mails),
        "open": sum(mail.state == MessageState.READY for mail in mails),
        "delivered": sum(mail.delivered_at is not None for mail in mails),
        "bounced": sum(mail.bounced_at is not None for mail in mails),
        "unsubscribed": sum(mail.unsubscribed_at is not None for mail in mails),
        "clicked": len(clicked),
        "ordered": len({mail.pk for _order, mail in credited}),
        "orders": len(credited),
        "revenue": sum(worth_by_hand(order) for order, _mail in credited),
    }


@pytest.mark.parametrize("period", periods.KEYS)
@pytest.mark.parametrize("seed", range(2))
def test_figures_are_those_one_counts_by_hand(seed: int, period: str):
    automation = make_random_flow(seed)
    since = NOW - dt.timedelta(days=1000 if period == periods.ALL else int(period))
    with timezone.override(ZONE):
        found = told(automation, period)
    came = list(Enrolment.objects.filter(automation=automation, created_at__gte=since))
    assert found.came == len(came)
    assert found.people == len({row.subscriber_id for row in came})
    assert found.inside == sum(row.ended_at is None for row in came)
    assert found.ended == Counter((row.state, row.reason) for row in came if row.ended_at)
    assert found.left_out == Counter(
        LeftOut.objects.filter(automation=automation, at__gte=since).values_list("reason", flat=True)
    )
    for step in STEPS:
        hand = mails_by_hand(automation, step, since)
        assert {name: getattr(found.mails[step], name) for name in hand} == hand
    sent = [
        mail.handed_at.astimezone(ZONE)
        for mail in Message.objects.filter(
            mailing__name__startswith="Cart", created_at__gte=since, state=MessageState.SENT
        )
        if mail.handed_at
    ]
    by_day = dict(zip(found.days, found.sent_by_day, strict=True))
    assert {day: n for day, n in by_day.items() if n} == Counter(at.date() for at in sent)
    assert dict(enumerate(found.sent_by_hour)) == {hour: Counter(at.hour for at in sent)[hour] for hour in range(24)}
    came_by_day = dict(zip(found.days, found.came_by_day, strict=True))
    assert {day: n for day, n in came_by_day.items() if n} == Counter(
        row.created_at.astimezone(ZONE).date() for row in came
    )
    orders_by_day = dict(zip(found.days, found.orders_by_day, strict=True))
    assert {day: n for day, n in orders_by_day.items() if n} == Counter(
        order.placed_at.astimezone(ZONE).date() for order, _mail in credited_by_hand(automation, since)
    )


@pytest.mark.parametrize("period", periods.KEYS)
def test_every_figure_is_as_large_as_the_list_behind_it(period: str):
    automation = make_random_flow(5)
    mails = told(automation, period).all_mails
    rows = periods.span(period, NOW).of(recipients(messages(list(mail_owners(automation)))), "created_at")
    for group, number in {
        Group.ALL: mails.written,
        Group.SENT: mails.sent,
        Group.DELIVERED: mails.delivered,
        Group.CLICKED: mails.clicked,
        Group.ORDERED: mails.ordered,
        Group.BOUNCED: mails.bounced,
        Group.UNSUBSCRIBED: mails.unsubscribed,
    }.items():
        assert narrow(rows, group=group).count() == number


@pytest.mark.parametrize("period", periods.KEYS)
def test_what_is_told_adds_up(period: str):
    automation = make_random_flow(6)
    figures = told(automation, period)
    report = tell(automation, figures, period=period, currency="GBP")
    for steps in filter(None, (report.named, report.ways, report.not_sent)):
        first, *less, last = [step.people for step in steps]
        assert first + sum(less) == last
    assert bool(report.ways) == bool(figures.came)
    assert [chart.total for chart in report.charts] == [
        figures.came,
        figures.all_mails.sent,
        figures.all_mails.orders,
    ]
    assert report.lines[-1].mails.sent == sum(line.mails.sent for line in report.lines[:-1])


def test_an_order_after_a_mail_from_before_the_period_is_not_counted_in_it():
    automation, person = make_flow(), make_subscriber()
    make_click(make_step_mail(automation, person, at=NOW - 8 * DAY), at=NOW - DAY)
    make_order(person, ("MUG", 1, 100_000), placed_at=NOW - DAY / 2)
    assert told(automation, "7").all_mails.orders == 0
    assert told(automation, "30").all_mails.orders == 1


def test_an_order_goes_to_the_mail_clicked_last_even_when_that_is_no_automation_s():
    automation, person = make_flow(), make_subscriber()
    make_click(make_step_mail(automation, person, "first"), at=NOW - DAY)
    make_click(make_step_mail(automation, person, "second"), at=NOW - DAY / 2)
    make_order(person, ("MUG", 1, 100_000), placed_at=NOW - DAY / 3)
    found = told(automation).mails
    assert (found["first"].orders, found["second"].orders) == (0, 1)
    make_click(make_mail(person), at=NOW - DAY * 0.4)
    assert told(automation).all_mails.orders == 0


def test_a_step_that_was_taken_out_keeps_its_mails_in_the_report():
    automation = make_flow()
    make_step_mail(automation, make_subscriber(), "second")
    automation.draft = {**automation.draft, "steps": automation.draft["steps"][:1]}
    automation.save()
    lines = tell(automation, told(automation), period=periods.ALL, currency="GBP").lines
    assert [line.step for line in lines] == ["first", "second", ""]
    assert lines[1].mails.sent == 1


def test_a_long_time_is_told_by_the_week_and_a_short_one_by_the_day():
    automation = make_flow()
    for days in (0, 6, 7, 120):
        make_enrolment(automation, make_subscriber(), created_at=NOW - days * DAY)
    by_week = tell(automation, told(automation), period=periods.ALL, currency="GBP")
    assert by_week.weekly
    assert [slot.came for slot in by_week.slots][-2:] == [1, 2]
    assert sum(slot.came for slot in by_week.slots) == 4
    by_day = tell(automation, told(automation, "7"), period="7", currency="GBP")
    assert not by_day.weekly
    assert [slot.came for slot in by_day.slots] == [1, 1, 0, 0, 0, 0, 0, 1]


def test_orders_in_the_list_of_automations_are_those_of_each():
    cart, welcome = make_flow("Cart"), make_flow("Welcome")
    at = timezone.now() - DAY
    for automation, times in ((cart, 2), (welcome, 1)):
        person = make_subscriber()
        make_click(make_step_mail(automation, person, at=at), at=at)
        for _ in range(times):
            make_order(person, ("MUG", 1, 100_000), placed_at=at + DAY / 24)
    found = orders_by_automation([cart, welcome])
    assert (found[cart.pk], found[welcome.pk]) == (2, 1)


def test_the_number_of_queries_does_not_depend_on_how_much_there_is(django_assert_num_queries):
    for automation in (make_random_flow(1, people=2, name="Few"), make_random_flow(2, people=40, name="Many")):
        with django_assert_num_queries(10):
            told(automation)
