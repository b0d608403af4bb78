"""Logging in and out, and slowing down whoever guesses."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client

from personalize.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]

RIGHT = {"email": "maya@alderandwren.example", "password": "tea-and-cake-12"}
WRONG = {**RIGHT, "password": "guess-number-1"}


def test_the_right_password_lets_in_and_leads_where_one_wanted_to_go(client: Client, maya: User):
    response = client.post("/login/", {**RIGHT, "email": RIGHT["email"].upper(), "next": "/settings/you/"})
    assert response["Location"] == "/settings/you/"
    assert client.get("/settings/you/").context["user"] == maya


def test_the_log_in_leads_to_no_other_site(client: Client, maya: User):
    assert client.post("/login/", {**RIGHT, "next": "https://evil.example/"})["Location"] == "/"
    assert client.post("/login/", {**RIGHT, "next": "//evil.example/"})["Location"] == "/"


def test_a_wrong_password_is_told_without_saying_which_part_is_wrong(client: Client, maya: User):
    unknown = client.post("/login/", {**WRONG, "email": "nobody@post.example"}).content.decode()
    known = client.post("/login/", WRONG).content.decode()
    assert "do not belong together" in unknown
    assert "do not belong together" in known


def test_somebody_who_left_cannot_log_in(client: Client, maya: User):
    User.objects.update(is_active=False)
    assert client.post("/login/", RIGHT).status_code == 200


def test_the_fifth_wrong_try_has_to_wait_and_even_the_right_password_does(client: Client, maya: User):
    with time_machine.travel(dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC), tick=False) as clock:
        for _ in range(5):
            assert "Too many tries" not in client.post("/login/", WRONG).content.decode()
        assert "Too many tries" in client.post("/login/", RIGHT).content.decode()
        clock.shift(5)
        assert client.post("/login/", RIGHT).status_code == 302


def test_each_further_failure_waits_longer(client: Client, maya: User):
    with time_machine.travel(dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC), tick=False) as clock:
        for _ in range(5):
            client.post("/login/", WRONG)
        clock.shift(5)
        client.post("/login/", WRONG)
        clock.shift(5)
        assert "Too many tries" in client.post("/login/", RIGHT).content.decode()


def test_one_who_guesses_does_not_lock_out_the_person_elsewhere(client: Client, maya: User):
    for _ in range(6):
        client.post("/login/", WRONG, REMOTE_ADDR="203.0.113.9")
    assert client.post("/login/", RIGHT, REMOTE_ADDR="198.51.100.4").status_code == 302


def test_the_address_a_stranger_claims_to_come_from_is_not_believed(client: Client, maya: User):
    for number in range(6):
        client.post("/login/", WRONG, headers={"X-Forwarded-For": f"203.0.113.{number}"})
    assert "Too many tries" in client.post("/login/", RIGHT).content.decode()


def test_logging_out_takes_a_post(client: Client, maya: User):
    client.force_login(maya)
    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert client.get("/")["Location"] == "/login/?next=/"
