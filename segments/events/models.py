"""What people did. A stored event is the trigger of automations and the evidence of segments."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class Event(models.Model):
    """One thing one person did, stored once: (source, idempotency key) is unique.

    ``subject`` names the thing it is about (an order's number, a cart's key, a product's code). ``amount`` is money in
    ten-thousandths of the shop currency, for sums. A historic event was known long after the fact; it never triggers, so
    it is born processed.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # The index by person and name begins with the person.
    subscriber = models.ForeignKey(
        "subscribers.Subscriber", on_delete=models.CASCADE, related_name="events", db_index=False
    )
    name = models.CharField(max_length=64)
    subject = models.CharField(max_length=120, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    source = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=160)
    properties = models.JSONField(default=dict, blank=True)
    amount = models.BigIntegerField(null=True, blank=True)
    historic = models.BooleanField(default=False)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "idempotency_key"], name="event_once"),
            models.CheckConstraint(
                condition=Q(historic=False) | Q(processed_at__isnull=False), name="event_historic_is_processed"
            ),
        ]
        indexes = [
            # Read by event rules asked of everybody, and by all who count what happened lately: the span of time of one
            # name, with all that is gathered of it, so that the events themselves need not be read; on PostgreSQL not by
            # sequences either, which ask for the order of two events. New events come at the end of their name, which
            # keeps it cheap to write.
            models.Index(
                fields=["name", "occurred_at", "subscriber", "amount"],
                include=["received_at", "id"],
                name="event_by_name",
            ),
            # Read by event rules asked of few people, by SQLite's sequences, and by the timeline.
            models.Index(fields=["subscriber", "name", "occurred_at"], name="event_by_person_and_name"),
            # Read by the sweep that feeds automations; holds only what is still to be done.
            models.Index(fields=["received_at"], condition=Q(processed_at__isnull=True), name="event_unprocessed"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.subject}".strip()
