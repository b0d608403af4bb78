"""People are stored as given, once each, and what already is so is not written."""

from __future__ import annotations

import datetime as dt

import pytest

from personalize.accounts.models import AuditEntry
from personalize.core import hooks
from personalize.core.addresses import address_key
from segments.subscribers.models import ExternalId, QuarantinedValue, Subscriber
from segments.subscribers.services import change_subscriber, create_subscriber, define_attribute, upsert_subscribers
from segments.subscribers.types import Refusal, Stale, SubscriberRow
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db


def store(*rows: SubscriberRow):
    return upsert_subscribers(rows=rows, source="shop", at=NOW)


@pytest.fixture
def changes(monkeypatch):
    """The ids that subscriber_changed told of, call by call."""
    told = []
    monkeypatch.setattr(hooks.subscriber_changed, "_listeners", [lambda subscriber_ids: told.append(subscriber_ids)])
    return told


def test_new_people_are_created_with_everything_given(changes):
    result = store(
        SubscriberRow(
            " Ann.Whitaker@Post.example ",
            first_name="Ann",
            last_name="Whitaker",
            country="United Kingdom",
            language="en_gb",
            city="Bristol",
            latitude="51.45",
            longitude="-2.58",
            birth_date="--02-29",
            external_id="17850",
        )
    )
    ann = Subscriber.objects.get()
    assert (result.created, result.updated, result.unchanged, result.ids) == (1, 0, 0, [ann.pk])
    assert ann.email == "ann.whitaker@post.example"
    assert ann.address_key == address_key(ann.email)
    assert (ann.country, ann.language, ann.time_zone) == ("GB", "en-GB", "Europe/London")
    assert (ann.birth_year, ann.birth_month, ann.birth_day) == (None, 2, 29)
    assert (ann.latitude, ann.longitude) == (51.45, -2.58)
    assert (ann.first_name_folded, ann.city_folded) == ("ann", "bristol")
    assert ann.external_ids.get().value == "17850"
    assert changes == [[ann.pk]]


def test_the_same_rows_again_write_nothing(changes, django_assert_max_num_queries):
    rows = [SubscriberRow(f"p{n}@post.example", first_name=f"P{n}", external_id=str(n)) for n in range(50)]
    store(*rows)
    before = list(Subscriber.objects.order_by("pk").values())
    with django_assert_max_num_queries(14):
        result = upsert_subscribers(rows=rows, source="shop")
    assert (result.created, result.updated, result.unchanged) == (0, 0, 50)
    assert list(Subscriber.objects.order_by("pk").values()) == before
    assert len(changes) == 1


def test_the_number_of_statements_does_not_grow_with_the_rows(django_assert_max_num_queries):
    rows = [SubscriberRow(f"p{n}@post.example", first_name=f"P{n}", external_id=str(n)) for n in range(30)]
    store(*rows)
    with django_assert_max_num_queries(14):
        store(*[SubscriberRow(row.email, first_name="New") for row in rows])


def test_what_a_row_leaves_out_stays_and_an_empty_text_clears():
    store(SubscriberRow("ann@post.example", first_name="Ann", last_name="Whitaker"))
    result = store(SubscriberRow("ann@post.example", last_name=""))
    ann = Subscriber.objects.get()
    assert (result.updated, ann.first_name, ann.last_name, ann.last_name_folded) == (1, "Ann", "", "")
    assert ann.lock_version == 1


def test_bad_rows_are_refused_and_the_others_stored():
    result = store(
        SubscriberRow("ann@post.example"),
        SubscriberRow("not an address"),
        SubscriberRow("bob@post.example", external_id="7" * 121),
        SubscriberRow("cid@post.example", attributes={"unheard_of": 1}),
    )
    assert [(row.index, row.refusal.field) for row in result.refused] == [
        (1, "email"),
        (2, "external_id"),
        (3, "unheard_of"),
    ]
    assert list(Subscriber.objects.values_list("email", flat=True)) == ["ann@post.example"]


def put_aside() -> set[tuple[str, str]]:
    return set(QuarantinedValue.objects.values_list("key", "raw"))


