"""A mail about a cart over a real line: its lines' links count clicks for whoever may be tracked, and for nobody else."""

from __future__ import annotations

import re

import pytest

from campaigns.delivery.models import Link, Message
from campaigns.delivery.services import write_messages
from campaigns.delivery.types import NewMessage
from personalize.content.services import create_template, save_version
from personalize.core.clock import now
from personalize.core.tokens import Purpose, Token, unseal
from segments.subscribers.models import Tracking
from tests.delivery.conftest import look_on
from tests.factories import make_cart, make_follower, make_mailing, make_product, make_topic

pytestmark = pytest.mark.django_db(transaction=True)
BLOCKS = [
    {"id": "hello", "type": "heading", "text": "{{ greeting }}"},
    {"id": "basket", "type": "cart", "heading": "Your basket"},
    {"id": "foot", "type": "footer"},
]


def test_each_line_of_a_cart_leads_through_its_own_stored_link(server, brand, maya):
    template = create_template(name="Basket", subject="Your basket", preheader="", blocks=BLOCKS, actor=maya)
    version = save_version(template=template, actor=maya)
    topic = make_topic()
    mailing = make_mailing(topic, version=version)
    mug, tea = make_product("MUG", title="Stoneware mug"), make_product("TEA", title="Teapot")
    ann = make_follower(topic, "ann@post.example", tracking=Tracking.GRANTED)
    noah = make_follower(topic, "noah@post.example", tracking=Tracking.DENIED)
    for person, things in ((ann, (mug, tea)), (noah, (mug,))):
        make_cart(person, *((thing, 1, 140_000) for thing in things), key=person.email)
    write_messages(
        mailing=mailing,
        messages=[
            NewMessage(
                person.pk, f"e{person.pk}", now(), None, {"about": "cart", "source": "shop", "key": person.email}
            )
            for person in (ann, noah)
        ],
    )
    look_on()
    mails = {post.to: post for post in server.accepted}
    assert set(mails) == {"ann@post.example", "noah@post.example"}
    stored = dict(Link.objects.filter(block="basket").values_list("number", "product_code"))
    assert sorted(stored.values()) == ["MUG", "TEA"]
    hers = [token.link for token in clicks(mails["ann@post.example"].html)]
    assert {stored[number] for number in hers if number in stored} == {"MUG", "TEA"}
    assert mug.url not in mails["ann@post.example"].html
    assert "Teapot" not in mails["noah@post.example"].html
    assert f'href="{mug.url}"' in mails["noah@post.example"].html
    assert Message.objects.get(subscriber=noah).state == Message.objects.get(subscriber=ann).state


def clicks(html: str) -> list[Token]:
    """What the click addresses of a mail carry."""
    addresses = re.findall(r'href="http[^"]*/([A-Za-z0-9_-]{30,})/?"', html)
    return [token for address in addresses if (token := unseal(address, Purpose.CLICK))]
