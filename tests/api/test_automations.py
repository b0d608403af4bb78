"""Putting people into automations from outside."""

from __future__ import annotations

import uuid

import pytest

from campaigns.automations.models import Enrolment
from personalize.accounts.models import AuditEntry
from tests.api.conftest import Shop
from tests.factories import make_automation, make_subscriber, make_topic

pytestmark = pytest.mark.django_db

ANN = "ann.whitaker@post.example"


def test_a_person_is_put_in_once_for_each_key_with_what_the_mails_may_speak_of(shop: Shop):
    person, automation = make_subscriber(ANN), make_automation()
    path = f"/automations/{automation.uuid}/enrolments"
    body = {"email": ANN, "key": "renewal-2027", "data": {"plan": "Oak"}}
    answer = shop.post(path, body).json()
    enrolment = Enrolment.objects.get(subscriber=person)
    assert answer == {"outcome": "entered", "id": str(enrolment.uuid), "reason": ""}
    assert (enrolment.entry_key, enrolment.context["data"]) == ("renewal-2027", {"plan": "Oak"})
    assert shop.post(path, body).json() == {"outcome": "left_out", "id": None, "reason": "known"}
    assert shop.post(path, {**body, "key": "renewal-2028"}).json()["outcome"] == "entered"
    assert AuditEntry.objects.filter(action="automation.enrol").count() == 2


def test_who_does_not_follow_the_topic_stays_out_with_the_reason(shop: Shop):
    make_subscriber(ANN)
    automation = make_automation(topic=make_topic())
    answer = shop.post(f"/automations/{automation.uuid}/enrolments", {"email": ANN})
    assert (answer.status_code, answer.json()["reason"]) == (200, "no_consent")


def test_an_unknown_person_or_automation_is_not_found_and_a_draft_takes_nobody(shop: Shop):
    make_subscriber(ANN)
    live, draft = make_automation(), make_automation("Draft", live=False)
    answers = [
        shop.post(f"/automations/{which}/enrolments", {"email": email}).status_code
        for which, email in ((live.uuid, "nobody@post.example"), (uuid.uuid4(), ANN), (draft.uuid, ANN))
    ]
    assert answers == [404, 404, 422]
    assert not Enrolment.objects.exists()
