"""`manage.py test`: the whole suite on SQLite and again on a real PostgreSQL, with a real Redis and real workers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from personalize.core.testing import NoServer, postgres, redis_server

ADDRESSES = {"TEST_DATABASE_URL", "TEST_REDIS_URL"}


class Command(BaseCommand):
    help = (
        "Run the test suite on SQLite and on PostgreSQL. Servers are taken from TEST_DATABASE_URL and TEST_REDIS_URL, from "
        "this machine, or from wheels. Other arguments go to pytest."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Django's own options are left out, for here -v and its like are meant for pytest.
        parser = CommandParser(prog=f"{prog_name} {subcommand}", description=self.help, allow_abbrev=False)
        parser.add_argument("--db", choices=["sqlite", "postgres"], help="run on this database only")
        parser.add_argument("--fast", action="store_true", help="run on SQLite only, and start no server")
        parser.add_argument(
            "--keep", action="store_true", help="afterwards keep the servers until Ctrl-C, for running pytest by hand"
        )
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        options, for_pytest = self.create_parser(argv[0], argv[1]).parse_known_args(argv[2:])
        try:
            sys.exit(self.handle(**vars(options), for_pytest=for_pytest))
        except (CommandError, NoServer) as refusal:
            self.stderr.write(str(refusal))
            sys.exit(2)
        except KeyboardInterrupt:
            self.stderr.write("Stopped.")
            sys.exit(130)

    def handle(self, *, db: str | None, fast: bool, keep: bool, for_pytest: list[str], **_: Any) -> int:  # type: ignore[override]
        """Run one pass per database, side by side; the answer is pytest's first exit code that is not 0."""
        if fast and db == "postgres":
            raise CommandError("--fast runs on SQLite only; leave it out to run on PostgreSQL.")
        with contextlib.ExitStack() as servers:
            environment = {key: value for key, value in os.environ.items() if key not in ADDRESSES}
            environments: dict[str, dict[str, str]] = {}
            if db != "postgres":
                environments["SQLite"] = dict(environment)
            if not fast and db != "sqlite":
                database = servers.enter_context(postgres())
                self.stdout.write(f"PostgreSQL: {database}")
                environments["PostgreSQL"] = {**environment, "TEST_DATABASE_URL": database.url}
            if not fast:
                # A Redis for each, for they run side by side.
                for given in environments.values():
                    redis = servers.enter_context(redis_server())
                    self.stdout.write(f"Redis: {redis}")
                    given["TEST_REDIS_URL"] = redis.url
            results = self.run_passes(environments, for_pytest)
            if len(results) > 1:
                verdicts = (f"{name}: {'passed' if code == 0 else 'failed'}" for name, code in results.items())
                self.stdout.write("; ".join(verdicts))
            if keep:
                self.wait_for_interrupt([*environments.values()][-1])
        return next((code for code in results.values() if code), 0)

    def run_passes(self, environments: dict[str, dict[str, str]], arguments: list[str]) -> dict[str, int]:
        """Run pytest for each database, all at once; the first is followed live, the others are told when it is over."""
        started = time.monotonic()
        with contextlib.ExitStack() as files:
            passes: list[tuple[str, subprocess.Popen[bytes], IO[bytes] | None]] = []
            for name, environment in environments.items():
                kept: IO[bytes] | None = files.enter_context(tempfile.TemporaryFile()) if passes else None
                process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "pytest", *arguments], env=environment, stdout=kept, stderr=kept
                )
                passes.append((name, process, kept))
            results = {}
            try:
                for name, process, output in passes:
                    self.stdout.write(f"\nTests on {name}")
                    self.stdout.flush()
                    results[name] = process.wait()
                    if output is not None:
                        output.seek(0)
                        self.stdout.write(output.read().decode(errors="replace"))
                    self.stdout.write(f"Tests on {name} were over after {time.monotonic() - started:.0f} s.")
            except KeyboardInterrupt:
                # Every pytest heard the same Ctrl-C and is reporting; the servers stop after them.
                for _name, process, _output in passes:
                    process.wait()
                raise
            except SystemExit:
                for _name, process, _output in passes:
                    process.send_signal(signal.SIGINT)
                for _name, process, _output in passes:
                    process.wait()
                raise
        return results

    def wait_for_interrupt(self, environment: dict[str, str]) -> None:
        self.stdout.write("\nThe servers run until Ctrl-C. To use them elsewhere:")
        for name in ADDRESSES & environment.keys():
            self.stdout.write(f"  export {name}='{environment[name]}'")
        self.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
