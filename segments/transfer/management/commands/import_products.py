"""Import products from a file, or from the address where the shop offers one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import CommandError

from personalize.core.fetch import Refused, fetch
from segments.transfer.fields import PRODUCT_FIELDS
from segments.transfer.management.base import UNUSABLE, ImportCommand


class Command(ImportCommand):
    help = (
        "Import products from a CSV file, one a row, or from an address on the internet where such a file lies. "
        "The same file twice changes nothing."
    )
    file_help = f"{ImportCommand.file_help}, or its address, such as https://shop.example/products.csv"
    kind = "products"
    fields = PRODUCT_FIELDS

    def handle(self, *args: Any, **options: Any) -> None:
        address = options["file"]
        if not address.startswith(("https://", "http://")):
            super().handle(*args, **options)
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / (Path(urlsplit(address).path).name or "products.csv")
            fetched = fetch(address, to=path)
            if isinstance(fetched, Refused):
                raise CommandError(f"{address}: {fetched.reason}", returncode=UNUSABLE)
            super().handle(*args, **{**options, "file": str(path)})
