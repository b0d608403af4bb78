"""A shop with a campaign ready to go, a mail server that can be slow, and workers that can be killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.scheduled.models import Campaign
from campaigns.scheduled.services import create_campaign
from personalize.content.services import create_template
from segments.segmentation.services import create_segment
from tests.factories import make_follower, make_sender, make_topic
from tests.servers import RealWorker
from tests.smtp import smtp_server

BLOCKS = [
    {"id": "hello", "type": "heading", "text": "{{ greeting }}"},
    {"id": "words", "type": "text", "text": 'You live in {{ subscriber.city | default("your town") }}.'},
    {"id": "foot", "type": "footer"},
]


@pytest.fixture
def server():
    with smtp_server() as running:
        yield running


@pytest.fixture
def campaign(transactional_db, brand, maya) -> Campaign:
    """A draft to everyone; a test makes the people with ``populate``."""
    return create_campaign(
        name="Winter tables",
        template=create_template(name="Winter", subject="{{ greeting }}", preheader="", blocks=BLOCKS, actor=maya),
        segment=create_segment(name="Everyone", rule={"v": 1, "all": []}, actor=maya),
        topic=make_topic(),
        sender=make_sender(),
        actor=maya,
    )


def populate(campaign: Campaign, number: int) -> list[str]:
    """So many people who follow the campaign's topic; gives their addresses."""
    return [
        make_follower(campaign.topic, f"p{n}@post.example", first_name=f"Nina{n}", city="Bath").email
        for n in range(number)
    ]


def worker_for(server, folder: Path, **environment: str) -> RealWorker:
    """A real worker that sends through ``server``, with a lease short enough for a test."""
    return RealWorker(
        folder,
        **{
            "EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
            "DELIVERY_LEASE_SECONDS": "2",
            "IDLE_LOOK_SECONDS": "0.2",
            "DELIVERY_CLAIM": "60",
            **environment,
        },
    )
