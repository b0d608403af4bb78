"""What the shop sells and sold. Money is kept in ten-thousandths of the shop currency's main unit."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class Product(models.Model):
    """Something the shop sells, known by the shop's own code (compared exactly). Unknown stock counts as in stock."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    url = models.CharField(max_length=1000, blank=True)
    image_url = models.CharField(max_length=1000, blank=True)
    category = models.CharField(max_length=120, blank=True)
    brand = models.CharField(max_length=120, blank=True)
    category_folded = models.CharField(max_length=120, blank=True, editable=False)
    brand_folded = models.CharField(max_length=120, blank=True, editable=False)
    price = models.BigIntegerField(null=True, blank=True)
    stock = models.IntegerField(null=True, blank=True)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["title", "code"]
        indexes = [models.Index(fields=["category_folded"], name="product_by_category")]

    def __str__(self) -> str:
        return self.title


class OrderStatus(models.TextChoices):
    PLACED = "placed", _("Placed")
    PAID = "paid", _("Paid")
    FULFILLED = "fulfilled", _("Sent out")
    DELIVERED = "delivered", _("Delivered")
    CANCELLED = "cancelled", _("Cancelled")
    REFUNDED = "refunded", _("Refunded")


class Order(models.Model):
    """An order of the shop; without ``subscriber`` it is a guest's. ``total`` is the sum of its lines."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.CharField(max_length=40, default="shop")
    number = models.CharField(max_length=64)
    subscriber = models.ForeignKey(
        "subscribers.Subscriber",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="orders",
        db_index=False,
    )
    placed_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=OrderStatus, default=OrderStatus.PLACED)
    total = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="order_once")]
        indexes = [
            # Read by order rules and the timeline.
            models.Index(fields=["subscriber", "placed_at"], name="order_by_person"),
            # Read by recommendations, which learn from all orders before a date.
            models.Index(fields=["placed_at"], name="order_by_time"),
        ]

    def __str__(self) -> str:
        return self.number


class Line(models.Model):
    """What order lines and refund lines share. ``product`` is empty for codes the catalogue does not know.

    ``subscriber`` and the time repeat those of the order, so that a rule over products reads one table.
    """

    position = models.PositiveIntegerField()
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    code = models.CharField(max_length=64)
    quantity = models.IntegerField()
    unit_price = models.BigIntegerField()
    amount = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.quantity} × {self.code}"


class OrderLine(Line):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    subscriber = models.ForeignKey(
        "subscribers.Subscriber",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="order_lines",
        db_index=False,
    )
    placed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "position"], name="order_line_position")]
        indexes = [
            # Read by order rules with product filters, and by "not bought already".
            models.Index(fields=["subscriber", "code", "placed_at"], name="order_line_by_person"),
            models.Index(fields=["code", "placed_at"], name="order_line_by_code"),
        ]


class Refund(models.Model):
    """Money given back, at its own date; ``order`` only where the source names one. ``total`` is positive."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.CharField(max_length=40, default="shop")
    number = models.CharField(max_length=64)
    order = models.ForeignKey(Order, null=True, blank=True, on_delete=models.SET_NULL, related_name="refunds")
    subscriber = models.ForeignKey(
        "subscribers.Subscriber",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="refunds",
        db_index=False,
    )
    refunded_at = models.DateTimeField()
    total = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="refund_once")]
        indexes = [models.Index(fields=["subscriber", "refunded_at"], name="refund_by_person")]

    def __str__(self) -> str:
        return self.number


class RefundLine(Line):
    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="lines", db_index=False)
    subscriber = models.ForeignKey(
        "subscribers.Subscriber",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="refund_lines",
        db_index=False,
    )
    refunded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["refund", "position"], name="refund_line_position")]
        indexes = [models.Index(fields=["subscriber", "code", "refunded_at"], name="refund_line_by_person")]


class CartState(models.TextChoices):
    ACTIVE = "active", _("Being filled")
    EMPTIED = "emptied", _("Emptied")
    ORDERED = "ordered", _("Became an order")


class Cart(models.Model):
    """A cart of the shop, known by the shop's own key; without ``subscriber`` it is a stranger's.

    ``last_activity_at`` is the shop's time of the last change; an older word about the cart than that changes nothing.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.CharField(max_length=40, default="shop")
    key = models.CharField(max_length=64)
    subscriber = models.ForeignKey(
        "subscribers.Subscriber", null=True, blank=True, on_delete=models.CASCADE, related_name="carts", db_index=False
    )
    state = models.CharField(max_length=8, choices=CartState, default=CartState.ACTIVE)
    total = models.BigIntegerField(default=0)
    url = models.CharField(max_length=1000, blank=True, help_text=_("Where the shop shows this cart again."))
    started_at = models.DateTimeField()
    last_activity_at = models.DateTimeField()
    checkout_at = models.DateTimeField(null=True, blank=True)
    order = models.ForeignKey(Order, null=True, blank=True, on_delete=models.SET_NULL, related_name="carts")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="cart_once")]
        indexes = [
            # Read by the timeline and by abandoned-cart rules: a person's carts, latest first.
            models.Index(fields=["subscriber", "last_activity_at"], name="cart_by_person"),
        ]

    def __str__(self) -> str:
        return self.key


class CartLine(Line):
    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cart", "position"], name="cart_line_position")]


class ConnectionKind(models.TextChoices):
    SHOPIFY = "shopify", _("Shopify")
    WOOCOMMERCE = "woocommerce", _("WooCommerce")
    CUSTOM = "custom", _("Another system")


class Connection(models.Model):
    """A shop that tells us by webhook: who signs, how its payloads read, and whether it is listened to.

    ``mapping`` says for each thing (order, cart, product) which field of ours is where in the payload.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=12, choices=ConnectionKind)
    source = models.CharField(
        max_length=40, default="shop", help_text=_("The system whose numbers and ids these are; imports name it too.")
    )
    secret = models.CharField(max_length=255, help_text=_("Shared with the shop, which signs every payload with it."))
    origins = models.JSONField(
        default=list,
        blank=True,
        help_text=_("Sites that may report what people look at, such as https://shop.example."),
    )
    mapping = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    lock_version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class ReceiptState(models.TextChoices):
    TAKEN = "taken", _("Taken")
    IGNORED = "ignored", _("Nothing for us")
    REFUSED = "refused", _("Refused")


class Receipt(models.Model):
    """A payload that came by webhook, kept for a month to be looked at and tried again.

    The same delivery twice is one receipt. ``address_key`` is that of the person it is about, so that erasure finds it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="receipts", db_index=False)
    delivery = models.CharField(
        max_length=120, help_text=_("The shop's own id of this delivery, or the payload's hash.")
    )
    topic = models.CharField(max_length=80, blank=True)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=ReceiptState)
    detail = models.CharField(max_length=500, blank=True)
    body = models.JSONField()
    address_key = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "delivery"], name="receipt_once")]
        indexes = [
            # Read by the page of a connection, and by the pruning.
            models.Index(fields=["connection", "received_at"], name="receipt_by_connection"),
            # Read by erasure.
            models.Index(fields=["address_key"], name="receipt_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.delivery}"
