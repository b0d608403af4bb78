"""Values in quarantine are mended for one or for all alike, taken as choices, or dismissed."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from personalize.accounts.models import AuditEntry, User
from segments.subscribers import quarantine
from segments.subscribers.models import AttributeDefinition, QuarantinedValue, Subscriber
from segments.subscribers.types import Refusal
from tests.factories import NOW, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]
PATH = "/attributes/quarantine/"


def attribute(key: str, type: str, **fields: Any) -> AttributeDefinition:
    return AttributeDefinition.objects.create(key=key, label=key.title(), type=type, **fields)


def wait(key: str, raw: str, **person: Any) -> QuarantinedValue:
    return QuarantinedValue.objects.create(
        subscriber=make_subscriber(**person), key=key, raw=raw, reason="does not fit", source="till", line=7, at=NOW
    )


def known(value: QuarantinedValue) -> Any:
    value.subscriber.refresh_from_db()
    return value.subscriber.attributes.get(value.key)


def test_equal_values_are_mended_together_and_others_are_left_alone(client: Client, priya: User):
    attribute("garden", "bool")
    ja = [wait("garden", "ja") for _ in range(20)]
    nein = wait("garden", "nein")
    client.force_login(priya)
    shown = client.get(PATH).content.decode()
    assert "Store for 20" in shown
    assert "till, line 7" in shown
    answer = client.post(
        PATH, {"id": ja[3].pk, "everyone": "1", "deed": "store", f"v{ja[3].pk}-value": "true"}, follow=True
    )
    assert "Stored for 20 people." in answer.content.decode()
    assert {known(value) for value in ja} == {True}
    assert known(nein) is None
    assert list(QuarantinedValue.objects.all()) == [nein]
    assert AuditEntry.objects.get(action="quarantine.mended").details == {"people": 20}


def test_one_of_them_is_mended_alone(client: Client, priya: User):
    attribute("visit", "date")
    one, other = wait("visit", "3.11."), wait("visit", "3.11.")
    client.force_login(priya)
    client.post(f"{PATH}?like={one.pk}", {"id": one.pk, "deed": "store", f"v{one.pk}-value": "2026-11-03"})
    assert known(one) == "2026-11-03"
    assert known(other) is None


@pytest.mark.parametrize("given", ["", "7.5", "many"])
def test_a_value_that_does_not_fit_either_is_refused_at_its_field(client: Client, priya: User, given: str):
    attribute("points", "int")
    value = wait("points", "lots")
    client.force_login(priya)
    text = client.post(PATH, {"id": value.pk, "deed": "store", f"v{value.pk}-value": given}).content.decode()
    assert 'class="field-error" role="alert"' in text
    assert not given or f'value="{given}"' in text
    assert known(value) is None
    assert QuarantinedValue.objects.exists()


@pytest.mark.parametrize(
    ("type", "raw", "choices", "stored"),
    [
        ("enum", "Pottery", ["Garden", "Pottery"], "Pottery"),
        ("multi", "garden; Pottery |pottery", ["Garden", "Pottery"], ["Garden", "Pottery"]),
    ],
)
def test_what_came_becomes_a_choice_and_is_stored_for_all_of_whom_it_came(client, priya, type, raw, choices, stored):
    definition = attribute("likes", type, choices=["Garden"], self_service=True)
    first, second = wait("likes", raw), wait("likes", raw)
    client.force_login(priya)
    client.post(PATH, {"id": first.pk, "deed": "choice"})
    definition.refresh_from_db()
    assert (definition.choices, definition.self_service) == (choices, True)
    assert known(first) == known(second) == stored
    assert not QuarantinedValue.objects.exists()


def test_a_dismissed_value_is_gone_and_what_was_known_before_stays(client: Client, priya: User):
    attribute("points", "int")
    value = wait("points", "lots", attributes={"points": 7})
    client.force_login(priya)
    client.post(PATH, {"id": value.pk, "deed": "dismiss"})
    assert known(value) == 7
    assert not QuarantinedValue.objects.exists()
    assert "waits no longer" in client.post(PATH, {"id": value.pk, "deed": "dismiss"}, follow=True).content.decode()


def test_values_are_filtered_by_attribute_and_by_likeness(client: Client, priya: User):
    attribute("points", "int")
    attribute("garden", "bool")
    lots, ja = wait("points", "lots"), wait("garden", "ja", first_name="Ann")
    client.force_login(priya)
    text = client.get(f"{PATH}?attribute=points").content.decode()
    assert f'value="{lots.pk}"' in text
    assert f'name="id" value="{ja.pk}"' not in text
    text = client.get(f"{PATH}?like={ja.pk}").content.decode()
    assert str(ja.subscriber.uuid) in text
    assert f'name="id" value="{lots.pk}"' not in text


def test_sensitive_values_are_hidden_from_those_who_see_no_addresses(client: Client, alan: User):
    attribute("illness", "int", sensitive=True)
    wait("illness", "quinsy")
    client.force_login(alan)
    assert "quinsy" not in client.get(PATH).content.decode()


def test_values_are_filtered_by_where_they_came_from_and_when_and_mended_within_that_alone(client, priya):
    attribute("points", "int")
    old, new, other = wait("points", "lots"), wait("points", "lots"), wait("points", "many")
    later = NOW + dt.timedelta(hours=1)
    QuarantinedValue.objects.filter(pk=new.pk).update(at=later)
    QuarantinedValue.objects.filter(pk=other.pk).update(at=later, source="shop")
    client.force_login(priya)
    address = f"{PATH}?{urlencode({'source': 'till', 'since': later.isoformat()})}"
    text = client.get(address).content.decode()
    assert f'name="id" value="{new.pk}"' in text
    assert "many" not in text
    client.post(address, {"id": new.pk, "everyone": "1", "deed": "store", f"v{new.pk}-value": "7"})
    assert (known(new), known(old)) == (7, None)
    assert client.get(f"{PATH}?source=%00&since=yesterday&until=2026-01-01").status_code == 200


@pytest.mark.parametrize(
    ("key", "raw", "given", "column", "stored"),
    [
        ("birth_date", "1900-01-01", "1988-02-29", "birth_year", 1988),
        ("country", "Atlantis", "GR", "country", "GR"),
        ("latitude", "91, 0", "51.45, -2.58", "longitude", -2.58),
        ("last_name", "W" * 101, "Whitaker", "last_name_folded", "whitaker"),
    ],
)
def test_values_of_built_in_fields_are_mended_on_the_same_page(client, priya, key, raw, given, column, stored):
    one, other = wait(key, raw), wait(key, raw)
    client.force_login(priya)
    assert f"attribute={key}" in client.get("/attributes/").content.decode()
    assert "Store for 2" in client.get(f"{PATH}?attribute={key}").content.decode()
    answer = client.post(PATH, {"id": one.pk, "everyone": "1", "deed": "store", f"v{one.pk}-value": given}, follow=True)
    assert "Stored for 2 people." in answer.content.decode()
    people = Subscriber.objects.filter(pk__in=(one.subscriber_id, other.subscriber_id))
    assert list(people.values_list(column, flat=True)) == [stored, stored]
    assert not QuarantinedValue.objects.exists()


@pytest.mark.parametrize(("key", "given"), [("birth_date", "1970-01-01"), ("latitude", "51.45"), ("country", "Narnia")])
def test_a_built_in_value_that_does_not_fit_either_is_refused(client: Client, priya: User, key: str, given: str):
    value = wait(key, "lost")
    client.force_login(priya)
    text = client.post(PATH, {"id": value.pk, "deed": "store", f"v{value.pk}-value": given}).content.decode()
    assert 'class="field-error" role="alert"' in text
    assert QuarantinedValue.objects.get() == value


def test_nothing_is_stored_when_an_attribute_is_not_defined_any_more():
    value = wait("gone", "x")
    assert isinstance(quarantine.mend(values=quarantine.alike(value), key="gone", value="x", actor="test"), Refusal)
    assert Subscriber.objects.filter(attributes={}).count() == 1
    assert QuarantinedValue.objects.exists()
