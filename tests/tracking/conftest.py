"""A mail that Ann got, with five links, and what reaches the public edge about it."""

from __future__ import annotations

import pytest

from campaigns.delivery.models import Message
from tests.factories import make_subscriber, make_subscription, make_topic
from tests.tracking.world import make_mail, make_mailing


@pytest.fixture
def mail(brand) -> Message:
    """Ann's copy of ‘Longer evenings’, handed over an hour before NOW."""
    ann = make_subscriber("ann.whitaker@post.example", first_name="Ann", last_name="Whitaker")
    topic = make_topic("winter", name="Winter and gifts")
    make_subscription(ann, topic)
    return make_mail(ann, mailing=make_mailing(topic=topic))
