"""Conditions about events: how often something happened, and what came after what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from segments.segmentation.builder import figures
from segments.segmentation.builder.asks import number, raw_words, units, window
from segments.segmentation.builder.editing import Raw, put, said
from segments.segmentation.builder.parts import (
    Choice,
    Choose,
    Editor,
    Fill,
    Input,
    Line,
    Part,
    Search,
    Setting,
    Thing,
    Way,
    pick,
)
from segments.segmentation.rules.events import FILTERS, PROPERTY_FILTERS
from segments.segmentation.rules.happenings import noun
from segments.segmentation.suggestions import event_names, properties_of

USUAL = (
    "product_viewed",
    "cart_updated",
    "checkout_started",
    "order_placed",
    "subscription_confirmed",
    "email_opened",
    "email_clicked",
    "email_bounced",
    "email_complained",
)
"""Events every shop may have; others are offered once they were seen."""

_OF_VALUES = ("sum", "avg", "min", "max", "distinct")


def names() -> list[tuple[str, str]]:
    """The events one can ask about, as (name, words): the usual ones, then those the shop sends."""
    return list(({name: noun(name) for name in USUAL} | dict(event_names())).items())


def _things(setting: Setting) -> list[Thing]:
    return [
        Thing(
            f"event:{name}",
            words,
            _("What they did"),
            {"event": {"name": name, "metric": "count", "op": ">=", "value": 1}},
            _("every time counts; each mail once: ‘Our mails’") if name.startswith("email_") else "",
        )
        for name, words in names()
    ]


def _title(raw: Raw, setting: Setting) -> str:
    name = said(raw, "event.name")
    return noun(name) if isinstance(name, str) and name else raw_words(name)


def _metrics() -> list[tuple[str, str]]:
    return [
        ("count", _("happened")),
        ("sum", _("add up, of their")),
        ("avg", _("have on average, of their")),
        ("min", _("have as the smallest, of their")),
        ("max", _("have as the largest, of their")),
        ("distinct", _("have different values, of their")),
        ("first", _("happened for the first time")),
        ("last", _("happened for the last time")),
    ]


def fields() -> list[tuple[str, str]]:
    """What every event can be narrowed down by."""
    return [
        ("subject", _("what it is about")),
        ("category", _("category of the product")),
        ("brand", _("brand of the product")),
        ("amount", _("amount")),
    ]


def _offered(name: str) -> list[tuple[str, str]]:
    """What events of a name can be narrowed down by, the properties that they were seen with among it."""
    return [*fields(), *((one, one.partition(".")[2]) for one in properties_of(name))]


def _operators(field: str) -> tuple[str, ...]:
    return FILTERS.get(field, PROPERTY_FILTERS)


def _where(base: str, raw: Raw, name: str) -> list[Line]:
    return figures.filters(
        f"{base}.where",
        raw,
        fields=fields(),
        offered=lambda: _offered(name),
        operators=_operators,
        search=lambda field: Search("event", field, name),
        choices={},
        numeric=lambda field, op: op in ("<", "<=", ">", ">=") or (field == "amount" and op != "in"),
        free=True,
    )


def _lines(raw: Raw, setting: Setting) -> list[Line]:
    metric, name = said(raw, "event.metric"), str(said(raw, "event.name", ""))
    first = [pick("event.metric", _("What of it"), metric, _metrics())]
    if metric in _OF_VALUES:
        first.append(_of(raw, metric, name))
    first += figures.comparison("event", raw, counted=metric == "count")
    first.append(window("event.window", said(raw, "event.window"), setting))
    more = figures.narrow("event.where", _("Only some of them"), lambda: _offered(name), free=True)
    return figures.narrowing([first, *_where("event", raw, name)], more)


def _of(raw: Raw, metric: Any, name: str) -> Part:
    known = [("amount", _("amount")), *([("subject", _("what they are about"))] if metric == "distinct" else [])]
    chosen = said(raw, "event.of", "subject" if metric == "distinct" else "amount")
    words = dict(known).get(chosen, raw_words(chosen).removeprefix("data."))

    def ask() -> Choose:
        offered = [*known, *((one, one.partition(".")[2]) for one in properties_of(name))]
        return figures.choose_field(offered, Choice(str(chosen), words), free=True)

    return Part("event.of", words, _("Of what"), "operator", ask)


def _changed(raw: Raw, name: str, value: Any, setting: Setting) -> Raw:
    if name == "event.metric":
        made = figures.measured("event", raw, value)
        return made if value in _OF_VALUES else dict(put(made, "event.of", None))
    if name == "event.op":
        return figures.compared("event", raw, value)
    return _filtered(raw, name, value)


def _filtered(raw: Raw, name: str, value: Any) -> Raw:
    if name.endswith(figures.NARROW):
        base = name.removesuffix(figures.NARROW)
        return figures.narrowed(base, raw, value, "in" if "in" in _operators(value) else "is")
    if ".where[" in name and not name.endswith("]"):
        return figures.filtered(raw, name, value, _operators)
    return dict(put(raw, name, value))


EVENT = Editor("event", _things, _title, _lines, _changed, order=30)


def _sequence_lines(raw: Raw, setting: Setting) -> list[Line]:
    then = "then_not" if said(raw, "sequence.then_not") is not None else "then"
    first, second = (str(said(raw, f"sequence.{key}.name", "")) for key in ("first", then))
    came = [("then", _("and then came")), ("then_not", _("and then never came"))]
    line = [
        _event("sequence.first.name", first),
        window("sequence.window", said(raw, "sequence.window"), setting),
        pick("sequence.came", _("Came or not"), then, came),
        _event(f"sequence.{then}.name", second),
        _soon(said(raw, "sequence.within")),
    ]
    narrowing = [
        figures.narrow("sequence.first.where", _("Only some of the first"), lambda: _offered(first), free=True),
        figures.narrow(f"sequence.{then}.where", _("Only some of the second"), lambda: _offered(second), free=True),
    ]
    filters = [
        *_of_which(_("first"), _where("sequence.first", raw, first)),
        *_of_which(_("second"), _where(f"sequence.{then}", raw, second)),
    ]
    return figures.narrowing([line, *filters], *narrowing)


def _of_which(which: str, lines: list[Line]) -> list[Line]:
    """Filters with a word for the event they are about."""
    return [[Part("", _("the %(which)s") % {"which": which}), *line] for line in lines]


def _event(name: str, chosen: str) -> Part:
    return Part(
        name,
        noun(chosen) if chosen else "",
        _("What happened"),
        "value",
        lambda: Choose([Choice(*one) for one in names()], [Choice(chosen, noun(chosen))] if chosen else [], free=True),
    )


def _soon(said: Any) -> Part:
    count, unit = said if isinstance(said, list) and len(said) == 2 else (None, "days")
    named = dict(_soon_units())
    words = (
        _("at any time later")
        if said is None
        else _("within %(count)s %(unit)s") % {"count": raw_words(count), "unit": named.get(str(unit), str(unit))}
    )

    def ask() -> Fill:
        inputs = [
            Input("count", _("How many"), value=3 if count is None else count, step="1", least="1"),
            Input("unit", _("Unit"), "select", unit, _soon_units()),
        ]
        ways = [
            Way("any", _("At any time later")),
            Way("soon", _("Within"), inputs, lambda given: [number(given["count"]), given["unit"]]),
        ]
        return Fill(ways, "any" if said is None else "soon")

    return Part("sequence.within", words, _("How soon after"), "value", ask)


def _soon_units() -> Sequence[tuple[str, str]]:
    """Months differ in length, so that nothing is within one."""
    return [unit for unit in units() if unit[0] != "months"]


def _sequence_changed(raw: Raw, name: str, value: Any, setting: Setting) -> Raw:
    if name == "sequence.came":
        old = "then" if value == "then_not" else "then_not"
        kept = said(raw, f"sequence.{old}", said(raw, f"sequence.{value}"))
        return dict(put(put(raw, f"sequence.{old}", None), f"sequence.{value}", kept))
    return _filtered(raw, name, value)


SEQUENCE = Editor(
    "sequence",
    lambda setting: [
        Thing(
            "sequence",
            _("One thing after another"),
            _("What they did"),
            {
                "sequence": {
                    "first": {"name": "cart_updated"},
                    "then_not": {"name": "order_placed"},
                    "within": [3, "days"],
                }
            },
            _("such as a cart, and then no order"),
        )
    ],
    lambda raw, setting: _("One thing after another"),
    _sequence_lines,
    _sequence_changed,
    order=31,
)
