"""Whoever goes on with a file in its middle reads what whoever reads it whole does."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import pytest

from segments.transfer.files import START, Table

ROWS = b'email,city\r\nann@post.example,Bath\r\n\r\n"b""en@post.example","two\r\nlines"\nshort\nz\xc3\xb6e@post.example,K\xc3\xb6ln'
OBJECTS = '{"name": "a", "x": "1"}\n\n{"name": "ö", "x": "2"}\n{"name": "c"}\n'.encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", ROWS),
        ("marked.csv", codecs.BOM_UTF8 + ROWS),
        ("packed.csv.gz", gzip.compress(ROWS)),
        ("objects.ndjson", OBJECTS),
    ],
)
def test_reading_goes_on_behind_any_row(tmp_path: Path, name: str, content: bytes):
    path = tmp_path / name
    path.write_bytes(content)
    whole = Table(path)
    marks, records = [START], []
    for record in whole.records():
        records.append(record)
        marks.append(whole.mark)
    assert len(records) >= 3
    for done, mark in enumerate(marks):
        assert list(Table(path).records(mark)) == records[done:]
