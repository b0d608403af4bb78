"""A campaign that is ready to be sent to three people, one of whom may not be mailed."""

from __future__ import annotations

import pytest

from campaigns.scheduled.models import Campaign
from campaigns.scheduled.services import create_campaign
from personalize.content.services import create_template
from segments.segmentation.services import create_segment
from tests.factories import make_follower, make_sender, make_subscriber, make_topic

BLOCKS = [
    {"id": "hello", "type": "heading", "text": "{{ greeting }}"},
    {"id": "foot", "type": "footer"},
]


@pytest.fixture
def campaign(brand, maya) -> Campaign:
    topic = make_topic()
    for name, city in (("Ann", "Bristol"), ("Fergus", "Oban")):
        make_follower(topic, f"{name.lower()}@post.example", first_name=name, city=city)
    make_subscriber("stranger@post.example")
    return create_campaign(
        name="Winter tables",
        template=create_template(name="Winter", subject="{{ greeting }}", preheader="", blocks=BLOCKS, actor=maya),
        segment=create_segment(name="Everyone", rule={"v": 1, "all": []}, actor=maya),
        topic=topic,
        sender=make_sender(),
        actor=maya,
    )
