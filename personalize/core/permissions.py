"""The one door to "may this person do that": every view, API and command asks here; accounts registers the answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase


class Policy(Protocol):
    def __call__(self, actor: Any, action: str, target: object | None) -> bool: ...


_policy: list[Policy] = []


def register_policy(policy: Policy) -> None:
    """Set the function that answers; the last one registered is asked."""
    _policy[:] = [policy]


def allowed(actor: Any, action: str, target: object | None = None) -> bool:
    """Whether ``actor`` may do ``action`` (such as ``campaign.send``) to ``target``; nobody may when no policy is set."""
    return bool(_policy) and _policy[0](actor, action, target)


def require(action: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Let only people who may do ``action`` into a view: others are sent to log in, or refused with 403."""

    def wrap(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not allowed(request.user, action):
                raise PermissionDenied(action)
            return view(request, *args, **kwargs)

        guarded.required_action = action  # type: ignore[attr-defined]  # Read by the test that walks all URLs.
        return guarded

    return wrap
