"""What people did and got, for tests of rules: rows made with one call, random ones, and a naive reading of rules about them."""

from __future__ import annotations

import datetime as dt
import itertools
import statistics
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st

from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.types import MessageState
from campaigns.scheduled.models import Campaign
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_automation, make_mailing, make_topic, make_version
from tests.segmentation import calendars

Inside: TypeAlias = Callable[[dt.datetime], bool]

_number = itertools.count(1)


def make_event(subscriber: Subscriber, name: str, at: dt.datetime, **fields: Any) -> Event:
    """An event, straight into the table; ``data`` are its properties, and it was received when it happened unless told."""
    event = _event(subscriber, name, at, **fields)
    event.save()
    return event


def _event(subscriber: Subscriber, name: str, at: dt.datetime, **fields: Any) -> Event:
    received = fields.pop("received_at", at)
    return Event(
        subscriber=subscriber,
        name=name,
        occurred_at=at,
        received_at=received,
        source="shop",
        idempotency_key=f"doing-{next(_number)}",
        properties=fields.pop("data", {}),
        historic=True,
        processed_at=received,
        **fields,
    )


def make_message(subscriber: Subscriber, mailing: Mailing, **fields: Any) -> Message:
    """A message, straight into the table; sent as long as no ``state`` is given."""
    message = _message(subscriber, mailing, **fields)
    message.save()
    return message


def _message(subscriber: Subscriber, mailing: Mailing, **fields: Any) -> Message:
    number = next(_number)
    return Message(
        uuid=uuid.uuid4(),
        mailing=mailing,
        subscriber=subscriber,
        address_key=f"{subscriber.pk}-{number}",
        dedupe_key=str(number),
        **{"state": MessageState.SENT, "created_at": NOW - dt.timedelta(days=400), **fields},
    )


NAMES = ["product_viewed", "order_placed", "store_visit"]
STAMPS = ["delivered", "opened", "clicked", "bounced", "complained", "unsubscribed"]
CAMPAIGN, AUTOMATION = uuid.UUID(int=5), uuid.UUID(int=6)
NOTHING = object()


@dataclass(frozen=True)
class Doing:
    """An event; those of one person come in the order of their keys. ``amount`` is in main units."""

    name: str
    at: dt.datetime
    received: dt.timedelta
    subject: str
    amount: float | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Mail:
    """A message: its state, when it was handed over, and what became of it when."""

    state: str
    topic: str
    group: uuid.UUID
    handed: dt.datetime
    became: dict[str, dt.datetime]


def _length(span: list[Any]) -> dt.timedelta:
    return dt.timedelta(**{span[1]: span[0]})


_spans = st.sampled_from([[1, "days"], [3, "days"], [31, "days"], [36, "hours"], [1, "weeks"], [90, "minutes"]])
_ago = st.one_of(
    _spans.map(lambda span: -_length(span)),
    st.sampled_from([-30, -12, -8.6, 0]).map(lambda hours: dt.timedelta(hours=hours)),
)
_moments = st.builds(
    lambda ago, seconds: NOW + ago + dt.timedelta(seconds=seconds), _ago, st.sampled_from([-1, 0, 0, 1])
)
_scalars = st.sampled_from(["a", "Ä", "ab", "1", "true", "", 1, 1.0, 2.5, -1, True, False, None])
_data = st.fixed_dictionaries(
    {}, optional={"x": _scalars | st.just(["a", "b"]), "y": st.sampled_from([0.5, 1, 2, "2"])}
)
doings = st.builds(
    Doing,
    name=st.sampled_from(NAMES),
    at=_moments,
    received=st.sampled_from([-1, 0, 0, 1]).map(lambda seconds: dt.timedelta(seconds=seconds)),
    subject=st.sampled_from(["A", "B", "C", "X", ""]),
    amount=st.sampled_from([None, 0.5, 1, 2.5]),
    data=_data,
)
mails = st.builds(
    Mail,
    state=st.sampled_from(["SENT", "SENT", "IN_DOUBT", "SENDING", "FAILED", "READY"]),
    topic=st.sampled_from(["news", "offers"]),
    group=st.sampled_from([CAMPAIGN, AUTOMATION]),
    handed=_moments,
    became=st.dictionaries(st.sampled_from(STAMPS), _moments, max_size=3),
)

