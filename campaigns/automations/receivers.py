"""What automations hear from below: somebody left a topic, or their address was blocked."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction

from campaigns.automations.enrolling import end_without_consent
from segments.subscribers.models import Subscriber


def on_consent_changed(*, subscriber: Subscriber, **_: Any) -> None:
    """End what this person is in and may not be mailed about any more.

    Whoever is just being taken on is left for after the commit: to wait for them here, with the person held, could be a
    deadlock, and somebody's click on "unsubscribe" must not fail.
    """
    if end_without_consent(subscriber=subscriber, wait=False):
        transaction.on_commit(partial(end_without_consent, subscriber=subscriber))
