"""The API's parts put together under one version, with its description and the page that shows it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, re_path
from ninja import NinjaAPI, Swagger
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from campaigns.automations.api import gate as automations
from campaigns.delivery.api import gate as messages
from personalize.accounts.gateway import place
from personalize.core.problems import CONTENT_TYPE, nothing_here, problem
from segments.commerce.api import gate as shop
from segments.consent.api import gate as subscribers
from segments.events.api import gate as events
from segments.segmentation.api import gate as segments

logger = logging.getLogger(__name__)

_DESCRIPTION = """
Tell Personalize about people, products, carts, orders and events. Every request carries a key:
`Authorization: Bearer pk_…`. Keys are made under Settings, API keys.

Errors are problem documents (RFC 9457). A request with an `Idempotency-Key` can be repeated for a day and does what it does
once. Times need an offset or `Z`.
"""

_PROBLEMS = {
    400: "The body is not JSON that we take; `detail` says where.",
    401: "There is no key, or it is not known, revoked or expired.",
    403: "The key lacks the scope that is needed.",
    404: "There is nothing of that name for this key.",
    409: "The Idempotency-Key was used for another request, or somebody changed or uses the thing.",
    413: "The body is larger than 256 KB, for batches 1 MB.",
    415: "The body is not JSON, or packed otherwise than with gzip.",
    422: "Values are missing or wrong; `errors` says which.",
    429: "Too many requests for this key; `Retry-After` says when to go on.",
}

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["at", "reason"],
                "properties": {"at": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}

_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "maxLength": 120},
    "description": "Names this request: repeated with the same key and body, it gets the same answer and has one effect.",
}


class _ReadAlready(Parser):
    """Takes the body as the gate has read it."""

    def parse_body(self, request: HttpRequest) -> Any:
        return request.given  # type: ignore[attr-defined]  # Every operation is behind the gate.


class Api(NinjaAPI):
    """The framework's API with our errors at every address, and a description that says so."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        components = schema["components"]
        components["schemas"]["Problem"] = _PROBLEM
        components["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_KEY}
        components["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "pk_…"}}
        components["responses"] = {
            str(status): {
                "description": says,
                "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
            for status, says in _PROBLEMS.items()
        }
        return schema

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        patterns = super()._get_urls()
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = _in_problems(pattern.callback)
        return [*patterns, re_path("", nothing_here, name="nothing")]


def _in_problems(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view with its refusals, and those of the framework around it, in our form."""

    @wraps(view, updated=())
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            return nothing_here(request)
        if response.status_code == 405:
            return problem(405, f"{request.method} is not for this address.", headers={"Allow": response["Allow"]})
        return response

    answer.csrf_exempt = True  # type: ignore[attr-defined]  # No cookie lets anybody in here.
    return answer


def _invalid(request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
    errors = [
        {"at": place(_located(found["loc"])), "reason": found["msg"]} for found in cast(ValidationError, error).errors
    ]
    return problem(422, "Some values are missing or wrong.", errors=errors[:50])


def _located(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """The place without the names of the function's own arguments: ``body.payload.name`` is ``name`` to a caller."""
    return parts[2:] if parts[0] == "body" else parts[1:]


def _refused(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
    refusal = cast(HttpError, error)
    return problem(refusal.status_code, refusal.message)


def _crashed(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    logger.exception("The API failed at %s %s.", request.method, request.path)
    return problem(500, "Something went wrong here. It was noted; try again later.")


api = Api(
    title="Personalize",
    version="1",
    description=_DESCRIPTION,
    urls_namespace="api",
    parser=_ReadAlready(),
    # Without this the page asks a server of its makers whether the description is valid.
    docs=Swagger(settings={"validatorUrl": None, "deepLinking": True, "defaultModelsExpandDepth": 0}),
)
api.add_exception_handler(ValidationError, _invalid)
api.add_exception_handler(HttpError, _refused)
api.add_exception_handler(Exception, _crashed)
for gate in (subscribers, shop, events, messages, segments, automations):
    api.add_router("", gate)