_few = st.sampled_from([0, 1, 2, 3])
_sums = st.sampled_from([0, 0.5, 1, 1.5, 2.5, 4])
_distances = st.builds(
    lambda way, span: {way: span}, st.sampled_from(["ago", "ago", "in"]), _spans | st.just([0, "days"])
)
instants = st.one_of(_moments.map(dt.datetime.isoformat), _distances, _distances, st.just({"ago": [1, "months"]}))
"""Values to compare a time with."""
windows = st.one_of(
    _spans.map(lambda span: {"last": span}),
    st.just({"last": [1, "months"]}),
    st.tuples(_moments, _moments)
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: {"between": sorted(map(str, pair))}),
    st.builds(lambda side, at: {side: at.isoformat()}, st.sampled_from(["before", "after"]), _moments),
    calendars.windows,
    st.builds(
        lambda way, anchor: {way: anchor},
        st.sampled_from(["since", "not_since"]),
        st.sampled_from(["last_message", {"campaign": str(CAMPAIGN)}]),
    ),
)


def _item(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


_filters = st.one_of(
    st.builds(_item, st.just("subject"), st.sampled_from(["is", "is_not", "contains"]), st.sampled_from(["A", "X"])),
    st.builds(_item, st.just("subject"), st.just("in"), st.just(["A", "B"])),
    st.builds(_item, st.just("amount"), st.sampled_from(["is", "is_not", "<", "<=", ">", ">="]), _sums),
    st.builds(_item, st.just("category"), st.sampled_from(["is", "is_not"]), st.sampled_from(["GARDEN", "kitchen"])),
    st.builds(_item, st.just("category"), st.just("in"), st.just(["garden", "Toys"])),
    st.builds(
        _item,
        st.just("data.x"),
        st.sampled_from(["is", "is_not"]),
        st.sampled_from(["a", "ä", "1", "true", 1, 2.5, True, False]),
    ),
    st.builds(_item, st.just("data.x"), st.just("in"), st.sampled_from([["a", "1"], [1, -1]])),
    st.builds(_item, st.just("data.x"), st.just("contains"), st.sampled_from(["a", "b", "Ä", "%"])),
    st.builds(_item, st.sampled_from(["data.x", "data.y"]), st.sampled_from(["<", "<=", ">", ">="]), _few),
    st.builds(
        lambda field, op: {"field": field, "op": op},
        st.sampled_from(["subject", "amount", "data.x"]),
        st.sampled_from(["is_known", "not_known"]),
    ),
)
_wheres = st.lists(_filters, max_size=2)


def _optional(**parts: Any) -> dict[str, Any]:
    return {name: value for name, value in parts.items() if value}


_happenings = st.builds(
    lambda name, where: {"name": name, **_optional(where=where)}, st.sampled_from(NAMES), _wheres | st.just([])
)


@st.composite
def _event_rules(draw: st.DrawFn) -> dict[str, Any]:
    metric = draw(st.sampled_from(["count", "count", "sum", "avg", "min", "max", "distinct", "first", "last"]))
    op = draw(st.sampled_from([">", "<", ">=", "<=", "=", "!=", "between"]))
    of = draw(st.sampled_from(["amount", "data.x", "data.y"] + ["subject"] * (metric == "distinct")))
    body = {**draw(_happenings), "metric": metric, "op": op, **_optional(window=draw(st.none() | windows))}
    if metric in ("first", "last"):
        # Whether one comes before the other may depend on the instant asked about.
        values = draw(
            st.lists(_moments, min_size=2, max_size=2).map(lambda pair: [at.isoformat() for at in sorted(pair)])
        )
        return {"event": body | {"value": values if op == "between" else draw(instants)}}
    body |= {} if metric == "count" else {"of": of}
    value = _few if metric in ("count", "distinct") else _sums
    return {"event": body | {"value": sorted([draw(value), draw(value)]) if op == "between" else draw(value)}}


_sequence_rules = st.builds(
    lambda first, then, which, within, window: {
        "sequence": {"first": first, which: then, **_optional(within=within, window=window)}
    },
    _happenings,
    _happenings,
    st.sampled_from(["then", "then_not"]),
    st.none() | _spans,
    st.none() | windows,
)
_message_filters = st.sampled_from(
    [("topic", "news"), ("campaign", str(CAMPAIGN)), ("automation", str(AUTOMATION))]
).map(lambda pair: [{"field": pair[0], "op": "is", "value": pair[1]}])


@st.composite
def _message_rules(draw: st.DrawFn) -> dict[str, Any]:
    op = draw(st.sampled_from([">", "<", ">=", "<=", "=", "!=", "between"]))
    body = {
        "what": draw(st.sampled_from(["sent", *STAMPS])),
        "op": op,
        "value": sorted([draw(_few), draw(_few)]) if op == "between" else draw(_few),
    }
    return {"messages": body | _optional(where=draw(st.none() | _message_filters), window=draw(st.none() | windows))}


rules = st.one_of(_event_rules(), _event_rules(), _sequence_rules, _message_rules())


def begin() -> dict[tuple[str, uuid.UUID], Mailing]:
    """The mailings that mails are of, by topic and group."""
    Campaign.objects.create(uuid=CAMPAIGN, name="Winter tables", created_at=NOW, updated_at=NOW)
    make_automation(live=False, uuid=AUTOMATION)
    version = make_version()
    return {
        (key, group): make_mailing(topic, version=version, group=group)
        for key, topic in (("news", make_topic("news")), ("offers", make_topic("offers")))
        for group in (CAMPAIGN, AUTOMATION)
    }


def build(
    person: Subscriber, did: Sequence[Doing], got: Sequence[Mail], mailings: Mapping[tuple[str, uuid.UUID], Mailing]
) -> None:
    """Write what a person did and got into the tables, and a message that waits, so that each has one that can be asked."""
    Event.objects.bulk_create(
        _event(
            person,
            doing.name,
            doing.at,
            received_at=doing.at + doing.received,
            subject=doing.subject,
            amount=None if doing.amount is None else int(doing.amount * 10_000),
            data=doing.data,
        )
        for doing in did
    )
    make_message(person, mailings["news", CAMPAIGN], state=MessageState.READY)
    Message.objects.bulk_create(
        _message(
            person,
            mailings[mail.topic, mail.group],
            state=MessageState[mail.state],
            handed_at=mail.handed,
            **{f"{what}_at": at for what, at in mail.became.items()},
        )
        for mail in got
    )


def holds(
    rule: Mapping[str, Any],
    did: Sequence[Doing],
    got: Sequence[Mail],
    categories: Mapping[str, str],
    inside: Callable[[dt.datetime, Mapping[str, Any]], bool],
) -> bool:
    """Whether a rule about events, sequences or messages is true of a person, read naively at NOW.

    ``inside`` says whether an instant lies in a window of the person's.
    """
    if "messages" in rule:
        body = rule["messages"]
        return _messages_hold(body, got, lambda at: inside(at, body.get("window", {})))
    kind, holds = ("sequence", _sequence_holds) if "sequence" in rule else ("event", _event_holds)
    body = rule[kind]
    return holds(body, did, categories, lambda at: inside(at, body.get("window", {})))


def in_window(at: dt.datetime, window: Mapping[str, Any]) -> bool:
    """Whether an instant before NOW lies in a window that is the same for everybody and no calendar's."""
    start, end = dt.datetime.min.replace(tzinfo=dt.UTC), NOW
    if "last" in window:
        start = _before(window["last"])
    elif "between" in window:
        start, end = map(dt.datetime.fromisoformat, window["between"])
    elif "before" in window:
        end = dt.datetime.fromisoformat(window["before"])
    elif "after" in window:
        start = dt.datetime.fromisoformat(window["after"])
    return start <= at < end


def last_mail(anchor: Any, got: Sequence[Mail]) -> dt.datetime | None:
    """When the last mail, or the last of a campaign, went out; None where the anchor is another or there was none."""
    gone = [mail for mail in got if mail.state == "SENT" and mail.handed < NOW]
    if anchor != "last_message":
        gone = [mail for mail in gone if anchor == {"campaign": str(mail.group)}]
    return max((mail.handed for mail in gone), default=None)


def moment(value: Any) -> dt.datetime:
    """What a time is compared with."""
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value)
    return NOW + _length(value["in"]) if "in" in value else _before(value["ago"])


