"""A mailing to so many people, for the benchmarks that render or send."""

from __future__ import annotations

from campaigns.delivery.models import Mailing
from campaigns.delivery.services import open_gate, open_mailing
from personalize.accounts.models import Role, User
from personalize.content.services import create_template, save_version
from personalize.core.addresses import address_key
from personalize.core.clock import now
from segments.consent.models import Subscription, SubscriptionState
from segments.subscribers.models import Subscriber
from tests.factories import make_sender, make_topic

BLOCKS = [
    {"id": "hello", "type": "heading", "text": "{{ greeting }}"},
    {"id": "words", "type": "text", "text": 'For {{ subscriber.city | default("your town") }}, from {{ brand.name }}.'},
    {"id": "go", "type": "button", "label": "Have a look", "url": "https://alderandwren.example/winter"},
    {"id": "more", "type": "text", "text": "Mugs, linen and candles, made by people we know. " * 6},
    {"id": "foot", "type": "footer"},
]


def make_mailing_for(people: int) -> Mailing:
    """An open mailing, and so many people who follow its topic."""
    maya = User.objects.create_user("maya@alderandwren.example", "tea-and-cake-12", role=Role.OWNER)
    template = create_template(
        name="Winter", subject="{{ greeting }}", preheader="Things to hold", blocks=BLOCKS, actor=maya
    )
    version = save_version(template=template, actor=maya)
    if isinstance(version, list):
        raise ValueError(f"The template of the benchmark is wrong: {version}")
    topic = make_topic()
    at = now()
    addresses = [f"person{number}@post.example" for number in range(people)]
    made = Subscriber.objects.bulk_create(
        [
            Subscriber(
                email=address,
                address_key=address_key(address),
                first_name=f"Nina{number}",
                city="Bristol",
                created_at=at,
                updated_at=at,
            )
            for number, address in enumerate(addresses)
        ],
        batch_size=2000,
    )
    Subscription.objects.bulk_create(
        [
            Subscription(subscriber=person, topic=topic, state=SubscriptionState.SUBSCRIBED, changed_at=at)
            for person in made
        ],
        batch_size=2000,
    )
    mailing = open_mailing(
        name="Winter tables",
        owner_kind="test",
        owner=template.uuid,
        version=version,
        sender=make_sender(),
        topic=topic,
    )
    open_gate(mailing=mailing)
    return mailing
