"""Events over HTTP, one and a hundred in a request, against a view behind the same server and middleware that only parses.

Give TEST_DATABASE_URL for PostgreSQL. The server is gunicorn with threads, as in the image; server, database and callers
share this machine, so only the ratios mean something.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connections

from personalize.accounts.services import issue_api_key
from personalize.accounts.types import IssuedKey
from personalize.core.clock import now
from segments.events.models import Event
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow
from tests.benchmarks.harness import bench
from tests.servers import ROOT, database_url

PEOPLE = 1_000
CALLERS = 16
BATCH = 100
ROUNDS = 5
# What it is called, its address, and how many events a request carries.
WAYS = (
    ("parse only", "/parse-only", 1),
    ("one event", "/api/v1/events", 1),
    (f"{BATCH} events", "/api/v1/events/batch", BATCH),
)


@dataclass
class Way:
    """One way to send: its address, how many events a request carries, and what was measured."""

    name: str
    path: str
    size: int
    seconds: float = 0.0
    requests: int = 0
    waits: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


def an_event(number: int) -> dict[str, object]:
    return {
        "name": "wish_list_shared",
        "email": f"person{number % PEOPLE}@post.example",
        "occurred_at": now().isoformat(),
        "subject": "OAK-STOOL",
        "properties": {"channel": "app", "items": 3, "list": "Winter"},
        "idempotency_key": uuid.uuid4().hex,
    }


def requests_for(way: Way, count: int, secret: str) -> list[bytes]:
    """``count`` whole requests as bytes, all different, so that nothing is made while the clock runs."""
    made = []
    for number in range(count):
        events = [an_event(number * way.size + place) for place in range(way.size)]
        body = json.dumps(events[0] if way.size == 1 else {"events": events}).encode()
        head = f"POST {way.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return made


def call(port: int, requests: Sequence[bytes], waits: list[float], failures: list[bytes]) -> None:
    """Send the requests over one connection, each after the answer to the one before."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            started = time.perf_counter()
            line.sendall(request)
            answer = line.recv(65536)
            while b"\r\n\r\n" not in answer:
                answer += line.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            while len(body) < length:
                body += line.recv(65536)
            waits.append(time.perf_counter() - started)
            if not head.startswith(b"HTTP/1.1 200") or (b'"refused": 0' not in body and b'"outcome"' not in body):
                failures.append(head + b"\n" + body)


def run(way: Way, port: int, secret: str, events: int) -> None:
    each = max(1, events // way.size // CALLERS)
    work = [requests_for(way, each, secret) for _caller in range(CALLERS)]
    waits: list[float] = []
    failures: list[bytes] = []
    threads = [threading.Thread(target=call, args=(port, requests, waits, failures)) for requests in work]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if failures or len(waits) != each * CALLERS:
        raise SystemExit(f"{len(failures)} requests failed, so the figures mean nothing. The first: {failures[:1]}")
    way.waits += waits
    way.rates.append(len(waits) / seconds)
    way.seconds += seconds
    way.requests += len(waits)


@contextlib.contextmanager
def server() -> Iterator[int]:
    """The web process as the image runs it, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "personalize.settings",
        "DATABASE_URL": database_url(),
        "SECRET_KEY": settings.SECRET_KEY,
        "LOG_LEVEL": "WARNING",
        "ENV_FILE": os.devnull,
    }
    command = [sys.executable, "-m", "gunicorn", "tests.benchmarks.ingestion_server", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers=2", "--threads=8", "--log-level=warning"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "web.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"The server did not start:\n{log.read_text()}")
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


def main() -> None:
    with bench(__doc__ or "", unit="requests", rows=20_000) as (running, rows):
        upsert_subscribers(
            rows=[SubscriberRow(email=f"person{number}@post.example") for number in range(PEOPLE)], source="shop"
        )
        issued = issue_api_key(
            name="Benchmark", scopes=["events:write"], actor="benchmark", source="shop", per_minute=1_000_000
        )
        assert isinstance(issued, IssuedKey)
        parse, single, batch = ways = [Way(*way) for way in WAYS]
        with server() as port:
            for warming in WAYS:
                run(Way(*warming), port, issued.secret, CALLERS * warming[2] * 4)
            for _round in range(ROUNDS):
                for way, events in ((parse, rows // ROUNDS), (single, rows // ROUNDS // 2), (batch, rows)):
                    run(way, port, issued.secret, events)
        connections.close_all()
        for way in ways:
            running.add(way.name, way.requests, way.seconds, baseline="" if way is parse else parse.name)
            running.say(f"{way.name}: {waits(way)}")
        rate = {way.name: statistics.median(way.rates) for way in ways}
        running.say(
            f"One-event requests: {rate[single.name] / rate[parse.name]:.2f} × parsing alone. Batches: "
            f"{rate[batch.name] * BATCH / rate[single.name]:.1f} × the events a second. Stored: {Event.objects.count():,}."
        )


def waits(way: Way) -> str:
    """The usual and the longest waits, in milliseconds."""
    ordered = sorted(way.waits)
    return f"half within {ordered[len(ordered) // 2] * 1000:.1f} ms, 99 % within {ordered[int(len(ordered) * 0.99)] * 1000:.1f} ms"


if __name__ == "__main__":
    main()