def compares(actual: Any, op: str, wanted: Any) -> bool:
    match op:
        case ">":
            return bool(actual > wanted)
        case "<":
            return bool(actual < wanted)
        case ">=":
            return bool(actual >= wanted)
        case "<=":
            return bool(actual <= wanted)
        case "=":
            return bool(actual == wanted)
        case "!=":
            return bool(actual != wanted)
    return bool(wanted[0] <= actual <= wanted[1])


def _before(span: list[Any]) -> dt.datetime:
    # The month before 19 November begins on 19 October.
    return NOW.replace(month=NOW.month - span[0]) if span[1] == "months" else NOW - _length(span)


def _fitting(body: Mapping[str, Any], did: Sequence[Doing], categories: Mapping[str, str]) -> list[int]:
    """The places of the events that are meant, whenever they were, up to NOW."""
    return [
        place
        for place, doing in enumerate(did)
        if doing.name == body["name"]
        and doing.at < NOW
        and all(_fits(doing, item, categories) for item in body.get("where", []))
    ]


def _fits(doing: Doing, item: Mapping[str, Any], categories: Mapping[str, str]) -> bool:
    op, actual = item["op"], _value(doing, item["field"], categories)
    wanted: Any = item.get("value")
    if op in ("is_known", "not_known"):
        return (actual is not NOTHING) == (op == "is_known")
    if isinstance(actual, list):
        return op == "contains" and wanted in actual
    if item["field"] == "category":
        wanted = [value.lower() for value in wanted] if op == "in" else wanted.lower()
    first = wanted[0] if op == "in" else wanted
    if actual is NOTHING or _type(actual) != _type(first):
        return False
    match op:
        case "is":
            return bool(actual == wanted)
        case "is_not":
            return bool(actual != wanted)
        case "in":
            return actual in wanted
        case "contains":
            return wanted in actual
    return compares(actual, op, wanted)


