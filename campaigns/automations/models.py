"""Automations, their versions, and everybody's way through them.

An enrolment is a row with a due time: nothing waits in memory. What a person met at a step is a row of its own, unique,
so that no step happens to anybody twice.
"""

from __future__ import annotations

import uuid
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.automations.types import AutomationState, EnrolmentState, LeftOutReason, SimulationState, Visit


class Automation(models.Model):
    """Something that goes on by itself. ``draft`` is being edited, ``live`` is what people who come in now get.

    ``recipe`` is the key of the recipe it was made from, "" for one's own. Of two of its mails and others' that compete for
    a person's last place under a cap, the higher ``priority`` (0 to 100) goes first.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=255, blank=True)
    recipe = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=8, choices=AutomationState, default=AutomationState.DRAFT)
    topic = models.ForeignKey("consent.Topic", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    sender = models.ForeignKey("delivery.Sender", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    priority = models.PositiveSmallIntegerField(default=50)
    draft = models.JSONField(help_text=_("The automation as JSON; see docs/automations.md."))
    live = models.ForeignKey(
        "AutomationVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    live_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    lock_version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=AutomationState.DRAFT) | Q(live__isnull=False, live_since__isnull=False),
                name="automation_live_has_version",
            ),
            models.CheckConstraint(condition=Q(priority__lte=100), name="automation_priority"),
        ]

    def __str__(self) -> str:
        return self.name


class AutomationVersion(models.Model):
    """An automation as it was published; never changed afterwards. The mailing of a mail step is found by ``step_owner``."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["automation", "number"], name="automation_version_number")]

    def __str__(self) -> str:
        return f"{self.automation}, {_('version')} {self.number}"

    def step_owner(self, step: str) -> UUID:
        """The owner (of kind ``step``) under which the mailing of a mail step is opened."""
        return uuid.uuid5(self.uuid, step)


