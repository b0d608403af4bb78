"""Import orders and refunds from a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from segments.transfer.fields import ORDER_FIELDS
from segments.transfer.management.base import ImportCommand


class Command(ImportCommand):
    help = "Import orders from a CSV file, one line of an order a row. The same file twice changes nothing."
    kind = "orders"
    fields = ORDER_FIELDS

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--customer-source",
            default="",
            metavar="NAME",
            help="the system whose ids the customer_id column holds (default: the one of --source)",
        )
        parser.add_argument(
            "--refund-prefix",
            default="",
            metavar="TEXT",
            help="numbers that begin so are refunds of their own, with quantities below zero",
        )

    def settings_of(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return {"options": {name: options[name] for name in ("customer_source", "refund_prefix") if options[name]}}
