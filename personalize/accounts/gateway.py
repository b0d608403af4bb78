"""The one door of the API: whose key it is, what it may do, how often, how much, in which form, and once.

Apps put their operations behind it with a ``Gate``; nothing of a request is looked at before its key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.decorators import decorate_view
from pydantic import BaseModel, ConfigDict, ValidationError

from personalize.accounts import idempotency
from personalize.accounts.keys import SCOPES, Caller, find_caller
from personalize.core import audit, ratelimit, strictjson
from personalize.core.bodies import Unreadable, read_body
from personalize.core.problems import problem

ONE = 256 * 1024
"""How many bytes a request about one thing may have."""

MANY = 1024 * 1024
"""How many bytes a request about many things may have, packed and unpacked."""

BATCH = 500
"""How many things one request may be about."""

View = TypeVar("View", bound=Callable[..., Any])
Run = Callable[..., HttpResponse]


class Given(BaseModel):
    """What a request says. Names that nobody knows are refused: they are misspelt, and silence would lose data."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_240)


class ApiRequest(HttpRequest):
    """A request that came through the gate; ``given`` is its body, read."""

    caller: Caller
    given: Any


class Gate(Router):
    """Operations of one kind behind the door."""

    def __init__(self, tag: str) -> None:
        super().__init__(tags=[tag])

    def operation(
        self, method: str, path: str, *, scope: str, response: Any, limit: int = ONE, example: Any = None
    ) -> Callable[[View], View]:
        """Put a function behind the door under ``path``. It takes an ``ApiRequest`` and answers for ``response``.

        ``scope`` is what the key needs, ``limit`` the size of the body in bytes, ``example`` a body for the description.
        """
        if scope not in SCOPES:
            raise ValueError(f"{scope} is not a scope.")

        def wrap(view: View) -> View:
            register = self.api_operation(
                [method], path, response=response, openapi_extra=_described(method, scope, example)
            )
            return register(decorate_view(_guarded(scope, limit))(view))

        return wrap


def _guarded(scope: str, limit: int) -> Callable[[Run], Run]:
    def wrap(run: Run) -> Run:
        @wraps(run)
        def door(request: ApiRequest, **path: Any) -> HttpResponse:
            refused = _admit(request, scope) or _read(request, limit)
            if refused is not None:
                return refused
            key = request.headers.get("Idempotency-Key", "")
            if not key or request.method == "GET":
                return run(request, **path)
            if len(key) > idempotency.MAX_KEY or not (key.isascii() and key.isprintable()):
                return problem(400, f"An Idempotency-Key has at most {idempotency.MAX_KEY} printable ASCII characters.")
            return idempotency.once(
                caller=request.caller,
                key=key,
                fingerprint=idempotency.fingerprint(request),
                act=lambda: run(request, **path),
            )

        return door

    return wrap


def _admit(request: ApiRequest, scope: str) -> HttpResponse | None:
    """Note the caller on the request, or say why they are not let in."""
    kind, _space, secret = request.headers.get("Authorization", "").partition(" ")
    caller = find_caller(secret.strip()) if kind.lower() == "bearer" else None
    if caller is None:
        detail = "Send a key that is known, not revoked and not expired in the header: Authorization: Bearer pk_…"
        return problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
    wait = ratelimit.take(f"api:{caller.id}", limit=caller.per_minute, seconds=60)
    if wait:
        detail = f"This key may make {caller.per_minute} requests a minute. Go on in {wait} seconds."
        return problem(429, detail, headers={"Retry-After": str(wait)})
    if scope not in caller.scopes:
        return problem(403, f"This key lacks the scope {scope}.")
    request.caller = caller
    return None


def _read(request: ApiRequest, limit: int) -> HttpResponse | None:
    """Note the body on the request, read, or say why it is not taken."""
    body = b"" if request.method == "GET" else read_body(request, limit=limit)
    if isinstance(body, Unreadable):
        return problem(body.status, body.reason)
    # From here on Django and the framework see what was read here, and never read for themselves.
    request._body = body
    if not body:
        return None
    kind = (request.content_type or "").lower()
    if kind not in ("application/json", "") and not kind.endswith("+json"):
        return problem(415, "Send the body as application/json.")
    try:
        request.given = strictjson.loads(body)
    except strictjson.BadJson as error:
        return problem(400, str(error))
    return None


Model = TypeVar("Model", bound=BaseModel)


def read_item(kind: type[Model], item: Any) -> Model | str:
    """One item of a batch, typed; or in plain words what is wrong with it, so that the others can go on."""
    try:
        return kind.model_validate(item)
    except ValidationError as error:
        return "; ".join(f"{place(found['loc'])}: {found['msg']}" for found in error.errors(include_url=False)[:5])


def source_of(request: ApiRequest) -> str:
    """Where a word came from, as proof of consent and the trail have it."""
    return f"api: {request.caller.source}"


def place(parts: Sequence[Any]) -> str:
    """Where something stands, such as ``events.3.name``."""
    return ".".join(map(str, parts)) or "body"


def not_found(request: ApiRequest, *, what: str, foreign: bool = False) -> HttpResponse:
    """Answer that there is no such thing for this key. An id of another source is audited: somebody mixes up systems."""
    if foreign:
        note_foreign(request.caller)
    return problem(404, f"There is no {what} by that name.")


def note_foreign(caller: Caller, count: int = 1) -> None:
    """Note in the audit trail that a key asked by ids that belong to another source."""
    audit.record(actor=caller, action="api.foreign_id", source=caller.source, count=count)


def _described(method: str, scope: str, example: Any) -> dict[str, Any]:
    """What every operation says of itself in the description of the API, beyond what its types say."""
    statuses = [401, 403, 404, 429] if method == "GET" else [400, 401, 403, 404, 409, 413, 415, 422, 429]
    found: dict[str, Any] = {
        "security": [{"ApiKey": [scope]}],
        "responses": {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses},
        "x-scope": scope,
    }
    if method != "GET":
        reference = {"$ref": "#/components/parameters/IdempotencyKey"}
        found["parameters"] = [reference]
    if example is not None:
        found["requestBody"] = {"content": {"application/json": {"example": example}}}
    return found
