"""The pages about the barred: who may look, add and take away, and what they show of an address."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from personalize.accounts.models import AuditEntry
from personalize.core.addresses import address_key
from segments.consent.models import Suppression
from tests.factories import NOW, make_subscriber, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]
LIST = "/suppression/"


def barred(address: str, reason: str = "manual", **fields) -> Suppression:
    return Suppression.objects.create(
        address_key=address_key(address), reason=reason, **{"source": "test", "created_at": NOW, **fields}
    )


@pytest.fixture
def as_(client):
    def login(user):
        client.force_login(user)
        return client

    return login


def test_the_list_shows_known_people_by_address_and_strangers_by_key(as_, maya):
    make_subscriber("ann@post.example")
    barred("ann@post.example", "bounced")
    stranger = barred("stranger@post.example", "erased")
    page = as_(maya).get(LIST).content.decode()
    assert "ann@post.example" in page
    assert stranger.address_key[:8] in page
    assert page.count("/remove/") == 1


def test_an_analyst_sees_masked_addresses_and_no_way_to_change_anything(as_, alan):
    make_subscriber("ann@post.example")
    bar = barred("ann@post.example")
    client = as_(alan)
    page = client.get(LIST).content.decode()
    assert "ann@post.example" not in page
    assert "a…@post.example" in page
    assert "/remove/" not in page
    assert reverse("suppression:add") not in page
    for path in ("add/", "upload/", "download/", f"{bar.pk}/remove/"):
        assert client.post(LIST + path).status_code == 403
    assert Suppression.objects.count() == 1


def test_an_address_is_found_also_when_nobody_of_that_name_is_left(as_, maya):
    barred("gone@post.example")
    other = barred("other@post.example")
    client = as_(maya)
    for words in (" Gone@post.example ", address_key("gone@post.example")[:12]):
        page = client.get(LIST, {"q": words}).content.decode()
        assert address_key("gone@post.example")[:8] in page
        assert other.address_key[:8] not in page


def test_the_list_is_narrowed_by_reason_and_scope(as_, maya):
    one = barred("a@post.example", "bounced")
    two = barred("b@post.example", "manual", topic=make_topic("sale"))
    client = as_(maya)
    for query, there, absent in (
        ({"reason": "bounced"}, one, two),
        ({"scope": "topic:sale"}, two, one),
        ({"scope": "everything"}, one, two),
    ):
        page = client.get(LIST, query).content.decode()
        assert there.address_key[:8] in page
        assert absent.address_key[:8] not in page


def test_priya_bars_an_address_with_a_reason_on_record(as_, priya):
    response = as_(priya).post(LIST + "add/", {"address": " Ann@Post.Example", "note": "Asked by phone"}, follow=True)
    assert "The address is barred." in response.content.decode()
    bar = Suppression.objects.get()
    assert (bar.address_key, bar.reason, bar.topic) == (address_key("ann@post.example"), "manual", None)
    assert AuditEntry.objects.filter(action="suppression.added", reason="Asked by phone").exists()


@pytest.mark.parametrize("data", [{"address": "nonsense", "note": "x"}, {"address": "ann@post.example", "note": ""}])
def test_a_wrong_address_or_no_reason_bars_nobody_and_keeps_what_was_typed(as_, priya, data):
    response = as_(priya).post(LIST + "add/", data)
    assert data["address"] in response.content.decode()
    assert "field-bad" in response.content.decode()
    assert not Suppression.objects.exists()


def test_only_maya_takes_a_bar_away_and_says_why(as_, maya, priya):
    bar = barred("ann@post.example")
    path = f"{LIST}{bar.pk}/remove/"
    assert as_(priya).post(path, {"reason": "Asked in writing"}).status_code == 403
    client = as_(maya)
    assert client.get(path).status_code == 200
    assert "field-bad" in client.post(path, {"reason": ""}).content.decode()
    assert Suppression.objects.exists()
    client.post(path, {"reason": "Asked in writing"})
    assert not Suppression.objects.exists()
    assert AuditEntry.objects.filter(action="suppression.removed", reason="Asked in writing").exists()


def test_who_was_erased_cannot_be_freed(as_, maya):
    bar = barred("ann@post.example", "erased")
    assert as_(maya).post(f"{LIST}{bar.pk}/remove/", {"reason": "x"}).status_code == 404
    assert Suppression.objects.exists()


def test_a_list_is_uploaded_and_every_row_accounted_for(as_, priya):
    file = SimpleUploadedFile("old.csv", b"email\nann@post.example\n<script>\n")
    page = as_(priya).post(LIST + "upload/", {"file": file, "reason": "bounced", "source": "Old shop"}).content.decode()
    assert "2 rows read: 1 new" in page
    assert "Line 3:" in page
    assert "<script>\n" not in page
    assert Suppression.objects.get().source == "Old shop"


def test_an_upload_that_is_no_list_is_refused_beside_its_field(as_, priya):
    file = SimpleUploadedFile("empty.csv", b"\n")
    response = as_(priya).post(LIST + "upload/", {"file": file, "reason": "bounced", "source": "Old shop"})
    assert "The file is empty." in response.content.decode()


def test_the_download_can_be_uploaded_again_and_is_on_record(as_, maya):
    barred("ann@post.example", "erased")
    client = as_(maya)
    content = b"".join(client.get(LIST + "download/").streaming_content)
    assert AuditEntry.objects.filter(action="suppression.exported").exists()
    Suppression.objects.all().delete()
    file = SimpleUploadedFile("again.csv", content)
    client.post(LIST + "upload/", {"file": file, "reason": "manual", "source": "again"})
    assert Suppression.objects.get().reason == "erased"
