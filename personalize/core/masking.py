"""Keeps API keys out of logs: somebody will put one into an address, and addresses are logged."""

from __future__ import annotations

import logging
import re

_KEY = re.compile(r"(pk_[0-9a-f]{8})_[A-Za-z0-9_-]{8,}")


class MaskKeys(logging.Filter):
    """Leaves of a key in a log line what names it on the page of keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        line = record.getMessage()
        if "pk_" in line:
            record.msg, record.args = _KEY.sub(r"\1_…", line), ()
        return True
