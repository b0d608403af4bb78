"""The door of the API: who is let in, how often, how much, in which form, and that the same request counts once."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.test import Client

from personalize.accounts.models import ApiKey, AuditEntry, IdempotentAnswer
from personalize.accounts.services import revoke_api_key
from personalize.api import api
from personalize.core.bodies import Unreadable, read_body
from personalize.core.masking import MaskKeys
from segments.commerce.models import Product
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.api.conftest import Shop
from tests.factories import make_subscriber

pytestmark = pytest.mark.django_db

EVENT = {"name": "wish_list_shared", "email": "ann@post.example"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.removeprefix("/api/v1"), operation


OPERATIONS = list(operations())
NAMES = [f"{method} {path}" for method, path, _operation in OPERATIONS]


def address(path: str) -> str:
    return path.replace("{who}", "external:C-1").replace("{topic}", "news")


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_every_operation_wants_a_key_with_its_scope(
    make_shop: Callable[..., Shop], method: str, path: str, operation: dict[str, Any]
):
    [security] = operation["security"]
    [scope] = security["ApiKey"]
    strangers = [Shop("").send(method, address(path), {}), Shop("pk_00000000_guessed").send(method, address(path), {})]
    assert [answer.status_code for answer in strangers] == [401, 401]
    other = "segments:read" if scope != "segments:read" else "events:write"
    refused = make_shop(other).send(method, address(path), {})
    assert refused.status_code == 403
    assert scope in refused.json()["detail"]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_ids_of_another_system_are_unknown_everywhere(
    make_shop: Callable[..., Shop], method: str, path: str, operation: dict[str, Any]
):
    make_shop("subscribers:write", source="till").post(
        "/subscribers", {"email": "ann@post.example", "external_id": "C-1"}
    )
    example = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    body = json.loads(
        json.dumps(example).replace("C-1042", "C-1").replace('"email": "ann.whitaker@post.example"', '"url": ""')
    )
    answer = make_shop(source="shop").send(method, address(path), body)
    if "{who}" in path or path in ("/messages",):
        assert answer.status_code == 404
        assert AuditEntry.objects.get(action="api.foreign_id").actor.startswith("API key Alder & Wren shop")
    elif path.startswith("/events"):
        assert not Event.objects.filter(name="wish_list_shared").exists()
        assert AuditEntry.objects.filter(action="api.foreign_id").count() == 1
    ann = Subscriber.objects.get(email="ann@post.example")
    assert not ann.orders.exists()
    assert not ann.carts.exists()


def test_a_revoked_key_is_refused(shop: Shop):
    assert shop.get("/topics").status_code == 200
    revoke_api_key(key=ApiKey.objects.get(), actor="tests")
    assert shop.get("/topics").status_code == 401


def test_an_expiry_counts_to_the_second_even_for_a_remembered_key(make_shop: Callable[..., Shop]):
    with time_machine.travel(dt.datetime(2026, 11, 19, 8, tzinfo=dt.UTC), tick=False) as now:
        shop = make_shop("subscribers:read", expires_at=dt.datetime(2026, 11, 19, 9, tzinfo=dt.UTC))
        assert shop.get("/topics").status_code == 200
        now.move_to(dt.datetime(2026, 11, 19, 9, tzinfo=dt.UTC))
        assert shop.get("/topics").status_code == 401


def test_a_key_in_the_address_or_a_cookie_is_not_read(shop: Shop, client: Client):
    for query in (f"?key={shop.secret}", f"?api_key={shop.secret}&authorization=Bearer {shop.secret}"):
        assert client.get(f"/api/v1/topics{query}").status_code == 401
    client.cookies["Authorization"] = f"Bearer {shop.secret}"
    assert client.get("/api/v1/topics").status_code == 401
    basic = client.get("/api/v1/topics", headers={"Authorization": f"Basic {shop.secret}"})
    assert basic.status_code == 401
    assert basic["WWW-Authenticate"] == "Bearer"


def test_a_key_that_strays_into_the_log_is_masked(shop: Shop):
    record = logging.LogRecord("web", logging.INFO, "", 0, "GET /?key=%s", (shop.secret,), None)
    assert MaskKeys().filter(record)
    assert shop.secret not in record.getMessage()
    assert shop.secret[:11] in record.getMessage()


def test_when_a_key_was_used_is_kept_to_the_minute(shop: Shop):
    shop.get("/topics")
    first = ApiKey.objects.get().used_at
    assert first
    shop.get("/topics")
    assert ApiKey.objects.get().used_at == first


def test_too_many_requests_of_one_key_wait_and_another_goes_on(make_shop: Callable[..., Shop]):
    with time_machine.travel(dt.datetime(2026, 11, 19, 8, 40, 10, tzinfo=dt.UTC), tick=False) as now:
        hasty, calm = make_shop(per_minute=3), make_shop(per_minute=3)
        assert [hasty.get("/topics").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert calm.get("/topics").status_code == 200
        refused = hasty.get("/topics")
        assert refused["Retry-After"] == "50"
        now.shift(50)
        assert hasty.get("/topics").status_code == 200


def test_a_body_beyond_the_limit_is_refused_and_never_held(shop: Shop):
    product = {"code": "A", "description": "x" * 9_000}
    assert shop.post("/products", b" " * (256 * 1024 + 1)).status_code == 413
    assert shop.post("/products/batch", b" " * (1024 * 1024 + 1)).status_code == 413
    assert shop.post("/products/batch", {"products": [product] * 100}).status_code == 200
    bomb = gzip.compress(b" " * 50_000_000)
    assert shop.post("/products", bomb, **{"Content-Encoding": "gzip"}).status_code == 413


def test_a_packed_body_is_unpacked(shop: Shop):
    packed = gzip.compress(json.dumps({"code": "A"}).encode())
    assert shop.post("/products", packed, **{"Content-Encoding": "gzip"}).json()["outcome"] == "created"
    assert shop.post("/products", packed[:-4], **{"Content-Encoding": "gzip"}).status_code == 400
    assert shop.post("/products", b"{}", **{"Content-Encoding": "gzip"}).status_code == 400
    assert shop.post("/products", b"{}", **{"Content-Encoding": "br"}).status_code == 415


class Endless(io.RawIOBase):
    """A body in chunks that never ends, and how much of it was read."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "Reading to the end of it would take for ever."
        self.taken += size
        return b"x" * size


