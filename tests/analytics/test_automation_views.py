"""The report page of an automation: its period, its honesty, and the people behind its figures."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.automations.models import Automation, LeftOut
from personalize.accounts.models import User
from personalize.core import clock
from tests.analytics.flows import make_flow, make_random_flow, make_step_mail
from tests.factories import make_automation, make_enrolment, make_order, make_subscriber
from tests.tracking.world import make_click

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR


@pytest.fixture
def automation(brand) -> Automation:
    return make_flow("Cart")


@pytest.fixture
def page(automation) -> str:
    return reverse("analytics:automation_report", args=[automation.uuid])


@pytest.fixture
def people_page(automation) -> str:
    return reverse("analytics:automation_people", args=[automation.uuid])


@pytest.fixture
def as_alan(client: Client, alan: User) -> Client:
    client.force_login(alan)
    return client


@pytest.fixture
def as_maya(client: Client, maya: User) -> Client:
    client.force_login(maya)
    return client


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def ago(time: dt.timedelta) -> dt.datetime:
    return clock.now() - time


def test_strangers_are_sent_to_log_in(client, page, people_page):
    assert client.get(page).status_code == 302
    assert client.get(people_page).status_code == 302


def test_the_page_of_the_automation_leads_to_its_report_and_back(as_alan, automation, page):
    assert page in text(as_alan, reverse("automations:detail", args=[automation.uuid]))
    assert reverse("automations:detail", args=[automation.uuid]) in text(as_alan, page)


def test_a_report_names_its_figures_their_base_and_its_model(as_alan, automation, page):
    for number in range(40):
        mail = make_step_mail(automation, make_subscriber(), at=ago(DAY), delivered_at=ago(DAY))
        if number < 10:
            make_click(mail, at=ago(2 * HOUR))
        if number == 0:
            make_order(mail.subscriber, ("MUG", 1, 459_200), placed_at=ago(HOUR))
    shown = text(as_alan, page)
    assert "25.0%" in shown
    assert "10 of 40 mails, 14.2 to 40.2" in shown
    assert "£45.92" in shown
    assert "credited to the mail the person last clicked, within 5 days before the order" in shown
    assert "Clicked and ordered are out of the mails delivered." in shown


def test_too_little_data_is_said_instead_of_a_rate(as_alan, automation, page):
    make_click(make_step_mail(automation, make_subscriber(), at=ago(DAY), delivered_at=ago(DAY)), at=ago(HOUR))
    shown = text(as_alan, page)
    assert "Not enough data" in shown
    assert "100.0%" not in shown


def test_unreported_deliveries_are_said_to_be_unknown(as_alan, automation, page):
    make_step_mail(automation, make_subscriber(), at=ago(DAY))
    shown = text(as_alan, page)
    assert "Not known" in shown
    assert "No mail service has reported a delivery, so clicked and ordered are out of the mails sent." in shown


def test_the_period_in_the_address_says_what_counts(as_alan, automation, page):
    for days in (1, 20, 60, 200):
        make_enrolment(automation, make_subscriber(), created_at=ago(days * DAY))
    came = {}
    for period in ("7", "30", "90", "all", "nonsense"):
        came[period] = as_alan.get(f"{page}?period={period}").context["report"].figures.came
    assert came == {"7": 1, "30": 2, "90": 3, "all": 4, "nonsense": 2}


def test_who_ended_and_who_was_left_out_stand_there_with_reasons_and_their_people(as_maya, automation, page):
    ann = make_subscriber(first_name="Ann", last_name="Whitaker")
    tom = make_subscriber(first_name="Tom")
    make_enrolment(
        automation, ann, created_at=ago(DAY), state="exited", reason="by_hand", ended_at=ago(HOUR), due_at=None
    )
    make_enrolment(automation, tom, created_at=ago(DAY), state="done", ended_at=ago(HOUR), due_at=None)
    LeftOut.objects.create(automation=automation, subscriber=tom, entry_key="c", reason="ordered", at=ago(DAY))
    assert "Was taken out by hand" in text(as_maya, page)
    report = as_maya.get(page).context["report"]
    left = next(step for step in report.ways if step.people == -1)
    shown = text(as_maya, left.url)
    assert "Ann Whitaker" in shown
    assert "Tom" not in shown
    out = next(step for step in report.named if step.people == -1)
    assert out.label == "Ordered just now"
    assert "Tom" in text(as_maya, out.url)
    assert "Tom" not in text(as_maya, out.url.replace("reason=ordered", "reason=rule"))


def test_every_figure_of_a_mail_opens_the_people_behind_it(as_maya, automation, page):
    ann = make_subscriber(first_name="Ann", last_name="Whitaker")
    tom = make_subscriber(first_name="Tom")
    old = make_subscriber(first_name="Olive")
    make_click(make_step_mail(automation, ann, "second", at=ago(DAY)), at=ago(2 * HOUR))
    make_order(ann, ("MUG", 1, 459_200), placed_at=ago(HOUR))
    make_click(make_step_mail(automation, tom, "first", at=ago(DAY)), at=ago(2 * HOUR))
    make_click(make_step_mail(automation, old, "second", at=ago(20 * DAY)), at=ago(19 * DAY))
    second = as_maya.get(f"{page}?period=7").context["report"].lines[1]
    for figure in ("clicked", "ordered", "sent"):
        shown = text(as_maya, second.urls[figure])
        assert "Ann Whitaker" in shown
        assert "Tom" not in shown
        assert "Olive" not in shown


def test_mails_that_did_not_leave_are_listed_by_their_reason(as_maya, automation, page):
    ann = make_subscriber(first_name="Ann", last_name="Whitaker")
    make_step_mail(automation, ann, at=ago(DAY), state=5, reason="no_consent", handed_at=None)
    make_step_mail(automation, make_subscriber(first_name="Tom"), at=ago(DAY), state=5, reason="left", handed_at=None)
    report = as_maya.get(page).context["report"]
    step = next(step for step in report.not_sent if str(step.label) == "Does not follow the topic")
    shown = text(as_maya, step.url)
    assert "Ann Whitaker" in shown
    assert "Tom" not in shown


def test_the_strip_of_the_automation_leads_to_the_people_who_ordered(as_maya, automation):
    ann = make_subscriber(first_name="Ann", last_name="Whitaker")
    make_click(make_step_mail(automation, ann, at=ago(DAY)), at=ago(2 * HOUR))
    make_order(ann, ("MUG", 1, 459_200), placed_at=ago(HOUR))
    stats = as_maya.get(reverse("automations:detail", args=[automation.uuid])).context["stats"]
    (orders,) = [stat for stat in stats if stat.label == "Orders from its mail"]
    assert orders.value == "1"
    assert "Ann Whitaker" in text(as_maya, orders.url)


def test_who_may_not_see_addresses_sees_none_in_the_lists_behind_a_report(as_alan, automation, people_page):
    make_step_mail(automation, make_subscriber("ann@post.example"), at=ago(DAY))
    assert "ann@post.example" not in text(as_alan, people_page)


def test_the_mails_are_exported_as_a_file(as_maya, automation, people_page):
    make_step_mail(automation, make_subscriber("ann@post.example"), "second", at=ago(DAY), state=5, reason="left")
    make_step_mail(automation, make_subscriber("tom@post.example"), at=ago(20 * DAY))
    rows = list(csv.reader(io.StringIO(b"".join(as_maya.get(f"{people_page}?period=7&format=csv")).decode())))
    assert rows[0][:3] == ["Person", "Step", "Mail"]
    assert [row[0] for row in rows[1:]] == ["ann@post.example"]
    assert rows[1][2] == "Skipped"


def test_who_may_not_export_gets_no_file(as_alan, people_page):
    assert as_alan.get(f"{people_page}?format=csv").status_code == 403


def test_before_it_is_published_there_is_nothing_to_report(as_alan, brand):
    draft = make_automation("Draft", live=False)
    assert "Nothing to report yet" in text(as_alan, reverse("analytics:automation_report", args=[draft.uuid]))


def test_an_automation_that_sends_no_mail_has_a_report_too(as_alan, brand):
    plain = make_automation("Plain")
    make_enrolment(plain, make_subscriber(), created_at=ago(DAY))
    assert "It sends no mail." in text(as_alan, reverse("analytics:automation_report", args=[plain.uuid]))


def test_the_page_asks_the_same_number_of_queries_for_many_people(as_alan, brand, django_assert_max_num_queries):
    automation = make_random_flow(3, people=40)
    page = reverse("analytics:automation_report", args=[automation.uuid])
    with django_assert_max_num_queries(24):
        as_alan.get(f"{page}?period=all")
