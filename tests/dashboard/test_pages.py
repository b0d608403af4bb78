"""Home, search, the frame."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client

from personalize.accounts.models import Brand, User
from personalize.core.clock import now
from personalize.core.models import Worker
from tests.factories import make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]


@pytest.mark.parametrize(("hour", "greeting"), [(8, "Good morning"), (13, "Good afternoon"), (22, "Good evening")])
def test_home_greets_by_the_hour(client: Client, maya: User, hour: int, greeting: str):
    client.force_login(maya)
    with time_machine.travel(dt.datetime(2026, 11, 19, hour, 0, tzinfo=dt.UTC), tick=False):
        assert f"{greeting}, Maya" in client.get("/").content.decode()


def test_home_shows_the_first_steps_until_they_are_done(client: Client, maya: User):
    Brand.objects.update(postal_address="")
    client.force_login(maya)
    assert "Say who sends the mail" in client.get("/").content.decode()
    client.force_login(User.objects.create_user("alan@alderandwren.example", role="analyst"))
    assert "Say who sends the mail" not in client.get("/").content.decode()


def test_the_navigation_shows_what_one_may_open_and_where_one_is(client: Client, maya: User, alan: User):
    client.force_login(maya)
    page = client.get("/subscribers/").content.decode()
    assert 'href="/settings/brand/"' in page
    assert 'href="/subscribers/" title="Subscribers" aria-current="page"' in page
    client.force_login(alan)
    assert 'href="/settings/brand/"' not in client.get("/").content.decode()


def test_the_foot_says_when_no_worker_looks_for_work(client: Client, maya: User):
    client.force_login(maya)
    assert "Sending stands still" in client.get("/").content.decode()
    Worker.objects.create(uuid="00000000-0000-0000-0000-000000000001", host="a", pid=1, started_at=now(), beat_at=now())
    assert "Sending works normally" in client.get("/").content.decode()


def test_the_colours_chosen_are_those_of_the_next_page(client: Client, maya: User):
    client.force_login(maya)
    client.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/").content.decode()
    client.cookies["theme"] = 'x"onload="alert(1)'
    assert "data-theme=" not in client.get("/").content.decode().split("<body")[0]


def test_search_finds_people_by_name_and_address_as_page_and_as_fragment(client: Client, maya: User):
    ann = make_subscriber("ann.whitaker@post.example", first_name="Ann", last_name="Whitaker")
    client.force_login(maya)
    page = client.get("/search/?q=whitaker").content.decode()
    assert f"/subscribers/{ann.uuid}/" in page
    fragment = client.get("/search/?q=ann.whit", headers={"HX-Target": "palette-hits"}).content.decode()
    assert f"/subscribers/{ann.uuid}/" in fragment
    assert "<html" not in fragment


def test_what_was_searched_for_is_shown_as_text(client: Client, maya: User):
    client.force_login(maya)
    page = client.get("/search/", {"q": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_an_analyst_searches_names_but_not_addresses(client: Client, alan: User):
    ann = make_subscriber("secret@post.example", first_name="Ann")
    client.force_login(alan)
    assert str(ann.uuid) in client.get("/search/?q=ann").content.decode()
    assert "secret@" not in client.get("/search/?q=ann").content.decode()
    assert str(ann.uuid) not in client.get("/search/?q=secret").content.decode()