def test_a_body_in_chunks_without_end_is_left_at_the_limit():
    stream = Endless()
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": stream, "wsgi.input_terminated": True}
    assert read_body(WSGIRequest(environ), limit=1000) == Unreadable(413, "The body is larger than 0 KB.")
    assert stream.taken == 1001
    environ["wsgi.input"] = io.BytesIO(b'{"a": 1}')
    assert read_body(WSGIRequest(environ), limit=1000) == b'{"a": 1}'


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"price": ' + b"9" * 100_000 + b"}",
        b'{"price": NaN}',
        b'{"price": 1e999}',
        b'{"code": "A", "code": "B"}',
        b'{"code": "\xff"}',
        b'{"code": "\\ud800"}',
        b'{"code": "A',
        b"code=A",
        b"",
    ],
    ids=["deep", "long number", "NaN", "infinite", "twice", "not UTF-8", "surrogate", "cut", "form", "empty"],
)
def test_a_body_that_is_no_good_json_is_refused_with_its_place(shop: Shop, body: bytes):
    answer = shop.post("/products", body)
    assert answer.status_code == (422 if body == b"" else 400)
    assert answer["Content-Type"] == "application/problem+json"
    assert Product.objects.count() == 0


def test_a_body_that_does_not_call_itself_json_is_refused(shop: Shop):
    answer = shop.client.post("/api/v1/products", {"code": "A"}, headers={"Authorization": f"Bearer {shop.secret}"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/events/", 404),
        ("GET", "/../../api", 404),
        ("PATCH", "/events", 405),
        ("POST", "/events", 422),
    ],
)
def test_every_refusal_is_a_problem_document(shop: Shop, method: str, path: str, status: int):
    answer = shop.send(method, path, {"name": "a"} if status == 422 else None)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert set(document) >= {"type", "title", "detail"}


def test_addresses_beside_the_version_are_told_likewise(client: Client):
    assert client.get("/api/v7/events").json()["status"] == 404


def test_a_wrong_value_is_told_with_its_place(shop: Shop):
    answer = shop.post("/orders", {"number": "1", "placed_at": "soon", "lines": [{"code": "A", "quantity": "x"}]})
    assert {error["at"] for error in answer.json()["errors"]} == {"placed_at", "lines.0.quantity", "lines.0.unit_price"}


