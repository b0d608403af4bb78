"""The demo from the first folder to the last sentence: prepares, starts, does the main job once, tells, and stays."""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import signal
import smtplib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from campaigns.delivery.verify import balance
from campaigns.scheduled.models import Campaign, CampaignState
from campaigns.scheduled.services import send_campaign
from personalize.accounts.models import Brand, User
from personalize.core.models import Worker
from personalize.demo import environment, services, story
from personalize.demo.inbox import Inbox
from personalize.demo.processes import Children, NotReady
from personalize.demo.report import Report, report_on

SENDERS = min(2, os.cpu_count() or 1)
STANDSTILL_SECONDS = 120.0
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Everything the demo makes in its folder, apart from the secret: this and nothing else is wiped.
OURS = (
    *(f"{name}.sqlite3{end}" for name in ("personalize", "caught") for end in ("", "-wal", "-shm")),
    *("broker", "media", "static", "log"),
    *(f"beat-schedule{end}" for end in ("", "-wal", "-shm", ".db", ".dat", ".dir", ".bak")),
)

_asked_to_end = threading.Event()


class Refused(Exception):
    """The demo cannot start, for a reason a person can do something about."""


@dataclass(frozen=True)
class Options:
    """``port`` as it was asked for, None when it was not."""

    subscribers: int
    port: int | None = None
    once: bool = False
    reset: bool = False
    empty: bool = False


def run(options: Options, console: Console) -> int:
    """Run the demo until Ctrl-C, or with ``once`` until its job is done; returns the exit status.

    Raises Refused, ChildDied or NotReady, and KeyboardInterrupt when it is ended before the job is done; no process
    outlives this call.
    """
    for number in ENDINGS:
        signal.signal(number, _interrupt)
    web = urlsplit(settings.BASE_URL)
    if web.port is None or not environment.is_free(web.port):
        raise Refused(f"Something else listens on port {web.port} already. Choose another one with --port, or 0.")
    with _alone(settings.VAR):
        if options.reset:
            _wipe(console)
        _lay(options, console)
        with Children(logs=settings.VAR / "log", folder=environment.ROOT, ended=_asked_to_end.is_set) as children:
            _start(children, web.port)
            if options.port is None and web.port != environment.USUAL_PORT:
                console.print(f"Port {environment.USUAL_PORT} is taken, so this is at {web.port}.")
            report = None if options.empty else _send(children, console)
            children.check()
            _tell(report, console)
            if options.once:
                return 0 if options.empty or (report and report.is_right) else 1
            console.print("Ctrl-C ends everything.", style="dim")
            with suppress(KeyboardInterrupt):
                _stay(children)
    return 0


