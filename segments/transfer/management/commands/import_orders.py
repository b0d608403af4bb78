"""Import orders and refunds from a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from segments.transfer.fields import ORDER_FIELDS
from segments.transfer.management.base import ImportCommand
from segments.transfer.services import import_orders
from segments.transfer.types import Job, Summary


class Command(ImportCommand):
    help = "Import orders from a CSV file, one line of an order a row. The same file twice changes nothing."
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

    def run(self, job: Job, options: Mapping[str, Any]) -> Summary:
        return import_orders(
            job=job, customer_source=options["customer_source"], refund_prefix=options["refund_prefix"]
        )
