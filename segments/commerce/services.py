"""Storing what the shop sells and sold, and what lies in its carts. The same again changes nothing.

An order, a refund and a cart are replaced whole or not at all; the bad ones are refused one by one, with the reason.
"""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from personalize.accounts.brand import shop_currency
from personalize.core import audit, clock, hooks
from segments.commerce import carts, checks, customers, happenings, ledger, payloads, products, ready, snippet
from segments.commerce import mapping as mappings
from segments.commerce.carts import Word
from segments.commerce.intake import Intake, Taken, named_address, understood
from segments.commerce.ledger import Document
from segments.commerce.mapping import Fault
from segments.commerce.models import Connection, ConnectionKind, Order, Product, Receipt, ReceiptState
from segments.commerce.payloads import BadPayload
from segments.commerce.signatures import Delivery
from segments.commerce.types import CartRow, OrderRow, ProductRow, RefundRow, RefusedItem, StoreResult
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.subscribers.models import Subscriber, Tracking
from segments.subscribers.types import Refusal

SLICE = 1000

Row = OrderRow | RefundRow


def store_products(*, rows: Sequence[ProductRow]) -> StoreResult:
    """Create and change products by code. Lines sold under a code that was unknown until now find their product."""
    refused: list[RefusedItem] = []
    wanted: dict[str, dict[str, Any]] = {}
    for index, row in enumerate(rows):
        columns = products.columns(row)
        if isinstance(columns, str):
            refused.append(RefusedItem(index, columns))
        else:
            wanted[row.code] = {**wanted.get(row.code, {}), **columns}
    created = updated = 0
    with transaction.atomic():
        # In one order, so that two at once wait for each other instead of locking each other out.
        codes = sorted(wanted)
        for start in range(0, len(codes), SLICE):
            made, changed = products.write({code: wanted[code] for code in codes[start : start + SLICE]})
            created += made
            updated += changed
    return StoreResult(created, updated, len(wanted) - created - updated, refused)


def store_orders(
    *, rows: Sequence[OrderRow], source: str = "shop", customer_source: str = "", historic: bool = False
) -> StoreResult:
    """Store orders by (source, number); record ``order_placed`` and each new status, once, for known customers.

    A status only goes forward, as ``statuses.FOLLOWS`` says. The cart that an order names is closed. ``customer_source``
    names the system whose ids ``customer_id`` holds and defaults to ``source``. An order whose customer nobody knows is
    stored without a person. ``historic`` orders are evidence and never trigger.
    """
    return _store(ledger.ORDERS, rows, source, customer_source or source, historic)


def store_refunds(
    *, rows: Sequence[RefundRow], source: str = "shop", customer_source: str = "", historic: bool = False
) -> StoreResult:
    """Store refunds by (source, number) and record ``order_refunded``; arguments as for ``store_orders``."""
    return _store(ledger.REFUNDS, rows, source, customer_source or source, historic)


def store_carts(
    *, rows: Sequence[CartRow], source: str = "shop", customer_source: str = "", historic: bool = False
) -> StoreResult:
    """Store carts by (source, key); record ``cart_updated``, ``cart_emptied`` and ``checkout_started`` for known people.

    Of several rows about one cart each counts, in the order of their times; a row older than what is stored changes
    nothing, and neither does any row about a cart that became an order. A cart without a person is kept, and theirs as
    soon as a row names them. Arguments as for ``store_orders``.
    """
    now, currency = clock.now(), shop_currency()
    refused: list[RefusedItem] = []
    unknown: list[int] = []
    people = customers.known(rows, customer_source or source)
    words: dict[str, list[Word]] = defaultdict(list)
    for index, row in sorted(enumerate(rows), key=lambda pair: (pair[1].at.timestamp(), pair[0])):
        lines = checks.cart(row, currency, now)
        if isinstance(lines, str):
            refused.append(RefusedItem(index, lines))
            continue
        person = people.get(customers.customer(row))
        if person is None and any(customers.customer(row)):
            unknown.append(index)
        words[row.key].append(Word(row, lines, person))
    created = updated = 0
    with transaction.atomic():
        for batch in _rounds(words):
            written = carts.write(source, batch, now=now, historic=historic)
            record_events(events=written.events)
            created += written.created
            updated += written.updated
    good = len(rows) - len(refused)
    return StoreResult(created, updated, good - created - updated, sorted(refused, key=_place), sorted(unknown))


def _place(item: RefusedItem) -> int:
    return item.index


def _rounds(words: Mapping[str, Sequence[Word]]) -> Iterator[list[Word]]:
    """Slices in which no cart is spoken of twice, each cart's words in their order."""
    for round_ in zip_longest(*words.values()):
        together = [word for word in round_ if word is not None]
        for start in range(0, len(together), SLICE):
            yield together[start : start + SLICE]


