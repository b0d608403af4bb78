"""Catches every mail sent to a port of this machine and keeps it for the page "Caught mail"."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from personalize.demo import catcher


class Command(BaseCommand):
    help = "Accepts mail over SMTP and keeps it in the file CAUGHT_MAIL; nothing is passed on."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.EMAIL_PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        self.stdout.write(f"Catching mail at {host}:{port} into {settings.CAUGHT_MAIL}.")
        try:
            catcher.serve(settings.CAUGHT_MAIL, host=host, port=port)
        except OSError as error:
            raise CommandError(f"{host}:{port} cannot be used: {error}.") from error
