"""The page of simulations: asked for, done at once or by a worker, read; and one person's way."""

from __future__ import annotations

import threading
import time

import pytest
from django.urls import reverse

from campaigns.automations import simulating, simulation
from campaigns.automations.models import Simulation
from personalize.core import queue
from personalize.core.clock import now
from tests.automations.ways import DAY, HOUR, happens, live, mail, wait
from tests.factories import make_follower, make_topic

pytestmark = pytest.mark.usefixtures("brand")


@pytest.fixture
def ann(db):
    return make_follower(make_topic(), "ann@post.example", first_name="Ann")


@pytest.fixture
def cart(ann):
    automation = live(
        wait("wait", "remind", hours=2),
        mail("remind", name="Reminder"),
        name="Cart",
        trigger={"on": "event", "event": "cart_updated"},
        exits=[{"event": "order_placed", "reason": "ordered"}],
    )
    happens(ann, "cart_updated", now() - 5 * DAY, "C1")
    return automation


def page_of(automation):
    return reverse("automations:simulate", args=[automation.uuid])


def test_a_small_one_is_done_while_the_reader_waits(client, alan, cart, ann):
    client.force_login(alan)
    assert "Not simulated yet" in client.get(page_of(cart)).content.decode()
    answer = client.post(page_of(cart), {"version": "1", "days": "30"}, follow=True)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Would have come in" in text
    assert "Reminder" in text
    [made] = Simulation.objects.all()
    assert (made.state, made.version) == ("done", cart.live)
    assert made.result is not None
    assert made.result["mailed"] == 1


def test_one_person_is_told_step_by_step(client, priya, cart, ann):
    client.force_login(priya)
    client.post(page_of(cart), {"version": "1", "days": "30"})
    text = client.get(page_of(cart), {"person": "ANN@post.example"}).content.decode()
    assert "Comes in" in text
    assert "The mail goes out" in text
    assert "There is nobody" in client.get(page_of(cart), {"person": "bob@post.example"}).content.decode()


def test_a_draft_that_is_not_finished_says_what_is_wrong(client, priya, cart):
    cart.draft = {**cart.draft, "steps": [{"id": "mail", "type": "mail"}]}
    cart.save()
    client.force_login(priya)
    answer = client.post(page_of(cart), {"version": "", "days": "90"})
    assert answer.status_code == 422
    assert "The draft is not finished" in answer.content.decode()
    assert not Simulation.objects.exists()


def test_a_large_one_waits_for_a_worker_and_tells_how_far_it_is(client, priya, cart, ann, monkeypatch):
    monkeypatch.setattr(simulating, "AT_ONCE", 0)
    client.force_login(priya)
    assert "Waits for a worker" in client.post(page_of(cart), {"days": "30"}, follow=True).content.decode()
    [made] = Simulation.objects.all()
    progress = reverse("automations:simulating", args=[cart.uuid, made.uuid])
    assert "hx-get" in client.get(progress).content.decode()
    assert simulating.sweep_simulations()
    assert client.get(progress).headers["HX-Refresh"] == "true"
    assert not simulating.sweep_simulations()


def test_one_whose_task_never_comes_is_done_by_a_look(cart, monkeypatch):
    monkeypatch.setattr(simulating, "AT_ONCE", 0)
    made = simulating.begin(automation=cart, version=cart.live, since=now() - 30 * DAY, until=now())
    assert not queue._looks["simulations"](), "its task has a moment to come"
    Simulation.objects.update(created_at=now() - simulating.PATIENCE)
    assert queue._looks["simulations"]()
    made.refresh_from_db()
    assert made.state == "done"
    assert not queue._looks["simulations"]()


@pytest.mark.django_db(transaction=True)
def test_a_worker_s_look_does_not_stand_still_for_a_simulation(cart, monkeypatch):
    monkeypatch.setattr(simulating, "AT_ONCE", 0)
    monkeypatch.setattr(queue, "listening", listening := threading.Event())
    listening.set()
    made = simulating.begin(automation=cart, version=cart.live, since=now() - 30 * DAY, until=now())
    Simulation.objects.update(created_at=now() - simulating.PATIENCE)
    go_on, begun, real = threading.Event(), threading.Event(), simulation.simulate

    def slow(**asked):
        begun.set()
        go_on.wait(10)
        return real(**asked)

    monkeypatch.setattr(simulation, "simulate", slow)
    assert not simulating.look()
    assert begun.wait(10)
    assert not simulating.look()
    go_on.set()
    with simulating._aside:
        made.refresh_from_db()
    assert made.state == "done"


def test_one_that_was_left_in_the_middle_is_begun_anew(cart):
    made = simulating.begin(automation=cart, version=cart.live, since=now() - 30 * DAY, until=now())
    Simulation.objects.update(state="running", touched_at=now() - HOUR)
    assert simulating.sweep_simulations()
    made.refresh_from_db()
    assert made.state == "done"


@pytest.mark.django_db(transaction=True)
def test_how_far_it_is_is_seen_by_others_while_it_goes_on(cart, monkeypatch):
    monkeypatch.setattr(simulating, "AT_ONCE", 0)
    simulating.begin(automation=cart, version=cart.live, since=now() - 30 * DAY, until=now())
    seen = []
    real = simulation.simulate

    def watched(*, progress, **rest):
        def slowly(share, events):
            monkeypatch.setattr(time, "monotonic", lambda: 10**9)
            progress(share, events)
            seen.append(Simulation.objects.get().share)

        return real(progress=slowly, **rest)

    monkeypatch.setattr(simulation, "simulate", watched)
    assert simulating.sweep_simulations()
    assert seen[0] > 0


def test_only_the_latest_are_kept(cart):
    for _ in range(simulating.KEPT + 2):
        simulating.begin(automation=cart, version=cart.live, since=now() - 30 * DAY, until=now())
    assert Simulation.objects.count() == simulating.KEPT


def test_a_rule_that_names_what_is_gone_is_told(client, priya, cart):
    made = simulating.begin(automation=cart, version=cart.live, since=now() - 30 * DAY, until=now())
    broken = {**made.definition, "entry": {"rule": {"attr": "gone_long_ago", "op": "is", "value": "x"}}}
    Simulation.objects.update(state="waiting", definition=broken, result=None)
    assert simulating.sweep_simulations()
    client.force_login(priya)
    text = client.get(page_of(cart)).content.decode()
    assert "It could not be done" in text
    assert "entry.rule" in text
