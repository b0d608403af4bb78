"""Plain values of automations: problems of a definition, and the words for where people are and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

OWNER_KIND = "step"
"""The kind of owner under which the mailings of mail steps are opened."""


@dataclass(frozen=True)
class Problem:
    """Why an automation cannot be used: the step's id ("" for the whole), the field, and the reason in words."""

    step: str
    field: str
    message: str


class AutomationState(models.TextChoices):
    """draft → live ⇄ off. Off, nobody comes in and nobody goes on; whoever is in it keeps their place."""

    DRAFT = "draft", _("Draft")
    LIVE = "live", _("Live")
    OFF = "off", _("Off")


class EnrolmentState(models.TextChoices):
    """active (just moved on, due at once) and waiting (for ``due_at`` or an event) are open, as is held (for a person or for
    fresh data); done, exited(reason) and failed(reason) are the end."""

    ACTIVE = "active", _("Going on")
    WAITING = "waiting", _("Waiting")
    HELD = "held", _("Held")
    DONE = "done", _("Came to the end")
    EXITED = "exited", _("Left")
    FAILED = "failed", _("Failed")


OPEN = (EnrolmentState.ACTIVE, EnrolmentState.WAITING, EnrolmentState.HELD)


class HeldReason(models.TextChoices):
    """Why somebody is held at a mail."""

    REVIEW = "review", _("Waits for somebody to look at the mail")
    STALE = "stale", _("News from the shop are late, so it may be out of date")


class ExitReason(models.TextChoices):
    """Why people leave before the end, beside the reasons that an automation names itself."""

    SUPERSEDED = "superseded", _("A newer one took its place")
    NO_CONSENT = "no_consent", _("Does not follow the topic any more")
    SUPPRESSED = "suppressed", _("The address is blocked")
    GAVE_WAY = "gave_way", _("Gave way to a stronger automation")
    BY_HAND = "by_hand", _("Was taken out by hand")
    MERGED = "merged", _("Was merged with another person")
    CANCELLED = "cancelled", _("The automation was ended")
    DATE_GONE = "date_gone", _("The date they came in for is not known any more")


class FailReason(models.TextChoices):
    """Why somebody could not be taken on."""

    ERROR = "error", _("Something went wrong at this step; the log says what")
    RULE_GONE = "rule_gone", _("A rule names something that is not there any more")
    UNREADABLE = "unreadable", _("Its version cannot be read any more")


class LeftOutReason(models.TextChoices):
    """Why somebody whom a trigger named did not come in."""

    LATE = "late", _("The news came too late")
    RULE = "rule", _("Is not whom it is for")
    KNOWN = "known", _("Was in it for this already")
    OPEN = "open", _("Is in it already")
    COOLDOWN = "cooldown", _("Had it a short while ago")
    ORDERED = "ordered", _("Ordered just now")
    GIVES_WAY = "gives_way", _("Is in a stronger automation")
    NO_CONSENT = "no_consent", _("Does not follow the topic")
    SUPPRESSED = "suppressed", _("The address is blocked")
    TOO_MANY = "too_many", _("Came in too often in a day")
    ERASED = "erased", _("Was erased")


class Visit(models.TextChoices):
    """What became of a person at a step."""

    PASSED = "passed", _("Passed")
    MAILED = "mailed", _("Mail written")
    SKIPPED = "skipped", _("Skipped")
    HAPPENED = "happened", _("It happened")
    TIMED_OUT = "timed_out", _("It did not happen in time")
    YES = "yes", _("Yes")
    NO = "no", _("No")
    WAY = "way", _("Sent one of the ways")
    FAILED = "failed", _("Failed")


class StepSkip(models.TextChoices):
    """Why a step did nothing for a person."""

    TOO_LATE = "too_late", _("It was too late for it")
    DRAFT = "draft", _("The mail is a draft")
    NOTHING_LEFT = "nothing_left", _("Nothing of it can be had any more")
    BELOW_MINIMUM = "below_minimum", _("It is worth too little")
    WINDOW = "window", _("It may not go out at this time")
    NOT_SENT = "not_sent", _("Taken out by hand")
    GONE = "gone", _("What it needs is not there any more")


class SimulationState(models.TextChoices):
    """waiting → running → done or failed. Who stopped in the middle of one leaves it to be begun anew."""

    WAITING = "waiting", _("Waits for a worker")
    RUNNING = "running", _("Goes on")
    DONE = "done", _("Done")
    FAILED = "failed", _("Could not be done")


@dataclass(frozen=True)
class Arrival:
    """Somebody whom a trigger, the API or a person names: for what (``entry_key``), and since when (``started_at``).

    ``context`` is what the mails may speak of, plain JSON: ``about`` ("cart", "order", "product" or ""), ``source`` and ``key`` of
    that thing, ``event`` (its name), ``at``, ``products`` (codes), ``total`` (ten-thousandths), and the event's own properties
    under ``data``. ``event`` is the stored event's uuid.
    """

    subscriber_id: int
    entry_key: str
    started_at: dt.datetime
    context: Mapping[str, Any] = field(default_factory=dict)
    event: UUID | None = None
