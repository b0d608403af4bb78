"""The world of UCI Online Retail: its files, imported through the commands, and counted again in plain Python.

The data are not shipped. They are the public set "Online Retail" of the UCI Machine Learning Repository (D. Chen, 2012),
as two gzipped CSV files in the folder that ONLINE_RETAIL_DIR names: ``online-retail.csv.gz`` with the columns InvoiceNo,
StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID, Country, and ``online-retail-items.csv.gz`` with StockCode,
Description. People have no names and addresses there; a seeded generator gives them some at example.com.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

ORDERS, ITEMS = "online-retail.csv.gz", "online-retail-items.csv.gz"
MISSING = (
    "ONLINE_RETAIL_DIR names no folder with the public data set UCI Online Retail (Chen 2012): "
    f"{ORDERS} (InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID, Country) "
    f"and {ITEMS} (StockCode, Description)"
)
TOPIC = "news"
ORDER_COLUMNS = {
    "InvoiceNo": "number",
    "StockCode": "product",
    "Quantity": "quantity",
    "InvoiceDate": "placed_at",
    "UnitPrice": "unit_price",
    "CustomerID": "customer_id",
}
ITEM_COLUMNS = {"StockCode": "code", "Description": "title"}
# The countries of the file that are not written as ISO or English names have them; empty where there is none.
COUNTRIES = {"United Kingdom": "GB", "RSA": "ZA", "Channel Islands": "", "European Community": "", "Unspecified": ""}
FIRST_NAMES = (
    "Ann",
    "Bob",
    "Cleo",
    "Dora",
    "Emil",
    "Finn",
    "Grace",
    "Hugo",
    "Ines",
    "Jack",
    "Kate",
    "Leo",
    "Mia",
    "Ned",
)
LAST_NAMES = (
    "Whitaker",
    "Archer",
    "Baker",
    "Cooper",
    "Dyer",
    "Farrow",
    "Glover",
    "Hooper",
    "Miller",
    "Turner",
    "Weaver",
)


@dataclass
class Ledger:
    """What the file says of one customer, counted without the product."""

    country: str = ""
    orders: set[str] = field(default_factory=set)
    refunds: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    amounts: list[tuple[dt.datetime, Decimal]] = field(default_factory=list)

    def net(self, since: dt.datetime | None = None, until: dt.datetime | None = None) -> Decimal:
        """Spent less given back, from ``since`` and before ``until``."""
        return sum(
            (amount for at, amount in self.amounts if (not since or at >= since) and (not until or at < until)),
            Decimal(0),
        )


@dataclass
class World:
    """The file as plain Python reads it, and what the import commands said."""

    lines: int = 0
    orders: set[str] = field(default_factory=set)
    refunds: set[str] = field(default_factory=set)
    customers: dict[str, Ledger] = field(default_factory=lambda: defaultdict(Ledger))
    names: dict[str, str] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)


def folder() -> Path | None:
    """Where the two files are, or None."""
    named = Path(settings.ONLINE_RETAIL_DIR) if settings.ONLINE_RETAIL_DIR else None
    return named if named and (named / ORDERS).is_file() and (named / ITEMS).is_file() else None


def read(data: Path) -> World:
    """Count the file in plain Python. An invoice that begins with C is a refund; an order's time is its earliest line."""
    world = World()
    times: dict[str, dt.datetime] = {}
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    owners: dict[str, str] = {}
    with gzip.open(data / ORDERS, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            world.lines += 1
            number = row["InvoiceNo"]
            at = dt.datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=dt.UTC)
            times[number] = min(at, times.get(number, at))
            amounts[number] += int(row["Quantity"]) * Decimal(row["UnitPrice"])
            refund = number.startswith("C")
            (world.refunds if refund else world.orders).add(number)
            if not row["CustomerID"]:
                continue
            owners[number] = row["CustomerID"]
            customer = world.customers[row["CustomerID"]]
            customer.country = row["Country"]
            (customer.refunds if refund else customer.orders).add(number)
            if not refund:
                customer.codes.add(row["StockCode"])
    for number, customer_id in owners.items():
        world.customers[customer_id].amounts.append((times[number], amounts[number]))
    return world


def write_people(world: World, path: Path) -> None:
    """A file of subscribers for the customers of the world, the same on every run."""
    chance = random.Random(20111209)
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["email", "external_id", "first_name", "last_name", "country"])
        for customer_id, customer in sorted(world.customers.items()):
            # Every tenth has no name, as in a real shop.
            first = "" if chance.random() < 0.1 else chance.choice(FIRST_NAMES)
            last = chance.choice(LAST_NAMES)
            world.names[customer_id] = first
            address = f"customer.{customer_id}@example.com"
            out.writerow([address, customer_id, first, last, COUNTRIES.get(customer.country, customer.country)])


def load(data: Path, work: Path) -> World:
    """Import the world through the commands, as an operator would."""
    world = read(data)
    write_people(world, work / "people.csv")
    joined = ["--topic", TOPIC, "--basis", "customers of the shop"]
    world.said["people"] = _run("import_subscribers", work / "people.csv", {}, work, *joined)
    world.said["products"] = _run("import_products", data / ITEMS, ITEM_COLUMNS, work)
    world.said["orders"] = _run("import_orders", data / ORDERS, ORDER_COLUMNS, work, "--refund-prefix", "C")
    return world


def _run(command: str, path: Path, columns: dict[str, str], work: Path, *arguments: str) -> dict[str, Any]:
    maps = [word for column, name in columns.items() for word in ("--map", f"{column}={name}")]
    out = io.StringIO()
    rejects = ["--rejects", str(work / f"{path.name}.rejects.csv")]
    call_command(command, str(path), "--json", *maps, *rejects, *arguments, stdout=out)
    said: dict[str, Any] = json.loads(out.getvalue())
    return said
