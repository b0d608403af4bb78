"""Whatever happens and however time goes on, who is kept in a segment is whom its rule means at that instant."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.delivery import outcomes
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState, OutcomeKind
from personalize.accounts.models import Brand
from segments.commerce.services import store_orders, store_products, store_refunds
from segments.commerce.types import LineRow, OrderRow, ProductRow, RefundRow
from segments.consent.models import Topic
from segments.consent.services import subscribe, unsubscribe
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.segmentation import services
from segments.segmentation.membership import look
from segments.segmentation.models import Membership, Segment, SegmentMode, SegmentSnapshot
from segments.segmentation.rules.kinds import kinds
from segments.segmentation.rules.turns import next_turn
from segments.subscribers.lists import add_to_list, remove_from_list
from segments.subscribers.merging import merge_subscribers
from segments.subscribers.models import AttributeDefinition, StaticList, Subscriber
from segments.subscribers.rights import erase_subscriber
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow
from tests.factories import make_topic
from tests.segmentation.messages import make_messages

pytestmark = pytest.mark.django_db

# Shortly before the end of a February and of summer time somewhere: where calendars are at their worst.
BEGINNING = dt.datetime(2027, 1, 29, 10, 30, tzinfo=dt.UTC)
NAMES = ["ann", "bob", "cy"]
ZONES = ["", "Europe/London", "Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu"]
STEPS = [
    dt.timedelta(microseconds=1),
    dt.timedelta(seconds=1),
    dt.timedelta(hours=1),
    dt.timedelta(hours=5, minutes=59),
    dt.timedelta(hours=14),
    dt.timedelta(days=1),
    dt.timedelta(days=3),
    dt.timedelta(days=28),
    dt.timedelta(days=31),
]
AGO = [dt.timedelta(0), dt.timedelta(hours=1), dt.timedelta(days=1), dt.timedelta(days=2, hours=20), dt.timedelta(30)]
WINDOWS: list[dict[str, Any]] = [
    {"last": [36, "hours"]},
    {"last": [3, "days"]},
    {"last": [1, "months"]},
    {"last": [2, "months"]},
    {"calendar": ["day", 0]},
    {"calendar": ["day", -1], "zone": "person"},
    {"calendar": ["week", 0], "zone": "person"},
    {"calendar": ["week", -1]},
    {"calendar": ["month", 0], "zone": "person"},
    {"calendar": ["month", -1]},
    {"between": ["2027-01-29T09:00", "2027-02-20"]},
    {"before": "2027-02-01"},
    {"after": "2027-01-29T10:30:00"},
]
OFFSETS = [{"ago": [1, "days"]}, {"ago": [1, "months"]}, {"ago": [36, "hours"]}, {"in": [2, "days"]}]
DAYS = [{"ago": [1, "days"]}, {"ago": [1, "months"]}, {"in": [0, "days"]}, {"in": [20, "days"]}, {"in": [1, "months"]}]
COMPARED = ["<", "<=", ">", ">=", "is"]

windows = st.sampled_from(WINDOWS)
own_windows = st.sampled_from([window for window in WINDOWS if "zone" in window])
maybe_window = st.one_of(st.just({}), windows.map(lambda window: {"window": window}))
counted = st.sampled_from(
    [{"op": ">=", "value": 1}, {"op": ">=", "value": 2}, {"op": "=", "value": 0}, {"op": "<", "value": 2}]
)


def leaf(key: str, **parts: st.SearchStrategy[Any] | Any) -> st.SearchStrategy[dict[str, Any]]:
    """A leaf ``{key: {…}}`` whose parts are drawn; those named ``also`` bring keys of their own."""

    def made(drawn: dict[str, Any]) -> dict[str, Any]:
        also = drawn.pop("also", {}) | drawn.pop("more", {})
        return {key: drawn | also}

    fixed = {name: part if isinstance(part, st.SearchStrategy) else st.just(part) for name, part in parts.items()}
    return st.fixed_dictionaries(fixed).map(made)


times = st.sampled_from(OFFSETS).map(lambda value: {"value": value})
LEAVES: list[st.SearchStrategy[dict[str, Any]]] = [
    leaf("event", name="viewed", metric="count", also=counted, more=maybe_window),
    leaf("event", name="viewed", metric="count", also=counted, more=own_windows.map(lambda window: {"window": window})),
    leaf(
        "event", name="viewed", metric=st.sampled_from(["first", "last"]), op=st.sampled_from([">", "<="]), also=times
    ),
    leaf("orders", metric="count", also=counted, more=maybe_window),
    leaf(
        "orders",
        metric="sum",
        also=st.sampled_from([{"op": "=", "value": 0}, {"op": ">=", "value": 1}]),
        more=st.sampled_from(WINDOWS[:4]).map(lambda window: {"window": window}),
    ),
    leaf("orders", metric=st.sampled_from(["first", "last"]), op=st.sampled_from([">", "<="]), also=times),
    st.just(
        {
            "orders": {
                "metric": "count",
                "op": ">",
                "value": 0,
                "where": [{"field": "category", "op": "is", "value": "Garden"}],
            }
        }
    ),
    leaf(
        "sequence",
        first={"name": "viewed"},
        also=st.sampled_from([{"then": {"name": "wished"}}, {"then_not": {"name": "wished"}}]),
        within=st.sampled_from([[1, "days"], [14, "hours"]]),
        more=maybe_window,
    ),
    leaf("messages", what=st.sampled_from(["sent", "clicked"]), also=counted, more=maybe_window),
    st.sampled_from(COMPARED).map(lambda op: {"attr": "age", "op": op, "value": 37}),
    st.sampled_from([[1, "days"], [3, "days"], [1, "months"]]).map(
        lambda span: {"attr": "birthday", "op": "within_next", "value": span}
    ),
    st.builds(
        lambda op, value: {"attr": "renewal", "op": op, "value": value},
        st.sampled_from(COMPARED),
        st.sampled_from(DAYS),
    ),
    st.builds(
        lambda op, value: {"attr": "visit", "op": op, "value": value},
        st.sampled_from(COMPARED),
        st.sampled_from(OFFSETS),
    ),
    st.builds(
        lambda op, value: {"attr": "created_at", "op": op, "value": value},
        st.sampled_from("<>"),
        st.sampled_from(OFFSETS),
    ),
    st.just({"attr": "country", "op": "is", "value": "GB"}),
    st.just({"topic": "news", "is": "subscribed"}),
    st.just({"list": "LIST", "is": "in"}),
    st.just({"segment": "OTHER"}),
    st.just({"near": {"latitude": 51.45, "longitude": -2.59, "km": 25}}),
    st.just({"bucket": {"salt": "x", "from": 0, "to": 4999}}),
]
leaves = st.one_of(LEAVES)
rules = st.builds(
    lambda group, some: {"v": 1, group: some},
    st.sampled_from(["all", "any", "none"]),
    st.lists(leaves, min_size=1, max_size=2),
)


def _person(name: str) -> Subscriber | None:
    return Subscriber.objects.present().filter(email=f"{name}@post.example").first()


def _event(name: str, what: str, ago: dt.timedelta, at: dt.datetime, key: int) -> None:
    if person := _person(name):
        new = NewEvent(
            subscriber_id=person.pk,
            name=what,
            occurred_at=at - ago,
            source="shop",
            idempotency_key=f"k{key}",
            historic=True,
        )
        record_events(events=[new])


def _order(name: str, ago: dt.timedelta, number: int, status: str, at: dt.datetime) -> None:
    row = OrderRow(f"O{number}", at - ago, [LineRow("A", 1, Decimal(2))], email=f"{name}@post.example", status=status)
    store_orders(rows=[row], historic=True)


def _refund(name: str, ago: dt.timedelta, number: int, at: dt.datetime) -> None:
    row = RefundRow(f"R{number}", at - ago, [LineRow("A", 1, Decimal(1))], email=f"{name}@post.example")
    store_refunds(rows=[row], historic=True)


def _store(name: str, fields: dict[str, Any]) -> None:
    upsert_subscribers(rows=[SubscriberRow(f"{name}@post.example", **fields)], source="test")


def _date(name: str, ahead: int, at: dt.datetime) -> None:
    day = (at + dt.timedelta(days=ahead)).date()
    _store(name, {"attributes": {"renewal": day.isoformat(), "visit": (at + dt.timedelta(days=ahead)).isoformat()}})


def _topic(name: str, joins: bool, at: dt.datetime) -> None:
    if person := _person(name):
        if joins:
            subscribe(subscriber=person, topic=Topic.objects.get(key="news"), source="page", double=False, at=at)
        else:
            unsubscribe(subscriber=person, topic=Topic.objects.get(key="news"), source="page", at=at)


def _list(name: str, comes: bool) -> None:
    found = Subscriber.objects.filter(email=f"{name}@post.example")
    if comes:
        add_to_list(static_list=StaticList.objects.get(), people=found, source="page", actor="Maya")
    else:
        remove_from_list(static_list=StaticList.objects.get(), people=found, actor="Maya")


def _click(name: str, at: dt.datetime, key: int) -> None:
    message = Message.objects.filter(subscriber=_person(name)).first() if _person(name) else None
    if message:
        outcomes.apply(message=message, kind=OutcomeKind.CLICKED, at=at, fingerprint=str(key))


def _merge(one: str, other: str) -> None:
    survivor, duplicate = _person(one), _person(other)
    if survivor and duplicate and survivor != duplicate:
        merge_subscribers(survivor=survivor, duplicate=duplicate, actor="Maya")


def _erase(name: str) -> None:
    if person := _person(name):
        erase_subscriber(subscriber=person, actor="Maya")


names, agos = st.sampled_from(NAMES), st.sampled_from([*AGO, -dt.timedelta(hours=2)])
Happening = Callable[[dt.datetime, int], None]
happenings: st.SearchStrategy[Happening] = st.one_of(
    st.builds(
        lambda name, what, ago: lambda at, key: _event(name, what, ago, at, key),
        names,
        st.sampled_from(["viewed", "viewed", "wished"]),
        agos,
    ),
    st.builds(
        lambda name, ago, number, status: lambda at, _key: _order(name, ago, number, status, at),
        names,
        agos,
        st.integers(1, 3),
        st.sampled_from(["placed", "cancelled"]),
    ),
    st.builds(
        lambda name, ago, number: lambda at, _key: _refund(name, ago, number, at), names, agos, st.integers(1, 2)
    ),
    st.builds(
        lambda name, fields: lambda _at, _key: _store(name, fields),
        names,
        st.fixed_dictionaries(
            {},
            optional={
                "country": st.sampled_from(["GB", "DE"]),
                "time_zone": st.sampled_from(ZONES),
                "birth_date": st.sampled_from(["1990-01-30", "1992-02-29", "1990-03-01", "1989-12-31"]),
                "latitude": st.just(51.5),
                "longitude": st.just(-2.6),
            },
        ),
    ),
    st.builds(
        lambda name, ahead: lambda at, _key: _date(name, ahead, at),
        names,
        st.sampled_from([-30, -1, 0, 1, 2, 29, 31, 70]),
    ),
    st.builds(lambda name, joins: lambda at, _key: _topic(name, joins, at), names, st.booleans()),
    st.builds(lambda name, comes: lambda _at, _key: _list(name, comes), names, st.booleans()),
    st.builds(lambda name: lambda at, key: _click(name, at, key), names),
    st.builds(lambda one, other: lambda _at, _key: _merge(one, other), names, names),
    st.builds(lambda name: lambda _at, _key: _erase(name), names),
    st.sampled_from(["Garden", "Kitchen"]).map(
        lambda category: lambda _at, _key: store_products(rows=[ProductRow("A", title="Lamp", category=category)])
    ),
)


def _meant(rule: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The rule with the ids of what it names."""
    text = repr(rule)
    for name, value in names.items():
        text = text.replace(f"'{name}'", f"'{value}'")
    found: dict[str, Any] = eval(text)  # noqa: S307  It is our own.
    return found


