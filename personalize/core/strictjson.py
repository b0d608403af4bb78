"""JSON as strangers send it, read without mercy: what means nothing, or two things, is refused with its place.

Python's own reader takes NaN, infinity, the last of two equal keys and halves of surrogate pairs; a database or a browser
further down does not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from json.decoder import JSONArray, JSONObject  # type: ignore[attr-defined]  # Not in the type stubs.
from json.scanner import py_make_scanner  # type: ignore[attr-defined]  # Not in the type stubs.
from typing import Any

MAX_DEPTH = 20
MAX_NUMBER = 40
"""How many characters a number may have."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BadJson(ValueError):
    """The text is not JSON that we take; the message says why and where, in plain words."""


def loads(body: bytes) -> Any:
    """The value that ``body``, UTF-8 text, stands for. Raises BadJson."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadJson(f"Byte {error.start} of the body is not UTF-8.") from error
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadJson(f"{error.msg}, in line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise BadJson(f"The body is nested deeper than {MAX_DEPTH} levels.") from error
    except _Refused as refused:
        raise BadJson(f"{refused}, {_place_of_refusal(text)}.") from refused
    # Looking at every value is dear, and few bodies give reason to.
    if (escaped := "\\u" in text) or text.count("[") + text.count("{") > MAX_DEPTH:
        _check(value, (), texts=escaped)
    return value


class _Refused(Exception):
    """The decoder met something that we do not take; ``at`` is where, once known."""

    at: int | None = None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"The key {twice[:40]!r} stands more than once in an object")
    return found


def _finite(digits: str) -> float:
    number = float(_short(digits))
    if not math.isfinite(number):
        raise _Refused(f"The number {digits} is beyond all bounds")
    return number


def _whole(digits: str) -> int:
    return int(_short(digits))


def _short(digits: str) -> str:
    if len(digits) > MAX_NUMBER:
        raise _Refused(f"A number has more than {MAX_NUMBER} digits")
    return digits


def _no_number(word: str) -> Any:
    raise _Refused(f"{word} is not a number in JSON")


_RULES: dict[str, Any] = {
    "object_pairs_hook": _once_each,
    "parse_float": _finite,
    "parse_int": _whole,
    "parse_constant": _no_number,
}
_DECODER = json.JSONDecoder(**_RULES)


def _check(value: Any, path: tuple[Any, ...], *, texts: bool) -> None:
    """Refuse what only shows in the value itself: too many levels, and (``texts``) marks that no database stores."""
    if isinstance(value, dict | list):
        if len(path) == MAX_DEPTH:
            raise BadJson(f"The body is nested deeper than {MAX_DEPTH} levels, {_at(path)}.")
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, dict | list):
                _check(inner, (*path, key), texts=texts)
            elif texts and isinstance(inner, str):
                _check(inner, (*path, key), texts=True)
            if texts and isinstance(key, str) and _UNSTORABLE.search(key):
                raise BadJson(f"A key has half a surrogate pair or a null character, {_at(path)}.")
    elif texts and isinstance(value, str) and _UNSTORABLE.search(value):
        raise BadJson(f"A text has half a surrogate pair or a null character, {_at(path)}.")


def _at(path: tuple[Any, ...]) -> str:
    return f"at {'.'.join(map(str, path)).encode(errors='replace').decode()}" if path else "at the top"


def _place_of_refusal(text: str) -> str:
    """Line and column of what was refused: the same reading once more, slowly, noting where it stands."""
    try:
        _Tracing().decode(text)
    except _Refused as refused:
        before = text[: refused.at or 0]
        return f"in line {before.count(chr(10)) + 1}, column {len(before) - (before.rfind(chr(10)) + 1) + 1}"
    except RecursionError:
        pass
    return "too deep inside to say where"


class _Tracing(json.JSONDecoder):
    """The same decoder in Python alone, which marks a refusal with the beginning of the innermost value around it."""

    def __init__(self) -> None:
        super().__init__(**_RULES)
        self.parse_object = _passing_on(JSONObject, at=2)
        self.parse_array = _passing_on(JSONArray, at=1)
        self.scan_once = _marking(py_make_scanner(self))


def _passing_on(parse: Callable[..., Any], *, at: int) -> Callable[..., Any]:
    """``parse`` with a marking scanner in place of the one it is handed as argument number ``at``."""

    def wrapped(*arguments: Any) -> Any:
        return parse(*arguments[:at], _marking(arguments[at]), *arguments[at + 1 :])

    return wrapped


def _marking(scan: Callable[[str, int], Any]) -> Callable[[str, int], Any]:
    def wrapped(text: str, index: int) -> Any:
        try:
            return scan(text, index)
        except _Refused as refused:
            if refused.at is None:
                refused.at = index
            raise

    return wrapped
