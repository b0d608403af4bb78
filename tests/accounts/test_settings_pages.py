"""The brand, one's own settings, and the administration."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client

from personalize.accounts.models import AuditEntry, Brand, User

pytestmark = pytest.mark.django_db


def brand_form(brand: Brand, **changes: object) -> dict[str, object]:
    names = ("name", "website", "postal_address", "currency", "language", "time_zone", "formality", "lock_version")
    return {**{name: getattr(brand, name) for name in names}, **changes}


def test_the_brand_is_saved_and_the_change_is_on_the_trail(client: Client, brand: Brand, maya: User):
    client.force_login(maya)
    client.post("/settings/brand/", brand_form(brand, name="Wren & Alder", currency="eur"))
    brand.refresh_from_db()
    assert (brand.name, brand.currency) == ("Wren & Alder", "EUR")
    assert AuditEntry.objects.get().user == maya


def test_a_save_based_on_old_settings_is_refused_and_nothing_is_lost(client: Client, brand: Brand, maya: User):
    client.force_login(maya)
    old = brand_form(brand)
    client.post("/settings/brand/", {**old, "name": "First"})
    response = client.post("/settings/brand/", {**old, "name": "Second"})
    assert "Somebody else saved" in response.content.decode()
    assert "Second" in response.content.decode()
    assert Brand.objects.get().name == "First"


def test_a_currency_is_three_letters(client: Client, brand: Brand, maya: User):
    client.force_login(maya)
    assert "three letters" in client.post("/settings/brand/", brand_form(brand, currency="£1!")).content.decode()


def test_a_marketer_may_not_touch_the_brand(client: Client, brand: Brand, priya: User):
    client.force_login(priya)
    assert client.get("/settings/brand/").status_code == 403


@pytest.mark.usefixtures("brand")
def test_times_are_in_the_zone_the_person_chose(client: Client, maya: User):
    client.force_login(maya)
    client.post("/settings/you/", {"first_name": "Maya", "last_name": "", "time_zone": "Asia/Tokyo"})
    with time_machine.travel(dt.datetime(2026, 11, 19, 22, 30, tzinfo=dt.UTC), tick=False):
        page = client.get("/").content.decode()
    assert "Good morning, Maya" in page
    assert "Friday 20 November 2026" in page
    assert "Tokyo time" in page


@pytest.mark.usefixtures("brand")
def test_a_zone_the_machine_has_lost_does_not_break_the_page(client: Client, maya: User):
    User.objects.update(time_zone="Mars/Olympus")
    client.force_login(maya)
    assert client.get("/").status_code == 200


@pytest.mark.usefixtures("brand")
def test_a_password_is_changed_by_whoever_knows_it_and_ends_other_sessions(client: Client, maya: User):
    other = Client()
    other.force_login(maya)
    client.force_login(maya)
    client.post("/settings/you/", {"old": "not-it", "new": "a-new-word-for-maya"})
    assert not User.objects.get().check_password("a-new-word-for-maya")
    client.post("/settings/you/", {"old": "tea-and-cake-12", "new": "a-new-word-for-maya"})
    assert User.objects.get().check_password("a-new-word-for-maya")
    assert client.get("/settings/you/").status_code == 200
    assert other.get("/settings/you/").status_code == 302


@pytest.mark.usefixtures("brand")
def test_only_staff_under_the_administration_get_the_looser_script_policy(client: Client, maya: User, priya: User):
    maya.is_staff = maya.is_superuser = True
    maya.save()
    client.force_login(maya)
    assert "'unsafe-eval'" in client.get("/admin/")["Content-Security-Policy"]
    assert "'unsafe-eval'" not in client.get("/")["Content-Security-Policy"]
    client.force_login(priya)
    refused = client.get("/admin/", follow=True)
    assert refused.status_code == 403
    assert "You may not open this" in refused.content.decode()
    assert "'unsafe-eval'" not in refused["Content-Security-Policy"]


@pytest.mark.usefixtures("brand")
def test_changes_of_people_in_the_administration_are_on_the_trail_which_nobody_can_change(client: Client, maya: User):
    maya.is_staff = maya.is_superuser = True
    maya.save()
    client.force_login(maya)
    new = {
        "email": "alan@alderandwren.example",
        "role": "analyst",
        "password1": "tea-and-cake-13",
        "password2": "tea-and-cake-13",
        "usable_password": "true",
    }
    client.post("/admin/accounts/user/add/", new)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_label) == ("user.add", "alan@alderandwren.example")
    assert client.get(f"/admin/accounts/auditentry/{entry.pk}/change/").status_code == 200
    assert client.post(f"/admin/accounts/auditentry/{entry.pk}/change/", {"actor": "x"}).status_code == 403
    assert client.post(f"/admin/accounts/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
