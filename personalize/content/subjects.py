"""What a mail is about, read again as it is now: the cart that was left, the order that was placed, the product looked at.

What brought somebody in is old by the time a mail goes out. So the mail never shows what was stored with it, but what the
shop says now: lines that can still be had, at today's price.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from personalize.content import languages
from personalize.core.database import among
from segments.commerce.models import Cart, CartLine, CartState, Order, OrderLine, OrderStatus, Product, RefundLine

K = TypeVar("K", bound=Hashable)
_Name = tuple[str, str]

BLOCKS: Mapping[str, str] = {"cart": "cart", "order": "order", "viewed": "product"}
"""Which kind of subject each kind of block shows."""

FEW = 8
"""From this stock down a mail may say how many are left."""

LIMIT = 5
"""How many lines a block shows where it says nothing else."""

_GONE = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)


@dataclass(frozen=True)
class Refreshed:
    """A context with its subject as it is now: ``lines``, ``products`` (codes), ``count``, ``total``, ``url``; plain JSON.

    ``total`` is in ten-thousandths, over the lines that are left. ``nothing_left`` is never true of a context that is about
    no cart, order or product.
    """

    context: dict[str, Any]
    nothing_left: bool
    total: int


@dataclass(frozen=True)
class Shows:
    """A block, by its id, that shows at most ``limit`` lines of the kind of thing a mail is ``about``."""

    block: str
    about: str
    limit: int


@dataclass(frozen=True)
class _Line:
    """A line that is left. Prices of a piece in ten-thousandths; ``was`` is None unless the price has changed since."""

    code: str
    quantity: int
    price: int | None
    title: str = ""
    url: str = ""
    image: str = ""
    was: int | None = None
    stock: int | None = None

    @property
    def amount(self) -> int | None:
        return None if self.price is None else self.price * self.quantity

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "title": self.title or self.code,
            "quantity": self.quantity,
            "price": self.price,
            "amount": self.amount,
            "was": self.was,
            "stock": self.stock,
            "url": self.url,
            "image": self.image,
        }


@dataclass(frozen=True)
class _Found:
    """A subject that is still there: whose it is (None: nobody's), its lines, and where the shop shows it."""

    person: int | None
    lines: list[_Line]
    url: str = ""


def refresh(
    contexts: Mapping[K, Mapping[str, Any]], at: dt.datetime, people: Mapping[K, int] | None = None
) -> dict[K, Refreshed]:
    """Each context with its subject read again, with a number of queries that does not depend on how many there are.

    Money given back counts up to ``at``; carts and products are as they are now. ``people`` says to whom each context
    belongs: a cart or order that is somebody else's by now counts as gone.
    """
    wanted: dict[str, set[_Name]] = defaultdict(set)
    for context in contexts.values():
        wanted[_about(context)].add(_name(context))
    found = {
        "cart": _carts(wanted["cart"]) if wanted["cart"] else {},
        "order": _orders(wanted["order"], at) if wanted["order"] else {},
        "product": _products(wanted["product"]) if wanted["product"] else {},
    }
    refreshed: dict[K, Refreshed] = {}
    for key, context in contexts.items():
        about = _about(context)
        if about not in found:
            refreshed[key] = Refreshed(dict(context), nothing_left=False, total=_whole(context.get("total")))
            continue
        subject = found[about].get(_name(context))
        person = people.get(key) if people else None
        if subject is not None and None not in (person, subject.person) and person != subject.person:
            subject = None
        refreshed[key] = _with(context, subject)
    return refreshed


def shown(context: Mapping[str, Any], *, currency: str, language: str) -> dict[str, Any]:
    """A context as templates read it: money written as the person's language does, lines with what stands beside them."""
    if "about" not in context:
        return dict(context)
    lines = [_shown(line, currency, language) for line in context.get("lines", ())]
    total = context.get("total")
    return {
        **context,
        "lines": lines,
        "product": lines[0] if lines else {},
        "total": languages.price(total if isinstance(total, int) else None, currency, language),
    }


def sample(about: str) -> dict[str, Any]:
    """Stands in for a cart, an order or a product when one only looks at a mail: three things that the shop sells."""
    number = 1 if about == "product" else 3
    chosen = Product.objects.filter(active=True, price__gt=0).exclude(image_url="").exclude(stock__lte=0)[:number]
    lines = [_of_product(product, quantity=1) for product in chosen]
    context = {"about": about, "key": "10001" if about == "order" else "", "years": 1}
    return _with(context, _Found(None, lines)).context


def shows(blocks: Iterable[Mapping[str, Any]]) -> list[Shows]:
    """The blocks of a version that show what its mails are about."""
    return [
        Shows(block["id"], BLOCKS[block["type"]], block.get("limit", LIMIT))
        for block in blocks
        if block.get("type") in BLOCKS
    ]


def _about(context: Mapping[str, Any]) -> str:
    about = context.get("about")
    return about if isinstance(about, str) else ""


def _name(context: Mapping[str, Any]) -> _Name:
    """What the thing is called; the shop's codes of products are the same in every source."""
    source = "" if _about(context) == "product" else str(context.get("source") or "")
    return source, str(context.get("key") or "")


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _with(context: Mapping[str, Any], subject: _Found | None) -> Refreshed:
    lines = subject.lines if subject else []
    total = sum(line.amount or 0 for line in lines)
    return Refreshed(
        {
            **context,
            "lines": [line.as_json() for line in lines],
            "products": list(dict.fromkeys(line.code for line in lines)),
            "count": len(lines),
            "total": total,
            "url": subject.url if subject else "",
        },
        nothing_left=not lines,
        total=total,
    )


def _shown(line: Mapping[str, Any], currency: str, language: str) -> dict[str, Any]:
    def price(amount: int | None) -> str:
        return languages.price(amount, currency, language)

    stock = line["stock"]
    return {
        **{key: line[key] for key in ("code", "title", "quantity", "url", "image")},
        "price": price(line["price"]),
        "amount": price(line["amount"]),
        "was_price": price(line["was"]),
        "was_amount": price(None if line["was"] is None else line["was"] * line["quantity"]),
        "left": stock if stock is not None and stock <= FEW else None,
        "href": line["url"],
    }


def _carts(names: set[_Name]) -> dict[_Name, _Found]:
    """Carts that are being filled, with what of them can be had, at the price of today."""
    carts = {
        cart.pk: cart
        for cart in Cart.objects.filter(
            source__in={source for source, _ in names}, key__in={key for _, key in names}, state=CartState.ACTIVE
        )
        if (cart.source, cart.key) in names
    }
    lines: dict[int, list[_Line]] = defaultdict(list)
    rows = CartLine.objects.filter(cart__in=among(carts)).select_related("product").order_by("cart", "position")
    for row in rows:
        if row.product is None:
            lines[row.cart_id].append(_Line(row.code, row.quantity, row.unit_price))
        elif _can_be_had(row.product):
            lines[row.cart_id].append(_of_product(row.product, quantity=row.quantity, was=row.unit_price))
    return {
        (cart.source, cart.key): _Found(cart.subscriber_id, lines[pk], _address(cart.url)) for pk, cart in carts.items()
    }


def _orders(names: set[_Name], at: dt.datetime) -> dict[_Name, _Found]:
    """Orders that stand, without what was given back, at what was paid."""
    orders = {
        order.pk: order
        for order in Order.objects.filter(
            source__in={source for source, _ in names}, number__in={number for _, number in names}
        ).exclude(status__in=_GONE)
        if (order.source, order.number) in names
    }
    returned: dict[tuple[int | None, str], int] = defaultdict(int)
    back = RefundLine.objects.filter(refund__order__in=among(orders), refunded_at__lte=at)
    for order_id, code, quantity in back.values_list("refund__order_id", "code", "quantity"):
        returned[order_id, code] += quantity
    lines: dict[int, list[_Line]] = defaultdict(list)
    rows = OrderLine.objects.filter(order__in=among(orders)).select_related("product").order_by("order", "position")
    for row in rows:
        gone = min(returned[row.order_id, row.code], row.quantity)
        returned[row.order_id, row.code] -= gone
        if row.quantity > gone:
            line = _of_product(row.product, quantity=1) if row.product else _Line(row.code, 1, None)
            lines[row.order_id].append(
                replace(line, quantity=row.quantity - gone, price=row.unit_price, was=None, stock=None)
            )
    return {(order.source, order.number): _Found(order.subscriber_id, lines[pk]) for pk, order in orders.items()}


def _products(names: set[_Name]) -> dict[_Name, _Found]:
    products = Product.objects.filter(code__in={code for _, code in names})
    return {
        ("", product.code): _Found(None, [_of_product(product, quantity=1)], _address(product.url))
        for product in products
        if _can_be_had(product)
    }


def _of_product(product: Product, *, quantity: int, was: int | None = None) -> _Line:
    price = was if product.price is None else product.price
    return _Line(
        code=product.code,
        quantity=quantity,
        price=price,
        title=product.title,
        url=_address(product.url),
        image=_address(product.image_url),
        was=was if was != price else None,
        stock=product.stock,
    )


def _can_be_had(product: Product) -> bool:
    """Unknown stock counts as in stock, as everywhere."""
    return product.active and (product.stock is None or product.stock > 0)


def _address(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""
