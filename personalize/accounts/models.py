"""Users with their role, the keys of other systems, the audit trail, and the one brand of the installation."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    APPROVER = "approver", _("Approver")
    MARKETER = "marketer", _("Marketer")
    ANALYST = "analyst", _("Analyst")
    OPS = "ops", _("Ops")


class UserManager(BaseUserManager["User"]):
    """Makes users who log in by email address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **{"role": Role.OWNER, **fields})


class User(AbstractUser):
    """Somebody who works here; what they may do follows from ``role``."""

    username = None  # type: ignore[assignment]  # People log in by address; Django's own field is dropped.
    email = models.EmailField(_("email address"), unique=True)
    role = models.CharField(max_length=12, choices=Role, default=Role.MARKETER)
    time_zone = models.CharField(max_length=64, default="UTC")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()  # type: ignore[misc,assignment]  # Replaces the manager that wants a user name.

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class AuditEntry(models.Model):
    """Who did what to which object, and when; written in the transaction of the action, never changed."""

    at = models.DateTimeField(db_index=True)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=255, help_text=_("Name at the time, or system or command."))
    action = models.CharField(max_length=64, db_index=True)
    target_type = models.CharField(max_length=64, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(max_length=255, blank=True)
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            # Read by "what happened to this object".
            models.Index(fields=["target_type", "target_id", "at"], name="audit_target"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action}"


class Brand(models.Model):
    """The one sender of mail here: its name, voice and legal address. There is exactly one row."""

    name = models.CharField(max_length=120)
    postal_address = models.CharField(
        max_length=255,
        blank=True,
        help_text=_("Printed under every marketing mail; the law of most countries wants it."),
    )
    website = models.URLField(blank=True)
    currency = models.CharField(max_length=3, default="GBP", help_text=_("The shop's one currency, ISO 4217."))
    language = models.CharField(max_length=12, default="en", help_text=_("For people whose language is not known."))
    time_zone = models.CharField(max_length=64, default="UTC", help_text=_("For people whose time zone is not known."))
    formality = models.CharField(
        max_length=8,
        choices=[("informal", _("Informal")), ("formal", _("Formal"))],
        default="informal",
        help_text=_("How greetings address people."),
    )
    track_unknown = models.BooleanField(
        default=True,
        help_text=_("Track opens and clicks of people who were never asked. People who said no never are."),
    )
    style = models.JSONField(default=dict, blank=True, help_text=_("Colours and wordmark of mails and public pages."))
    lock_version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="brand_is_one")]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A key by which another system speaks to the API. Only its hash is kept; ``prefix`` tells keys apart on a page.

    ``scopes`` are words such as ``subscribers:write``. ``source`` is the name under which what it sends is filed: ids and
    idempotency keys of two sources never meet. ``per_minute`` is how many requests it may make.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, unique=True)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    source = models.CharField(max_length=40, default="shop")
    per_minute = models.PositiveIntegerField(default=6000)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=255)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotentAnswer(models.Model):
    """What was answered to a request that carried an idempotency key, kept a day; ``status`` 0: still being answered."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="answers", db_index=False)
    key = models.CharField(max_length=120)
    fingerprint = models.CharField(max_length=64, help_text=_("SHA-256 of method, path and body."))
    status = models.PositiveSmallIntegerField(default=0)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["api_key", "key"], name="idempotent_answer_once")]

    def __str__(self) -> str:
        return self.key
