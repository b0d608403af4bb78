"""The process beside the benchmark of matching: sweeps events as a worker does, until it is ended."""

from __future__ import annotations

import sys
import time


def main() -> None:
    from django.conf import settings

    from campaigns.automations.enrolling import sweep_events

    sweep_events()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        if not sweep_events():
            time.sleep(settings.IDLE_LOOK_SECONDS)


if __name__ == "__main__":
    main()
