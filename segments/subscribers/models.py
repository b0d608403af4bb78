"""People and what is known of them: built-in columns, registered attributes, ids in other systems."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from segments.subscribers.querysets import SubscriberQuerySet


class Tracking(models.TextChoices):
    """What a person said about being tracked in mails."""

    UNKNOWN = "unknown", _("Never asked")
    GRANTED = "granted", _("Yes")
    DENIED = "denied", _("No")


class Rhythm(models.TextChoices):
    """How often at most a person wants marketing mail."""

    ANY = "", _("As often as there is something")
    WEEKLY = "weekly", _("Once a week at most")


class Subscriber(models.Model):
    """A person with one mail address.

    ``email`` is normalised; ``address_key`` is its keyed hash and outlives it when the person is erased. The ``*_folded``
    columns are what texts are compared with, on both engines alike.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.CharField(max_length=254, null=True)
    address_key = models.CharField(max_length=64, editable=False)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    preferred_name = models.CharField(max_length=100, blank=True)
    title = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=12, blank=True, help_text=_("BCP 47, such as en or de-AT."))
    time_zone = models.CharField(max_length=64, blank=True, help_text=_("IANA name, such as Europe/London."))
    country = models.CharField(max_length=2, blank=True, help_text=_("ISO 3166 alpha-2."))
    region = models.CharField(max_length=100, blank=True)
    city = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    birth_day = models.PositiveSmallIntegerField(null=True, blank=True)
    birth_month = models.PositiveSmallIntegerField(null=True, blank=True)
    birth_year = models.PositiveSmallIntegerField(null=True, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    tracking = models.CharField(max_length=8, choices=Tracking, default=Tracking.UNKNOWN)
    rhythm = models.CharField(max_length=8, choices=Rhythm, default=Rhythm.ANY, blank=True)

    first_name_folded = models.CharField(max_length=100, blank=True, editable=False)
    last_name_folded = models.CharField(max_length=100, blank=True, editable=False)
    region_folded = models.CharField(max_length=100, blank=True, editable=False)
    city_folded = models.CharField(max_length=100, blank=True, editable=False)
    attributes_folded = models.JSONField(default=dict, blank=True, editable=False)

    created_at = models.DateTimeField(db_index=True)
    updated_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    lock_version = models.PositiveIntegerField(default=0)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        constraints = [
            # Fields that are unique by themselves would get a second index each, for LIKE, which nothing reads.
            models.UniqueConstraint(fields=["email"], name="subscriber_email_once"),
            models.UniqueConstraint(fields=["address_key"], name="subscriber_address_key_once"),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True, email__isnull=False)
                | Q(erased_at__isnull=False, email__isnull=True),
                name="subscriber_has_email_unless_erased",
            ),
            models.CheckConstraint(
                condition=Q(birth_day__isnull=True, birth_month__isnull=True)
                | Q(birth_day__range=(1, 31), birth_month__range=(1, 12)),
                name="subscriber_birthday_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(birth_year__isnull=True) | Q(birth_month__isnull=False, birth_year__gte=1901),
                name="subscriber_birth_year_is_believable",
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="subscriber_position_is_whole",
            ),
        ]
        indexes = [
            # Read by the daily search for birthdays.
            models.Index(fields=["birth_month", "birth_day"], name="subscriber_birthday"),
            # Read by segments on place.
            models.Index(fields=["country", "city_folded"], name="subscriber_place"),
            # Read by segments on distance: the degrees around a point. Holds only people whose place is known.
            models.Index(
                fields=["latitude", "longitude"], condition=Q(latitude__isnull=False), name="subscriber_position"
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email or str(_("Erased person"))

    @property
    def full_name(self) -> str:
        """First and last name as given, in that order; empty when neither is known."""
        return f"{self.first_name} {self.last_name}".strip()

    def addresses(self) -> list[str]:
        """Every address known to be theirs: the present one first, then those that gave way when rows were merged."""
        gave_way = [
            value["gave_way"]
            for merge in self.merges.order_by("pk")
            for value in merge.values
            if value["field"] == "email" and value["gave_way"]
        ]
        return [self.email, *gave_way] if self.email else gave_way

    def foreign_ids(self) -> list[str]:
        """The ids by which other systems know them."""
        return list(self.external_ids.order_by("pk").values_list("value", flat=True))


class ExternalId(models.Model):
    """The id by which another system, such as the shop, knows a person."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="external_ids", db_index=False)
    source = models.CharField(max_length=40)
    value = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "value"], name="external_id_once_per_source"),
            models.UniqueConstraint(fields=["subscriber", "source"], name="external_id_one_per_person_and_source"),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.value}"


class AttributeType(models.TextChoices):
    TEXT = "text", _("Text")
    INT = "int", _("Whole number")
    DECIMAL = "decimal", _("Number")
    BOOL = "bool", _("Yes or no")
    DATE = "date", _("Date")
    DATETIME = "datetime", _("Date and time")
    ENUM = "enum", _("One of a list")
    MULTI = "multi", _("Several of a list")


class AttributeDefinition(models.Model):
    """What an attribute is called and which values it takes; values are typed on write and stored as JSON:

    text, enum: string; int: number; decimal: string of digits; bool: true/false; date, datetime: ISO 8601 string (UTC);
    multi: sorted list of strings.
    """

    key = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=80)
    type = models.CharField(max_length=8, choices=AttributeType)
    unit = models.CharField(max_length=20, blank=True)
    choices = models.JSONField(default=list, blank=True)
    sensitive = models.BooleanField(default=False)
    self_service = models.BooleanField(
        default=False, help_text=_("People may see and set it in the preference centre.")
    )
    fallback = models.JSONField(default=dict, blank=True, help_text=_("By language, such as {“en”: “there”}."))

    class Meta:
        ordering = ["label"]

    def __str__(self) -> str:
        return self.label


class QuarantinedValue(models.Model):
    """A value that came for an attribute or a built-in field and did not fit: kept as it came, with where from, until mended."""

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="quarantined_values", db_index=False
    )
    key = models.SlugField(max_length=40)
    raw = models.CharField(max_length=1000)
    reason = models.CharField(max_length=255)
    source = models.CharField(max_length=40)
    line = models.PositiveIntegerField(null=True, blank=True, help_text=_("The line of the file it stood on."))
    at = models.DateTimeField()

    class Meta:
        constraints = [
            # The latest word on an attribute is the one to mend.
            models.UniqueConstraint(fields=["subscriber", "key"], name="quarantined_value_latest"),
        ]
        indexes = [
            # Read by the page of an attribute.
            models.Index(fields=["key", "at"], name="quarantined_value_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.raw}"


class StaticList(models.Model):
    """People put together by hand, such as the guests of an evening; it changes only when somebody changes it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ListMember(models.Model):
    """That a person is on a list, since when and by whose doing."""

    list = models.ForeignKey(StaticList, on_delete=models.CASCADE, related_name="members", db_index=False)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="list_memberships")
    added_at = models.DateTimeField()
    source = models.CharField(max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["list", "subscriber"], name="list_member_once")]

    def __str__(self) -> str:
        return f"{self.subscriber_id} on {self.list_id}"


class Merge(models.Model):
    """That two rows were found to be one person: which values were kept, which gave way, and what was moved.

    ``values`` has one entry a field: {"field", "kept", "gave_way"}; ``moved`` counts rows by model.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    survivor = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="merges", db_index=False)
    duplicate = models.UUIDField(help_text=_("The identifier of the row that is no more."))
    at = models.DateTimeField()
    actor = models.CharField(max_length=255)
    values = models.JSONField(default=list, blank=True)
    moved = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [models.Index(fields=["survivor", "at"], name="merge_by_survivor")]

    def __str__(self) -> str:
        return f"{self.duplicate} into {self.survivor_id}"
