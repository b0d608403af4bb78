"""How segments are defined now, with those that they name: as a hash that tells a change, and as JSON to be frozen."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from segments.segmentation.history import shop_zone
from segments.segmentation.rules.vocabulary import Definition, definitions_now
from segments.segmentation.usages import named


class Definitions:
    """The definitions of all segments, read with two queries."""

    def __init__(self) -> None:
        self._known = definitions_now()
        self._zone = shop_zone()

    def of(self, segment: uuid.UUID) -> str:
        """The hash of a segment's definition; another one means that others may be in it."""
        found: dict[str, Any] = {}
        if segment in self._known:
            rule = self._known[segment].rule
            others = {str(one): "stored" if known.stored else known.rule for one, known in self._behind([rule]).items()}
            found = others | {str(segment): rule}
        return hashlib.sha256(json.dumps([self._zone, found], sort_keys=True).encode()).hexdigest()

    def behind(self, rules: Iterable[Any]) -> dict[str, dict[str, Any]]:
        """The segments that rules name, themselves or by others, as JSON that ``Vocabulary.of`` takes as ``frozen``."""
        return {str(one): known._asdict() for one, known in self._behind(rules).items()}

    def _behind(self, rules: Iterable[Any]) -> dict[uuid.UUID, Definition]:
        """Of a snapshot that was taken it is asked who is in it, so that nothing stands behind its rule."""
        found: dict[uuid.UUID, Definition] = {}
        waiting = list(rules)
        while waiting:
            for name in named(waiting.pop(), "segment"):
                with suppress(ValueError):  # What is no id names no segment.
                    one = uuid.UUID(name)
                    if one in self._known and one not in found:
                        found[one] = self._known[one]
                        waiting += [] if found[one].stored else [found[one].rule]
        return found
