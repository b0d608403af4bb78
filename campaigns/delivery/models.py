"""The ledger of sending: what is sent (Mailing), to whom (Run), and one row for each person (Message).

Index predicates on Message do not name the state, and hand-over and result change no indexed column, so that PostgreSQL
can update the row in place.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.querysets import MessageQuerySet
from campaigns.delivery.types import (
    FrequencyOtherwise,
    FrequencyUnit,
    FrequencyWindow,
    Gate,
    MailingKind,
    MessageState,
    OutcomeKind,
)


class SenderAccount(models.Model):
    """A way out: Django's SMTP backend or an Anymail backend, as the settings configure it. Holds no secret."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80, unique=True)
    backend = models.CharField(max_length=120, blank=True, help_text=_("Dotted path; empty means EMAIL_BACKEND."))
    paused_reason = models.CharField(max_length=255, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Sender(models.Model):
    """The name and address a mail comes from."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    email = models.EmailField()
    reply_to = models.EmailField(blank=True)
    account = models.ForeignKey(SenderAccount, on_delete=models.PROTECT, related_name="senders")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "email"], name="sender_once")]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class Mailing(models.Model):
    """One frozen content, one sender, one set of tracking options. Delivery never knows who asked for it.

    ``window`` is when its mails may go out (``core.localtime.Window`` as JSON; none for any time). Of two mails that compete
    for a person's last place under a cap, that with the higher ``priority`` (0 to 100) goes first.

    ``owner_kind`` and ``owner`` name the thing that did (a campaign's variant, an automation's step) without a foreign
    key, since owners live above; ``group`` the whole it is part of (the campaign, the automation), which a frequency rule
    may be about.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=10, choices=MailingKind, default=MailingKind.MARKETING)
    owner_kind = models.CharField(max_length=20)
    owner = models.UUIDField()
    group = models.UUIDField(null=True, blank=True)
    version = models.ForeignKey("content.TemplateVersion", on_delete=models.PROTECT, related_name="+")
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, related_name="+")
    topic = models.ForeignKey("consent.Topic", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    track_opens = models.BooleanField(default=True)
    track_clicks = models.BooleanField(default=True)
    gate = models.PositiveSmallIntegerField(choices=Gate, default=Gate.HELD)
    window = models.JSONField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(default=50)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner_kind", "owner"], name="mailing_once_per_owner"),
            models.CheckConstraint(
                condition=Q(kind=MailingKind.SERVICE) | Q(topic__isnull=False), name="mailing_marketing_has_topic"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RunState(models.TextChoices):
    EXPANDING = "expanding", _("Gathering people")
    EXPANDED = "expanded", _("Everyone is listed")


class Run(models.Model):
    """One drawing of an audience, for a mailing or a set of variants.

    ``cursor`` is the highest subscriber id already listed; it commits together with the rows it stands for.
    ``upper`` is the highest id there was at the start, so that the drawing ends.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner_kind = models.CharField(max_length=20)
    owner = models.UUIDField()
    state = models.CharField(max_length=10, choices=RunState, default=RunState.EXPANDING)
    as_of = models.DateTimeField(help_text=_("Dated facts are read as they were at this instant."))
    cursor = models.BigIntegerField(default=0)
    upper = models.BigIntegerField()
    audience = models.PositiveIntegerField(default=0, help_text=_("People listed so far."))
    created_at = models.DateTimeField()
    expanded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner_kind", "owner"], name="run_by_owner")]

    def __str__(self) -> str:
        return str(self.uuid)


class Message(models.Model):
    """One mail to one person: the only truth about its sending.

    ``token`` is the claim that holds it; ``due_at`` is null while somebody does. ``attempt`` rises with a refusal.
    ``trace`` keeps what was personal in it: greeting, blocks shown, products with their reasons.
    """

    uuid = models.UUIDField(unique=True, editable=False)
    mailing = models.ForeignKey(Mailing, on_delete=models.PROTECT, related_name="messages", db_index=False)
    run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    subscriber = models.ForeignKey(
        "subscribers.Subscriber", on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    address_key = models.CharField(max_length=64)
    dedupe_key = models.CharField(max_length=80, default="", blank=True)
    state = models.PositiveSmallIntegerField(choices=MessageState, default=MessageState.READY)
    token = models.BigIntegerField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text=_("From then on it is too late for it."))
    attempt = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=40, blank=True)
    context = models.JSONField(null=True, blank=True, help_text=_("What triggered it: the trigger.* fields."))
    trace = models.JSONField(null=True, blank=True)
    cap_day = models.DateField(null=True, blank=True, help_text=_("The day in whose count it holds a place."))
    started_at = models.DateTimeField(null=True, blank=True, help_text=_("When what triggered it took place."))
    created_at = models.DateTimeField()
    handed_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.CharField(max_length=80, blank=True)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    reply = models.CharField(max_length=255, blank=True)
    esp_id = models.CharField(max_length=255, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    clicked_at = models.DateTimeField(null=True, blank=True)
    bounced_at = models.DateTimeField(null=True, blank=True)
    complained_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailing", "subscriber", "dedupe_key"], name="message_once"),
            models.UniqueConstraint(fields=["run", "address_key"], name="message_once_per_address"),
            models.CheckConstraint(
                condition=Q(state=MessageState.SKIPPED, reason__gt="") | ~Q(state=MessageState.SKIPPED),
                name="message_skip_has_reason",
            ),
        ]
        indexes = [
            # Read by the claim: what is due, oldest first.
            models.Index(fields=["mailing", "due_at", "id"], condition=Q(due_at__isnull=False), name="message_due"),
            # Read by hand-over, result and sweep.
            models.Index(fields=["token"], condition=Q(token__isnull=False), name="message_held"),
            # Read by the timeline and "how many mails lately".
            models.Index(fields=["subscriber", "created_at"], name="message_by_person"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class Batch(models.Model):
    """A claim of up to some hundred messages by one process: the lease lives here, one row for all of them."""

    token = models.BigIntegerField(primary_key=True)
    worker = models.UUIDField()
    lease_until = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return str(self.token)


class FrequencyCount(models.Model):
    """How many marketing mails a person holds a place for on a day; changed only by conditional update."""

    subscriber = models.ForeignKey("subscribers.Subscriber", on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    count = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscriber", "day"], name="frequency_count_once")]

    def __str__(self) -> str:
        return f"{self.subscriber_id} {self.day}: {self.count}"


class FrequencyRule(models.Model):
    """At most ``most`` marketing mails in ``count`` ``unit``s to one person, over all mails, one topic's or one owner's.

    ``owner`` is a mailing's ``group``. A rolling window reaches back from the hand-over, a month of it being 30 days; a
    calendar one is the person's own local day, week from Monday, or month. ``otherwise`` says what becomes of a mail above it: it is skipped, or waits for a place, at most ``wait_hours``.
    ``most`` 0 sends nothing.
    """

    name = models.CharField(max_length=80, unique=True)
    topic = models.ForeignKey("consent.Topic", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    owner = models.UUIDField(null=True, blank=True, help_text=_("The automation it is about; none for all."))
    most = models.PositiveSmallIntegerField()
    window = models.CharField(max_length=8, choices=FrequencyWindow)
    count = models.PositiveSmallIntegerField(default=1)
    unit = models.CharField(max_length=5, choices=FrequencyUnit)
    otherwise = models.CharField(max_length=5, choices=FrequencyOtherwise, default=FrequencyOtherwise.SKIP)
    wait_hours = models.PositiveSmallIntegerField(default=48)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(window=FrequencyWindow.CALENDAR) | (Q(count=1) & ~Q(unit=FrequencyUnit.HOUR)),
                name="frequency_calendar_is_one",
            ),
            models.CheckConstraint(condition=Q(count__gte=1), name="frequency_count_is_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class Link(models.Model):
    """A stored target of a tracked link; the number goes into the token, so a click can lead nowhere else."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="links", db_index=False)
    number = models.PositiveIntegerField()
    key = models.CharField(max_length=64, help_text=_("Hash of block and target."))
    url = models.CharField(max_length=2000)
    label = models.CharField(max_length=200, blank=True)
    block = models.CharField(max_length=40, blank=True)
    product_code = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailing", "number"], name="link_number"),
            models.UniqueConstraint(fields=["mailing", "key"], name="link_once"),
        ]

    def __str__(self) -> str:
        return self.label or self.url


class Outcome(models.Model):
    """Something that became of a message, stored once by its fingerprint."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="outcomes", db_index=False)
    kind = models.CharField(max_length=14, choices=OutcomeKind)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    fingerprint = models.CharField(max_length=64, unique=True)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [models.Index(fields=["message", "kind"], name="outcome_by_message")]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"
