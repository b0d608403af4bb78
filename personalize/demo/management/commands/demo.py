"""Starts the whole product with a demo shop, sends its newsletter once, and says what happened."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.markup import escape

from personalize.demo import runner
from personalize.demo.processes import ChildDied, NotReady
from personalize.demo.shop import SUBSCRIBERS

# What shells say of a command that was ended by Ctrl-C.
INTERRUPTED = 130


class Command(BaseCommand):
    help = "Runs Personalize with a demo shop on this machine: web, worker, beat and mail catcher, ended by Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do the job, say what happened, stop everything")
        parser.add_argument("--reset", action="store_true", help="wipe what earlier demos left, without asking")
        parser.add_argument("--empty", action="store_true", help="start without a shop, at the first set-up page")
        parser.add_argument("--port", type=int, help="of the dashboard; 0 takes a free one (default: 8000 if free)")
        parser.add_argument("--subscribers", type=int, default=SUBSCRIBERS, help="how many people the shop knows")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "Start the demo with ‘python3 manage.py demo’, which gives it an environment of its own."
            )
        chosen = runner.Options(
            subscribers=options["subscribers"],
            port=options["port"],
            once=options["once"],
            reset=options["reset"],
            empty=options["empty"],
        )
        console = Console(soft_wrap=True)
        try:
            status = runner.run(chosen, console)
        except KeyboardInterrupt:
            console.print("\nEnded before the job was done.")
            raise SystemExit(INTERRUPTED) from None
        except ChildDied as error:
            console.print(escape(error.tail), style="dim", highlight=False)
            raise CommandError(str(error)) from error
        except (NotReady, runner.Refused) as error:
            raise CommandError(str(error)) from error
        if status:
            raise SystemExit(status)
        console.print("\nEverything has stopped.")
