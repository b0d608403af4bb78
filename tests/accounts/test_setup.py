"""The first set-up: one owner, once."""

from __future__ import annotations

import pytest
from django.test import Client

from personalize.accounts import services
from personalize.accounts.models import AuditEntry, Brand, Role, User

pytestmark = pytest.mark.django_db

ANSWERS = {
    "brand": "Alder & Wren",
    "first_name": "Maya",
    "last_name": "",
    "email": "Maya@alderandwren.example",
    "password": "tea-and-cake-12",
    "time_zone": "Europe/London",
}


@pytest.mark.parametrize("path", ["/", "/subscribers/", "/settings/brand/", "/login/", "/admin/"])
def test_everybody_is_led_to_the_set_up_while_nobody_works_here(client: Client, path: str):
    assert client.get(path, follow=True).redirect_chain[-1][0] == "/setup/"


def test_the_set_up_makes_the_owner_and_the_brand_and_logs_in(client: Client):
    response = client.post("/setup/", ANSWERS, follow=True)
    owner = User.objects.get()
    assert (owner.email, owner.role, owner.time_zone) == ("maya@alderandwren.example", Role.OWNER, "Europe/London")
    assert Brand.objects.get().name == "Alder & Wren"
    assert response.context["user"] == owner
    assert AuditEntry.objects.get().action == "setup"


def test_the_set_up_closes_itself_for_good(client: Client):
    client.post("/setup/", ANSWERS)
    stranger = Client()
    assert stranger.get("/setup/").status_code == 302
    stranger.post("/setup/", {**ANSWERS, "email": "mallory@post.example"})
    assert not User.objects.filter(email="mallory@post.example").exists()
    User.objects.all().delete()
    stranger.post("/setup/", {**ANSWERS, "email": "mallory@post.example"})
    assert not User.objects.exists()


def test_of_two_who_set_up_at_once_only_the_first_becomes_owner(monkeypatch: pytest.MonkeyPatch):
    answers = {**ANSWERS, "brand": "Alder & Wren"}
    assert services.set_up(**answers) is not None
    # The second looked before the first wrote.
    monkeypatch.setattr(services, "setup_is_open", lambda: True)
    assert services.set_up(**{**answers, "email": "mallory@post.example"}) is None
    assert User.objects.count() == 1


def test_a_password_anybody_could_guess_is_refused(client: Client):
    response = client.post("/setup/", {**ANSWERS, "password": "password123"})
    assert "too common" in response.content.decode()
    assert not User.objects.exists()
