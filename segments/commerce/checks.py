"""What a shop gives, in stored units, or the reason why it is refused. Reasons are plain words for whoever runs the shop."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.utils.translation import gettext as _

from segments.commerce.ledger import Lines
from segments.commerce.models import OrderStatus
from segments.commerce.money import LIMIT, units
from segments.commerce.types import CartRow, LineRow, OrderRow, RefundRow
from segments.subscribers.profile import clean_text

MAX_INT = 2**31 - 1
# A clock of a shop may be a little ahead; a cart of next year would make every later word about it an old one.
AHEAD = dt.timedelta(minutes=5)
MAX_CART_LINES = 500


def document(row: OrderRow | RefundRow, currency: str) -> Lines | str:
    """The lines of an order or a refund."""
    if not _is_name(row.number):
        return _("The number is empty, longer than 64 characters or has invisible marks.")
    if isinstance(row, OrderRow):
        if row.status not in OrderStatus.values:
            return _("%s is not a status of an order.") % row.status
        if row.cart and not _is_name(row.cart):
            return _("The key of the cart is longer than 64 characters or has invisible marks.")
    elif row.order_number and not _is_name(row.order_number):
        return _("The number of the order is longer than 64 characters or has invisible marks.")
    if problem := _foreign(row.currency, currency):
        return problem
    return lines(row.lines) if row.lines else _("There are no lines.")


def cart(row: CartRow, currency: str, now: dt.datetime) -> Lines | str:
    """The lines of a cart; none when it was emptied."""
    if not _is_name(row.key):
        return _("The key of the cart is empty, longer than 64 characters or has invisible marks.")
    if row.at.tzinfo is None:
        return _("The time of the cart names no time zone.")
    if row.at > now + AHEAD:
        return _("The time of the cart lies in the future.")
    if row.url and (not row.url.startswith(("https://", "http://")) or len(row.url) > 1000):
        return _("The address of the cart does not start with https:// or is longer than 1,000 characters.")
    if len(row.lines) > MAX_CART_LINES:
        return _("There are more than %d lines in the cart.") % MAX_CART_LINES
    return _foreign(row.currency, currency) or lines(row.lines)


def lines(rows: Sequence[LineRow]) -> Lines | str:
    """The lines in stored units, or what is wrong with the first bad one."""
    found = []
    for row in rows:
        if not _is_name(row.code):
            return _("A product code is empty, longer than 64 characters or has invisible marks.")
        price = units(row.unit_price)
        if price is None:
            return _("The price %s is not an amount of money.") % row.unit_price
        if abs(row.quantity) > MAX_INT or abs(row.quantity * price) > LIMIT:
            return _("The amount %(quantity)d × %(price)s is beyond all reason.") % {
                "quantity": row.quantity,
                "price": row.unit_price,
            }
        found.append((row.code, row.quantity, price))
    return tuple(found)


def _is_name(text: str) -> bool:
    return bool(text) and len(text) <= 64 and clean_text(text) == text


def _foreign(given: str, currency: str) -> str:
    if not given or given.upper() == currency:
        return ""
    return _("The currency is %(given)s, and the shop’s is %(currency)s.") % {"given": given, "currency": currency}
