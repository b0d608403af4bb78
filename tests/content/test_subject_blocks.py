"""The blocks that show a cart, an order or a product: what people see, what they see instead, and who gets no mail."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from campaigns.delivery.models import Message
from personalize.accounts.models import Brand
from personalize.content import contexts
from personalize.content.models import TemplateVersion
from personalize.content.preview import preview
from personalize.content.renderers import borrowed_renderer
from personalize.content.types import PersonContext
from personalize.rendering.types import Job, Rendered
from segments.commerce.models import Cart, Product
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_cart, make_mailing, make_order, make_product, make_subscriber

Save = Callable[..., TemplateVersion]
CART = {"id": "cart", "type": "cart", "heading": "Your basket", "limit": 2, "note": "Changed your mind?"}
ABOUT = {"about": "cart", "source": "shop", "key": "C-1", "event": "cart_updated", "total": 999}


def context_of(version: TemplateVersion, brand: Brand, person: Subscriber, trigger: dict[str, Any]) -> PersonContext:
    """What a mail to the person with this trigger is rendered from."""
    mailing = make_mailing(version=version)
    message = Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=mailing,
        subscriber=person,
        address_key=person.address_key,
        context=trigger,
        created_at=NOW,
    )
    rows = Message.objects.filter(pk=message.pk)
    return contexts.prepare(version=version, people=rows, person="subscriber", as_of=NOW, brand=brand)[message.pk]


def rendered(version: TemplateVersion, context: PersonContext) -> Rendered:
    with borrowed_renderer() as renderer:
        job = Job("mail", ("subject", "html_untracked", "text_untracked"), context.data)
        (done,) = renderer.render(version.content_hash, version.compiled, [job])
    assert isinstance(done, Rendered), done
    return done


@pytest.fixture
def ann(brand: Brand) -> Subscriber:
    """Ann, who left three things in her basket."""
    person = make_subscriber(first_name="Ann", language="en-GB")
    mug = make_product("MUG", title="Stoneware mug", price=130_000, stock=6)
    tea = make_product("TEA", title="Tea & <b>biscuits</b>", price=480_000)
    make_cart(person, (tea, 1, 480_000), (mug, 2, 140_000), (make_product("TAP"), 1, 120_000), key="C-1")
    return person


def test_the_cart_stands_in_the_mail_as_it_is_now(save: Save, brand: Brand, ann: Subscriber):
    version = save(CART, subject="Still {{ trigger.total }} in your basket")
    context = context_of(version, brand, ann, ABOUT)
    assert context.skip == ""
    mail = rendered(version, context)
    html, text = mail.parts["html_untracked"], mail.parts["text_untracked"]
    assert mail.parts["subject"] == "Still £88.00 in your basket"
    for words in (
        "Your basket",
        "Tea &amp; &lt;b&gt;biscuits&lt;/b&gt;",
        "Qty 2",
        "£26.00",
        "Was £28.00",
        "Only 6 left",
    ):
        assert words in html, words
    assert "and 1 more" in html
    assert "Product TAP" not in html
    assert "£88.00" in html
    assert 'href="https://alderandwren.example/cart"' in html
    assert "1 × Tea & <b>biscuits</b>, £48.00\nhttps://alderandwren.example/p/TEA" in text
    assert "and 1 more\nTotal: £88.00\n\nFinish your order: https://alderandwren.example/cart" in text


def test_each_line_can_be_tracked_like_any_product(save: Save, brand: Brand, ann: Subscriber):
    lines = context_of(save(CART), brand, ann, ABOUT).data["products"]["cart"]
    assert [(line["code"], line["url"], line["href"] == line["url"]) for line in lines] == [
        ("TEA", "https://alderandwren.example/p/TEA", True),
        ("MUG", "https://alderandwren.example/p/MUG", True),
    ]


def test_whose_cart_is_gone_gets_no_mail_unless_the_block_was_not_for_them(save: Save, brand: Brand, ann: Subscriber):
    Cart.objects.update(state="ordered")
    assert context_of(save(CART), brand, ann, ABOUT).skip == "nothing_left"
    assert context_of(save(name="Without the block"), brand, ann, ABOUT).skip == ""
    leeds = {"v": 1, "attr": "city", "op": "is", "value": "Leeds"}
    for_leeds = save({**CART, "show_when": leeds}, name="For Leeds")
    assert context_of(for_leeds, brand, ann, ABOUT).skip == ""


def test_a_mail_about_nothing_shows_what_stands_there_instead_or_nothing(save: Save, brand: Brand, ann: Subscriber):
    silent = save(CART)
    words = save({**CART, "empty": "Your basket is **empty**."}, name="With words")
    for version, said in ((silent, False), (words, True)):
        context = context_of(version, brand, ann, {})
        assert context.skip == ""
        mail = rendered(version, context)
        assert ("Your basket is <b>empty</b>." in mail.parts["html_untracked"]) is said
        assert ("Your basket is empty." in mail.parts["text_untracked"]) is said
        assert "Finish your order" not in mail.parts["html_untracked"]


def test_a_cart_without_an_address_leads_to_the_shop(save: Save, brand: Brand, ann: Subscriber):
    Cart.objects.update(url="")
    version = save(CART)
    html = rendered(version, context_of(version, brand, ann, ABOUT)).parts["html_untracked"]
    assert 'href="https://alderandwren.example"' in html


def test_an_order_stands_in_the_mail_with_what_was_paid(save: Save, brand: Brand, ann: Subscriber):
    make_order(ann, (Product.objects.get(code="MUG"), 1, 120_000), number="1001")
    version = save({"id": "order", "type": "order"}, subject="Your order {{ trigger.key }}")
    mail = rendered(version, context_of(version, brand, ann, {"about": "order", "source": "shop", "key": "1001"}))
    assert mail.parts["subject"] == "Your order 1001"
    assert "£12.00" in mail.parts["html_untracked"]
    assert "Was" not in mail.parts["html_untracked"]
    assert "Only" not in mail.parts["html_untracked"]


def test_the_product_somebody_looked_at_stands_in_the_mail(save: Save, brand: Brand, ann: Subscriber):
    version = save({"id": "seen", "type": "viewed"}, subject="{{ trigger.product.title }}")
    trigger = {"about": "product", "source": "shop", "key": "MUG"}
    mail = rendered(version, context_of(version, brand, ann, trigger))
    assert mail.parts["subject"] == "Stoneware mug"
    assert "Only 6 left" in mail.parts["html_untracked"]
    assert "Have another look: https://alderandwren.example/p/MUG" in mail.parts["text_untracked"]
    Product.objects.update(stock=0)
    assert context_of(version, brand, ann, trigger).skip == "nothing_left"


def test_what_the_mail_is_about_is_not_recommended_in_it(save: Save, brand: Brand, ann: Subscriber):
    for product in Product.objects.all():
        make_order(None, (product, 1, 10), placed_at=NOW.replace(day=1))
    make_order(None, (make_product("PAN"), 1, 10), placed_at=NOW.replace(day=1))
    picked = {"id": "picked", "type": "products", "recipe": "popular", "limit": 2}
    data = context_of(save(CART, picked), brand, ann, ABOUT).data
    assert [item["code"] for item in data["products"]["picked"]] == ["PAN"]


def test_a_field_that_the_trigger_does_not_bring_falls_back(save: Save, brand: Brand, ann: Subscriber):
    version = save(subject='{{ trigger.years | default("Some") }} years{{ trigger.unheard.of }}')
    mail = rendered(version, context_of(version, brand, ann, ABOUT))
    assert mail.parts["subject"] == "Some years"


def test_a_preview_shows_what_the_shop_sells(save: Save, brand: Brand, ann: Subscriber):
    shown = preview(content=save(CART), subscriber=ann, brand=brand, as_of=NOW)
    assert "Stoneware mug" in shown.html
    assert shown.problems == []


def test_boxes_and_facts_say_their_words(save: Save, brand: Brand, ann: Subscriber):
    box = {"id": "box", "type": "boxed", "heading": "Ten per cent", "text": "Until **Sunday**", "code": "HELLO10"}
    facts = {"id": "facts", "type": "facts"} | {
        f"{part}{n}": f"{part} {n}" for part in ("fact", "about") for n in (1, 2, 3)
    }
    shown = preview(content=save(box, facts), subscriber=ann, brand=brand, as_of=NOW)
    for words in ("Ten per cent", "HELLO10", "fact 2", "about 3"):
        assert words in shown.html
        assert words in shown.text
