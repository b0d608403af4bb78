"""What a person said of themselves to a sign-up form, taken over where nothing else is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segments.subscribers.models import Subscriber
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow


def take_over(subscriber: Subscriber, answers: Mapping[str, Any]) -> None:
    """Store the answers, which have the names and meanings of SubscriberRow's fields, where the profile is empty."""
    given = {name: value for name, value in answers.items() if name not in ("birth_date", "attributes")}
    told = {name: value for name, value in given.items() if not getattr(subscriber, name)}
    if "birth_date" in answers and subscriber.birth_month is None:
        told["birth_date"] = answers["birth_date"]
    attributes = answers.get("attributes", {})
    unknown = {key: value for key, value in attributes.items() if key not in subscriber.attributes}
    if subscriber.email and (told or unknown):
        row = SubscriberRow(email=subscriber.email, attributes=unknown, **told)
        upsert_subscribers(rows=[row], source="consent")