def test_values_that_do_not_fit_their_field_are_put_aside_and_the_rest_of_the_row_is_stored():
    result = store(
        SubscriberRow(
            "ann@post.example",
            first_name="Ann",
            last_name="W" * 101,
            country="Atlantis",
            language="elvish",
            time_zone="Europe/Nowhere",
            latitude="91",
            longitude="0",
            birth_date="1988-02-29",
        )
    )
    ann = Subscriber.objects.get()
    assert (result.created, result.quarantined, result.refused) == (1, 5, [])
    assert (ann.first_name, ann.last_name, ann.country, ann.latitude, ann.birth_year) == ("Ann", "", "", None, 1988)
    assert put_aside() == {
        ("last_name", "W" * 101),
        ("country", "Atlantis"),
        ("language", "elvish"),
        ("time_zone", "Europe/Nowhere"),
        ("latitude", "91, 0"),
    }


def test_what_is_put_aside_leaves_the_stored_value_alone_and_ends_with_a_good_one():
    store(SubscriberRow("ann@post.example", country="GB", birth_date="1988-02-29"))
    store(SubscriberRow("ann@post.example", country="Atlantis", birth_date="1900-01-01"))
    ann = Subscriber.objects.get()
    assert (ann.country, ann.birth_year, ann.lock_version) == ("GB", 1988, 0)
    assert put_aside() == {("country", "Atlantis"), ("birth_date", "1900-01-01")}
    store(SubscriberRow("ann@post.example", birth_date="--02-29"))
    assert put_aside() == {("country", "Atlantis")}
    change_subscriber(subscriber=ann, changes={"country": "FR"}, lock_version=1, actor="tests")
    assert put_aside() == set()


def test_by_hand_a_value_that_does_not_fit_is_refused_at_its_field():
    ann = make_subscriber("ann@post.example")
    for changes, field in (({"country": "Atlantis"}, "country"), ({"birth_date": "1900-01-01"}, "birth_date")):
        refused = change_subscriber(subscriber=ann, changes=changes, lock_version=0, actor="tests")
        assert isinstance(refused, Refusal)
        assert refused.field == field
        refused = create_subscriber(row=SubscriberRow("bob@post.example", **changes), actor="tests")
        assert isinstance(refused, Refusal)
        assert refused.field == field
    assert Subscriber.objects.count() == 1
    assert put_aside() == set()


@pytest.mark.parametrize(
    "given", ["1900-01-01", "1970-01-01", "0000-00-00", "0000-05-12", "2024-02-30", "1850-03-01", "x"]
)
def test_dates_that_stand_for_unknown_are_no_birthdays(given):
    result = store(SubscriberRow("ann@post.example", birth_date=given))
    assert (result.created, result.quarantined) == (1, 1)
    assert Subscriber.objects.get().birth_month is None
    assert put_aside() == {("birth_date", given)}


def test_a_date_of_birth_given_as_a_date_is_put_aside_as_it_is_written():
    store(SubscriberRow("ann@post.example", birth_date=dt.date(1970, 1, 1)))
    assert put_aside() == {("birth_date", "1970-01-01")}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("<b>Ann</b> & {{7*7}}", "<b>Ann</b> & {{7*7}}"),
        ("Ann\r\nBcc: eve@evil.example", "Ann  Bcc: eve@evil.example"),
        ("A\x00n\x0bn\x1c", "An n"),
        ("‮nnA⁦", "nnA"),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("نی‌ما", "نی‌ما"),
        ("Åsa\ud800", "Åsa"),
    ],
)
def test_names_lose_invisible_marks_and_keep_the_rest(given, kept):
    store(SubscriberRow("ann@post.example", first_name=given))
    assert Subscriber.objects.get().first_name == kept


def test_the_last_of_two_rows_about_one_person_wins_and_is_counted():
    result = store(
        SubscriberRow("ann@post.example", first_name="Anna"), SubscriberRow("ANN@post.example", first_name="Ann")
    )
    ann = Subscriber.objects.get()
    assert (ann.first_name, result.created, result.superseded) == ("Ann", 1, 1)
    assert result.ids == [ann.pk, ann.pk]


