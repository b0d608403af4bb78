"""The process beside the benchmark of matching: sweeps events as a worker does, only more eagerly, until it is ended."""

from __future__ import annotations

import sys
import time

from campaigns.automations.enrolling import sweep_events

PAUSE = 0.1


def main() -> None:
    sweep_events()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        if not sweep_events():
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