def _interrupt(*_: object) -> None:
    """Once is enough: a second Ctrl-C would only keep the processes from being ended in order."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    _asked_to_end.set()
    raise KeyboardInterrupt


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it when this process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"A demo runs in {folder} already. Give this one a folder of its own with VAR_DIR.") from None
        yield


def _wipe(console: Console) -> None:
    gone = [settings.VAR / name for name in OURS if (settings.VAR / name).exists()]
    for path in gone:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    names = ", ".join(path.name for path in gone if not path.name.endswith(("-wal", "-shm")))
    console.print(f"Wiped in {settings.VAR}: {names or 'nothing, it was empty'}.")


def _lay(options: Options, console: Console) -> None:
    """Tables, and unless told otherwise the shop in them."""
    began = time.monotonic()
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    with console.status("Laying the tables …"):
        call_command("migrate", verbosity=0, interactive=False)
    if options.empty:
        return
    with console.status("Stocking the shop …"):
        try:
            seeded = services.seed(subscribers=options.subscribers)
            services.point_pictures()
        except services.NotEmpty as error:
            raise Refused(f"{error} Start with --reset to wipe it, or choose another folder with VAR_DIR.") from error
    what = "Stocked" if seeded.new else "Found"
    console.print(
        f"{what} the shop {story.SHOP_NAME}: {seeded.subscribers:,} subscribers, {seeded.products:,} products,"
        f" {seeded.orders:,} orders ({time.monotonic() - began:.1f} s)."
    )


def _start(children: Children, port: int) -> None:
    """Start the four processes and wait until each of them does its work."""
    # Heartbeats of processes that were killed long ago would look like workers.
    Worker.objects.all().delete()
    children.start(
        "mailcatcher", "manage.py", "mailcatcher", "--host", environment.HOST, "--port", str(settings.EMAIL_PORT)
    )
    children.start(
        *("web", "-m", "gunicorn", "personalize.wsgi", "--bind", f"{environment.HOST}:{port}"),
        *("--workers", "1", "--threads", "4", "--graceful-timeout", "3", "--no-control-socket"),
    )
    celery = ("-m", "celery", "-A", "personalize.celery")
    children.start("worker", *celery, "worker", "--concurrency", str(SENDERS), "--loglevel", "INFO", "--without-gossip")
    children.start("beat", *celery, "beat", "--loglevel", "INFO", "--pidfile", "")
    children.wait_until(_catcher_greets, "The mail catcher")
    children.wait_until(_web_answers, "The web server")
    children.wait_until(Worker.objects.exists, "The worker")


def _catcher_greets() -> bool:
    try:
        with smtplib.SMTP(environment.HOST, settings.EMAIL_PORT, timeout=2):
            return True
    except (OSError, smtplib.SMTPException):
        return False


def _web_answers() -> bool:
    connection = http.client.HTTPConnection(environment.HOST, urlsplit(settings.BASE_URL).port, timeout=5)
    try:
        connection.request("GET", reverse("accounts:login"))
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def _send(children: Children, console: Console) -> Report:
    """Send the newsletter through the real queue, unless an earlier start did; returns how it came out."""
    campaign = Campaign.objects.get(name=story.CAMPAIGN)
    if campaign.state == CampaignState.DRAFT:
        actor = User.objects.get(email=story.OWNER[0])
        refused = send_campaign(campaign=campaign, actor=actor)
        if refused:
            raise Refused("The newsletter cannot be sent: " + "; ".join(blocker.message for blocker in refused))
    if campaign.state in (CampaignState.SCHEDULED, CampaignState.SENDING):
        _watch(campaign, children, console)
    if campaign.run is None:
        raise Refused(f"The campaign ‘{campaign.name}’ is {campaign.get_state_display().lower()} and was never sent.")
    return report_on(campaign, Inbox(settings.CAUGHT_MAIL))


def _watch(campaign: Campaign, children: Children, console: Console) -> None:
    """Show the sending until the campaign has ended; raises NotReady when nothing moves for long."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    moved, settled = time.monotonic(), (0, 0)
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(f"Sending ‘{campaign.name}’", total=None)
        while campaign.state in (CampaignState.SCHEDULED, CampaignState.SENDING):
            children.check()
            time.sleep(0.2)
            campaign.refresh_from_db()
            if campaign.run is None:
                continue
            figures = balance(campaign.run)
            done = figures.audience - figures.open
            bars.update(bar, total=figures.audience, completed=done)
            if (figures.audience, done) != settled:
                moved, settled = time.monotonic(), (figures.audience, done)
            elif time.monotonic() - moved > STANDSTILL_SECONDS:
                raise NotReady(f"Nothing moved for {STANDSTILL_SECONDS:.0f} s; see {children.log('worker')}.")


def _tell(report: Report | None, console: Console) -> None:
    address = settings.BASE_URL
    console.print()
    if report:
        _tell_figures(report, console)
        console.print(f"Caught mail   {address}{reverse('demo:caught')}")
        for example in report.examples:
            link = f"{address}{reverse('demo:mail', args=[example.mail])}"
            console.print(
                f"  {example.person}: “{example.subject}”\n    {example.difference}\n    {link}", highlight=False
            )
    console.print(f"Dashboard     {address}/")
    if Brand.objects.filter(name=story.SHOP_NAME).exists():
        console.print(f"Log in        {story.OWNER[0]}   {story.PASSWORD}", highlight=False)
    else:
        console.print("Nothing is set up yet: the dashboard begins with the shop's name and its first owner.")


def _tell_figures(report: Report, console: Console) -> None:
    figures = report.balance
    console.print(
        f"‘{story.CAMPAIGN}’: {figures.audience:,} people = {figures.sent:,} sent + {figures.skipped:,} skipped"
        f" + {figures.failed:,} failed + {figures.in_doubt:,} in doubt + {figures.open:,} open"
    )
    for reason, number in report.skipped():
        console.print(f"  {number:>6,}  {reason}")
    console.print(
        f"{report.caught:,} of {figures.sent:,} mails caught, each once"
        if not report.doubles
        else f"{report.caught:,} of {figures.sent:,} mails caught, {report.doubles:,} of them more than once"
    )
    console.print(f"{report.rate:,.0f} mails a second, each rendered for its person\n")
    for fault in figures.faults:
        console.print(f"Wrong: {fault}.", style="bold red")
    if not report.is_right:
        console.print("The figures do not agree; this is a fault of the product.", style="bold red")


def _stay(children: Children) -> None:
    while True:
        children.check()
        time.sleep(0.5)