@settings(max_examples=100 if os.environ.get("FULL") else 5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    alone=st.tuples(*LEAVES),
    joined=st.lists(rules, min_size=3, max_size=3),
    anew=rules,
    other=leaves.filter(lambda one: "segment" not in one),
    happened=st.lists(st.tuples(happenings, st.sampled_from(STEPS)), min_size=4, max_size=10),
)
def test_after_anything_the_kept_are_those_whom_the_rule_means(
    alone: tuple[dict[str, Any], ...],
    joined: list[dict[str, Any]],
    anew: dict[str, Any],
    other: dict[str, Any],
    happened: list[tuple[Happening, dt.timedelta]],
) -> None:
    with transaction.atomic():
        Brand.objects.get_or_create(pk=1, defaults={"name": "Alder & Wren", "time_zone": "Europe/London"})
        _world()
        _store("ann", {"time_zone": "America/Los_Angeles", "birth_date": "1990-01-30"})
        _store("bob", {"time_zone": "Pacific/Kiritimati", "birth_date": "1990-02-01"})
        for number, name in enumerate(NAMES):
            _event(name, "viewed", dt.timedelta(hours=number), BEGINNING, 100 + number)
        guests = StaticList.objects.create(name="Guests", created_at=BEGINNING)
        words = {"LIST": str(guests.uuid)}
        stamps = {"created_at": BEGINNING, "updated_at": BEGINNING}
        words["OTHER"] = str(
            Segment.objects.create(name="Other", rule={"v": 1, "all": [_meant(other, words)]}, **stamps).uuid
        )
        for number, rule in enumerate([*({"v": 1, "all": [leaf]} for leaf in alone), *joined]):
            Segment.objects.create(
                name=f"Kept {number}", rule=_meant(rule, words), mode=SegmentMode.INCREMENTAL, **stamps
            )
        at = BEGINNING
        _settle(at)
        # Only what the sweep finds counts, not what everybody being asked about would.
        SegmentSnapshot.objects.update(why="", due_at=at + dt.timedelta(days=4000))
        for key, (happening, passes) in enumerate(happened):
            if key == 3:
                Segment.objects.filter(name="Kept 0").update(rule=_meant(anew, words))
            happening(at, key)
            _assert_kept(at, key)
            at += passes
            _assert_kept(at, key)
        transaction.set_rollback(True)


