"""The door out leads to the public internet and nowhere else, in ten seconds and ten megabytes."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from personalize.core import fetch as door
from personalize.core.fetch import Fetched, Refused, fetch, is_public

Answer = Callable[[BaseHTTPRequestHandler], None]


class Shop:
    """A server on this machine that answers by path and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked.append((self.headers["Host"], self.path))
                shop.answers[self.path](self)

            def log_message(self, *_args: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.server.shutdown()
    shop.server.server_close()


def said(body: bytes, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"Content_Type": "text/csv", "Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def moved(to: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def only(shop: Shop) -> door.Reachable:
    """Lets this one server be reached, and judges everything else as always."""
    return lambda ip, port: (str(ip) == "127.0.0.1" and port == shop.port) or is_public(ip, port)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://localhost/",
        "http://8.8.8.8:22/",
        "https://8.8.8.8:8443/",
        "http://224.0.0.1/",
        "file:///etc/passwd",
        "gopher://8.8.8.8/",
        "ftp://8.8.8.8/",
        "//8.8.8.8/",
        "http:///nowhere",
        "http://user:secret@8.8.8.8/",
        "http://8.8.8.8/a b",
        "http://8.8.8.8/\r\nHost: evil",
        "http://[::1/",
        "http://8.8.8.8:99999/",
    ],
)
def test_what_is_not_the_public_web_is_refused_without_a_connection(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def connected(*_args: Any, **_options: Any) -> None:
        pytest.fail("connected")

    monkeypatch.setattr(socket, "create_connection", connected)
    assert isinstance(fetch(url, to=tmp_path / "found"), Refused)
    assert not (tmp_path / "found").exists()


def test_a_file_arrives_as_it_is(shop: Shop, tmp_path: Path):
    shop.answers["/products.csv?v=2"] = said(b"code,title\nMUG-1,Mug\n")
    found = fetch(shop.url("/products.csv?v=2"), to=tmp_path / "found", reachable=only(shop))
    assert found == Fetched(shop.url("/products.csv?v=2"), "text/csv", 21)
    assert (tmp_path / "found").read_bytes() == b"code,title\nMUG-1,Mug\n"


def test_a_name_is_resolved_once_and_the_connection_goes_there(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whoever answers for the name may say something else the second time; nobody asks them."""
    resolved: list[str] = []

    def resolve(host: str, port: int, *_args: Any, **_options: Any) -> list[Any]:
        if host != "shop.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]  # An address on its way to the socket.
        resolved.append(host)
        inside = "127.0.0.1" if len(resolved) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (inside, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    shop.answers["/a"] = said(b"x")
    assert isinstance(fetch(f"http://shop.example:{shop.port}/a", to=tmp_path / "found", reachable=only(shop)), Fetched)
    assert resolved == ["shop.example"]
    assert shop.asked == [(f"shop.example:{shop.port}", "/a")]


def test_one_inner_address_among_many_is_enough_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: addresses)
    assert isinstance(fetch("http://shop.example/", to=tmp_path / "found"), Refused)


@pytest.mark.parametrize("inside", ["http://10.0.0.1/", "http://169.254.169.254/", "file:///etc/passwd", "//[::1]/"])
def test_a_redirect_to_the_inside_is_refused(shop: Shop, tmp_path: Path, inside: str):
    shop.answers["/a"] = moved(inside)
    assert isinstance(fetch(shop.url("/a"), to=tmp_path / "found", reachable=only(shop)), Refused)


def test_three_redirects_are_followed_and_a_fourth_is_not(shop: Shop, tmp_path: Path):
    for number in range(4):
        shop.answers[f"/{number}"] = moved(f"/{number + 1}")
    shop.answers["/4"] = said(b"x")
    reach = {"to": tmp_path / "found", "reachable": only(shop)}
    assert isinstance(fetch(shop.url("/1"), **reach), Fetched)
    assert isinstance(fetch(shop.url("/0"), **reach), Refused)


def test_what_is_packed_is_measured_unpacked(shop: Shop, tmp_path: Path):
    shop.answers["/good"] = said(gzip.compress(b"y" * 1000), Content_Encoding="gzip")
    shop.answers["/bomb"] = said(gzip.compress(b"0" * 40_000_000), Content_Encoding="gzip")
    reach = {"to": tmp_path / "found", "reachable": only(shop)}
    assert fetch(shop.url("/good"), **reach).size == 1000
    refused = fetch(shop.url("/bomb"), **reach)
    assert "10 MB" in refused.reason
    assert not (tmp_path / "found").exists()


def test_a_long_file_and_one_that_breaks_off_leave_nothing(shop: Shop, tmp_path: Path):
    shop.answers["/long"] = said(b"x" * 2000)
    shop.answers["/broken"] = said(b"x" * 10, Content_Length="1000")
    shop.answers["/missing"] = lambda handler: handler.send_error(404)
    for path in ("/long", "/broken", "/missing"):
        assert isinstance(fetch(shop.url(path), to=tmp_path / "found", reachable=only(shop), max_bytes=1500), Refused)
        assert not (tmp_path / "found").exists()


def test_a_server_that_drips_is_left(shop: Shop, tmp_path: Path):
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    shop.answers["/drip"] = drip
    began = time.monotonic()
    refused = fetch(shop.url("/drip"), to=tmp_path / "found", reachable=only(shop), seconds=0.5)
    assert isinstance(refused, Refused)
    assert time.monotonic() - began < 2


def test_a_server_that_sends_its_headers_letter_by_letter_is_left(shop: Shop, tmp_path: Path):
    def drip(handler: BaseHTTPRequestHandler) -> None:
        for letter in b"HTTP/1.0 200 OK\r\nX: " + b"x" * 100:
            try:
                handler.wfile.write(bytes([letter]))
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    shop.answers["/drip"] = drip
    began = time.monotonic()
    refused = fetch(shop.url("/drip"), to=tmp_path / "found", reachable=only(shop), seconds=0.5)
    assert isinstance(refused, Refused)
    assert time.monotonic() - began < 2


def test_public_addresses_are_public():
    assert all(
        is_public(ipaddress.ip_address(ip), port)
        for ip, port in (("93.184.215.14", 443), ("2606:2800:21f:cb07::1", 80), ("64:ff9b::5db8:d822", 443))
    )
