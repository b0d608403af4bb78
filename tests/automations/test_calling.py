"""Telling other systems, over real HTTP, and the team by mail."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import uuid

import pytest
from django.core import mail

from campaigns.automations import calling
from campaigns.automations.models import Call, CallState, Endpoint, Enrolment
from campaigns.automations.nodes import NotifyStep, WebhookStep
from tests.automations.conftest import Ears
from tests.factories import NOW, make_automation, make_enrolment, make_subscriber

pytestmark = pytest.mark.django_db
SECRET = "whsec_" + base64.b64encode(b"a secret of the shop").decode()


@pytest.fixture
def enrolment(db: None) -> Enrolment:
    return make_enrolment(
        make_automation(), make_subscriber("ann@post.example", first_name="Ann"), context={"key": "c1"}
    )


def make_endpoint(ears: Ears) -> Endpoint:
    return Endpoint.objects.create(
        name="CRM", url=f"http://127.0.0.1:{ears.server_port}/hook", secret=SECRET, created_at=NOW
    )


def write(enrolment: Enrolment, endpoint: Endpoint) -> set[int]:
    return calling.write_calls(step=WebhookStep(id="tell", endpoint=str(endpoint.uuid)), enrolments=[enrolment], at=NOW)


def test_an_endpoint_is_told_once_and_can_prove_who_told_it(ears, enrolment):
    endpoint = make_endpoint(ears)
    assert write(enrolment, endpoint) == set()
    write(enrolment, endpoint)
    assert calling.sweep_calls(NOW)
    assert not calling.sweep_calls(NOW)
    [(headers, body)] = ears.heard
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.digest(b"a secret of the shop", signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    told = json.loads(body)
    assert told["data"]["subscriber"]["email"] == "ann@post.example"
    assert told["data"]["trigger"] == {"key": "c1"}
    call = Call.objects.get()
    assert (call.state, call.code, str(call.uuid)) == (CallState.DONE, 204, headers["webhook-id"])


def test_an_endpoint_in_trouble_is_told_again_under_the_same_id(ears, enrolment):
    ears.answers = [(503, {"Retry-After": "600"}), (500, {})]
    write(enrolment, make_endpoint(ears))
    assert calling.sweep_calls(NOW)
    assert Call.objects.get().due_at == NOW + dt.timedelta(seconds=600)
    assert not calling.sweep_calls(NOW + dt.timedelta(seconds=599))
    later = NOW + dt.timedelta(seconds=600)
    calling.sweep_calls(later)
    assert Call.objects.get().due_at == later + calling.WAITS[1]
    calling.sweep_calls(later + calling.WAITS[1])
    assert Call.objects.get().state == CallState.DONE
    assert len({headers["webhook-id"] for headers, _body in ears.heard}) == 1
    assert len(ears.heard) == 3


def test_what_never_answers_is_given_up_with_its_reason(ears, enrolment):
    endpoint = make_endpoint(ears)
    ears.server_close()
    write(enrolment, endpoint)
    at = NOW
    for _try in range(len(calling.WAITS) + 1):
        assert calling.sweep_calls(at)
        at += dt.timedelta(days=1)
    call = Call.objects.get()
    assert (call.state, call.attempt, call.due_at) == (CallState.FAILED, len(calling.WAITS) + 1, None)
    assert "could not be reached" in call.detail


def test_an_endpoint_that_says_gone_is_never_told_again(ears, enrolment):
    ears.answers = [(410, {})]
    endpoint = make_endpoint(ears)
    write(enrolment, endpoint)
    calling.sweep_calls(NOW)
    endpoint.refresh_from_db()
    assert not endpoint.enabled
    assert Call.objects.get().state == CallState.FAILED
    assert write(make_enrolment(enrolment.automation, make_subscriber()), endpoint) != set()


def test_one_s_own_network_is_not_told_unless_the_installation_says_so(ears, enrolment, settings):
    settings.WEBHOOKS_MAY_STAY_INSIDE = False
    write(enrolment, make_endpoint(ears))
    calling.sweep_calls(NOW)
    assert not ears.heard
    assert "public internet" in Call.objects.get().detail


def test_a_worker_that_died_in_a_call_leaves_it_to_the_next(ears, enrolment):
    write(enrolment, make_endpoint(ears))
    [held] = calling._claim(NOW, 5)
    assert calling._claim(NOW, 5) == []
    assert calling.sweep_calls(NOW + calling.LEASE)
    assert Call.objects.get(pk=held.pk).state == CallState.DONE


def test_the_team_is_told_by_mail_with_a_link_to_the_person(enrolment):
    step = NotifyStep(id="tell", name="Somebody to call", to=("maya@alderandwren.example",), text="Please give a call.")
    calling.notify_team(step=step, enrolments=[enrolment], at=NOW)
    assert calling.sweep_calls(NOW)
    [sent] = mail.outbox
    assert (sent.subject, sent.to) == ("Somebody to call", ["maya@alderandwren.example"])
    assert "Please give a call." in sent.body
    assert f"/subscribers/{enrolment.subscriber.uuid}/" in sent.body


def test_an_endpoint_that_does_not_exist_is_said_of_everybody(enrolment):
    step = WebhookStep(id="tell", endpoint=str(uuid.uuid4()))
    assert calling.write_calls(step=step, enrolments=[enrolment], at=NOW) == {enrolment.pk}