def _assert_kept(at: dt.datetime, key: int) -> None:
    _settle(at)
    inside: dict[int, set[int]] = defaultdict(set)
    for segment, person in Membership.objects.values_list("segment_id", "subscriber_id"):
        inside[segment].add(person)
    # Where everybody was asked about less than a minute ago, and will be again, the answer may wait.
    for kept in Segment.objects.filter(mode=SegmentMode.INCREMENTAL, snapshot__why="").select_related("snapshot"):
        meant = set(services.audience(rule=kept.rule, as_of=at).values_list("pk", flat=True))
        assert inside[kept.pk] == meant, (kept.rule, at, key)


ONE = {"name": "viewed", "metric": "count", "op": ">=", "value": 1}
BY_TIME: dict[str, dict[str, Any]] = {
    **{str(window): {"event": {**ONE, "window": window}} for window in WINDOWS[:10]},
    "an event dated ahead": {"event": ONE},
    "the first, one day ago": {
        "event": {"name": "viewed", "metric": "first", "op": "<=", "value": {"ago": [1, "days"]}}
    },
    "not wished since": {
        "sequence": {"first": {"name": "viewed"}, "then_not": {"name": "wished"}, "within": [14, "hours"]}
    },
    "a mail lately": {"messages": {"what": "sent", "op": ">=", "value": 1, "window": {"last": [3, "days"]}}},
    "an age": {"attr": "age", "op": ">=", "value": 37},
    "a birthday": {"attr": "birthday", "op": "within_next", "value": [3, "days"]},
    "a date ahead": {"attr": "renewal", "op": "<=", "value": {"in": [1, "months"]}},
    "a time ago": {"attr": "visit", "op": "<", "value": {"ago": [36, "hours"]}},
    "how long here": {"attr": "created_at", "op": "<", "value": {"ago": [1, "months"]}},
}


