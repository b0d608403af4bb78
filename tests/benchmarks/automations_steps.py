"""Taking people on through their steps: in batches against one at a time, and looking when nobody is due.

Half of the people are at the end of a wait before a mail, with an order to be asked for; the others come to a branch.
Everybody then waits again. While nobody is due, as many enrolments wait as were asked for.
"""

from __future__ import annotations

import datetime as dt
import statistics
import time

from campaigns.automations.executor import sweep_due
from campaigns.automations.models import Automation, Enrolment, StepVisit
from campaigns.delivery.models import Message
from personalize.core.addresses import address_key
from personalize.core.clock import now
from personalize.core.database import refresh_statistics
from segments.consent.models import Subscription
from segments.subscribers.models import Subscriber
from tests.automations.ways import live, mail, wait
from tests.benchmarks.harness import Bench, bench
from tests.factories import make_topic

ALONE = 300
"""How many are taken on one at a time; the rest of it is known from them."""

LOOKS = 50
DAY = dt.timedelta(days=1)


def make_people(number: int, at: dt.datetime) -> list[Subscriber]:
    people = [
        Subscriber(
            email=f"person{n}@post.example",
            address_key=address_key(f"person{n}@post.example"),
            country=("GB", "DE")[n % 2],
            created_at=at,
            updated_at=at,
        )
        for n in range(number)
    ]
    made = Subscriber.objects.bulk_create(people, batch_size=5000)
    topic = make_topic()
    Subscription.objects.bulk_create(
        [Subscription(subscriber=person, topic=topic, state="subscribed", changed_at=at) for person in made],
        batch_size=5000,
    )
    return made


def make_waiting(automation: Automation, people: list[Subscriber], due_at: dt.datetime, key: str) -> None:
    """Everybody waits at the first or the second step, and is due a little after the one before."""
    came_at = due_at - DAY
    Enrolment.objects.bulk_create(
        [
            Enrolment(
                automation=automation,
                version_id=automation.live_id,
                subscriber=person,
                entry_key=key,
                state="waiting",
                step=("wait", "asked")[number % 2],
                came_at=came_at,
                due_at=due_at + dt.timedelta(milliseconds=number),
                started_at=came_at,
                activity_at=came_at,
                context={"about": "cart", "key": f"c{number}", "products": ["P1", "P2"], "total": 490_000},
                created_at=came_at,
            )
            for number, person in enumerate(people)
        ],
        batch_size=5000,
    )


def sweep_all(at: dt.datetime, limit: int) -> int:
    batches = 0
    while sweep_due(at, limit):
        batches += 1
    return batches


def compare(running: Bench, people: list[Subscriber], at: dt.datetime) -> None:
    """One at a time takes a few of them, since it would take all day; both start with the same tables."""
    automation = live(
        wait("wait", "mail"),
        mail("mail", "asked"),
        {
            "id": "asked",
            "type": "branch",
            "rule": {"attr": "country", "op": "is", "value": "GB"},
            "next": "yes",
            "no": "no",
        },
        wait("yes"),
        wait("no"),
        name="Cart",
        exits=[{"event": "order_placed", "reason": "ordered"}],
    )
    alone = people[:ALONE]
    make_waiting(automation, alone, at - dt.timedelta(minutes=10), "alone")
    with running.measure("one at a time", len(alone)):
        sweep_all(at, 1)
    make_waiting(automation, people, at - dt.timedelta(minutes=10), "together")
    refresh_statistics()
    with running.measure("in batches", len(people), baseline="one at a time"):
        sweep_all(at, 500)
    left = Enrolment.objects.filter(due_at__lte=at).count()
    if left or StepVisit.objects.count() < len(people) + len(alone) or Message.objects.count() < len(people) // 2:
        raise SystemExit(f"{left} people were not taken on; the figures mean nothing.")
    alone_rate, batch_rate = running.measures[0].per_second, running.measures[1].per_second
    running.say(
        f"Batches are {batch_rate / alone_rate:.0f} times as fast as one at a time: {batch_rate:,.0f} a second."
    )


def idle(running: Bench, at: dt.datetime) -> None:
    """The same look again and again, with nobody due."""
    refresh_statistics()
    waiting = Enrolment.objects.filter(due_at__isnull=False).count()
    seconds = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        found = sweep_due(at)
        seconds.append(time.perf_counter() - started)
        if found:
            raise SystemExit("Somebody was due; the figures mean nothing.")
    running.add("an idle look", 1, statistics.median(seconds))
    running.say(f"An idle look takes {statistics.median(seconds) * 1000:.2f} ms with {waiting:,} waiting enrolments.")


def main() -> None:
    with bench(__doc__ or "", unit="people", rows=5_000) as (running, rows):
        at = now()
        people = make_people(min(rows, 20_000), at)
        compare(running, people, at)
        automation = Automation.objects.get()
        for number in range(0, rows, len(people)):
            make_waiting(automation, people, at + DAY, f"later{number}")
        idle(running, at)


if __name__ == "__main__":
    main()
