"""The pages of reports: who may see them, and that they say what they know and what they do not."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from campaigns.analytics import panels
from personalize.accounts.models import AuditEntry, User
from personalize.core import clock
from segments.subscribers.models import Subscriber
from tests.analytics.world import START, make_campaign, make_random_world, make_sent
from tests.factories import make_order, make_subscriber
from tests.tracking.world import make_click, make_mail

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(brand):
    return make_campaign()


@pytest.fixture
def page(campaign) -> str:
    return reverse("analytics:report", args=[campaign.uuid])


@pytest.fixture
def people_page(campaign) -> str:
    return reverse("analytics:people", args=[campaign.uuid])


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


def test_strangers_are_sent_to_log_in(client, page, people_page):
    for path in (page, people_page, reverse("analytics:index")):
        assert client.get(path).status_code == 302


def test_a_report_names_its_figures_their_base_and_its_model(as_alan, campaign, page):
    for number in range(40):
        mail = make_sent(campaign, make_subscriber(f"p{number}@gmail.com"), delivered_at=START)
        if number < 10:
            make_click(mail, at=START)
    make_order(Subscriber.objects.get(email="p0@gmail.com"), ("MUG", 1, 459_200), placed_at=START)
    shown = text(as_alan, page)
    assert "25.0% of delivered" in shown
    assert "14.2 to 40.2" in shown
    assert "£45.92" in shown
    assert "last click within 5 days, returns taken off" in shown
    assert "Gmail" in shown
    assert "As a table" in shown


def test_too_little_data_is_said_instead_of_a_rate(as_alan, campaign, page):
    make_click(make_sent(campaign, make_subscriber(), delivered_at=START), at=START)
    shown = text(as_alan, page)
    assert "Not enough data" in shown
    assert "100.0% of" not in shown


def test_unreported_deliveries_are_said_to_be_unknown(as_alan, campaign, page):
    make_sent(campaign, make_subscriber())
    shown = text(as_alan, page)
    assert "No mail service has reported a delivery." in shown
    assert "Not known" in shown


def test_left_out_people_stand_there_with_their_reason(as_alan, campaign, page):
    make_sent(campaign, make_subscriber())
    make_sent(campaign, make_subscriber(), state=5, reason="no_consent")
    assert "Does not follow the topic" in text(as_alan, page)


def test_a_campaign_that_has_not_started_has_an_empty_report(as_alan, campaign, page):
    campaign.run = None
    campaign.save()
    assert "Nothing to report yet" in text(as_alan, page)


def test_the_page_asks_the_same_number_of_queries_for_many_people(
    as_alan, campaign, page, django_assert_max_num_queries
):
    for number in range(40):
        make_click(make_sent(campaign, make_subscriber(), delivered_at=START), number % 5 + 1, at=START)
    with django_assert_max_num_queries(20):
        as_alan.get(page)


def test_the_list_of_reports_shows_campaigns_with_their_figures(as_alan, brand):
    make_random_world(3)
    shown = text(as_alan, reverse("analytics:index"))
    assert "Longer evenings" in shown
    assert "Winter tables" in shown
    assert "of 40" in shown


def test_without_campaigns_the_list_says_what_will_be_here(as_alan, brand):
    assert "No reports yet" in text(as_alan, reverse("analytics:index"))


def test_every_figure_opens_the_people_behind_it(as_maya, campaign, people_page):
    clicked = make_subscriber("ann@post.example", first_name="Ann", last_name="Whitaker")
    make_click(make_sent(campaign, clicked), at=START)
    make_sent(campaign, make_subscriber("tom@post.example", first_name="Tom"))
    shown = text(as_maya, people_page + "?view=clicked")
    assert "Ann Whitaker" in shown
    assert "Tom" not in shown
    key = campaign.variants.get().mailing.links.get(number=1).key
    assert "Ann Whitaker" in text(as_maya, people_page + f"?view=all&link={key}")
    assert "Tom" not in text(as_maya, people_page + f"?view=all&link={key}")


def test_the_people_are_exported_as_a_file_no_spreadsheet_runs(as_maya, campaign, people_page):
    make_sent(campaign, make_subscriber("ann@post.example"), state=5, reason="=cmd()")
    response = as_maya.get(people_page + "?format=csv")
    rows = list(csv.reader(io.StringIO(b"".join(response).decode())))
    assert rows[0][:3] == ["Person", "Mail", "Reason"]
    assert rows[1][:3] == ["ann@post.example", "Skipped", "'=cmd()"]
    assert AuditEntry.objects.filter(action="people.export").exists()


def test_who_may_not_export_gets_no_file(as_alan, campaign, people_page):
    assert as_alan.get(people_page + "?format=csv").status_code == 403


def test_home_shows_the_trend_and_how_mail_arrives(rf, alan, brand):
    cache.clear()
    request = rf.get("/")
    request.user = alan
    assert panels.trend(request, None) is None
    cache.clear()
    mail = make_mail(make_subscriber(), handed_at=clock.now(), unsubscribed_at=clock.now())
    make_click(mail, at=clock.now())
    trend, arrival = panels.trend(request, None), panels.arrival(request, None)
    assert trend is not None
    assert arrival is not None
    assert [chart["total"] for chart in trend["charts"]] == [1, 1, 0]
    assert [people for _, people in arrival["rows"]] == [None, None, 1]
    cache.clear()
