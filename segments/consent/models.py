"""Topics people may follow, whether they do, the proof of it, and whom nobody may mail."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from segments.consent.querysets import SubscriptionQuerySet, SuppressionQuerySet


class TopicKind(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    SERVICE = "service", _("Service")


class OptIn(models.TextChoices):
    SINGLE = "single", _("Single")
    DOUBLE = "double", _("Double")


class Topic(models.Model):
    """Something one can subscribe to and leave, such as ‘Winter and gifts’."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=255, blank=True)
    frequency = models.CharField(
        max_length=80, blank=True, help_text=_("As told to people, such as ‘about twice a month’.")
    )
    kind = models.CharField(max_length=10, choices=TopicKind, default=TopicKind.MARKETING)
    opt_in = models.CharField(max_length=8, choices=OptIn, default=OptIn.DOUBLE)
    visible = models.BooleanField(default=True, help_text=_("Offered to everybody in the preference centre."))

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SubscriptionState(models.TextChoices):
    PENDING = "pending", _("Waits for confirmation")
    SUBSCRIBED = "subscribed", _("Yes")
    UNSUBSCRIBED = "unsubscribed", _("No")


class Subscription(models.Model):
    """Whether a person follows a topic now: the fold of their consent entries, kept for the hand-over to read."""

    subscriber = models.ForeignKey(
        "subscribers.Subscriber", on_delete=models.CASCADE, related_name="subscriptions", db_index=False
    )
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="subscriptions", db_index=False)
    state = models.CharField(max_length=12, choices=SubscriptionState)
    changed_at = models.DateTimeField()
    paused_until = models.DateTimeField(null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscriber", "topic"], name="subscription_once_per_topic")]
        indexes = [
            # Read by the audience of a topic.
            models.Index(fields=["topic", "state", "subscriber"], name="subscription_audience"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id} {self.topic_id} {self.state}"


class ConsentAction(models.TextChoices):
    REQUESTED = "requested", _("Asked to join")
    CONFIRMED = "confirmed", _("Confirmed")
    SUBSCRIBED = "subscribed", _("Joined")
    UNSUBSCRIBED = "unsubscribed", _("Left")
    COMPLAINED = "complained", _("Marked as spam")
    RESTORED = "restored", _("Undid leaving")
    TRACKING_GRANTED = "tracking_granted", _("Allowed tracking")
    TRACKING_DENIED = "tracking_denied", _("Refused tracking")
    PAUSED = "paused", _("Paused")
    RESUMED = "resumed", _("Ended the pause")
    SLOWED = "slowed", _("Asked for one mail a week at most")
    UNSLOWED = "unslowed", _("Lifted the weekly limit")


class ConsentEntry(models.Model):
    """Proof: who said what, when, where and to which words. Only ever added; ``topic`` empty means everything."""

    subscriber = models.ForeignKey(
        "subscribers.Subscriber", on_delete=models.CASCADE, related_name="consent_entries", db_index=False
    )
    topic = models.ForeignKey(Topic, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=20, choices=ConsentAction)
    at = models.DateTimeField(help_text=_("When the person said so."))
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=80, help_text=_("Such as import, one-click, unsubscribe page, footer form."))
    basis = models.CharField(max_length=80, blank=True)
    wording = models.TextField(blank=True)
    ip_prefix = models.CharField(max_length=45, blank=True)
    message = models.UUIDField(null=True, blank=True, help_text=_("The mail it came from."))
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "consent entries"
        indexes = [
            # Read by the timeline and the proof.
            models.Index(fields=["subscriber", "at"], name="consent_by_person"),
            # Read by the figures of sign-up forms; what came by files and mails is not in it.
            models.Index(fields=["source", "at"], condition=Q(source__startswith="form:"), name="consent_by_form"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id} {self.action}"


class SuppressionReason(models.TextChoices):
    UNSUBSCRIBED = "unsubscribed", _("Left everything")
    COMPLAINED = "complained", _("Marked as spam")
    BOUNCED = "bounced", _("Address does not exist")
    MANUAL = "manual", _("Added by hand")
    ERASED = "erased", _("Erased")


class Suppression(models.Model):
    """An address nobody may mail, known by its keyed hash so that it outlives the person's erasure.

    ``topic`` empty: no marketing at all. ``until`` empty: for ever.
    """

    address_key = models.CharField(max_length=64)
    topic = models.ForeignKey(Topic, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=12, choices=SuppressionReason)
    source = models.CharField(max_length=80)
    created_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["address_key"], condition=Q(topic__isnull=True), name="suppression_once"),
            models.UniqueConstraint(
                fields=["address_key", "topic"], condition=Q(topic__isnull=False), name="suppression_once_per_topic"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address_key[:12]}… {self.reason}"


class SignupForm(models.Model):
    """A form by which strangers join: hosted here, and embeddable in the shop's own pages.

    ``asks`` lists the optional fields it shows: names of built-in fields and keys of attributes people may set. Whatever
    they tick is stored as proof together with ``wording`` as it read at that time.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.SlugField(max_length=40, unique=True, help_text=_("The last part of its address."))
    name = models.CharField(max_length=80)
    heading = models.CharField(max_length=120)
    text = models.TextField(blank=True)
    wording = models.TextField(help_text=_("What people agree to, word for word."))
    button = models.CharField(max_length=40)
    thanks = models.TextField(help_text=_("Shown to everybody after sending, known or not."))
    redirect_url = models.URLField(blank=True, help_text=_("Where to go instead of the thanks."))
    topics = models.ManyToManyField(Topic, related_name="forms")
    asks = models.JSONField(default=list, blank=True)
    language = models.CharField(
        max_length=12, blank=True, help_text=_("Of the form, and of people who join by it; empty means the shop's.")
    )
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    lock_version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
