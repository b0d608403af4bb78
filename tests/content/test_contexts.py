"""What each person's mail is made from, and the mail that comes of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personalize.accounts.models import Brand
from personalize.content import contexts
from personalize.content.models import TemplateVersion
from personalize.content.preview import preview
from personalize.content.renderers import borrowed_renderer
from personalize.content.types import PersonContext
from personalize.rendering.types import Job, Rendered
from segments.subscribers.models import AttributeDefinition, Subscriber, Tracking
from tests.factories import NOW, make_order, make_product, make_subscriber

Save = Callable[..., TemplateVersion]

YESTERDAY = NOW - dt.timedelta(days=1)
REGULARS = {"v": 1, "all": [{"attr": "city", "op": "is", "value": "Bristol"}]}
FOR_BRISTOL = {"id": "near", "type": "text", "text": "Come and see us in the shop.", "show_when": REGULARS}
PICKED = {
    "id": "picked",
    "type": "products",
    "heading": 'Picked for you{{ subscriber.first_name | prefixed(", ") }}',
    "recipe": "popular",
    "not_bought": False,
    "limit": 2,
}


def _prepare(version: TemplateVersion, brand: Brand) -> dict[int, PersonContext]:
    return contexts.prepare(version=version, people=Subscriber.objects.all(), person="", as_of=NOW, brand=brand)


def test_a_block_is_shown_to_those_its_rule_means(save: Save, brand: Brand):
    version = save(FOR_BRISTOL)
    ann = make_subscriber(first_name="Ann", city="Bristol")
    bea = make_subscriber(first_name="Bea", city="Leeds")
    people = _prepare(version, brand)
    assert people[ann.pk].trace["shown"] == ["near"]
    assert people[bea.pk].trace["hidden"] == ["near"]
    shown = preview(content=version, subscriber=ann, brand=brand, as_of=NOW)
    hidden = preview(content=version, subscriber=bea, brand=brand, as_of=NOW)
    assert "Come and see us" in shown.html
    assert "Come and see us" in shown.text
    assert "Come and see us" not in hidden.html
    assert "Come and see us" not in hidden.text


def test_the_number_of_queries_does_not_depend_on_the_number_of_people(save: Save, brand: Brand):
    AttributeDefinition.objects.create(key="tier", label="Tier", type="text", fallback={"en": "friend"})
    version = save(FOR_BRISTOL, PICKED, {"id": "tier", "type": "text", "text": "{{ subscriber.tier }}"})
    product = make_product()

    def grow(to: int) -> int:
        while Subscriber.objects.count() < to:
            make_order(make_subscriber(first_name="Ann"), (product, 1, 140_000), placed_at=YESTERDAY)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(_prepare(version, brand)) == to
        return len(queries)

    assert grow(2) == grow(50)


def test_products_come_with_price_picture_and_reason_and_stand_in_the_trace(save: Save, brand: Brand):
    version = save(PICKED)
    mug = make_product("MUG", title="Stoneware mug", price=140_000)
    ann = make_subscriber(first_name="Ann")
    make_order(ann, (mug, 1, 140_000), placed_at=YESTERDAY)
    person = _prepare(version, brand)[ann.pk]
    (item,) = person.data["products"]["picked"]
    assert (item["code"], item["title"], item["price"]) == ("MUG", "Stoneware mug", "£14.00")
    assert item["href"] == item["url"] == mug.url
    assert item["image"] == mug.image_url
    assert person.trace["products"]["picked"][0][0] == "MUG"
    shown = preview(content=version, subscriber=ann, brand=brand, as_of=NOW)
    assert "Picked for you, Ann" in shown.html
    assert f'href="{mug.url}"' in shown.html
    assert f"Stoneware mug, £14.00 – {item['reason']}\n{mug.url}" in shown.text


def test_a_product_block_with_nothing_to_show_vanishes_or_says_its_words(save: Save, brand: Brand):
    ann = make_subscriber(first_name="Ann")
    without = preview(content=save(PICKED), subscriber=ann, brand=brand, as_of=NOW)
    assert "Picked for you" not in without.html
    assert "Picked for you" not in without.text
    version = save({**PICKED, "fallback_text": "Have a look around."}, name="With words")
    instead = preview(content=version, subscriber=ann, brand=brand, as_of=NOW)
    assert "Have a look around." in instead.html
    assert "Have a look around." in instead.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https:evil"])
def test_a_products_dangerous_address_becomes_a_hash(save: Save, brand: Brand, url: str):
    ann = make_subscriber(first_name="Ann")
    make_order(ann, (make_product(url=url, image_url=url), 1, 140_000), placed_at=YESTERDAY)
    shown = preview(content=save(PICKED), subscriber=ann, brand=brand, as_of=NOW)
    assert url not in shown.html
    assert url not in shown.text


@pytest.mark.parametrize(
    ("said", "brand_tracks", "tracked"),
    [
        (Tracking.GRANTED, False, True),
        (Tracking.UNKNOWN, True, True),
        (Tracking.UNKNOWN, False, False),
        (Tracking.DENIED, True, False),
    ],
)
def test_who_said_no_is_never_tracked(save: Save, brand: Brand, said: str, brand_tracks: bool, tracked: bool):
    brand.track_unknown = brand_tracks
    ann = make_subscriber(tracking=said)
    assert _prepare(save(), brand)[ann.pk].tracked is tracked


def test_people_are_greeted_in_their_own_language(save: Save, brand: Brand):
    version = save()
    jan = make_subscriber(first_name="jan", language="de-AT")
    ann = make_subscriber(first_name="Ann")
    people = _prepare(version, brand)
    assert people[jan.pk].data["greeting"] == "Hallo Jan,"
    assert people[ann.pk].data["greeting"] == "Hi Ann,"
    assert people[jan.pk].trace["greeting"] == "informal"
    assert people[jan.pk].trace["name"] == "Jan"


def test_an_attributes_fallback_speaks_the_readers_language(save: Save, brand: Brand):
    AttributeDefinition.objects.create(
        key="tier", label="Tier", type="text", fallback={"en": "our friend", "de": "unser Gast"}
    )
    version = save({"id": "tier", "type": "text", "text": "Dear {{ subscriber.tier }}"})
    jan = make_subscriber(language="de-AT")
    kim = make_subscriber(language="fr")
    bea = make_subscriber(attributes={"tier": "gold"})
    assert "Dear unser Gast" in preview(content=version, subscriber=jan, brand=brand).text
    assert "Dear our friend" in preview(content=version, subscriber=kim, brand=brand).text
    assert "Dear gold" in preview(content=version, subscriber=bea, brand=brand).text
    assert "subscriber.tier" in preview(content=version, subscriber=jan, brand=brand).fallbacks


def test_only_fields_the_mail_reads_leave_the_database(save: Save, brand: Brand):
    ann = make_subscriber(first_name="Ann", last_name="Whitaker", postal_code="BS1 4ND", attributes={"salary": "1"})
    assert set(_prepare(save(), brand)[ann.pk].data["subscriber"]) == {"city", "first_name"}


@pytest.mark.parametrize("value", ["{{7*7}}", "<img src=x onerror=alert(1)>", "a\r\nBcc: evil@x.example", "\u202e1"])
def test_hostile_values_are_words_and_nothing_more(save: Save, brand: Brand, value: str):
    ann = make_subscriber(first_name=value, city=value)
    shown = preview(content=save(subject="{{ greeting }} {{ subscriber.city }}"), subscriber=ann, brand=brand)
    assert shown.problems == []
    assert shown.subject.startswith("Hello, ")
    assert "49" not in shown.subject
    assert "\n" not in shown.subject
    assert "\u202e" not in shown.subject + shown.html
    assert "<img src=x" not in shown.html


def test_nobodys_mail_has_anothers_data(save: Save, brand: Brand):
    version = save(FOR_BRISTOL)
    people = [make_subscriber(first_name=f"Ann{'abcdefghij'[n]}x", city=f"Town-{n}-") for n in range(10)]
    prepared = _prepare(version, brand)
    jobs = [Job(str(one.pk), ("subject", "html_tracked", "text_tracked"), prepared[one.pk].data) for one in people]
    with borrowed_renderer() as renderer:
        done = renderer.render(version.content_hash, version.compiled, jobs)
    for number, mail in enumerate(done):
        assert isinstance(mail, Rendered)
        whole = "".join(mail.parts.values())
        assert [n for n in range(10) if f"Town-{n}-" in whole] == [number]


def test_a_mail_can_be_shown_in_another_language(save: Save, brand: Brand):
    ann = make_subscriber(first_name="Ann", language="en")
    assert preview(content=save(), subscriber=ann, brand=brand, language="de").subject == "Hallo Ann, your winter table"


def test_the_plain_part_reads_like_a_letter(save: Save, brand: Brand):
    ann = make_subscriber(first_name="Ann", city="Bristol")
    assert preview(content=save(), subscriber=ann, brand=brand).text.splitlines() == [
        "Hi Ann,",
        "",
        "Winter in Bristol & around, see the tables: https://alderandwren.example/tables?a=1&b=2.",
        "",
        "See winter tables: https://alderandwren.example/winter",
        "",
        "--",
        "You get this because you follow our news.",
        "View in browser: (view)",
        "Choose what you get: (preferences)",
        "Unsubscribe: (unsubscribe)",
        brand.postal_address,
    ]


def test_messages_bring_their_topic_and_what_triggered_them(save: Save, brand: Brand, priya: Any):
    from campaigns.delivery.models import Mailing, Message, Sender, SenderAccount
    from tests.factories import make_topic

    version = save({"id": "cart", "type": "text", "text": "You left {{ trigger.cart.title }} behind."})
    account = SenderAccount.objects.create(name="Local")
    sender = Sender.objects.create(name="Alder & Wren", email="hello@alderandwren.example", account=account)
    ann = make_subscriber(first_name="Ann")
    mailing = Mailing.objects.create(
        name="Cart",
        owner_kind="campaign",
        owner=version.uuid,
        version=version,
        sender=sender,
        topic=make_topic("winter", name="Winter and gifts"),
        created_at=NOW,
    )
    message = Message.objects.create(
        uuid=ann.uuid,
        mailing=mailing,
        subscriber=ann,
        address_key=ann.address_key,
        context={"cart": {"title": "a lantern"}},
        created_at=NOW,
    )
    person = contexts.prepare(
        version=version, people=Message.objects.all(), person="subscriber", as_of=NOW, brand=brand
    )[message.pk]
    with borrowed_renderer() as renderer:
        (mail,) = renderer.render(version.content_hash, version.compiled, [Job("1", ("text_tracked",), person.data)])
    assert isinstance(mail, Rendered)
    assert "You left a lantern behind." in mail.parts["text_tracked"]
    assert "you follow Winter and gifts" in mail.parts["text_tracked"]
    assert person.address == ann.email
