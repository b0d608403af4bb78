"""Import events from a file."""

from __future__ import annotations

from segments.transfer.fields import EVENT_FIELDS
from segments.transfer.management.base import ImportCommand


class Command(ImportCommand):
    help = (
        "Import what people did long ago from a CSV file, one event a row, or from a file with one JSON object a line. "
        "Such events are evidence and start nothing. The same file twice changes nothing."
    )
    kind = "events"
    fields = EVENT_FIELDS
