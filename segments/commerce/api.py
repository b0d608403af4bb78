"""What the shop sells, and what people put into carts and order, told by the shop."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from django.http import HttpResponse
from pydantic import AwareDatetime, BaseModel, Field, SkipValidation, field_validator

from personalize.accounts.gateway import BATCH, MANY, ApiRequest, Gate, Given, read_item
from personalize.core import clock
from personalize.core.problems import problem
from segments.commerce.services import store_carts, store_orders, store_products, store_refunds
from segments.commerce.types import CartRow, LineRow, OrderRow, ProductRow, RefundRow, RefusedItem, StoreResult

gate = Gate("Shop")

Code = Annotated[str, Field(min_length=1, max_length=64)]
Money = Annotated[Decimal, Field(max_digits=17, decimal_places=4)]

_PRODUCT = {"code": "OAK-STOOL", "title": "Oak stool", "price": "140.00", "stock": 12, "category": "Seating"}
_LINE = {"code": "OAK-STOOL", "quantity": 2, "unit_price": "140.00"}
_WHO = {"customer_id": "C-1042", "email": "ann.whitaker@post.example"}
_ORDER = {"number": "AW-20311", "placed_at": "2026-11-19T08:40:00Z", "status": "placed", "lines": [_LINE], **_WHO}
_REFUND = {"number": "AW-20311-R1", "at": "2026-11-19T08:40:00Z", "order": "AW-20311", "lines": [_LINE]}
_CART = {"key": "cart-77", "at": "2026-11-19T08:40:00Z", "lines": [_LINE], **_WHO}


class ProductIn(Given):
    """A product, known by the shop's code. What is left out stays as it is, an empty text clears it."""

    code: Code
    title: Annotated[str | None, Field(max_length=255)] = None
    description: Annotated[str | None, Field(max_length=10_000)] = None
    url: Annotated[str | None, Field(max_length=1000)] = None
    image_url: Annotated[str | None, Field(max_length=1000)] = None
    category: Annotated[str | None, Field(max_length=120)] = None
    brand: Annotated[str | None, Field(max_length=120)] = None
    price: Annotated[Money | None, Field(ge=0, description="In main units of the shop's currency.")] = None
    stock: Annotated[int | None, Field(ge=-(2**31), lt=2**31)] = None
    active: bool | None = None


class LineIn(Given):
    code: Code
    quantity: Annotated[int, Field(gt=-(2**31), lt=2**31)]
    unit_price: Money


class _Purchase(Given):
    """What orders, refunds and carts share. The customer is known by your own id for them, or by address; by neither: a guest."""

    lines: Annotated[list[LineIn], Field(max_length=1000)] = []
    customer_id: Annotated[str, Field(max_length=120, description="Your own id for the person.")] = ""
    email: Annotated[str, Field(max_length=254)] = ""
    currency: Annotated[str, Field(max_length=3, description="Other than the shop's it is refused.")] = ""
    historic: Annotated[bool, Field(description="Evidence that starts nothing; may be older than 30 days.")] = False


class OrderIn(_Purchase):
    """An order as a whole, as it is now; the same number again replaces it."""

    number: Code
    placed_at: AwareDatetime
    status: Literal["placed", "paid", "fulfilled", "delivered", "cancelled", "refunded"] = "placed"
    changed_at: Annotated[AwareDatetime | None, Field(description="When the status became so; now when left out.")] = (
        None
    )
    cart: Annotated[str, Field(max_length=64, description="The key of the cart it came from.")] = ""


class CartIn(_Purchase):
    """A cart as it is now; without lines it was emptied."""

    key: Code
    at: Annotated[AwareDatetime, Field(description="When it became so; an older word changes nothing.")]
    url: Annotated[str, Field(max_length=1000, description="Where the shop shows this cart again.")] = ""
    checkout: Annotated[bool, Field(description="The person began to pay.")] = False


class RefundIn(_Purchase):
    """Money given back, line by line; the same number again replaces it. Quantities and prices are positive."""

    number: Annotated[Code, Field(description="Your own number of the refund, not of the order.")]
    at: AwareDatetime
    order: Annotated[
        str, Field(max_length=64, description="The number of the order; without a customer it is that order's.")
    ] = ""

    @field_validator("lines")
    @classmethod
    def _are_positive(cls, lines: list[LineIn]) -> list[LineIn]:
        if any(line.quantity < 1 or line.unit_price < 0 for line in lines):
            raise ValueError("quantities and prices of a refund are positive")
        return lines