def test_who_was_erased_stays_erased():
    make_subscriber("ann@post.example", erased_at=None)
    Subscriber.objects.update(email=None, erased_at=NOW)
    result = store(SubscriberRow("ann@post.example", first_name="Ann"))
    erased = Subscriber.objects.get()
    assert (result.erased, result.created, result.ids) == (1, 0, [None])
    assert (erased.email, erased.first_name) == (None, "")


def test_an_external_id_never_moves_to_another_person():
    store(SubscriberRow("ann@post.example", external_id="7"))
    result = store(SubscriberRow("bob@post.example", external_id="7"))
    assert result.refused[0].refusal.field == "external_id"
    assert not Subscriber.objects.filter(email="bob@post.example").exists()
    assert store(SubscriberRow("ann@post.example", external_id="8")).updated == 1
    assert ExternalId.objects.get().value == "8"


def test_a_time_zone_follows_the_country_only_while_it_was_assumed():
    store(SubscriberRow("ann@post.example", country="GB"), SubscriberRow("bob@post.example", time_zone="Asia/Tokyo"))
    store(SubscriberRow("ann@post.example", country="FR"), SubscriberRow("bob@post.example", country="FR"))
    zones = dict(Subscriber.objects.values_list("email", "time_zone"))
    assert zones == {"ann@post.example": "Europe/Paris", "bob@post.example": "Asia/Tokyo"}


def test_attributes_are_typed_and_folded():
    define_attribute(key="favourite", label="Favourite", type="text", actor="command")
    define_attribute(key="points", label="Points", type="int", actor="command")
    define_attribute(key="likes", label="Likes", type="multi", choices=["Garden", "Kitchen"], actor="command")
    store(
        SubscriberRow(
            "ann@post.example", attributes={"favourite": "STRASSE", "points": "12", "likes": "kitchen; Garden"}
        )
    )
    ann = Subscriber.objects.get()
    assert ann.attributes == {"favourite": "STRASSE", "points": 12, "likes": ["Garden", "Kitchen"]}
    assert ann.attributes_folded == {"favourite": "strasse", "likes": ["garden", "kitchen"]}
    store(SubscriberRow("ann@post.example", attributes={"points": None}))
    assert "points" not in Subscriber.objects.get().attributes
    refused = store(SubscriberRow("ann@post.example", attributes={"shoe": 1})).refused
    assert refused[0].refusal.field == "shoe"


def test_an_attribute_in_use_keeps_its_type():
    assert isinstance(define_attribute(key="email", label="Mail", type="text", actor="command"), Refusal)
    assert isinstance(define_attribute(key="__proto__", label="Trap", type="text", actor="command"), Refusal)
    define_attribute(key="points", label="Points", type="int", actor="command")
    store(SubscriberRow("ann@post.example", attributes={"points": 3}))
    assert isinstance(define_attribute(key="points", label="Points", type="text", actor="command"), Refusal)
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["attribute.defined"]


def test_one_person_changed_by_hand_is_audited_and_guarded_against_a_second_editor():
    ann = make_subscriber("ann@post.example", first_name="Anna")
    changed = change_subscriber(
        subscriber=ann,
        changes={"first_name": "Ann", "email": "ann.whitaker@post.example"},
        lock_version=0,
        actor="command",
    )
    assert isinstance(changed, Subscriber)
    assert changed.address_key == address_key("ann.whitaker@post.example")
    assert change_subscriber(subscriber=ann, changes={"first_name": "Eve"}, lock_version=0, actor="command") == Stale(1)
    assert Subscriber.objects.get().first_name == "Ann"
    assert "ann" not in str(AuditEntry.objects.get().details).lower()


def test_an_address_of_another_person_cannot_be_taken():
    ann, bob = make_subscriber("ann@post.example"), make_subscriber("bob@post.example")
    refusal = change_subscriber(subscriber=ann, changes={"email": bob.email}, lock_version=0, actor="command")
    assert isinstance(refusal, Refusal)
    assert refusal.field == "email"
