"""A mail in the browser: what the person got, in a box without scripts, for the holder of its link only."""

from __future__ import annotations

import pytest
from django.test import Client

from campaigns.delivery.models import Mailing, Message
from campaigns.tracking.models import Hit
from personalize.content import services
from personalize.content.models import TemplateVersion
from personalize.core.tokens import Purpose
from segments.subscribers.models import Subscriber
from tests.factories import NOW
from tests.tracking.world import address

pytestmark = pytest.mark.django_db

SHOP = "https://alderandwren.example"


@pytest.fixture
def written(mail, priya) -> Message:
    """Ann's mail with real content in it."""
    template = services.create_template(
        name="Browser",
        subject="Evenings",
        preheader="",
        blocks=[
            {"id": "hello", "type": "heading", "text": "{{ greeting }}"},
            {"id": "go", "type": "button", "label": "See tables", "url": f"{SHOP}/tables"},
            {"id": "foot", "type": "footer"},
        ],
        actor=priya,
    )
    version = services.save_version(template=template, actor=priya)
    assert isinstance(version, TemplateVersion), version
    Mailing.objects.update(version=version)
    return Message.objects.get(pk=mail.pk)


def test_the_mail_is_shown_as_ann_got_it_without_tracking(written):
    response = Client().get(address(written, Purpose.VIEW))
    text = response.content.decode()
    assert response.status_code == 200
    assert "Ann" in text
    assert f"{SHOP}/tables" in text
    assert "/t/c/" not in text
    assert "/t/o/" not in text
    assert "/t/u/" in text
    assert not Hit.objects.exists()


def test_the_mail_is_shown_in_a_sandbox_and_told_to_nobody(written):
    response = Client().get(address(written, Purpose.VIEW))
    policy = response["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "no-store"


def test_the_mail_of_an_erased_person_is_shown_to_nobody(written):
    Subscriber.objects.update(erased_at=NOW, email=None)
    assert Client().get(address(written, Purpose.VIEW)).status_code == 404


def test_a_token_for_something_else_opens_no_mail(written):
    token = address(written, Purpose.UNSUBSCRIBE).rpartition("/")[2]
    assert Client().get(f"/t/v/{token}").status_code == 404
