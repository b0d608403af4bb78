"""People put into automations by hand, and moved to a newer version, on the pages for it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.automations.models import Automation, Enrolment
from personalize.accounts.models import AuditEntry, User
from segments.subscribers.models import Subscriber
from tests.factories import make_automation, make_follower, make_subscriber, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]


@pytest.fixture
def page(client: Client, maya: User) -> Client:
    client.force_login(maya)
    return client


@pytest.fixture
def welcome(db: None) -> Automation:
    return make_automation(topic=make_topic())


@pytest.fixture
def ann(db: None) -> Subscriber:
    return make_follower(make_topic(), "ann@post.example", first_name="Ann", last_name="Whitaker")


# --- in -----------------------------------------------------------------------------------------------------------------


def test_somebody_is_put_in_by_address(page: Client, welcome: Automation, ann: Subscriber, maya: User):
    for address in (reverse("automations:people", args=[welcome.uuid]), f"/automations/{welcome.uuid}/?tab=people"):
        assert "Put somebody in by address" in page.get(address).content.decode()
    answer = page.post(reverse("automations:put_in", args=[welcome.uuid]), {"email": " Ann@Post.example"}, follow=True)
    assert "Ann Whitaker is in ‘Welcome’ now." in answer.content.decode()
    assert Enrolment.objects.get().subscriber == ann
    assert AuditEntry.objects.get(action="automation.enrol").user == maya


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nobody@post.example", "Nobody here has this address."),
        ("nonsense", "nonsense"),
        ("ida@post.example", "Ida Mills did not come in: does not follow the topic."),
    ],
)
def test_why_somebody_is_not_put_in_is_said_at_the_address(page: Client, welcome: Automation, address: str, said: str):
    make_subscriber("ida@post.example", first_name="Ida", last_name="Mills")
    answer = page.post(reverse("automations:put_in", args=[welcome.uuid]), {"email": address})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Enrolment.objects.exists()


def test_nobody_is_put_into_what_is_not_live(page: Client, ann: Subscriber):
    draft = make_automation("Birthday", live=False)
    assert "by address" not in page.get(reverse("automations:people", args=[draft.uuid])).content.decode()
    answer = page.post(reverse("automations:put_in", args=[draft.uuid]), {"email": ann.email})
    assert "not live, so nobody comes in" in answer.content.decode()
    assert not Enrolment.objects.exists()


def test_a_person_is_put_into_an_automation_from_their_page(page: Client, welcome: Automation, ann: Subscriber):
    make_automation("Birthday", live=False)
    theirs = reverse("subscribers:detail", args=[ann.uuid])
    address = reverse("automations:put_person_in", args=[ann.uuid])
    assert address in page.get(theirs).content.decode()
    form = page.get(address).content.decode()
    assert "Welcome" in form
    assert "Birthday" not in form
    answer = page.post(address, {"automation": welcome.uuid}, follow=True)
    assert "Ann Whitaker is in ‘Welcome’ now." in answer.content.decode()
    again = page.post(address, {"automation": welcome.uuid})
    assert again.status_code == 422
    assert "Ann Whitaker did not come in: was in it for this already." in again.content.decode()
    assert Enrolment.objects.count() == 1


def test_where_nothing_is_live_nobody_is_offered_to_be_put_in(page: Client, ann: Subscriber):
    address = reverse("automations:put_person_in", args=[ann.uuid])
    assert address not in page.get(reverse("subscribers:detail", args=[ann.uuid])).content.decode()
    assert "No automation is live" in page.get(address).content.decode()


def test_an_analyst_puts_nobody_in(client: Client, welcome: Automation, ann: Subscriber, alan: User):
    client.force_login(alan)
    page = client.get(reverse("automations:people", args=[welcome.uuid])).content.decode()
    assert "by address" not in page
    assert client.post(reverse("automations:put_in", args=[welcome.uuid]), {"email": ann.email}).status_code == 403
    assert client.get(reverse("automations:put_person_in", args=[ann.uuid])).status_code == 403