def _value(doing: Doing, field: str, categories: Mapping[str, str]) -> Any:
    """What an event has of a field; NOTHING where it has none."""
    if field == "subject":
        return doing.subject or NOTHING
    if field == "category":
        return categories.get(doing.subject, "").lower() or NOTHING
    if field == "amount":
        return NOTHING if doing.amount is None else doing.amount
    value = doing.data.get(field.removeprefix("data."))
    return NOTHING if value is None else value


def _type(value: Any) -> str:
    return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _event_holds(body: Mapping[str, Any], did: Sequence[Doing], categories: Mapping[str, str], inside: Inside) -> bool:
    meant = [did[place] for place in _fitting(body, did, categories)]
    meant = [doing for doing in meant if inside(doing.at)]
    metric, op, wanted = body["metric"], body["op"], body["value"]
    if metric == "count":
        return compares(len(meant), op, wanted)
    if metric in ("first", "last"):
        wanted = list(map(moment, wanted)) if op == "between" else moment(wanted)
        pick: Any = min if metric == "first" else max
        return bool(meant) and compares(pick(doing.at for doing in meant), op, wanted)
    values = [value for doing in meant if (value := _value(doing, body["of"], categories)) is not NOTHING]
    if metric == "distinct":
        told = {(_type(value), value) for value in values if not isinstance(value, list)}
        return compares(len(told), op, wanted)
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if metric == "sum":
        return compares(sum(numbers), op, wanted)
    figure: Any = {"avg": statistics.fmean, "min": min, "max": max}[metric]
    return bool(numbers) and compares(figure(numbers), op, wanted)


def _sequence_holds(
    body: Mapping[str, Any], did: Sequence[Doing], categories: Mapping[str, str], inside: Inside
) -> bool:
    then = _fitting(body.get("then") or body["then_not"], did, categories)
    for first in _fitting(body["first"], did, categories):
        began = did[first].at
        if not inside(began):
            continue
        end = began + _length(body["within"]) if "within" in body else NOW
        came = any(_order(did, place) > _order(did, first) and (did[place].at < end) for place in then)
        if came if "then" in body else not came and end <= NOW:
            return True
    return False


def _order(did: Sequence[Doing], place: int) -> tuple[dt.datetime, dt.datetime, int]:
    doing = did[place]
    return doing.at, doing.at + doing.received, place


def _messages_hold(body: Mapping[str, Any], got: Sequence[Mail], inside: Inside) -> bool:
    number = 0
    for mail in got:
        if body["what"] == "sent":
            at = mail.handed if mail.state in ("SENT", "IN_DOUBT") else None
        else:
            at = mail.became.get(body["what"])
        named = {"topic": mail.topic, "campaign": str(mail.group), "automation": str(mail.group)}
        own = all(named[item["field"]] == item["value"] for item in body.get("where", []))
        number += bool(own and at and at < NOW and inside(at))
    return compares(number, body["op"], body["value"])
