"""The fields that columns may be mapped to, with the words the commands' help explains them in."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SUBSCRIBER_FIELDS = {
    "email": _("mail address; needed"),
    "external_id": _("the person's id in the system named by --source"),
    "first_name": _("first name"),
    "last_name": _("last name"),
    "preferred_name": _("what the person wants to be called"),
    "title": _("title, such as Dr"),
    "language": _("language code, such as en or de-AT"),
    "time_zone": _("time zone, such as Europe/London; inferred for countries that have one"),
    "country": _("two-letter code or English name"),
    "region": _("region"),
    "city": _("city"),
    "postal_code": _("postal code"),
    "latitude": _("degrees north"),
    "longitude": _("degrees east"),
    "birth_date": _("1988-02-29, or --02-29 without the year"),
}
PRODUCT_FIELDS = {
    "code": _("the shop's code, compared exactly; needed"),
    "title": _("title"),
    "description": _("description"),
    "url": _("address of its page"),
    "image_url": _("address of its picture"),
    "category": _("category"),
    "brand": _("brand"),
    "price": _("price, such as 2.55"),
    "stock": _("pieces in stock"),
    "active": _("yes or no"),
}
ORDER_FIELDS = {
    "number": _("number of the order; rows with one number are one order; needed"),
    "product": _("code of the product; needed"),
    "quantity": _("pieces; needed"),
    "unit_price": _("price of one piece, such as 2.55; needed"),
    "placed_at": _("date and time, UTC where no zone is named; an order's is its earliest; needed"),
    "customer_id": _("the customer's id in the system named by --customer-source; empty for guests"),
    "email": _("the customer's address, where there is no id"),
    "status": _("placed, paid, fulfilled, delivered, cancelled or refunded"),
    "order_number": _("on refunds: the order they belong to"),
}
EVENT_FIELDS = {
    "external_id": _("the person's id in the system named by --source"),
    "email": _("the person's address, where there is no id"),
    "name": _("what happened, such as product_viewed; needed"),
    "occurred_at": _("date and time, UTC where no zone is named; needed"),
    "idempotency_key": _("what tells this event from all others of the source; by default all that the row says"),
    "subject": _("what it is about, such as a product's code"),
    "amount": _("money, such as 2.55"),
    "properties": _("further facts, as a JSON object"),
}
