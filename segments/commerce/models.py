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
        "subscribers.Subscriber", null=True, blank=True, on_delete=models.SET_NULL, related_name="orders"
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
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    subscriber = models.ForeignKey(
        "subscribers.Subscriber", null=True, blank=True, on_delete=models.SET_NULL, related_name="order_lines"
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
        "subscribers.Subscriber", null=True, blank=True, on_delete=models.SET_NULL, related_name="refunds"
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
    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="lines")
    subscriber = models.ForeignKey(
        "subscribers.Subscriber", null=True, blank=True, on_delete=models.SET_NULL, related_name="refund_lines"
    )
    refunded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["refund", "position"], name="refund_line_position")]
        indexes = [models.Index(fields=["subscriber", "code", "refunded_at"], name="refund_line_by_person")]
