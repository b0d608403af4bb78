"""Spreadsheets are read, and those that would burst are refused before they do."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from segments.subscribers.models import Subscriber
from segments.transfer import sheets
from segments.transfer.services import create_import, run_import
from segments.transfer.types import Unusable

pytestmark = pytest.mark.django_db

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{OFFICE}"><sheets><sheet name="People" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def cell(place: str, value: object) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def sheet(*rows: tuple[int, list[object]]) -> str:
    lines = "".join(
        f'<row r="{number}">{"".join(cell(f"{chr(65 + n)}{number}", value) for n, value in enumerate(values))}</row>'
        for number, values in rows
    )
    return f"<worksheet {MAIN}><sheetData>{lines}</sheetData></worksheet>"


def book(path: Path, content: str | bytes, more: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in {**PARTS, "xl/worksheets/sheet1.xml": content, **(more or {})}.items():
            archive.writestr(name, part)
    return path


def take(path: Path):
    return create_import(kind="subscribers", name=path.name, path=path, actor="command", keep=True)


def test_the_first_sheet_is_read_and_lines_are_its_row_numbers(tmp_path):
    rows = sheet(
        (1, ["email", "postal_code"]),
        (2, ["ann@post.example", 8010.0]),
        (4, ["bob@post.example", "BS1 4ND"]),
        (5, ["x", 1]),
    )
    job = run_import(take(book(tmp_path / "people.xlsx", rows)))
    assert (job.state, job.rejected) == ("finished", 1)
    assert job.rejections.get().line == 5
    assert dict(Subscriber.objects.values_list("email", "postal_code")) == {
        "ann@post.example": "8010",
        "bob@post.example": "BS1 4ND",
    }


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (b" " * 30_000_000, None, "unpack to far more"),
        (sheet((1, ["email"])), {"xl/media/bomb.bin": b"\0" * 30_000_000}, "unpack to far more"),
        (
            f'<worksheet {MAIN}><sheetData><row r="1">{cell("XFD1048576", "x")}</row></sheetData></worksheet>',
            None,
            "columns",
        ),
        (
            f'<worksheet {MAIN}><sheetData><row r="1">{cell("J1048576", "x")}</row></sheetData></worksheet>',
            None,
            "million cells",
        ),
        ("<worksheet><oops", None, "cannot be read|is empty"),
    ],
    ids=["sheet", "other part", "wide", "tall", "broken"],
)
def test_a_spreadsheet_that_would_burst_is_refused_within_little_memory(tmp_path, content, more, said):
    path = book(tmp_path / "bomb.xlsx", content, more)
    del content, more
    tracemalloc.start()
    with pytest.raises(Unusable, match=said):
        take(path)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_size_that_the_archive_lies_about_is_counted(tmp_path, monkeypatch):
    path = book(tmp_path / "liar.xlsx", b" " * 3_000_000)
    for info in (infos := zipfile.ZipFile(path).infolist()):
        info.file_size = min(info.file_size, 10)
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda self: infos)
    with pytest.raises(Unusable):
        sheets._refuse_bombs(path)


def test_names_in_the_archive_are_never_paths(tmp_path):
    inner = {"../../evil.txt": b"x", "/etc/evil": b"x", "nested.zip": b"PK\x03\x04"}
    job = take(book(tmp_path / "people.xlsx", sheet((1, ["email"]), (2, ["ann@post.example"])), inner))
    assert run_import(job).state == "finished"
    assert not list(tmp_path.parent.rglob("evil*"))


def test_another_archive_is_refused(tmp_path):
    path = tmp_path / "people.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("people.csv", "email\n")
    with pytest.raises(Unusable, match="zip archive"):
        take(path)
