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
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from heapq import nsmallest
from itertools import chain
from operator import add
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


@dataclass
class Shop:
    """The orders of the file, read without the product: which known codes each holds, when, and whose it was."""

    codes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    times: dict[str, dt.datetime] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    orders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    holding: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    last_sold: dict[str, dt.datetime] = field(default_factory=dict)
    _together: dict[str, list[int]] = field(default_factory=dict)

    def together(self, code: str) -> list[int]:
        """In how many orders each code stands beside ``code``, in the order of ``ranked``."""
        if code not in self._together:
            found = Counter(chain.from_iterable(self.codes[order] for order in self.holding[code]))
            self._together[code] = [found[other] for other in self.ranked]
        return self._together[code]

    @cached_property
    def ranked(self) -> list[str]:
        """Every code, by newer sale and then by itself: the order in which ties are settled."""
        return sorted(self.holding, key=lambda code: (-self.last_sold[code].timestamp(), code))

    def picks(self, customer: str) -> list[str]:
        """Four codes for a customer, by the definition: added up over the latest order, nothing ever bought."""
        latest = max(self.orders[customer], key=lambda order: (self.times[order], self.places[order]))
        scores = [0] * len(self.ranked)
        for code in self.codes[latest]:
            scores = list(map(add, scores, self.together(code)))
        bought = set().union(*(self.codes[order] for order in self.orders[customer]))
        found = [(-score, place) for place, score in enumerate(scores) if score and self.ranked[place] not in bought]
        return [self.ranked[place] for _, place in nsmallest(4, found)]


def read_shop(folder: Path) -> Shop:
    with gzip.open(folder / ITEMS, "rt", encoding="utf-8", newline="") as stream:
        known = {row["StockCode"] for row in csv.DictReader(stream)}
    shop = Shop()
    with gzip.open(folder / ORDERS, "rt", encoding="utf-8", newline="") as stream:
        for place, row in enumerate(csv.DictReader(stream)):
            number = row["InvoiceNo"]
            if number.startswith("C"):
                continue
            at = dt.datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=dt.UTC)
            shop.times[number] = min(at, shop.times.get(number, at))
            shop.places.setdefault(number, place)
            if row["CustomerID"]:
                shop.orders[row["CustomerID"]].add(number)
            if row["StockCode"] in known:
                shop.codes[number].add(row["StockCode"])
    for number, codes in shop.codes.items():
        for code in codes:
            shop.holding[code].add(number)
            shop.last_sold[code] = max(shop.times[number], shop.last_sold.get(code, shop.times[number]))
    return shop


def write_people(world: World, path: Path) -> None:
    """A file of subscribers for the customers of the world, the same on every run."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["email", "external_id", "first_name", "last_name", "country"])
        for customer_id, customer in sorted(world.customers.items()):
            chance = random.Random(f"20111209-{customer_id}")
            # Every tenth has no name, as in a real shop.
            first = "" if chance.random() < 0.1 else chance.choice(FIRST_NAMES)
            last = chance.choice(LAST_NAMES)
            world.names[customer_id] = first
            address = f"customer.{customer_id}@example.com"
            out.writerow([address, customer_id, first, last, COUNTRIES.get(customer.country, customer.country)])


def ending(data: Path, work: Path, *, lines: int) -> Path:
    """A folder with the same files, of the orders only whole ones from about the last ``lines`` lines."""
    work.mkdir()
    shutil.copy(data / ITEMS, work / ITEMS)
    with gzip.open(data / ORDERS, "rt", encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    number = head.index("InvoiceNo")
    begun = {row[number] for row in rows[:-lines]}
    with gzip.open(work / ORDERS, "wt", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *(row for row in rows[-lines:] if row[number] not in begun)])
    return work


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
