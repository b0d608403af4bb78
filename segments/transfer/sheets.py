"""Spreadsheets (XLSX) become tables of comma-separated values, unless they would burst when unpacked."""

from __future__ import annotations

import csv
import datetime as dt
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from segments.transfer.files import MAX_COLUMNS, ZIP
from segments.transfer.types import Unusable

MAX_UNPACKED = 200_000_000
MAX_RATIO = 100
MAX_MEMBERS = 1000
MAX_CELLS = 4_000_000
_BLOCK = 1 << 20
# A small member may well be a hundred times smaller packed; it bursts nothing.
_HARMLESS = 1_000_000
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
# The longest piece of a reference that a block's end may cut in two.
_OVERLAP = 20


def is_spreadsheet(path: Path) -> bool:
    """Whether it is an XLSX file by its content; the name does not matter."""
    with path.open("rb") as stream:
        if stream.read(4) != ZIP:
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def convert(path: Path, to: Path) -> None:
    """Write the first sheet as a table in which a row's line is its number in the sheet. Raises Unusable."""
    _refuse_bombs(path)
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            sheet = book.get_sheet_by_index(0)
            first = sheet.start or (0, 0)
            with to.open("w", encoding="utf-8", newline="") as stream:
                stream.write("\n" * first[0])
                writer = csv.writer(stream, lineterminator="\n")
                for row in sheet.iter_rows():
                    cells = [_cell(value) for value in row]
                    if any(cells):
                        writer.writerow(cells)
                    else:
                        stream.write("\n")
    except (CalamineError, IndexError) as error:
        raise Unusable(_("The spreadsheet cannot be read: %s.") % error) from error


def _refuse_bombs(path: Path) -> None:
    """Unpack every member into nothing, counting; names are never used as paths."""
    packed_size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise Unusable(_("The spreadsheet has more than %d parts; save it as CSV.") % MAX_MEMBERS)
            _refuse_size(sum(member.file_size for member in members), packed_size)
            total = 0
            for member in members:
                largest = _Largest()
                with archive.open(member) as stream:
                    while block := stream.read(_BLOCK):
                        total += len(block)
                        _refuse_size(total, packed_size)
                        if _SHEET.fullmatch(member.filename):
                            largest.see(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise Unusable(_("The spreadsheet is damaged or locked with a password.")) from error


def _refuse_size(unpacked: int, packed: int) -> None:
    if unpacked > MAX_UNPACKED or (unpacked > _HARMLESS and unpacked > packed * MAX_RATIO):
        raise Unusable(_("The spreadsheet would unpack to far more than it seems to hold; save it as CSV."))


class _Largest:
    """The corner of a sheet farthest from A1: reading it takes memory for every cell before that."""

    def __init__(self) -> None:
        self.columns = self.rows = 0
        self._rest = b""

    def see(self, block: bytes) -> None:
        text = self._rest + block
        for letters, digits in set(_REFERENCE.findall(text)):
            column = 0
            for letter in letters:
                column = column * 26 + letter - 64
            self.columns, self.rows = max(self.columns, column), max(self.rows, int(digits))
        self._rest = text[-_OVERLAP:]
        if self.columns > MAX_COLUMNS:
            raise Unusable(
                _("The spreadsheet has more than %d columns; remove those that are not needed.") % MAX_COLUMNS
            )
        if self.columns * self.rows > MAX_CELLS:
            raise Unusable(
                _("The spreadsheet has more than %d million cells; save it as CSV.") % (MAX_CELLS // 1_000_000)
            )


def _cell(value: Any) -> str:
    """A value as it would stand in a file: whole numbers without a point, dates in ISO 8601."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return " ".join(str(value).splitlines())