class ProductsIn(Given):
    products: Annotated[list[SkipValidation[ProductIn]], Field(min_length=1, max_length=BATCH)]


class OrdersIn(Given):
    orders: Annotated[list[SkipValidation[OrderIn]], Field(min_length=1, max_length=BATCH)]


class RefundsIn(Given):
    refunds: Annotated[list[SkipValidation[RefundIn]], Field(min_length=1, max_length=BATCH)]


class CartsIn(Given):
    carts: Annotated[list[SkipValidation[CartIn]], Field(min_length=1, max_length=BATCH)]


What = Literal["created", "updated", "unchanged"]


class ThingOut(BaseModel):
    """``known``: whether the customer is somebody we know; null for products and guests."""

    outcome: What
    known: bool | None = None


class RefusedThing(BaseModel):
    """``index`` is the place among the things sent, from 0."""

    index: int
    reason: str


class ThingsOut(BaseModel):
    """``unknown`` are the places of things whose customer nobody knows; they were stored all the same."""

    created: int
    updated: int
    unchanged: int
    refused: list[RefusedThing] = []
    unknown: list[int] = []


@gate.operation("POST", "/products", scope="products:write", response=ThingOut, example=_PRODUCT)
def store_product(request: ApiRequest, payload: ProductIn) -> ThingOut | HttpResponse:
    """Create or change one product."""
    return _one("product", store_products(rows=[_product(payload)]))


@gate.operation(
    "POST",
    "/products/batch",
    scope="products:write",
    response=ThingsOut,
    limit=MANY,
    example={"products": [_PRODUCT]},
)
def store_many_products(request: ApiRequest, payload: ProductsIn) -> ThingsOut:
    """Create or change up to 500 products; those that are wrong are refused one by one."""
    return _many(ProductIn, payload.products, lambda items: store_products(rows=[_product(item) for item in items]))


@gate.operation("POST", "/orders", scope="orders:write", response=ThingOut, example=_ORDER)
def store_order(request: ApiRequest, payload: OrderIn) -> ThingOut | HttpResponse:
    """Store one order as it is now; tell it again when its status changes."""
    return _one("order", _orders(request, [payload]), payload)


@gate.operation(
    "POST", "/orders/batch", scope="orders:write", response=ThingsOut, limit=MANY, example={"orders": [_ORDER]}
)
def store_many_orders(request: ApiRequest, payload: OrdersIn) -> ThingsOut:
    """Store up to 500 orders; those that are wrong are refused one by one."""
    return _many(OrderIn, payload.orders, lambda items: _orders(request, items))


@gate.operation("POST", "/refunds", scope="orders:write", response=ThingOut, example=_REFUND)
def store_refund(request: ApiRequest, payload: RefundIn) -> ThingOut | HttpResponse:
    """Store one refund. Send its order first; a refund told again finds an order that came later."""
    return _one("refund", _refunds(request, [payload]), payload)


@gate.operation(
    "POST", "/refunds/batch", scope="orders:write", response=ThingsOut, limit=MANY, example={"refunds": [_REFUND]}
)
def store_many_refunds(request: ApiRequest, payload: RefundsIn) -> ThingsOut:
    """Store up to 500 refunds; those that are wrong are refused one by one."""
    return _many(RefundIn, payload.refunds, lambda items: _refunds(request, items))


@gate.operation("POST", "/carts", scope="carts:write", response=ThingOut, example=_CART)
def store_cart(request: ApiRequest, payload: CartIn) -> ThingOut | HttpResponse:
    """Store one cart as it is now. Send it whenever it changes, and without lines when it is emptied."""
    return _one("cart", _carts(request, [payload]), payload)


@gate.operation("POST", "/carts/batch", scope="carts:write", response=ThingsOut, limit=MANY, example={"carts": [_CART]})
def store_many_carts(request: ApiRequest, payload: CartsIn) -> ThingsOut:
    """Store up to 500 carts; those that are wrong are refused one by one."""
    return _many(CartIn, payload.carts, lambda items: _carts(request, items))


Item = TypeVar("Item", bound=_Purchase)
Thing = TypeVar("Thing", bound=Given)


def _one(what: str, result: StoreResult, given: _Purchase | None = None) -> ThingOut | HttpResponse:
    if result.refused:
        return problem(422, f"The {what} was not stored.", errors=[{"at": what, "reason": result.refused[0].reason}])
    outcome: What = "created" if result.created else "updated" if result.updated else "unchanged"
    named = given is not None and bool(given.customer_id or given.email)
    return ThingOut(outcome=outcome, known=not result.unknown if named else None)


