"""Settings, Endpoints: another system is added with a secret, tried, told again, and its calls are looked through."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.automations import calling, services
from campaigns.automations.endpoints import SHOWN_CALLS, with_figures
from campaigns.automations.models import Call, CallState, Endpoint
from campaigns.automations.nodes import WebhookStep
from personalize.accounts.models import AuditEntry, Role, User
from personalize.core.clock import now
from segments.commerce.signatures import standard_signature
from tests.automations.conftest import Ears
from tests.automations.test_calling import make_endpoint
from tests.factories import NOW, make_automation, make_enrolment, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]
ENDPOINTS = "/settings/endpoints/"
GOOD = {"name": "CRM", "url": "https://crm.example/hooks"}


@pytest.fixture
def page(client: Client, maya: User) -> Client:
    client.force_login(maya)
    return client


def url(endpoint: Endpoint, *more: str) -> str:
    return "/".join([f"{ENDPOINTS}{endpoint.uuid}", *more, ""])


def make_call(endpoint: Endpoint, state: str = CallState.READY, **fields: Any) -> Call:
    person = fields.pop("person", None) or make_subscriber()
    enrolment = make_enrolment(fields.pop("automation", None) or make_automation(f"For {person.pk}"), person)
    ended = {} if state == CallState.READY else {"ended_at": now()}
    given = {"created_at": now(), "body": {}, "step": "tell", "state": state, **ended, **fields}
    return Call.objects.create(endpoint=endpoint, enrolment=enrolment, **given)


def test_an_endpoint_is_made_with_a_secret_that_is_shown_in_full_once(page):
    answer = page.post(ENDPOINTS + "new/", GOOD, follow=True)
    endpoint = Endpoint.objects.get()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", endpoint.secret)
    assert answer.context["fresh"]
    assert "Its secret is new" in answer.content.decode()
    text = page.get(url(endpoint)).content.decode()
    assert f"••••••••{endpoint.secret[-4:]}" in text
    assert "Its secret is new" not in text
    assert AuditEntry.objects.filter(action="settings.edit").exists()
    assert endpoint.secret not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_two_endpoints_never_share_a_secret(maya):
    secrets = {
        services.create_endpoint(name=name, url="https://crm.example/", actor=maya).secret for name in ("One", "Two")
    }
    assert len(secrets) == 2


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"name": ""}, "name", "required"),
        ({"url": "crm.example/hooks"}, "url", "https://"),
        ({"url": "ftp://crm.example/"}, "url", "https://"),
        ({"url": "https://maya:secret@crm.example/"}, "url", "password"),
        ({"url": "https://crm.example:port/"}, "url", "not an address"),
        ({"name": "Taken"}, "name", "of this name"),
    ],
)
def test_what_cannot_be_told_is_refused_where_it_is_wrong(page, maya, wrong, field, message):
    services.create_endpoint(name="Taken", url="https://crm.example/", actor=maya)
    answer = page.post(ENDPOINTS + "new/", GOOD | wrong)
    assert answer.status_code == 422
    assert message in " ".join(answer.context["form"].errors[field])
    assert Endpoint.objects.count() == 1


def test_an_endpoint_is_changed_turned_off_and_on_and_keeps_its_secret(page, maya):
    endpoint = services.create_endpoint(**GOOD, actor=maya)
    secret = endpoint.secret
    page.post(url(endpoint), {"name": "Help desk", "url": "https://desk.example/"})
    page.post(url(endpoint, "switch"), {"enabled": "0"})
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.url, endpoint.secret) == ("Help desk", "https://desk.example/", secret)
    assert not endpoint.enabled
    page.post(url(endpoint, "switch"), {"enabled": "1"})
    endpoint.refresh_from_db()
    assert endpoint.enabled


def test_a_replaced_secret_is_shown_once_and_signs_from_then_on(page, ears: Ears):
    endpoint = make_endpoint(ears)
    old = endpoint.secret
    answer = page.post(url(endpoint, "secret"), follow=True)
    endpoint.refresh_from_db()
    assert endpoint.secret != old
    assert answer.context["fresh"]
    assert endpoint.secret in answer.content.decode()
    page.post(url(endpoint, "try"))
    [(headers, body)] = ears.heard
    stamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == standard_signature(endpoint.secret, headers["webhook-id"], stamp, body)
    assert endpoint.secret not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_a_deleted_endpoint_is_told_nothing_more_and_the_question_names_what_is_lost(page, ears: Ears, maya):
    endpoint = make_endpoint(ears)
    make_call(endpoint, due_at=now())
    other = make_call(services.create_endpoint(name="Other", url="https://other.example/", actor=maya))
    text = page.get(url(endpoint)).content.decode()
    assert "No automation names it. 1 call that waits is not made" in text
    assert "is deleted" in page.post(url(endpoint, "delete"), follow=True).content.decode()
    assert list(Call.objects.all()) == [other]
    assert not calling.sweep_calls(now())
    assert not ears.heard
    assert page.get(url(endpoint)).status_code == 404
    assert AuditEntry.objects.filter(action="settings.edit", details__deleted=endpoint.name).exists()


def test_the_list_counts_what_became_of_the_calls_of_thirty_days(page, maya):
    endpoint = services.create_endpoint(**GOOD, actor=maya)
    for state in (CallState.DONE, CallState.DONE, CallState.FAILED, CallState.READY):
        make_call(endpoint, state)
    make_call(endpoint, CallState.DONE, created_at=now() - dt.timedelta(days=31))
    [found] = with_figures(now()).values_list("done", "failed", "waiting")
    assert found == (2, 1, 1)
    assert "https://crm.example/hooks" in page.get(ENDPOINTS).content.decode()


def test_trying_makes_one_signed_call_and_shows_the_answer(page, ears: Ears):
    endpoint = make_endpoint(ears)
    ears.answers = [(204, {}), (500, {})]
    assert "It answered 204" in page.post(url(endpoint, "try")).content.decode()
    assert "It answered 500" in page.post(url(endpoint, "try")).content.decode()
    (headers, body), _second = ears.heard
    stamp = int(headers["webhook-timestamp"])
    right = standard_signature(endpoint.secret, headers["webhook-id"], stamp, body)
    assert headers["webhook-signature"] == right
    assert b'"type":"endpoint.test"' in body
    assert not Call.objects.exists()


def test_trying_an_address_inside_says_that_it_is_not_reached(page, ears: Ears, settings):
    settings.WEBHOOKS_MAY_STAY_INSIDE = False
    assert "public internet" in page.post(url(make_endpoint(ears), "try")).content.decode()
    assert not ears.heard


def test_what_was_given_up_is_told_again_under_the_same_id(page, ears: Ears):
    endpoint = make_endpoint(ears)
    call = make_call(endpoint, CallState.FAILED, attempt=9, code=500)
    page.post(url(endpoint, "calls", str(call.uuid), "again"))
    call.refresh_from_db()
    assert (call.state, call.attempt, call.ended_at) == (CallState.READY, 0, None)
    assert calling.sweep_calls(now())
    call.refresh_from_db()
    assert call.state == CallState.DONE
    assert [headers["webhook-id"] for headers, _body in ears.heard] == [str(call.uuid)]
    assert AuditEntry.objects.filter(action="settings.edit", details__told_again=str(call.uuid)).exists()


@pytest.mark.parametrize(("state", "enabled"), [("done", True), ("ready", True), ("failed", False)])
def test_nothing_else_is_told_again(page, maya, state, enabled):
    endpoint = services.create_endpoint(**GOOD, actor=maya)
    services.change_endpoint(endpoint=endpoint, actor=maya, enabled=enabled)
    call = make_call(endpoint, state)
    answer = page.post(url(endpoint, "calls", str(call.uuid), "again"), follow=True)
    assert "Only what was given up" in answer.content.decode()
    call.refresh_from_db()
    assert call.state == state
    assert "/again/" not in page.get(url(endpoint)).content.decode()


def test_the_log_has_the_latest_calls_with_whom_they_were_about(page, maya, django_assert_max_num_queries):
    endpoint = services.create_endpoint(**GOOD, actor=maya)
    automation = make_automation()
    for number in range(SHOWN_CALLS + 2):
        make_call(endpoint, CallState.FAILED, automation=automation, detail=f"Answer {number}.", code=500)
    ann = make_subscriber("ann@post.example")
    make_call(endpoint, CallState.FAILED, automation=automation, person=ann, detail="Gone away", code=410)
    with django_assert_max_num_queries(20):
        text = page.get(url(endpoint)).content.decode()
    assert text.count("/again/") == SHOWN_CALLS
    assert reverse("subscribers:detail", args=[ann.uuid]) in text
    assert "ann@post.example" in text
    assert "Gone away" in text
    assert "Answer 1." not in text


def test_who_looks_after_the_machines_sees_calls_but_nobody_s_address(client, maya):
    endpoint = services.create_endpoint(**GOOD, actor=maya)
    make_call(endpoint, person=make_subscriber("ann@post.example"))
    client.force_login(User.objects.create_user("ops@alderandwren.example", "tea-and-cake-12", role=Role.OPS))
    assert "ann@post.example" not in client.get(url(endpoint)).content.decode()


def test_an_endpoint_tells_which_automations_use_it(page, maya):
    endpoint = services.create_endpoint(**GOOD, actor=maya)
    step = {"id": "tell", "type": "webhook", "endpoint": str(endpoint.uuid)}
    make_automation("Big spender", definition={"v": 1, "trigger": {"on": "call"}, "steps": [step]})
    assert "Big spender" in page.get(url(endpoint)).content.decode()


def test_a_call_that_its_step_wrote_stands_in_the_log(page, maya):
    endpoint = services.create_endpoint(**GOOD, actor=maya)
    enrolment = make_enrolment(make_automation("Big spender"), make_subscriber("ann@post.example"))
    calling.write_calls(step=WebhookStep(id="tell", endpoint=str(endpoint.uuid)), enrolments=[enrolment], at=NOW)
    text = page.get(url(endpoint)).content.decode()
    assert "Big spender" in text
    assert "ann@post.example" in text


def test_who_may_not_change_settings_sees_no_endpoints(client, alan):
    client.force_login(alan)
    assert client.get(ENDPOINTS).status_code == 403