@pytest.mark.parametrize("named", BY_TIME)
def test_time_alone_moves_people_when_it_should(named: str, brand: Brand) -> None:
    _world()
    _store("ann", {"time_zone": "America/Los_Angeles", "birth_date": "1990-02-03"})
    _date("ann", 40, BEGINNING)
    _event("ann", "viewed", -dt.timedelta(minutes=20), BEGINNING, 1)
    kept = Segment.objects.create(
        name="Kept",
        rule={"v": 1, "all": [BY_TIME[named]]},
        mode=SegmentMode.INCREMENTAL,
        created_at=BEGINNING,
        updated_at=BEGINNING,
    )
    _settle(BEGINNING)
    SegmentSnapshot.objects.update(why="", due_at=BEGINNING + dt.timedelta(days=4000))
    at, moved, before = BEGINNING, 0, set(Membership.objects.values_list("subscriber_id", flat=True))
    for hours in [0.2, 0.2, 3, *[8] * 18, *[24] * 40]:
        at += dt.timedelta(hours=hours)
        _settle(at)
        inside = set(Membership.objects.filter(segment=kept).values_list("subscriber_id", flat=True))
        assert inside == set(services.audience(rule=kept.rule, as_of=at).values_list("pk", flat=True)), at
        moved, before = moved + (inside != before), inside
    assert moved


def _world() -> None:
    make_topic("news")
    for key, kind in (("renewal", "date"), ("visit", "datetime")):
        AttributeDefinition.objects.get_or_create(key=key, defaults={"label": key.title(), "type": kind})
    upsert_subscribers(rows=[SubscriberRow(f"{name}@post.example") for name in NAMES], source="test", at=BEGINNING)
    ann, bob, _cy = Subscriber.objects.order_by("pk")
    sent = make_messages(ann, bob)
    sent.update(state=MessageState.SENT, handed_at=BEGINNING - dt.timedelta(days=1))


def _settle(at: dt.datetime) -> None:
    """Look, but not at everybody in the night."""
    for _number in range(50):
        if not look(at):
            break
    else:
        raise AssertionError("There is no end to it.")
    SegmentSnapshot.objects.filter(why="", due_at__gt=at).update(due_at=at + dt.timedelta(days=4000))


def test_every_kind_of_rule_says_when_time_changes_it() -> None:
    silent = [key for key in kinds if next_turn.dispatch(kinds.by_key(key).node) is next_turn.dispatch(object)]
    assert silent == []
