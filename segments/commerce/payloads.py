"""Reading the JSON of strangers who hold our secret: strictly, and into something that any database can keep."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

MAX_DEPTH = 32
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# What is kept of a body that is no JSON, for whoever has to find out why.
KEPT_CHARACTERS = 2000


class BadPayload(ValueError):
    """The body is not what it should be; the message says why, in plain words."""


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in ``raw``. Raises BadPayload."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise BadPayload(_("The body is not UTF-8, at byte %d.") % error.start) from None
    except RecursionError:
        raise BadPayload(_("The body is nested deeper than %d levels.") % MAX_DEPTH) from None
    except json.JSONDecodeError as error:
        raise BadPayload(_("The body is not JSON: character %d.") % error.pos) from None
    except BadPayload:
        raise
    except ValueError:
        raise BadPayload(_("The body has a number of too many digits.")) from None
    if not isinstance(found, dict):
        raise BadPayload(_("The body is not a JSON object."))
    for value in _walk(found):
        if isinstance(value, str) and _UNSTORABLE.search(value):
            raise BadPayload(_("The body has a text with marks that cannot be stored."))
        if isinstance(value, float) and not math.isfinite(value):
            raise BadPayload(_("The body has a number beyond all reason."))
    return found


def kept(raw: bytes) -> str:
    """The beginning of a body that could not be read, as text."""
    return _UNSTORABLE.sub("\ufffd", raw[:KEPT_CHARACTERS].decode(errors="replace"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadPayload(_("The body says something twice under one name."))
    return found


def _no_number(name: str) -> Any:
    raise BadPayload(_("The body has %s where a number should be.") % name)


def _walk(top: Any) -> Iterator[Any]:
    """Every key and value, level by level, so that no payload can exhaust the stack."""
    level = [top]
    for _depth in range(MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            yield value
            if isinstance(value, dict):
                yield from value
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        if not inner:
            return
        level = inner
    raise BadPayload(_("The body is nested deeper than %d levels.") % MAX_DEPTH)