class Enrolment(models.Model):
    """One person's way through one version.

    ``entry_key`` says what for: the cart, the order, the year. ``place`` is taken where only one may be open at a time, and
    given back at the end. ``step`` is where they are: waiting or held there, or, active, due to meet it. ``came_at`` is when
    they came to that step, ``due_at`` when to go on; null when only an event or somebody can move them. ``started_at`` is
    the instant of what brought them in, ``activity_at`` of the latest that touched it. ``context`` is what brought them in, the
    ``trigger.*`` fields of the mails.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="enrolments", db_index=False)
    version = models.ForeignKey(AutomationVersion, on_delete=models.PROTECT, related_name="enrolments")
    subscriber = models.ForeignKey("subscribers.Subscriber", on_delete=models.CASCADE, related_name="enrolments")
    entry_key = models.CharField(max_length=160)
    place = models.CharField(max_length=8, null=True, blank=True)
    state = models.CharField(max_length=8, choices=EnrolmentState, default=EnrolmentState.ACTIVE)
    reason = models.CharField(max_length=40, blank=True)
    step = models.CharField(max_length=40, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    came_at = models.DateTimeField()
    started_at = models.DateTimeField()
    activity_at = models.DateTimeField()
    context = models.JSONField(default=dict, blank=True)
    event = models.UUIDField(null=True, blank=True, help_text=_("The event that brought them in."))
    mailed_at = models.DateTimeField(null=True, blank=True, help_text=_("When the last mail was written."))
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["automation", "subscriber", "entry_key"], name="enrolment_once"),
            models.UniqueConstraint(
                fields=["automation", "subscriber", "place"],
                condition=Q(place__isnull=False),
                name="enrolment_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("active", "waiting", "held"), ended_at__isnull=True)
                | Q(
                    state__in=("done", "exited", "failed"),
                    ended_at__isnull=False,
                    due_at__isnull=True,
                    place__isnull=True,
                ),
                name="enrolment_end_is_the_end",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("exited", "failed", "held")) | Q(reason__gt=""), name="enrolment_has_reason"
            ),
        ]
        indexes = [
            # Read by the sweep: who is due in one automation, oldest first. Names no state, so that one update suffices.
            models.Index(fields=["automation", "due_at"], condition=Q(due_at__isnull=False), name="enrolment_due"),
            # Read by the matching of events: where a person is open.
            models.Index(fields=["subscriber"], condition=Q(ended_at__isnull=True), name="enrolment_open"),
            # Read by the page: who is at a step now.
            models.Index(
                fields=["automation", "state", "step"], condition=Q(ended_at__isnull=True), name="enrolment_at_step"
            ),
            # Read by the report, and by the guard against too many entries.
            models.Index(fields=["automation", "created_at"], name="enrolment_by_entry"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class StepVisit(models.Model):
    """What became of a person at a step, once. ``detail`` keeps the reason, the way taken, the witness of a rule."""

    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="visits", db_index=False)
    step = models.CharField(max_length=40)
    outcome = models.CharField(max_length=10, choices=Visit)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict, blank=True)
    message = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enrolment", "step"], name="step_visit_once")]

    def __str__(self) -> str:
        return f"{self.step} {self.outcome}"


class LeftOut(models.Model):
    """Somebody whom a trigger named and who did not come in, with the reason; the latest word for each entry key."""

    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="left_out", db_index=False)
    subscriber = models.ForeignKey("subscribers.Subscriber", on_delete=models.CASCADE, related_name="+")
    entry_key = models.CharField(max_length=160)
    reason = models.CharField(max_length=12, choices=LeftOutReason)
    at = models.DateTimeField()
    event = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["automation", "subscriber", "entry_key"], name="left_out_once")]
        indexes = [models.Index(fields=["automation", "at"], name="left_out_by_time")]
        verbose_name_plural = "left out"

    def __str__(self) -> str:
        return f"{self.entry_key}: {self.reason}"


class DaySwept(models.Model):
    """Up to which instant an automation's dates and silences were looked for, wherever on earth people live."""

    automation = models.OneToOneField(Automation, on_delete=models.CASCADE, related_name="day_swept")
    up_to = models.DateTimeField()

    class Meta:
        verbose_name_plural = "days swept"

    def __str__(self) -> str:
        return f"{self.automation_id} {self.up_to}"


class Simulation(models.Model):
    """A replay of stored events through a version, or through the draft as it was, and what it found; writes nothing else.

    ``share`` is how much of the time is through, from 0 to 1, as of ``touched_at``; ``result`` is a report as JSON.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="simulations")
    version = models.ForeignKey(AutomationVersion, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    definition = models.JSONField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    state = models.CharField(max_length=8, choices=SimulationState, default=SimulationState.WAITING)
    share = models.FloatField(default=0.0)
    result = models.JSONField(null=True, blank=True)
    problem = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return str(self.uuid)


class Endpoint(models.Model):
    """Another system that webhook steps tell: where, and the secret its calls are signed with."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80, unique=True)
    url = models.CharField(max_length=1000)
    secret = models.CharField(max_length=255)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CallState(models.TextChoices):
    READY = "ready", _("Waiting")
    DONE = "done", _("Told")
    FAILED = "failed", _("Given up")


class Call(models.Model):
    """One telling of an endpoint, or, without one, of the team by mail: written with the step, made when due, tried again
    until it is answered or given up. ``body`` is what an endpoint is told, or the mail: ``to``, ``subject`` and ``text``.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="calls")
    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="calls", db_index=False)
    step = models.CharField(max_length=40)
    body = models.JSONField()
    state = models.CharField(max_length=8, choices=CallState, default=CallState.READY)
    attempt = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    detail = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enrolment", "step"], name="call_once_per_step")]
        indexes = [
            # Read by the look that makes the calls.
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="call_due")
        ]

    def __str__(self) -> str:
        return str(self.uuid)
