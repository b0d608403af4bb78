"""A mailing that is open, and what sends it to everybody there is."""

from __future__ import annotations

import pytest

from campaigns.delivery import engine
from campaigns.delivery.audience import materialise
from campaigns.delivery.services import begin_run, open_gate, open_mailing
from campaigns.delivery.verify import Balance, balance
from personalize.content.services import create_template, save_version
from personalize.core.clock import now
from segments.subscribers.models import Subscriber
from tests.factories import make_sender, make_topic
from tests.smtp import smtp_server

BLOCKS = [
    {"id": "hello", "type": "heading", "text": "{{ greeting }}"},
    {
        "id": "words",
        "type": "text",
        "text": 'News from {{ brand.name }} for {{ subscriber.city | default("your town") }}.',
    },
    {"id": "go", "type": "button", "label": "Have a look", "url": "https://alderandwren.example/winter"},
    {"id": "picks", "type": "products", "limit": 2, "recipe": "popular"},
    {"id": "foot", "type": "footer"},
]


@pytest.fixture
def server(settings):
    # Django's test set-up keeps mail in memory; here it leaves by a real line.
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with smtp_server() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running
        engine.renderer().close()


@pytest.fixture
def mailing(brand, maya):
    template = create_template(
        name="Winter", subject="{{ greeting }}", preheader="Things to hold", blocks=BLOCKS, actor=maya
    )
    version = save_version(template=template, actor=maya)
    assert not isinstance(version, list), version
    made = open_mailing(
        name="Winter tables",
        owner_kind="test",
        owner=template.uuid,
        version=version,
        sender=make_sender(),
        topic=make_topic(),
    )
    open_gate(mailing=made)
    return made


def send(mailing) -> Balance:
    """List everybody, look until nothing is due, and recount."""
    run = begin_run(owner_kind="test", owner=mailing.owner, as_of=now())
    while materialise(run=run, people=Subscriber.objects.all(), mailing=mailing, due_at=now()):
        pass
    look_on()
    run.refresh_from_db()
    return balance(run)


def look_on() -> None:
    """Look until nothing is due, or nothing can go."""
    while engine.look():
        pass
