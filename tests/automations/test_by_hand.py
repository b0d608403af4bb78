"""People put into automations by hand, and moved to a newer version, on the pages for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.automations.models import Automation, Enrolment
from personalize.accounts.models import AuditEntry, User
from segments.subscribers.models import Subscriber
from tests.automations.ways import enter, live, mail, publish, wait
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


# --- to a newer version -------------------------------------------------------------------------------------------------


@pytest.fixture
def two_versions() -> tuple[Automation, Enrolment, Enrolment]:
    """Ann waits on version 1 at a step that version 2 still has, Bob at one that it has no more."""
    automation = live(wait("first", "second"), wait("second"))
    ann, bob = (enter(automation, make_subscriber(), state="waiting", step=step) for step in ("first", "second"))
    publish(automation, wait("first", "rest", hours=72), wait("rest"))
    return automation, ann, bob


def mover(automation: Automation, number: int = 1) -> str:
    return reverse("automations:move_version", args=[automation.uuid, number])


def version_of(enrolment: Enrolment) -> tuple[int, str]:
    enrolment.refresh_from_db()
    return enrolment.version.number, enrolment.step


def test_people_are_moved_to_the_live_version_as_the_preview_said(page: Client, two_versions: Any, maya: User):
    automation, ann, bob = two_versions
    versions = page.get(f"/automations/{automation.uuid}/?tab=versions").content.decode()
    assert mover(automation) in versions
    assert mover(automation, 2) not in versions
    form = page.get(mover(automation)).context["form"]
    assert {name: field.initial for name, field in form.fields.items()} == {"step-first": "first", "step-second": ""}

    chosen = {"step-first": "first", "step-second": "rest"}
    preview = page.get(mover(automation), {"preview": "1", **chosen}).content.decode()
    assert "Move 2 people" in preview
    assert preview.count("The time they have waited counts") == 2
    assert (version_of(ann), version_of(bob)) == ((1, "first"), (1, "second"))

    answer = page.post(mover(automation), {"to": "2", **chosen}, follow=True)
    assert "2 people are on version 2 now." in answer.content.decode()
    assert (version_of(ann), version_of(bob)) == ((2, "first"), (2, "rest"))
    noted = AuditEntry.objects.get(action="automation.run")
    assert (noted.user, noted.details) == (maya, {"moved": 2, "old": 1, "new": 2})
    assert mover(automation) not in page.get(f"/automations/{automation.uuid}/?tab=versions").content.decode()
    assert "Nobody is on version 1 any more." in page.get(mover(automation)).content.decode()


def test_whoever_is_to_stay_stays_on_the_old_version_also_where_the_step_is_in_both(page: Client, two_versions: Any):
    automation, ann, bob = two_versions
    chosen = {"step-first": "", "step-second": "rest"}
    preview = page.get(mover(automation), {"preview": "1", **chosen}).content.decode()
    assert "1 of 2 people moves." in preview
    assert "Stay on version 1" in preview
    assert "Nothing changes for them" in preview
    page.post(mover(automation), {"to": "2", **chosen})
    assert (version_of(ann), version_of(bob)) == ((1, "first"), (2, "rest"))


def test_nobody_is_moved_to_a_version_that_was_not_previewed_or_a_step_there_is_not(page: Client, two_versions: Any):
    automation, ann, _bob = two_versions
    publish(automation, wait("first", "other"), wait("other"))
    answer = page.post(mover(automation), {"to": "2", "step-first": "first"})
    assert "Another version was published in the meantime" in answer.content.decode()
    answer = page.post(mover(automation), {"to": "3", "step-first": "rest"})
    assert answer.status_code == 422
    assert version_of(ann) == (1, "first")


def test_there_is_nothing_to_move_from_the_live_version_and_not_by_an_analyst(
    page: Client, two_versions: Any, alan: User
):
    automation, *_people = two_versions
    answer = page.get(mover(automation, 2), follow=True)
    assert "from an older version to the live one" in answer.content.decode()
    page.force_login(alan)
    assert page.get(mover(automation)).status_code == 403


def test_the_preview_says_when_a_mail_would_go_out_at_once_and_a_wait_begins_anew(page: Client):
    automation = live(wait("first", "hello"), mail("hello"))
    for step in ("first", "hello"):
        enter(automation, make_subscriber(), state="waiting", step=step)
    publish(automation, wait("first", "hello"), mail("hello"))
    crossed = {"preview": "1", "step-first": "hello", "step-hello": "first"}
    preview = page.get(mover(automation), crossed).content.decode()
    assert "It happens to them at once" in preview
    assert "They wait from now on" in preview
