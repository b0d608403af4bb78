"""Import products from a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segments.transfer.fields import PRODUCT_FIELDS
from segments.transfer.management.base import ImportCommand
from segments.transfer.services import import_products
from segments.transfer.types import Job, Summary


class Command(ImportCommand):
    help = "Import products from a CSV file, one a row. The same file twice changes nothing."
    fields = PRODUCT_FIELDS

    def run(self, job: Job, options: Mapping[str, Any]) -> Summary:
        return import_products(job=job)
