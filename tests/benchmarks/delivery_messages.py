"""Sending over a real SMTP line, against the line alone and against a plain loop with Django's mail classes.

The mail server runs in a process of its own and accepts everything at once.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import smtplib
from collections.abc import Iterator

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from campaigns.delivery import engine
from campaigns.delivery.audience import materialise
from campaigns.delivery.mime import written
from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.services import begin_run
from campaigns.delivery.types import MessageState
from personalize.accounts.models import Brand
from personalize.content.contexts import prepare
from personalize.core.clock import now
from personalize.rendering.types import Job, Rendered
from segments.subscribers.models import Subscriber
from tests.benchmarks.harness import bench
from tests.benchmarks.mailing import make_mailing_for
from tests.smtp import SmtpServer

SENDER = "hello@news.alderandwren.example"
BACKEND = "django.core.mail.backends.smtp.EmailBackend"


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """A mail server in another process; gives its port."""
    server = SmtpServer()
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()
    server.socket.close()
    try:
        yield server.port
    finally:
        process.terminate()
        process.join()


def one_mail(mailing: Mailing) -> tuple[str, str]:
    """Text and page of the first person's mail, so that every way has the same to carry."""
    version, people = mailing.version, Subscriber.objects.filter(email="person0@post.example")
    [context] = prepare(version=version, people=people, person="", as_of=now(), brand=Brand.objects.get()).values()
    job = Job(id="first", parts=("text_tracked", "html_tracked"), data=context.data)
    [done] = engine.renderer().render(version.content_hash, version.compiled, [job])
    if not isinstance(done, Rendered):
        raise SystemExit(f"The mail cannot be rendered: {done.reason}")
    return done.parts["text_tracked"], done.parts["html_tracked"]


def ready_bytes(port: int, raw: bytes, addresses: list[str]) -> None:
    with smtplib.SMTP("127.0.0.1", port) as line:
        for address in addresses:
            line.sendmail(SENDER, [address], raw)


def plain_loop(html: str, text: str, addresses: list[str]) -> None:
    with get_connection(BACKEND) as line:
        for address in addresses:
            mail = EmailMultiAlternatives("Hello", text, SENDER, [address], connection=line)
            mail.attach_alternative(html, "text/html")
            mail.send()


def main() -> None:
    with sink() as port, bench(__doc__ or "", unit="mails", rows=2_000) as (running, rows):
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = BACKEND, "127.0.0.1", port
        mailing = make_mailing_for(rows)
        addresses = [f"person{number}@post.example" for number in range(rows)]
        text, html = one_mail(mailing)
        mail = EmailMultiAlternatives("Hello", text, SENDER, addresses[:1])
        mail.attach_alternative(html, "text/html")
        with running.measure("smtplib", rows):
            ready_bytes(port, written(mail), addresses)
        with running.measure("Django", rows, baseline="smtplib"):
            plain_loop(html, text, addresses)
        run = begin_run(owner_kind="test", owner=mailing.owner, as_of=now())
        with running.measure("the audience's rows", rows, baseline="smtplib"):
            while materialise(run=run, people=Subscriber.objects.all(), mailing=mailing, due_at=now()):
                pass
        with running.measure("engine", rows, baseline="Django"):
            while engine.look():
                pass
        engine.renderer().close()
        sent = Message.objects.tally()[MessageState.SENT]
        if sent != rows:
            raise SystemExit(f"Only {sent} of {rows} mails went out; the figures mean nothing.")


if __name__ == "__main__":
    main()
