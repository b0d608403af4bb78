"""Import products from a CSV file."""

from __future__ import annotations

from segments.transfer.fields import PRODUCT_FIELDS
from segments.transfer.management.base import ImportCommand


class Command(ImportCommand):
    help = "Import products from a CSV file, one a row. The same file twice changes nothing."
    kind = "products"
    fields = PRODUCT_FIELDS
