"""Files made to hurt or only made badly: read in little memory, refused with the place, and no column ever shifts."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from segments.subscribers.models import AttributeDefinition, QuarantinedValue, Subscriber
from segments.transfer import files
from segments.transfer.models import Rejection

pytestmark = pytest.mark.django_db

FULL = os.environ.get("FULL") == "1"
EMPTY = 10_000_000 if FULL else 60_000
MUCH = 20 * 1024 * 1024


def run(path: Path, *arguments: str) -> dict[str, int]:
    out = io.StringIO()
    call_command("import_subscribers", str(path), "--json", *arguments, stdout=out)
    found: dict[str, int] = json.loads(out.getvalue())
    return found


@pytest.fixture
def file(tmp_path: Path, settings) -> Path:
    settings.VAR = tmp_path
    return tmp_path / "in.csv"


def test_millions_of_empty_lines_take_no_memory_and_the_person_behind_them_is_found(file: Path):
    most = min(EMPTY, files.MAX_ROWS - 10)
    with file.open("w") as stream:
        stream.write("email,first_name\n")
        for _ in range(most // 1000):
            stream.write("\n" * 1000)
        stream.write("ann@post.example,Ann\nnobody,Bob\n")
    tracemalloc.start()
    try:
        said = run(file)
        assert tracemalloc.get_traced_memory()[1] < MUCH
    finally:
        tracemalloc.stop()
    assert (said["created"], said["rejected"]) == (1, 1)
    assert Rejection.objects.get().line == most // 1000 * 1000 + 3


def test_more_lines_than_can_be_are_refused_with_the_line_and_nothing_is_written(file: Path, monkeypatch):
    if not FULL:
        monkeypatch.setattr(files, "MAX_ROWS", EMPTY // 2)
    with file.open("w") as stream:
        stream.write("email,first_name\nann@post.example,Ann\n")
        for _ in range(EMPTY // 1000):
            stream.write("\n" * 1000)
    with pytest.raises(CommandError, match=f"Line {files.MAX_ROWS + 1}: the file is larger") as refused:
        run(file)
    assert refused.value.returncode == 2
    assert not Subscriber.objects.exists()


def test_line_ends_of_several_systems_in_one_file_shift_no_column(file: Path):
    file.write_bytes(
        b"email,first_name,city\r\nann@post.example,Ann,Bath\nbob@post.example,Bob,York\r\n\r\n\n"
        b'cid@post.example,"Cid\r\nJunior","Upper\nSlaughter"\r\nnobody,Dot,Leeds\neve@post.example,Eve,Ely'
    )
    said = run(file)
    assert (said["created"], said["rejected"]) == (4, 1)
    assert Rejection.objects.get().line == 9
    assert set(Subscriber.objects.values_list("email", "first_name", "city")) == {
        ("ann@post.example", "Ann", "Bath"),
        ("bob@post.example", "Bob", "York"),
        ("cid@post.example", "Cid  Junior", "Upper Slaughter"),
        ("eve@post.example", "Eve", "Ely"),
    }


@pytest.mark.parametrize("place", [1, 40])
def test_a_lone_carriage_return_is_said_with_its_line_wherever_it_stands(file: Path, place: int):
    rows = [f"p{number}@post.example,P" for number in range(50)]
    rows[place] += "\rmore@post.example,M"
    file.write_text("email,first_name\n" + "\n".join(rows), newline="")
    with pytest.raises(CommandError, match=f"Line {place + 2}: a lone carriage return"):
        run(file)
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_five_thousand_attributes_are_refused_before_anything_is_written(file: Path, form: str):
    row = {"email": "ann@post.example", **{f"attributes.a{number}": "x" for number in range(5_000)}}
    lines = [",".join(row), ",".join(row.values())] if form == "csv" else [json.dumps(row)]
    file.write_text("\n".join(lines))
    with pytest.raises(CommandError, match="Line 1: the file has 5001 columns; 200 are the most"):
        run(file)
    assert not Subscriber.objects.exists()


def test_one_object_with_five_thousand_names_among_good_ones_is_rejected_alone(file: Path):
    good = [json.dumps({"email": f"p{number}@post.example"}) for number in range(files.FIRST_OBJECTS)]
    bad = json.dumps({"email": "bad@post.example", **{f"a{number}": "x" for number in range(5_000)}})
    proto = json.dumps({"email": "proto@post.example", "__proto__": {"admin": True}})
    file.write_text("\n".join([*good, bad, proto, json.dumps({"email": "last@post.example"})]))
    said = run(file, "--reviewed")
    assert (said["created"], said["rejected"]) == (files.FIRST_OBJECTS + 1, 2)
    assert list(Rejection.objects.order_by("line").values_list("line", flat=True)) == [1001, 1002]
    assert {"__proto__" in reason for reason in Rejection.objects.values_list("reason", flat=True)} == {True, False}


def test_a_value_that_is_too_long_waits_and_one_beyond_all_bounds_refuses_the_file(file: Path):
    AttributeDefinition.objects.create(key="note", label="Note", type="text")
    file.write_text(f"email,attributes.note\nann@post.example,{'x' * 10_241}\nbob@post.example,{'x' * 200}\n")
    said = run(file)
    assert (said["created"], said["quarantined"]) == (2, 1)
    assert QuarantinedValue.objects.get().subscriber.email == "ann@post.example"
    file.write_text(f"email,attributes.note\ncid@post.example,{'x' * 200_000}\n")
    with pytest.raises(CommandError, match="Line 2: a value is longer than 64 KB"):
        run(file)
    assert not Subscriber.objects.filter(email="cid@post.example").exists()
