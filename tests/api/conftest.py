"""A shop's server that speaks to the API with a key of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from personalize.accounts import keys
from personalize.accounts.keys import SCOPES
from personalize.accounts.services import issue_api_key


class Shop:
    """Sends JSON with one key."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.client = Client(raise_request_exception=False)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """``body`` as JSON, or as it is when it is bytes."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method,
            f"/api/v1{path}",
            raw,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.secret}", **headers},
        )

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def get(self, path: str) -> Any:
        return self.send("GET", path)


@pytest.fixture(autouse=True)
def fresh_counts() -> Iterator[None]:
    """No test spends the turns of another, or goes by a key of another's database."""
    cache.clear()
    keys.forget()
    yield
    keys.forget()


@pytest.fixture
def make_shop(db: None) -> Callable[..., Shop]:
    """Make a caller; without ``scopes`` it may do everything."""

    def make(*scopes: str, **fields: Any) -> Shop:
        given = {"name": "Alder & Wren shop", "source": "shop", "actor": "tests", **fields}
        return Shop(issue_api_key(scopes=scopes or tuple(SCOPES), **given).secret)

    return make


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    return make_shop()
