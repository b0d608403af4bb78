"""Every address is guarded, or stands in a short list of those that are not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from personalize.accounts.roles import ACTIONS

# Open to strangers by nature: the ways in, what people reach from their mails, what a shop's pages and webhooks reach, and
# the API, which guards itself by keys.
OPEN = {
    *("accounts:login", "accounts:logout", "accounts:setup", "api-nothing"),
    *("commerce:hook", "commerce:script", "commerce:view"),
    *(f"consent:{page}" for page in ("preferences", "confirm", "undo", "form", "form_frame", "link")),
}
OPEN_NAMESPACES = {"api", "tracking"}
# Open to everybody who works here, whatever their role.
OWN = {"accounts:profile"}
# Guards itself, behind our log-in.
ADMIN = {"admin"}

DUMMIES: dict[str, Any] = {"uuid": uuid.UUID(int=7), "int": 7, "str": "x", "slug": "x", "path": "x"}


def walk(resolver: URLResolver, namespaces: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], URLPattern]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from walk(pattern, inner)
        else:
            yield namespaces, pattern


def guarded() -> list[tuple[str, URLPattern]]:
    found = []
    for namespaces, pattern in walk(get_resolver()):
        name = ":".join((*namespaces, pattern.name or str(pattern.pattern)))
        if not (set(namespaces) & (ADMIN | OPEN_NAMESPACES) or name in OPEN | OWN):
            found.append((name, pattern))
    return found


GUARDED = guarded()


@pytest.mark.parametrize(("name", "pattern"), GUARDED, ids=[name for name, _pattern in GUARDED])
def test_a_page_names_an_action_that_some_role_may_do(name: str, pattern: URLPattern):
    action = getattr(pattern.callback, "required_action", None)
    assert action in set().union(*ACTIONS.values())


@pytest.mark.parametrize(("name", "pattern"), GUARDED, ids=[name for name, _pattern in GUARDED])
def test_a_stranger_is_sent_to_log_in(name: str, pattern: URLPattern):
    request = RequestFactory().get("/wanted/")
    request.user = AnonymousUser()
    wanted = {
        key: DUMMIES[type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")]
        for key, converter in pattern.pattern.converters.items()
    }
    try:
        response = pattern.callback(request, **wanted)
    except Http404:
        return  # A page that does not exist outside the demo tells a stranger nothing.
    # A page that only takes POST may refuse the method before it asks who one is.
    assert response.status_code == 405 or response["Location"] == f"{reverse('accounts:login')}?next=/wanted/"


@pytest.mark.usefixtures("brand", "maya")
@pytest.mark.parametrize(
    "path", ["/", "/subscribers/", "/settings/you/", "/settings/brand/", "/admin/", "/search/?q=ann"]
)
def test_the_way_back_is_kept_for_after_the_log_in(client: Client, path: str):
    response = client.get(path, follow=True)
    assert response.redirect_chain[-1][0].startswith("/login/?next=")


@pytest.mark.usefixtures("brand")
def test_the_board_of_components_is_for_those_who_build(client: Client, maya: Any, settings: Any):
    client.force_login(maya)
    settings.DEMO = settings.DEBUG = False
    assert client.get("/design/").status_code == 404
    settings.DEMO = True
    assert client.get("/design/").status_code == 200
