#!/usr/bin/env python3
"""The one entry point for operators: makes its own environment where there is none, then runs the command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    from personalize.bootstrap import ensure_environment

    ensure_environment(sys.argv)
    if sys.argv[1:2] == ["test"]:
        # Tests bring their own secret and folder, and never read those of this installation.
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    if sys.argv[1:2] == ["demo"]:
        from personalize.demo.environment import prepare

        prepare(sys.argv[2:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalize.settings")
    from django.core.management import execute_from_command_line

    import personalize.celery  # noqa: F401  The Celery app must exist before any command queues work.

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
