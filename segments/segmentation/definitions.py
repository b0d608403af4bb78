"""Whom segments mean, as a hash: of their rules, those of the segments they name, and what else these are read by."""

from __future__ import annotations

import hashlib
import json
import uuid
from contextlib import suppress
from typing import Any

from segments.segmentation.history import shop_zone
from segments.segmentation.models import Segment, SegmentMode
from segments.segmentation.usages import named


class Definitions:
    """The definitions of all segments, read with two queries."""

    def __init__(self) -> None:
        rows = Segment.objects.order_by().values_list("uuid", "rule", "mode", "snapshot__taken_at")
        # Of a snapshot others ask who is in it, not its rule; until it is first taken they ask that.
        self._rules = {
            segment: (rule, mode == SegmentMode.SNAPSHOT and taken is not None) for segment, rule, mode, taken in rows
        }
        self._zone = shop_zone()

    def of(self, segment: uuid.UUID) -> str:
        """The hash of a segment's definition; another one means that others may be in it."""
        found: dict[str, Any] = {}
        waiting = [segment]
        while waiting:
            one = waiting.pop()
            if one in self._rules and str(one) not in found:
                rule, stored = self._rules[one]
                found[str(one)] = rule if one == segment or not stored else "stored"
                for name in named(found[str(one)], "segment"):
                    with suppress(ValueError):  # What is no id names no segment.
                        waiting.append(uuid.UUID(name))
        return hashlib.sha256(json.dumps([self._zone, found], sort_keys=True).encode()).hexdigest()