def _store(
    kind: ledger.Ledger,
    rows: Sequence[Row],
    source: str,
    customer_source: str,
    historic: bool,
) -> StoreResult:
    """Check, resolve, write and record; the last of two rows with one number wins."""
    now, currency = clock.now(), shop_currency()
    created = written = good = 0
    refused: list[RefusedItem] = []
    unknown: list[int] = []
    last = {row.number: index for index, row in enumerate(rows)}
    with transaction.atomic():
        for start in range(0, len(rows), SLICE):
            slice_ = {
                index: row
                for index, row in enumerate(rows[start : start + SLICE], start=start)
                if last[row.number] == index
            }
            people = customers.known(slice_.values(), customer_source)
            orders = _named_orders(slice_.values(), source)
            documents = []
            taken: dict[str, Row] = {}
            for index, row in slice_.items():
                lines = checks.document(row, currency)
                if isinstance(lines, str):
                    refused.append(RefusedItem(index, lines))
                    continue
                person = people.get(customers.customer(row))
                if person is None and any(customers.customer(row)):
                    unknown.append(index)
                documents.append(_document(row, lines, person, orders))
                taken[row.number] = row
            outcome = ledger.write(kind, source, documents, now)
            good += len(documents)
            created += outcome.created
            written += len(outcome.documents)
            if outcome.documents:
                hooks.facts_changed(subscriber_ids=ledger.concerned(kind, source, outcome), imported=historic)
            if kind is ledger.ORDERS:
                _close_carts(source, taken.values(), now)
                record_events(events=happenings.of_orders(source, outcome, taken, now, historic))
            else:
                record_events(events=happenings.of_refunds(source, outcome, orders, historic))
    return StoreResult(created, written - created, good - written, refused, unknown)


def _document(row: Row, lines: ledger.Lines, person: int | None, orders: Mapping[str, Order]) -> Document:
    """What is stored. A refund that names no person is that of its order's."""
    if isinstance(row, OrderRow):
        return Document(row.number, row.placed_at, person, row.status, lines)
    order = orders.get(row.order_number)
    if person is None and order is not None:
        person = order.subscriber_id
    return Document(row.number, row.refunded_at, person, order.pk if order else None, lines)


def _named_orders(rows: Iterable[Row], source: str) -> dict[str, Order]:
    """The orders that refunds name, by number."""
    named = {row.order_number for row in rows if isinstance(row, RefundRow) and row.order_number}
    return {order.number: order for order in Order.objects.filter(source=source, number__in=named)} if named else {}


def _close_carts(source: str, rows: Iterable[Row], now: dt.datetime) -> None:
    """The carts that orders name became those orders."""
    wanted = {row.number: row.cart for row in rows if isinstance(row, OrderRow) and row.cart}
    if wanted:
        stored = Order.objects.filter(source=source, number__in=wanted)
        found = stored.values_list("number", "pk", "subscriber_id", "placed_at")
        carts.close(source, {wanted[number]: (pk, person, placed_at) for number, pk, person, placed_at in found}, now)


