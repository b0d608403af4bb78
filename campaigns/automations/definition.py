"""From an automation's JSON, version 1, to its nodes: strict, with every problem located at its step and field.

The shape is described in docs/automations.md. Times are local and written ``"09:00"``, lengths ``[2, "hours"]``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from django.utils.translation import gettext as _

from campaigns.automations import graph
from campaigns.automations.nodes import (
    BranchStep,
    CallTrigger,
    DateTrigger,
    Definition,
    Duration,
    Entry,
    EventExit,
    EventMatch,
    EventTrigger,
    ExitStep,
    ListStep,
    MailStep,
    NotifyStep,
    PropertyFilter,
    QuietTrigger,
    RuleExit,
    RuleJson,
    SetStep,
    SplitStep,
    Step,
    TopicStep,
    Trigger,
    WaitDateStep,
    WaitForStep,
    WaitStep,
    WaitTimeStep,
    Way,
    WebhookStep,
)
from campaigns.automations.types import Problem
from personalize.core.localtime import Window
from segments.segmentation.rules import reading
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary

VERSION = 1
MOST_STEPS = 200
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LONGEST = {"minutes": 60 * 24 * 7, "hours": 24 * 60, "days": 400, "weeks": 57}
_ORDER = ("placed", "paid", "fulfilled", "delivered", "cancelled", "refunded")

Body = Mapping[str, Any]


@dataclass
class Reader:
    """One reading. ``vocabulary`` is asked for by the first rule only, so that an automation without rules costs no query."""

    vocabulary: Vocabulary | None = None

    def rule(self, raw: Any, path: str) -> RuleJson:
        """A rule that can be used, as it was written."""
        if self.vocabulary is None:
            self.vocabulary = Vocabulary.of()
        self.vocabulary.leaves.clear()
        try:
            parse(raw, vocabulary=self.vocabulary)
        except RuleError as error:
            raise RuleError(at(path, error.path) if error.path else path, error.message) from error
        return cast(RuleJson, raw)


def read(raw: Any, reader: Reader | None = None) -> Definition | list[Problem]:
    """The definition, or everything that is wrong with it; a problem names the step and the field it is about."""
    problems: list[Problem] = []
    reader = reader or Reader()
    try:
        body = reading.table(
            raw,
            "",
            required=["v", "trigger", "steps"],
            optional=["entry", "exits", "one_at_a_time", "guarded"],
        )
        if body["v"] != VERSION or isinstance(body["v"], bool):
            raise RuleError("v", _("Only version 1 of automations is known."))
        listed = reading.sequence(body["steps"], "steps", least=0, most=MOST_STEPS)
    except RuleError as error:
        return [Problem("", error.path, error.message)]

    def part(step: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except RuleError as error:
            problems.append(Problem(step, error.path, error.message))
            return None

    trigger = part("", lambda: _trigger(body["trigger"]))
    entry = part("", lambda: _entry(body.get("entry", {}), reader))
    exits = part("", lambda: _exits(body.get("exits", []), reader))
    one = part("", lambda: reading.boolean(body.get("one_at_a_time", False), "one_at_a_time"))
    guarded = part("", lambda: reading.boolean(body.get("guarded", False), "guarded"))
    steps: dict[str, Step] = {}
    for number, item in enumerate(listed):
        step = part(_called(item, number), partial(_step, item, reader))
        if step is not None and step.id in steps:
            problems.append(Problem(step.id, "id", _("Two steps are called ‘%(id)s’.") % {"id": step.id}))
        elif step is not None:
            steps[step.id] = step
    if not problems:
        first = next(iter(steps), "")
        problems += graph.problems(first, steps)
    if problems:
        return problems
    return Definition(trigger, next(iter(steps), ""), steps, entry, exits, one, guarded, raw)


def _called(item: Any, number: int) -> str:
    """What a problem calls a step that may be anything."""
    id = item.get("id") if isinstance(item, dict) else None
    return id if isinstance(id, str) else f"steps[{number}]"


# --- what the parts are made of -----------------------------------------------------------------------------------------


def _duration(raw: Any, path: str) -> Duration:
    count, unit = reading.sequence(raw, path, least=2, most=2)
    unit = reading.choice(unit, f"{path}[1]", _LONGEST)
    return Duration(reading.whole(count, f"{path}[0]", least=0, most=_LONGEST[unit]), unit)  # type: ignore[arg-type]


def _some(body: Body, key: str, make: Callable[[Any, str], Any], default: Any = None, path: str = "") -> Any:
    """The value of a key that may be left out."""
    return make(body[key], at(path, key)) if body.get(key) is not None else default


def _time(raw: Any, path: str) -> dt.time:
    found = _TIME.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        raise RuleError(path, _("Expected a time such as 09:00."))
    return dt.time(int(found[1]), int(found[2]))


def _days(raw: Any, path: str) -> frozenset[int]:
    listed = reading.sequence(raw, path, most=7)
    return frozenset(reading.whole(day, f"{path}[{index}]", least=1, most=7) for index, day in enumerate(listed))


def _word(raw: Any, path: str) -> str:
    if not _WORD.fullmatch(reading.text(raw, path)):
        raise RuleError(path, _("Expected a name in small letters, such as order_placed."))
    return str(raw)


def _names(raw: Any, path: str) -> frozenset[str]:
    if isinstance(raw, str):
        return frozenset({_word(raw, path)})
    return frozenset(_word(name, f"{path}[{index}]") for index, name in enumerate(reading.sequence(raw, path, most=20)))


def _filters(raw: Any, path: str) -> tuple[PropertyFilter, ...]:
    return tuple(
        _filter(item, f"{path}[{index}]") for index, item in enumerate(reading.sequence(raw, path, least=0, most=20))
    )


def _filter(raw: Any, path: str) -> PropertyFilter:
    body = reading.table(raw, path, required=["field", "op", "value"])
    op = reading.choice(body["op"], at(path, "op"), ("is", "is_not", "in", "<", "<=", ">", ">="))
    here = at(path, "value")
    value: Any
    if op == "in":
        value = tuple(_scalar(item, here) for item in reading.sequence(body["value"], here))
    else:
        value = reading.number(body["value"], here) if "<" in op or ">" in op else _scalar(body["value"], here)
    return PropertyFilter(reading.text(body["field"], at(path, "field")), op, value)  # type: ignore[arg-type]


def _scalar(raw: Any, path: str) -> Any:
    if isinstance(raw, bool):
        return raw
    return reading.text(raw, path) if isinstance(raw, str) else reading.number(raw, path)


def _date_field(raw: Any, path: str) -> str:
    if not _WORD.fullmatch(reading.text(raw, path)):
        raise RuleError(path, _("Expected birthday, first_order, joined or the key of a date attribute."))
    return str(raw)


# --- trigger, entry, exits ----------------------------------------------------------------------------------------------


def _trigger(raw: Any) -> Trigger:
    if not isinstance(raw, dict):
        raise RuleError("trigger", _("Expected an object with keys."))
    kind = reading.choice(raw.get("on"), "trigger.on", tuple(_TRIGGERS))
    return _TRIGGERS[kind](raw, "trigger")


def _on_event(raw: Body, path: str) -> Trigger:
    body = reading.table(raw, path, required=["on", "event"], optional=["where", "key", "late"])
    key = reading.choice(body.get("key", "subject"), at(path, "key"), ("subject", "event", "person"))
    match = EventMatch(_names(body["event"], at(path, "event")), _some(body, "where", _filters, (), path))
    return EventTrigger(match, key, _late(body, path, Duration(6, "hours")))  # type: ignore[arg-type]


def _on_order(raw: Body, path: str) -> Trigger:
    body = reading.table(raw, path, required=["on", "status"], optional=["where", "late"])
    status = reading.choice(body["status"], at(path, "status"), _ORDER)
    match = EventMatch(frozenset({f"order_{status}"}), _some(body, "where", _filters, (), path))
    return EventTrigger(match, "subject", _late(body, path, Duration(6, "hours")), "order")


def _on_subscribed(raw: Body, path: str) -> Trigger:
    body = reading.table(raw, path, required=["on"], optional=["topic", "late"])
    where = (
        (PropertyFilter("subject", "is", _some(body, "topic", reading.text, "", path)),) if body.get("topic") else ()
    )
    match = EventMatch(frozenset({"subscription_confirmed"}), where)
    return EventTrigger(match, "subject", _late(body, path, Duration(6, "hours")), "subscribed")


def _on_segment(raw: Body, path: str) -> Trigger:
    body = reading.table(raw, path, required=["on", "segment"], optional=["late"])
    segment = str(reading.identifier(body["segment"], at(path, "segment")))
    match = EventMatch(frozenset({f"segment_{body['on']}"}), (PropertyFilter("subject", "is", segment),))
    return EventTrigger(match, "event", _late(body, path, Duration(24, "hours")), body["on"])


def _on_date(raw: Body, path: str) -> Trigger:
    body = reading.table(raw, path, required=["on", "field"], optional=["every", "offset", "at", "feb29", "late"])
    return DateTrigger(
        field=_date_field(body["field"], at(path, "field")),
        every=reading.choice(body.get("every", "year"), at(path, "every"), ("year", "once")),  # type: ignore[arg-type]
        offset=reading.whole(body.get("offset", 0), at(path, "offset"), least=-366, most=366),
        at=_some(body, "at", _time, dt.time(9), path),
        feb29=reading.choice(body.get("feb29", "feb28"), at(path, "feb29"), ("feb28", "mar01", "leap_only")),  # type: ignore[arg-type]
        late=_late(body, path, Duration(20, "hours")),
    )


def _on_quiet(raw: Body, path: str) -> Trigger:
    body = reading.table(raw, path, required=["on", "what", "after"], optional=["late"])
    what = reading.choice(body["what"], at(path, "what"), ("orders", "clicks", "both"))
    after = _duration(body["after"], at(path, "after"))
    if after.delta < dt.timedelta(days=1):
        raise RuleError(at(path, "after"), _("Nobody is quiet before a day is over."))
    return QuietTrigger(what, after, _late(body, path, Duration(7, "days")))  # type: ignore[arg-type]


def _on_call(raw: Body, path: str) -> Trigger:
    reading.table(raw, path, required=["on"])
    return CallTrigger()


def _late(body: Body, path: str, default: Duration) -> Duration:
    return cast(Duration, _some(body, "late", _duration, default, path))


_TRIGGERS: Mapping[str, Callable[[Body, str], Trigger]] = {
    "event": _on_event,
    "order": _on_order,
    "subscribed": _on_subscribed,
    "joined": _on_segment,
    "left": _on_segment,
    "date": _on_date,
    "quiet": _on_quiet,
    "call": _on_call,
}


def _entry(raw: Any, reader: Reader) -> Entry:
    path = "entry"
    body = reading.table(
        raw, path, optional=["rule", "again", "cooldown", "cooldown_from", "no_order_since", "gives_way_to"]
    )
    again = reading.choice(
        body.get("again", "once_per_key"), at(path, "again"), ("once", "once_per_key", "after_exit", "always")
    )
    since = reading.choice(
        body.get("cooldown_from", "last_message"), at(path, "cooldown_from"), ("entry", "exit", "last_message")
    )
    gives_way = reading.sequence(body.get("gives_way_to", []), at(path, "gives_way_to"), least=0, most=20)
    return Entry(
        rule=_some(body, "rule", reader.rule, None, path),
        again=again,  # type: ignore[arg-type]
        cooldown=_some(body, "cooldown", _duration, None, path),
        cooldown_from=since,  # type: ignore[arg-type]
        no_order_since=_some(body, "no_order_since", _duration, None, path),
        gives_way_to=tuple(_word(name, at(path, "gives_way_to")) for name in gives_way),
    )


def _exits(raw: Any, reader: Reader) -> tuple[EventExit | RuleExit, ...]:
    listed = reading.sequence(raw, "exits", least=0, most=20)
    return tuple(_exit(item, f"exits[{index}]", reader) for index, item in enumerate(listed))


def _exit(raw: Any, path: str, reader: Reader) -> EventExit | RuleExit:
    body = reading.table(raw, path, required=["reason"], optional=["event", "where", "about", "back", "rule"])
    reason = _word(body["reason"], at(path, "reason"))[:40]
    if ("event" in body) == ("rule" in body):
        raise RuleError(path, _("An exit has either an event or a rule."))
    if "rule" in body:
        return RuleExit(reader.rule(body["rule"], at(path, "rule")), reason)
    return EventExit(
        _match(body, path), reason, _about(body, path), _some(body, "back", _duration, Duration(15, "minutes"), path)
    )


def _match(body: Body, path: str) -> EventMatch:
    return EventMatch(_names(body["event"], at(path, "event")), _some(body, "where", _filters, (), path))


def _about(body: Body, path: str) -> Any:
    return reading.choice(body.get("about", "any"), at(path, "about"), ("any", "same", "shared"))


# --- steps --------------------------------------------------------------------------------------------------------------


def _step(raw: Any, reader: Reader) -> Step:
    if not isinstance(raw, dict):
        raise RuleError("", _("Expected an object with keys."))
    kind = reading.choice(raw.get("type"), "type", tuple(_STEPS))
    required, optional, make = _STEPS[kind]
    body = reading.table(raw, "", required=["id", "type", *required], optional=["name", "next", *optional])
    if not isinstance(body["id"], str) or not _ID.fullmatch(body["id"]):
        raise RuleError("id", _("Expected an id of small letters, digits and hyphens."))
    common = {
        "id": body["id"],
        "name": reading.text(body["name"], "name") if body.get("name") else "",
        "next": _id(body.get("next", ""), "next"),
    }
    return make(body, common, reader)


def _id(raw: Any, path: str) -> str:
    if not isinstance(raw, str):
        raise RuleError(path, _("Expected the id of a step, or nothing."))
    return raw


def _mail(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return MailStep(
        **common,
        template=str(reading.identifier(body["template"], "template")),
        mode=reading.choice(body.get("mode", "live"), "mode", ("draft", "review", "live")),  # type: ignore[arg-type]
        window=_some(body, "window", _window),
        late=_some(body, "late", _duration, Duration(24, "hours")),
        minimum=_some(body, "minimum", reading.number),
    )


def _window(raw: Any, path: str) -> Window:
    body = reading.table(raw, path, required=["from", "to"], optional=["days", "zone", "otherwise"])
    start, end = _time(body["from"], at(path, "from")), _time(body["to"], at(path, "to"))
    if start == end:
        raise RuleError(path, _("The window is empty: it ends when it begins."))
    return Window(
        start,
        end,
        _some(body, "days", _days, frozenset(range(1, 8)), path),
        reading.choice(body.get("zone", "person"), at(path, "zone"), ("person", "brand")),  # type: ignore[arg-type]
        reading.choice(body.get("otherwise", "wait"), at(path, "otherwise"), ("wait", "skip")),  # type: ignore[arg-type]
    )


def _wait(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return WaitStep(
        **common,
        duration=_duration(body["for"], "for"),
        since=reading.choice(body.get("since", "here"), "since", ("here", "activity")),  # type: ignore[arg-type]
        most=_some(body, "most", _duration),
    )


def _wait_time(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return WaitTimeStep(**common, at=_time(body["at"], "at"), days=_some(body, "days", _days, frozenset(range(1, 8))))


def _wait_date(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return WaitDateStep(
        **common,
        field=_date_field(body["field"], "field"),
        offset=reading.whole(body.get("offset", 0), "offset", least=-366, most=366),
        at=_some(body, "at", _time, dt.time(9)),
    )


def _wait_for(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    if ("event" in body) == ("rule" in body):
        raise RuleError("", _("This waits either for an event or for a rule."))
    return WaitForStep(
        **common,
        match=_match(body, "") if "event" in body else None,
        rule=_some(body, "rule", reader.rule),
        most=_duration(body["most"], "most"),
        about=_about(body, ""),
        late=_id(body.get("late", ""), "late"),
    )


def _branch(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return BranchStep(**common, rule=reader.rule(body["rule"], "rule"), no=_id(body.get("no", ""), "no"))


def _split(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    ways = []
    for index, raw in enumerate(reading.sequence(body["ways"], "ways", least=2, most=10)):
        path = f"ways[{index}]"
        way = reading.table(raw, path, required=["share"], optional=["next"])
        share = reading.whole(way["share"], at(path, "share"), least=0, most=100)
        ways.append(Way(share, _id(way.get("next", ""), at(path, "next"))))
    if sum(way.share for way in ways) != 100:
        raise RuleError("ways", _("The shares do not sum up to 100."))
    return SplitStep(**common, ways=tuple(ways))


def _set(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return SetStep(**common, attribute=reading.text(body["attribute"], "attribute"), value=body["value"])


def _list(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    identifier = str(reading.identifier(body["list"], "list"))
    return ListStep(**common, list=identifier, on=reading.boolean(body.get("on", True), "on"))


def _topic(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return TopicStep(**common, topic=reading.text(body["topic"], "topic"))


def _webhook(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return WebhookStep(**common, endpoint=str(reading.identifier(body["endpoint"], "endpoint")))


def _notify(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    to = reading.sequence(body["to"], "to", least=0, most=10)
    if not to:
        raise RuleError("to", _("Say whom to tell."))
    return NotifyStep(
        **common,
        to=tuple(reading.text(one, f"to[{index}]") for index, one in enumerate(to)),
        text=reading.text(body["text"], "text"),
    )


def _end(body: Body, common: dict[str, Any], reader: Reader) -> Step:
    return ExitStep(**common, reason=_word(body["reason"], "reason")[:40])


_Make = Callable[[Body, dict[str, Any], Reader], Step]
_STEPS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], _Make]] = {
    "mail": (("template",), ("mode", "window", "late", "minimum"), _mail),
    "wait": (("for",), ("since", "most"), _wait),
    "wait_time": (("at",), ("days",), _wait_time),
    "wait_date": (("field",), ("offset", "at"), _wait_date),
    "wait_for": (("most",), ("event", "where", "about", "rule", "late"), _wait_for),
    "branch": (("rule",), ("no",), _branch),
    "split": (("ways",), (), _split),
    "set": (("attribute", "value"), (), _set),
    "list": (("list",), ("on",), _list),
    "topic": (("topic",), (), _topic),
    "webhook": (("endpoint",), (), _webhook),
    "notify": (("to", "text"), (), _notify),
    "exit": (("reason",), (), _end),
}
"""By type: the keys it must have and may have beside id, type, name and next; and what makes it."""