def _many(kind: type[Thing], raw: Sequence[Any], store: Callable[[list[Thing]], StoreResult]) -> ThingsOut:
    """Read every item on its own and store the good ones; places are those in what was sent."""
    items = [read_item(kind, item) for item in raw]
    good = [index for index, item in enumerate(items) if isinstance(item, kind)]
    result = store([item for item in items if isinstance(item, kind)])
    refused = {index: item for index, item in enumerate(items) if isinstance(item, str)}
    refused |= {good[one.index]: one.reason for one in result.refused}
    return ThingsOut(
        created=result.created,
        updated=result.updated,
        unchanged=result.unchanged,
        refused=[RefusedThing(index=index, reason=refused[index]) for index in sorted(refused)],
        unknown=sorted(good[index] for index in result.unknown),
    )


def _product(given: ProductIn) -> ProductRow:
    return ProductRow(**given.model_dump())


def _orders(request: ApiRequest, orders: Sequence[OrderIn]) -> StoreResult:
    source = request.caller.source
    return _by_age(
        orders, lambda some, historic: store_orders(rows=list(map(_order, some)), source=source, historic=historic)
    )


def _refunds(request: ApiRequest, refunds: Sequence[RefundIn]) -> StoreResult:
    source = request.caller.source
    return _by_age(
        refunds, lambda some, historic: store_refunds(rows=list(map(_refund, some)), source=source, historic=historic)
    )


def _carts(request: ApiRequest, carts: Sequence[CartIn]) -> StoreResult:
    source = request.caller.source
    return _by_age(
        carts, lambda some, historic: store_carts(rows=list(map(_cart, some)), source=source, historic=historic)
    )


def _by_age(given: Sequence[Item], store: Callable[[list[Item], bool], StoreResult]) -> StoreResult:
    """Store what is historic and what is not, each in one call; what is too old or to come is refused."""
    now = clock.now()
    refused = {index: problem for index, item in enumerate(given) if (problem := _stamp(item, now))}
    created = updated = unchanged = 0
    unknown: list[int] = []
    for historic in (True, False):
        places = [index for index, item in enumerate(given) if item.historic is historic and index not in refused]
        if not places:
            continue
        result = store([given[index] for index in places], historic)
        created, updated, unchanged = (
            created + result.created,
            updated + result.updated,
            unchanged + result.unchanged,
        )
        refused |= {places[one.index]: one.reason for one in result.refused}
        unknown += [places[index] for index in result.unknown]
    return StoreResult(
        created, updated, unchanged, [RefusedItem(index, reason) for index, reason in sorted(refused.items())], unknown
    )


def _stamp(given: _Purchase, now: dt.datetime) -> str:
    """What is wrong with the times. An old order that changed its status lately is news."""
    times = {"at": given.at} if isinstance(given, CartIn | RefundIn) else {}
    if isinstance(given, OrderIn):
        times = {"changed_at" if given.changed_at else "placed_at": given.changed_at or given.placed_at}
        if given.placed_at > now + clock.AHEAD or given.placed_at < clock.LONG_AGO:
            return f"placed_at: {clock.stamp_problem(given.placed_at, now=now, historic=True)}"
    for name, at in times.items():
        if problem := clock.stamp_problem(at, now=now, historic=given.historic):
            return f"{name}: {problem}"
    return ""


def _order(given: OrderIn) -> OrderRow:
    return OrderRow(
        number=given.number,
        placed_at=given.placed_at,
        lines=_lines(given),
        customer_id=given.customer_id,
        email=given.email,
        status=given.status,
        currency=given.currency,
        cart=given.cart,
        changed_at=given.changed_at,
    )


def _refund(given: RefundIn) -> RefundRow:
    return RefundRow(
        number=given.number,
        refunded_at=given.at,
        lines=_lines(given),
        customer_id=given.customer_id,
        email=given.email,
        order_number=given.order,
        currency=given.currency,
    )


def _cart(given: CartIn) -> CartRow:
    return CartRow(
        key=given.key,
        at=given.at,
        lines=_lines(given),
        customer_id=given.customer_id,
        email=given.email,
        url=given.url,
        currency=given.currency,
        checkout=given.checkout,
    )


def _lines(given: _Purchase) -> list[LineRow]:
    return [LineRow(line.code, line.quantity, line.unit_price) for line in given.lines]
