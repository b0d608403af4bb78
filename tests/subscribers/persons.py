"""A person who has left a trace wherever one can be left, and the search for what is still there of them."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from campaigns.automations.models import Automation, Call, Endpoint, LeftOut, StepVisit
from campaigns.delivery.models import FrequencyCount, Message, Outcome
from campaigns.delivery.types import MessageState
from campaigns.tracking.models import Hit
from personalize.accounts.models import ApiKey, IdempotentAnswer
from personalize.core import audit
from personalize.demo import inbox
from segments.commerce.models import Cart, CartLine, Connection, Receipt, Refund, RefundLine
from segments.consent.models import ConsentEntry, Suppression
from segments.events.models import Event
from segments.segmentation.models import Cause, Membership, Segment, SegmentTurn, TouchedPerson
from segments.subscribers.models import ExternalId, ListMember, Merge, QuarantinedValue, StaticList, Subscriber
from segments.transfer.models import Import, Rejection
from tests.factories import (
    NOW,
    make_automation,
    make_enrolment,
    make_mailing,
    make_order,
    make_product,
    make_subscriber,
    make_subscription,
    make_topic,
)

ADDRESS = "ottilie.quickenborough@post.example"
FIRST, LAST = "Ottilie", "Quickenborough"
EXTERNAL = "shop-7740391"
SECRETS = (ADDRESS, FIRST, LAST, EXTERNAL)


def make_ottilie(email: str = ADDRESS, *, external_id: str = EXTERNAL, **fields: Any) -> Subscriber:
    """Somebody of a name that nobody else has, with attributes, events, orders, mails and all that comes of them."""
    topic = make_topic("winter", name="Winter and gifts")
    name = {"first_name": FIRST, "last_name": LAST, "preferred_name": FIRST, "city": "Bristol", **fields}
    person = make_subscriber(
        email,
        birth_day=22,
        birth_month=2,
        attributes={"nick": FIRST},
        attributes_folded={"nick": FIRST.lower()},
        **name,
    )
    ExternalId.objects.create(subscriber=person, source="shop", value=external_id)
    QuarantinedValue.objects.create(
        subscriber=person, key="shoe_size", raw=f"{FIRST}'s", reason="is not a number", source="import", at=NOW
    )
    guests, _ = StaticList.objects.get_or_create(name="Guests of the evening", defaults={"created_at": NOW})
    ListMember.objects.create(list=guests, subscriber=person, added_at=NOW, source="by hand")
    Merge.objects.create(
        survivor=person,
        duplicate=uuid.uuid4(),
        at=NOW,
        actor="Maya",
        values=[{"field": "email", "kept": email, "gave_way": f"old.{email}"}],
    )
    _consents(person, topic)
    _shopping(person)
    _mails(person, topic)
    _ways(person)
    _traces(person)
    return person


def _consents(person: Subscriber, topic: Any) -> None:
    make_subscription(person, topic)
    ConsentEntry.objects.create(
        subscriber=person,
        topic=topic,
        action="subscribed",
        at=NOW,
        recorded_at=NOW,
        source="footer form",
        ip_prefix="203.0.113.0/24",
        details={"form": f"{person.first_name} wrote this"},
    )
    Suppression.objects.create(
        address_key=person.address_key, topic=make_topic("sale"), reason="unsubscribed", source="page", created_at=NOW
    )


def _shopping(person: Subscriber) -> None:
    Event.objects.create(
        subscriber=person,
        name="note_left",
        occurred_at=NOW,
        received_at=NOW,
        source="shop",
        idempotency_key=uuid.uuid4().hex,
        properties={"email": person.email, "by": person.first_name},
    )
    mug = make_product()
    order = make_order(person, (mug, 2, 140_000))
    refund = Refund.objects.create(
        number=uuid.uuid4().hex, order=order, subscriber=person, refunded_at=NOW, total=140_000, updated_at=NOW
    )
    line = {"position": 1, "product": mug, "code": mug.code, "quantity": 1, "unit_price": 140_000, "amount": 140_000}
    RefundLine.objects.create(refund=refund, subscriber=person, refunded_at=NOW, **line)
    cart = Cart.objects.create(
        key=uuid.uuid4().hex, subscriber=person, started_at=NOW, last_activity_at=NOW, updated_at=NOW, total=140_000
    )
    CartLine.objects.create(cart=cart, **line)
    shop, _ = Connection.objects.get_or_create(
        name="Shop", defaults={"kind": "custom", "secret": "s", "created_at": NOW}
    )
    body = {"customer": {"email": str(person.email).upper(), "name": f"{person.first_name} {person.last_name}"}}
    for address_key in (person.address_key, ""):
        Receipt.objects.create(
            connection=shop,
            delivery=uuid.uuid4().hex,
            received_at=NOW,
            state="taken" if address_key else "refused",
            body=body,
            address_key=address_key,
        )


def _mails(person: Subscriber, topic: Any) -> None:
    mailing = make_mailing(topic)
    common = {"subscriber": person, "address_key": person.address_key, "created_at": NOW}
    sent = Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=mailing,
        state=MessageState.SENT,
        trace={"name": person.first_name, "greeting": "name"},
        context={"cart": {"by": person.email}},
        reply=f"250 accepted for {person.email}",
        handed_at=NOW,
        **common,
    )
    for state, token in ((MessageState.READY, None), (MessageState.CLAIMED, 77)):
        Message.objects.create(
            uuid=uuid.uuid4(),
            mailing=make_mailing(topic),
            state=state,
            token=token,
            due_at=None if token else NOW,
            context={"name": person.first_name},
            **common,
        )
    Outcome.objects.create(
        message=sent,
        kind="bounced",
        at=NOW,
        received_at=NOW,
        fingerprint=uuid.uuid4().hex,
        details={"reply": f"no {person.email} here"},
    )
    Hit.objects.create(
        message=sent,
        kind="click",
        at=NOW,
        method="GET",
        agent="Safari on iPhone",
        ip_prefix="203.0.113.0/24",
        verdict="human",
        rule_version=1,
    )
    FrequencyCount.objects.create(subscriber=person, day=NOW.date(), count=1)


def _ways(person: Subscriber) -> None:
    automation = Automation.objects.filter(name="Welcome").first() or make_automation()
    enrolment = make_enrolment(automation, person, context={"by": person.email})
    StepVisit.objects.create(
        enrolment=enrolment, step="wait", outcome="passed", at=NOW, detail={"who": person.first_name}
    )
    LeftOut.objects.create(
        automation=automation, subscriber=person, entry_key=f"cart of {person.email}", reason="ordered", at=NOW
    )
    segment, _ = Segment.objects.get_or_create(
        name="Everybody", defaults={"rule": {"v": 1, "all": []}, "created_at": NOW, "updated_at": NOW}
    )
    Membership.objects.create(segment=segment, subscriber=person, joined_at=NOW)
    SegmentTurn.objects.create(segment=segment, subscriber=person, due_at=NOW)
    TouchedPerson.objects.create(subscriber=person, cause=Cause.DATA, at=NOW)
    ears, _ = Endpoint.objects.get_or_create(
        name="Ears", defaults={"url": "https://ears.example/", "secret": "s", "created_at": NOW}
    )
    Call.objects.create(endpoint=ears, enrolment=enrolment, step="wait", body={"email": person.email}, created_at=NOW)


def _traces(person: Subscriber) -> None:
    """What holds a person although no key leads there."""
    name = f"{person.first_name} {person.last_name}"
    audit.record(actor="Maya", action="subscriber.changed", target=person, reason=f"{name} rang", fields=["city"])
    audit.record(actor="Maya", action="suppression.removed", reason=f"asked by {person.email}")
    key = ApiKey.objects.create(
        name="Shop", prefix=uuid.uuid4().hex[:12], hash=uuid.uuid4().hex, created_at=NOW, created_by="Maya"
    )
    ids = [link.value for link in person.external_ids.all()]
    for body in ({"refused": [{"email": str(person.email).title()}]}, {"ids": ids}):
        IdempotentAnswer.objects.create(
            api_key=key, key=uuid.uuid4().hex, fingerprint="0" * 64, body=json.dumps(body).encode(), created_at=NOW
        )
    job = Import.objects.create(kind="subscribers", name="people.csv", digest="0" * 64, size=1, created_at=NOW)
    for values in ([str(person.email).upper(), name, "x"], [*ids, name, "no such product"]):
        Rejection.objects.create(job=job, line=2, reason="is not a number", values=values)
    rejects = Path(settings.VAR) / "imports" / "people.csv.rejects.csv"
    rejects.parent.mkdir(parents=True, exist_ok=True)
    rejects.write_text(f"line,reason,email,name\n2,no,{person.email},{name}\n3,no,ann@post.example,Ann\n")
    with inbox.connect(Path(settings.CAUGHT_MAIL)) as caught:
        inbox.store(
            caught,
            mail_from="hello@alderandwren.example",
            rcpt_to=[str(person.email)],
            raw=f"To: {name} <{person.email}>\r\nSubject: For {name}\r\n\r\nHello {name}".encode(),
        )
    caught.close()


def found_in_tables(words: tuple[str, ...]) -> list[str]:
    """Where one of the words stands, in any column of any table, whatever the case: "table.column: word"."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            heads = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for head, value in zip(heads, row, strict=True):
                    text = (
                        bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)
                    )
                    found += [f"{table}.{head}: {word}" for word in words if word.casefold() in text.casefold()]
    return found


def found_in_files(folder: Path, words: tuple[str, ...]) -> list[str]:
    """Which files below the folder hold one of the words."""
    return [
        f"{path.name}: {word}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for word in words
        if word.casefold().encode() in path.read_bytes().lower()
    ]