class _Refused(Exception):
    """Takes back what a payload had stored so far."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__()
        self.faults = list(faults)


def create_connection(*, name: str, kind: str, secret: str, source: str, actor: Any) -> Connection:
    """Start listening to a shop. Without a ``secret`` of its own it gets one of ours, in the form of its kind."""
    with transaction.atomic():
        connection = Connection.objects.create(
            name=name,
            kind=ConnectionKind(kind),
            secret=secret or _new_secret(kind),
            source=source,
            mapping=ready.mapping(kind),
            created_at=clock.now(),
        )
        audit.record(actor=actor, action="connection.create", target=connection, kind=kind)
    return connection


def _new_secret(kind: str) -> str:
    if kind == ConnectionKind.CUSTOM:
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)


def change_connection(*, connection: Connection, lock_version: int, actor: Any, **changes: Any) -> bool:
    """Change columns of a connection (name, secret, source, origins, enabled, mapping); false when somebody was faster."""
    with transaction.atomic():
        unchanged = Connection.objects.filter(pk=connection.pk, lock_version=lock_version)
        changed = unchanged.update(**changes, lock_version=F("lock_version") + 1)
        if changed:
            audit.record(actor=actor, action="connection.change", target=connection, fields=sorted(changes))
    return bool(changed)


def receive(*, connection: Connection, delivery: Delivery) -> Receipt | None:
    """Take a verified delivery: store what it says and keep it as a receipt; None when the same came before.

    What is wrong with the data is a refused receipt, which a person can look at and try again; only faults of ours raise.
    """
    receipt = Receipt(
        connection=connection,
        delivery=delivery.id,
        topic=delivery.topic,
        received_at=clock.now(),
        state=ReceiptState.REFUSED,
    )
    try:
        receipt.body = payloads.parse(delivery.raw)
    except BadPayload as error:
        receipt.body, receipt.detail = payloads.kept(delivery.raw), str(error)
    else:
        # The standard's deliveries name their topic in the body.
        receipt.topic = delivery.topic or str(receipt.body.get("type") or "")[:80]
    with transaction.atomic():
        # The row comes first: of two equal deliveries at once, the second waits here and then finds it taken.
        if not _is_first(receipt):
            return None
        if not receipt.detail:
            _process(receipt, connection)
        receipt.save()
    return receipt


def _is_first(receipt: Receipt) -> bool:
    Receipt.objects.bulk_create([receipt], ignore_conflicts=True)
    stored = Receipt.objects.filter(connection=receipt.connection, delivery=receipt.delivery).get()
    receipt.pk = stored.pk
    return stored.uuid == receipt.uuid


def try_again(*, receipt: Receipt, actor: Any) -> Receipt:
    """Take a refused payload again by the mapping as it is now; one that was taken or ignored stays as it is."""
    with transaction.atomic():
        stored = Receipt.objects.select_for_update().get(pk=receipt.pk)
        if stored.state == ReceiptState.REFUSED and isinstance(stored.body, dict):
            _process(stored, stored.connection)
            stored.save()
            audit.record(actor=actor, action="receipt.retry", target=stored, state=stored.state)
    return stored


def _process(receipt: Receipt, connection: Connection) -> None:
    """Store what the payload says, and note on the receipt what became of it and whom it is about."""
    taken = _take(connection, connection.mapping, receipt.topic, receipt.body)
    if isinstance(taken, Taken):
        receipt.state = ReceiptState.TAKEN if taken.lines else ReceiptState.IGNORED
        receipt.detail = "; ".join(taken.lines)[:500]
        receipt.address_key = taken.address_key
    else:
        receipt.state = ReceiptState.REFUSED
        receipt.detail = "; ".join(map(str, taken))[:500]
        receipt.address_key = customers.key_of(named_address(connection.mapping, receipt.body))


def rehearse(
    *, connection: Connection, mapping: Mapping[str, Any], topic: str, payload: Mapping[str, Any]
) -> Taken | list[Fault]:
    """What would become of a payload by this mapping; everything it stored is taken back."""
    with transaction.atomic():
        taken = _take(connection, mapping, topic, payload)
        transaction.set_rollback(True)
    return taken


def _take(connection: Connection, mapping: Mapping[str, Any], topic: str, payload: Any) -> Taken | list[Fault]:
    """Store a payload as a whole, or nothing of it."""
    intake = understood(mapping, topic, payload)
    if not isinstance(intake, Intake):
        return intake
    try:
        with transaction.atomic():
            key = _take_person(connection, mapping, intake)
            return Taken(_take_things(connection.source, intake), key, intake.reads)
    except _Refused as refused:
        return refused.faults


def _take_things(source: str, intake: Intake) -> list[str]:
    """Store the things; returns what became of each, in words. Raises _Refused."""
    results: dict[str, StoreResult] = {}
    if intake.products:
        results["product"] = store_products(rows=intake.products)
    if intake.carts:
        results["cart"] = store_carts(rows=intake.carts, source=source)
    if intake.orders:
        results["order"] = store_orders(rows=intake.orders, source=source)
    if intake.refunds:
        results["refund"] = store_refunds(rows=intake.refunds, source=source)
    if faults := [Fault(thing, item.reason) for thing, result in results.items() for item in result.refused]:
        raise _Refused(faults)
    told = [_told(thing, result) for thing, result in results.items()]
    if any(read.thing.key == "customer" for read in intake.reads):
        told.append(_("Customer: stored"))
    return told


def _told(thing: str, result: StoreResult) -> str:
    became = _("new") if result.created else _("changed") if result.updated else _("as it was")
    return f"{mappings.THINGS[thing].label}: {became}"


def _take_person(connection: Connection, mapping: Mapping[str, Any], intake: Intake) -> str:
    """Store the person a payload names; returns their address key, or an empty text. Raises _Refused."""
    if intake.person is None:
        if any(read.thing.key == "customer" for read in intake.reads):
            raise _Refused([Fault("customer.email", _("is not there, and nobody is known without an address"))])
        return ""
    stored = customers.store(intake.person, connection.source)
    if isinstance(stored, Refusal):
        raise _Refused([Fault(f"customer.{stored.field}", stored.reason)])
    if stored is None:
        return customers.key_of(intake.person.email)  # They were erased; the shop's books remain, without them.
    if intake.accepts_marketing and mapping.get("consent"):
        customers.join(stored, source=f"connection {connection.name}", **mapping["consent"])
    return stored.address_key


def record_view(*, connection: Connection, who: str, product: str) -> bool:
    """Record ``product_viewed`` of the customer a token names; true when it was news.

    Only for people we know who have not refused tracking, and products we know; a second look in the same minute is none.
    """
    now = clock.now()
    customer_id = snippet.customer_of(connection.secret, who, now)
    people = Subscriber.objects.present().exclude(tracking=Tracking.DENIED)
    person = people.filter(external_ids__source=connection.source, external_ids__value=customer_id).first()
    if not customer_id or person is None or not Product.objects.filter(code=product).exists():
        return False
    seen = NewEvent(
        subscriber_id=person.pk,
        name="product_viewed",
        subject=product,
        occurred_at=now,
        source=connection.source,
        idempotency_key=f"view:{person.pk}:{product}:{now:%Y%m%d%H%M}",
    )
    return bool(record_events(events=[seen]))
