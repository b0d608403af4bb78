"""Conditions about where people stand: topics, static lists, other segments, and a steady random share."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from segments.segmentation.builder.asks import number, raw_words
from segments.segmentation.builder.editing import Raw, said
from segments.segmentation.builder.parts import Editor, Fill, Input, Line, Part, Setting, Thing, Way, pick
from segments.segmentation.models import Segment
from segments.segmentation.rules.buckets import BUCKETS
from segments.subscribers.models import StaticList


def _states() -> list[tuple[str, str]]:
    return [
        ("subscribed", _("is subscribed to")),
        ("not_subscribed", _("is not subscribed to")),
        ("pending", _("has still to confirm")),
        ("unsubscribed", _("has left")),
    ]


def _topic_lines(raw: Raw, setting: Setting) -> list[Line]:
    topics = list(setting.vocabulary.topics.items())
    chosen = raw.get("topic") or None
    return [
        [
            pick("is", _("How they stand to it"), raw.get("is"), _states()),
            pick("topic", _("Topic"), chosen, topics, role="value"),
        ]
    ]


TOPIC = Editor(
    "topic",
    lambda setting: [Thing("topic", _("Topic"), _("Where they stand"), {"topic": "", "is": "subscribed"})],
    lambda raw, setting: _("Topic"),
    _topic_lines,
    order=40,
)


def _list_lines(raw: Raw, setting: Setting) -> list[Line]:
    named = [(str(uuid), name) for uuid, name in StaticList.objects.values_list("uuid", "name")]
    places = [("in", _("has on it")), ("not_in", _("does not have on it"))]
    chosen = raw.get("list") or None
    return [
        [pick("is", _("On it or not"), raw.get("is"), places), pick("list", _("List"), chosen, named, role="value")]
    ]


LIST = Editor(
    "list",
    lambda setting: [Thing("list", _("List"), _("Where they stand"), {"list": "", "is": "in"})],
    lambda raw, setting: _("List"),
    _list_lines,
    order=41,
)


def _segment_lines(raw: Raw, setting: Setting) -> list[Line]:
    others = Segment.objects.exclude(uuid=setting.segment) if setting.segment else Segment.objects.all()
    named = [(str(uuid), name) for uuid, name in others.values_list("uuid", "name")]
    return [
        [Part("", _("includes them:")), pick("segment", _("Segment"), raw.get("segment") or None, named, role="value")]
    ]


SEGMENT = Editor(
    "segment",
    lambda setting: [Thing("segment", _("Segment"), _("Where they stand"), {"segment": ""}, _("in another segment"))],
    lambda raw, setting: _("Segment"),
    _segment_lines,
    order=42,
)


def _bucket_lines(raw: Raw, setting: Setting) -> list[Line]:
    first, last, salt = (said(raw, f"bucket.{key}") for key in ("from", "to", "salt"))
    return [
        [
            Part("", _("is among")),
            Part("bucket", _share_words(first, last, salt), _("Share"), "value", lambda: _share(first, last, salt)),
        ]
    ]


def _share_words(first: Any, last: Any, salt: Any) -> str:
    if not (isinstance(first, int) and isinstance(last, int)):
        return raw_words([one for one in (first, last, salt) if one is not None])
    share = number_format((last - first + 1) * 100 / BUCKETS).rstrip("0").rstrip(".")
    words = _("%(share)s%% by ‘%(salt)s’") if first == 0 else _("%(share)s%% by ‘%(salt)s’, from %(first)s on")
    return words % {"share": share, "salt": raw_words(salt), "first": first}


def _share(first: Any, last: Any, salt: Any) -> Fill:
    share = f"{(last - first + 1) * 100 / BUCKETS:g}" if isinstance(first, int) and isinstance(last, int) else ""
    named = Input("salt", _("Name of the drawing: the same name always draws the same people"), "text", raw_words(salt))
    percent = Input("share", _("Percent"), value=share, least="0")
    bounds = [
        Input("from", _("From bucket"), value=first, step="1"),
        Input("to", _("To bucket, of 0 to 9999"), value=last, step="1"),
    ]

    def exact(given: Mapping[str, str]) -> Any:
        return {"salt": given["salt"], "from": number(given["from"]), "to": number(given["to"])}

    def part(given: Mapping[str, str]) -> Any:
        try:
            count = int(Decimal(given["share"]) * BUCKETS / 100)
        except (InvalidOperation, OverflowError):
            return {"salt": given["salt"], "from": 0, "to": given["share"]}
        return {"salt": given["salt"], "from": 0, "to": count - 1}

    ways = [
        Way("share", _("A share"), [percent, named], part),
        Way("exact", _("Certain buckets"), [*bounds, named], exact),
    ]
    return Fill(ways, "share" if first == 0 else "exact")


BUCKET = Editor(
    "bucket",
    lambda setting: [
        Thing(
            "bucket",
            _("Random share"),
            _("Where they stand"),
            {"bucket": {"salt": secrets.token_hex(3), "from": 0, "to": 999}},
            _("always the same people"),
        )
    ],
    lambda raw, setting: _("Random share"),
    _bucket_lines,
    order=43,
)

EDITORS = (TOPIC, LIST, SEGMENT, BUCKET)
