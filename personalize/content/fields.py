"""The merge fields this app brings: the person, the greeting, the brand, the topic, and what triggered a mail."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from personalize.rendering.fields import FieldSource, MergeField, sources
from segments.subscribers.models import AttributeDefinition

COLUMNS: tuple[MergeField, ...] = (
    MergeField("subscriber.first_name", _("First name"), "text", "Ann"),
    MergeField("subscriber.last_name", _("Last name"), "text", "Whitaker"),
    MergeField("subscriber.title", _("Title"), "text", "Ms"),
    MergeField("subscriber.email", _("Mail address"), "text", "ann@post.example"),
    MergeField("subscriber.language", _("Language"), "text", "en-GB"),
    MergeField("subscriber.country", _("Country"), "text", "GB"),
    MergeField("subscriber.region", _("Region"), "text", "England"),
    MergeField("subscriber.city", _("City"), "text", "Bristol"),
    MergeField("subscriber.postal_code", _("Postal code"), "text", "BS1 4ND"),
)
_BRAND = (
    MergeField("brand.name", _("Name of the brand"), "text", "Alder & Wren"),
    MergeField("brand.postal_address", _("Postal address"), "text", "14 Orchard Mews, Bristol"),
    MergeField("brand.website", _("Website"), "text", "https://alderandwren.example"),
)
_TOPIC = (
    MergeField("topic.name", _("Topic"), "text", "Winter and gifts"),
    MergeField("topic.frequency", _("How often the topic is sent"), "text", "about twice a month"),
)
_TRIGGER = (
    MergeField("trigger.total", _("What the cart or order is worth"), "text", "£86.00"),
    MergeField("trigger.count", _("How many lines it has"), "int", "3"),
    MergeField(
        "trigger.url", _("Where it leads: back to the cart, to the product"), "text", "https://shop.example/cart"
    ),
    MergeField("trigger.key", _("The number of the order"), "text", "10432"),
    MergeField("trigger.product.title", _("The product, or the first of them"), "text", "Stoneware mug"),
    MergeField("trigger.product.price", _("What it costs"), "text", "£14.00"),
    MergeField("trigger.product.url", _("Where it is shown"), "text", "https://shop.example/p/mug"),
    MergeField("trigger.product.quantity", _("How many of it"), "int", "1"),
    MergeField("trigger.years", _("How many years it has been"), "int", "2"),
)
_GREETING = (MergeField("greeting", _("Greeting, in full"), "text", "Hi Ann,"),)


def subscriber_fields() -> Iterable[MergeField]:
    """The built-in columns, then the attributes the shop has defined."""
    yield from COLUMNS
    for one in AttributeDefinition.objects.all():
        yield MergeField(f"subscriber.{one.key}", one.label, one.type, "", dict(one.fallback), one.sensitive)


def register() -> None:
    """Make the fields known; called once, when the app is ready."""
    sources.add(FieldSource("subscriber", _("Person"), subscriber_fields))
    sources.add(FieldSource("greeting", _("Greeting"), lambda: _GREETING))
    sources.add(FieldSource("brand", _("Brand"), lambda: _BRAND))
    sources.add(FieldSource("topic", _("Topic"), lambda: _TOPIC))
    sources.add(FieldSource("trigger", _("What triggered the mail"), lambda: _TRIGGER, open=True))
