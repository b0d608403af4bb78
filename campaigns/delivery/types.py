"""The words of sending: states, gates, and the reasons for which a mail is not sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class MessageState(models.IntegerChoices):
    """Where a message is. Legal moves:

    ready → claimed → sending → sent | failed | in_doubt; claimed and sending → ready by the owner's own evidence that
    nothing was transmitted; claimed → ready by lease; ready, claimed, sending → skipped; in_doubt → sent, failed by
    evidence, → ready only when a person says so. Never from sending back by time alone.
    """

    READY = 0, _("Waiting")
    CLAIMED = 1, _("Claimed")
    SENDING = 2, _("Sending")
    SENT = 3, _("Sent")
    FAILED = 4, _("Failed")
    SKIPPED = 5, _("Skipped")
    IN_DOUBT = 6, _("In doubt")


OPEN_STATES = (MessageState.READY, MessageState.CLAIMED, MessageState.SENDING)


class Gate(models.IntegerChoices):
    """Whether a mailing's messages may leave; set by its owner in the transaction that moves the owner's own state."""

    OPEN = 0, _("Open")
    HELD = 1, _("Held")
    CLOSED = 2, _("Closed")


class MailingKind(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    SERVICE = "service", _("Service")


class Refused(models.TextChoices):
    """Why a service mail could not even be written. Shown as the sentence beside it."""

    NO_SENDER = "no_sender", _("There is no sender yet: add one, or give the brand its website")


class SkipReason(models.TextChoices):
    """Why a person did not get a mail. Shown as the sentence beside it."""

    SUPPRESSED = "suppressed", _("May not be mailed: the address is blocked")
    NO_CONSENT = "no_consent", _("Does not follow the topic")
    PAUSED = "paused", _("Paused mails for now")
    ERASED = "erased", _("Was erased")
    DUPLICATE = "duplicate", _("The address is already in this audience")
    HOLDOUT = "holdout", _("Kept aside to measure the effect")
    CAPPED = "capped", _("Already had the most mails allowed")
    RHYTHM = "rhythm", _("Wants one mail a week at most, and had it")
    CANCELLED = "cancelled", _("The sending was cancelled")
    EXCLUDED = "excluded", _("Excluded from this audience")
    EMPTY = "empty", _("Nothing in the mail was for them")
    TOO_LATE = "too_late", _("It was too late for it")
    WINDOW = "window", _("It may not go out at this time")
    LEFT = "left", _("Left the automation before it went out")
    NOTHING_LEFT = "nothing_left", _("Nothing of it can be had any more")


class FrequencyWindow(models.TextChoices):
    ROLLING = "rolling", _("the last")
    CALENDAR = "calendar", _("the calendar")


class FrequencyUnit(models.TextChoices):
    HOUR = "hour", _("hours")
    DAY = "day", _("days")
    WEEK = "week", _("weeks")
    MONTH = "month", _("months")


class FrequencyOtherwise(models.TextChoices):
    SKIP = "skip", _("Leave the mail out")
    DEFER = "defer", _("Let the mail wait")


@dataclass(frozen=True)
class NewMessage:
    """A mail that a flow wants sent: to whom, once for which key, when, and from when on it is too late.

    ``context`` is plain JSON data, the ``trigger.*`` fields of the template; ``started_at`` is when that took place.
    """

    subscriber_id: int
    key: str
    due_at: dt.datetime
    expires_at: dt.datetime | None
    context: Mapping[str, Any]
    started_at: dt.datetime | None = None


class OutcomeKind(models.TextChoices):
    """What became of a message, in Anymail's words."""

    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    DEFERRED = "deferred", _("Deferred")
    BOUNCED = "bounced", _("Bounced")
    REJECTED = "rejected", _("Rejected")
    COMPLAINED = "complained", _("Marked as spam")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    OPENED = "opened", _("Opened")
    CLICKED = "clicked", _("Clicked")