def test_a_crash_is_told_without_its_insides_and_undone(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    make_subscriber("ann@post.example")
    monkeypatch.setattr("segments.events.api.take_event", lambda **_: 1 / 0)
    answer = shop.post("/events", EVENT, **{"Idempotency-Key": "k"})
    assert answer.status_code == 500
    assert "division" not in answer.content.decode()
    monkeypatch.undo()
    assert shop.post("/events", EVENT, **{"Idempotency-Key": "k"}).json() == {"outcome": "stored"}


def test_the_same_request_again_gets_the_same_answer_and_has_one_effect(shop: Shop):
    make_subscriber("ann@post.example")
    first = shop.post("/events", EVENT, **{"Idempotency-Key": "k"})
    again = shop.post("/events", EVENT, **{"Idempotency-Key": "k"})
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Event.objects.count() == 1


def test_a_used_key_with_another_request_is_a_conflict(shop: Shop, make_shop: Callable[..., Shop]):
    make_subscriber("ann@post.example")
    shop.post("/events", EVENT, **{"Idempotency-Key": "k"})
    assert shop.post("/events", {**EVENT, "subject": "other"}, **{"Idempotency-Key": "k"}).status_code == 409
    assert shop.post("/events/batch", {"events": [EVENT]}, **{"Idempotency-Key": "k"}).status_code == 409
    assert Event.objects.count() == 1
    assert make_shop().post("/events", EVENT, **{"Idempotency-Key": "k"}).status_code == 200


def test_a_refusal_is_repeated_too(make_shop: Callable[..., Shop]):
    shop = make_shop("events:write")
    refused = shop.post("/events", EVENT, **{"Idempotency-Key": "k"})
    assert refused.status_code == 422
    make_subscriber("ann@post.example")
    again = shop.post("/events", EVENT, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.content, again["Content-Type"]) == (422, refused.content, refused["Content-Type"])


def test_after_a_day_an_idempotency_key_is_free_again(shop: Shop):
    make_subscriber("ann@post.example")
    shop.post("/events", EVENT, **{"Idempotency-Key": "k"})
    IdempotentAnswer.objects.update(created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert shop.post("/events", {**EVENT, "subject": "new"}, **{"Idempotency-Key": "k"}).status_code == 200
    assert Event.objects.count() == 2


@pytest.mark.parametrize("key", ["x" * 121, "schl\u00fcssel".encode().decode("latin-1")])
def test_an_idempotency_key_is_short_and_plain(shop: Shop, key: str):
    assert shop.post("/events", EVENT, **{"Idempotency-Key": key}).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_with_one_key_have_one_effect_and_one_answer(shop: Shop):
    make_subscriber("ann@post.example")
    answers = at_once(20, lambda _number: shop.post("/events", EVENT, **{"Idempotency-Key": "k"}))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"outcome": "stored"}')}
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_events_that_come_together_are_each_answered_for_themselves(make_shop: Callable[..., Shop]):
    shop = make_shop("events:write")
    make_subscriber("ann@post.example")
    bodies = [{**EVENT, "idempotency_key": str(number % 10)} for number in range(20)]
    bodies += [{**EVENT, "email": "nobody@post.example"}] * 4
    answers = at_once(24, lambda number: shop.post("/events", bodies[number]))
    outcomes = sorted(answer.json().get("outcome", answer.status_code) for answer in answers[:20])
    assert outcomes == ["duplicate"] * 10 + ["stored"] * 10
    assert {answer.status_code for answer in answers[20:]} == {422}
    assert Event.objects.count() == 10


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """What each of so many threads got, in order."""
    found: dict[int, Any] = {}
    ready = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            ready.wait()
            found[number] = act(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(count)]


def test_only_the_hosts_of_the_installation_are_answered(shop: Shop, settings: Any):
    settings.ALLOWED_HOSTS = ["mail.alderandwren.example"]
    headers = {"Authorization": f"Bearer {shop.secret}"}
    for host, status in (
        ("mail.alderandwren.example", 200),
        ("evil.example", 400),
        ("mail.alderandwren.example:80@x", 400),
    ):
        assert shop.client.get("/api/v1/topics", headers={**headers, "Host": host}).status_code == status


def test_what_a_stranger_claims_to_forward_is_not_believed(shop: Shop, settings: Any):
    settings.SECURE_SSL_REDIRECT = True
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "1.2.3.4"}
    headers = {"Authorization": f"Bearer {shop.secret}", **forwarded}
    client = Client()
    assert client.get("/api/v1/topics", headers=headers).status_code == 301
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert client.get("/api/v1/topics", headers=headers).status_code == 200


def test_no_session_and_no_cookie_come_from_the_api(shop: Shop):
    answer = shop.get("/topics")
    assert not answer.cookies
