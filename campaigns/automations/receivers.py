"""What automations hear from below: somebody left a topic or was blocked, or a date of theirs was corrected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction

from campaigns.automations.leaving import end_without_consent
from campaigns.automations.redating import follow_dates
from personalize.core.clock import now
from segments.subscribers.models import Subscriber


def on_consent_changed(*, subscriber: Subscriber, **_: Any) -> None:
    """End what this person is in and may not be mailed about any more.

    Whoever is just being taken on is left for after the commit: to wait for them here, with the person held, could be a
    deadlock, and somebody's click on "unsubscribe" must not fail.
    """
    if end_without_consent(subscriber=subscriber, wait=False):
        transaction.on_commit(partial(end_without_consent, subscriber=subscriber))


def on_subscriber_changed(*, subscriber_ids: Sequence[int], **_: Any) -> None:
    """Let whoever is on their way follow a corrected date; after the commit, for the same reason."""
    transaction.on_commit(partial(follow_dates, people=subscriber_ids, at=now()), robust=True)
