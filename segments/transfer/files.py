"""Reading tables that strangers made: streamed, bounded, and every fault said with its place.

They are comma-separated values under a header, or JSON objects, one a line, whose names are the columns.

A file is read twice. The first reading finds whatever makes it unusable before anything is written and counts the rows,
and, where several rows are one thing, learns where each thing is named for the last time; the second hands out the rows
of one thing together as soon as they are complete.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _

from segments.transfer.types import Group, Mark, Preview, Record, Unusable

MAX_BYTES = 1_000_000_000
MAX_ROWS = 5_000_000
MAX_COLUMNS = 200
MAX_FIELD = 65_536
MAX_LINE = 1_000_000
START = Mark()
FIRST_OBJECTS = 1000
_GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
_WIDE = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class Table:
    """A file of rows under a header. Raises Unusable, at once or while reading, when it cannot be read to its end."""

    def __init__(self, path: Path, encoding: str = "utf-8-sig") -> None:
        self.path = path
        self.mark = START
        self.encoding = _line_encoding(encoding)
        with self._lines() as lines:
            first = next(lines, "")
        self.objects = first.lstrip().startswith("{")
        self.delimiter = max(",;\t", key=first.count)
        with self._lines() as lines:
            header = Record(1, _names(lines)) if self.objects else next(self._parsed(lines), None)
        if header is None:
            raise Unusable(_("The file is empty."))
        self.header = [name.strip() for name in header.values]
        if len(self.header) > MAX_COLUMNS:
            raise Unusable(
                _("Line 1: the file has %(found)d columns; %(limit)d are the most.")
                % {"found": len(self.header), "limit": MAX_COLUMNS}
            )
        twice = sorted({name for name in self.header if self.header.count(name) > 1})
        if twice:
            raise Unusable(_("Line 1: the column “%s” stands twice in the header.") % twice[0])

    def records(self, after: Mark = START) -> Iterator[Record]:
        """The rows, empty lines left out. A row with more or fewer values than the header has a problem.

        ``mark`` is the place behind the row given last; ``after`` such a mark the rows go on.
        """
        width = len(self.header)
        with self._lines(after) as lines:
            if self.objects:
                numbered = enumerate(lines, after.lines + 1)
                yield from (_of_object(number, line, self.header) for number, line in numbered if line.strip())
                return
            parsed = self._parsed(lines, after)
            if after == START:
                next(parsed, None)
            for record in parsed:
                if len(record.values) == width:
                    yield record
                else:
                    problem = _("has %(found)d values where the header has %(wanted)d") % {
                        "found": len(record.values),
                        "wanted": width,
                    }
                    yield Record(record.line, record.values, problem)

    def preview(self, rows: int) -> Preview:
        """The first rows and what is wrong with them."""
        found = list(islice(self.records(), rows))
        problems = [
            _("Line %(line)d %(problem)s.") % {"line": one.line, "problem": one.problem} for one in found if one.problem
        ]
        return Preview(self.header, [one.values for one in found], problems)

    def last_lines(self, key: Callable[[Record], str]) -> dict[str, int]:
        """The line on which each key stands last; the empty key is left out."""
        return {name: record.line for record in self.records() if (name := key(record))}

    def groups(self, key: Callable[[Record], str], last: Mapping[str, int]) -> Iterator[Group]:
        """The rows of one key together, as soon as the last of them is read; rows with an empty key alone."""
        waiting: defaultdict[str, list[Record]] = defaultdict(list)
        for record in self.records():
            name = key(record)
            if not name:
                yield [record]
                continue
            waiting[name].append(record)
            if last.get(name) == record.line:
                yield waiting.pop(name)

    def _parsed(self, lines: Iterator[str], after: Mark = START) -> Iterator[Record]:
        csv.field_size_limit(MAX_FIELD)
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        begins = after.lines + 1
        try:
            for values in reader:
                if values:
                    yield Record(begins, values)
                begins = after.lines + reader.line_num + 1
        except csv.Error as error:
            raise Unusable(_said(str(error), begins)) from error

    @contextmanager
    def _lines(self, after: Mark = START) -> Iterator[Iterator[str]]:
        try:
            with self.path.open("rb") as raw:
                start = raw.read(4)
                raw.seek(0)
                _refuse_foreign(start)
                stream: IO[bytes] = (
                    io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 20) if start.startswith(_GZIP) else raw
                )
                stream.seek(after.size)
                yield self._decoded(stream, after)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise Unusable(_("The file is not a whole gzip file: it is damaged or cut off.")) from error
        except OSError as error:
            raise Unusable(_("The file cannot be read: %s.") % (error.strerror or error)) from error

    def _decoded(self, stream: IO[bytes], after: Mark) -> Iterator[str]:
        size = after.size
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=after.lines + 1):
            size += len(line)
            self.mark = Mark(number, size)
            if len(line) > MAX_LINE:
                raise Unusable(_("Line %d is longer than 1 MB. Is this a table of comma-separated values?") % number)
            if size > MAX_BYTES or number > MAX_ROWS:
                raise Unusable(_("Line %d: the file is larger than 1 GB or 5 million lines; split it.") % number)
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8) if self.encoding == "utf-8" else line
                _refuse_foreign(line[:4])
            if (place := line.find(b"\0")) >= 0:
                raise Unusable(
                    _("Line %(line)d, byte %(byte)d: a NUL byte; the file is damaged or not a text file.")
                    % {"line": number, "byte": place + 1}
                )
            try:
                yield line.decode(self.encoding)
            except UnicodeDecodeError as error:
                raise Unusable(
                    _(
                        "Line %(line)d, byte %(byte)d: the byte 0x%(value)02X is not %(encoding)s. "
                        "Name the file's encoding, such as --encoding cp1252."
                    )
                    % {
                        "line": number,
                        "byte": error.start + 1,
                        "value": line[error.start],
                        "encoding": self.encoding,
                    }
                ) from error


def _names(lines: Iterator[str]) -> list[str]:
    """The columns of a file with one JSON object a line: all names in its first objects, in the order of coming."""
    found: dict[str, None] = {}
    for line in islice(lines, FIRST_OBJECTS):
        with suppress(ValueError, RecursionError):
            read = json.loads(line)
            found.update(dict.fromkeys(read) if isinstance(read, dict) else {})
    return list(found)


def _of_object(line: int, text: str, header: Sequence[str]) -> Record:
    """A JSON object as a row: texts as they are, everything else as JSON."""
    try:
        read = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Record(line, [text[:MAX_FIELD]], _("is not a JSON object"))
    if not isinstance(read, dict):
        return Record(line, [text[:MAX_FIELD]], _("is not a JSON object"))
    values = ["" if (value := read.get(name)) is None else _plain(value) for name in header]
    if any(len(value) > MAX_FIELD for value in values):
        return Record(line, [""] * len(header), _("has a value longer than 64 KB"))
    if strange := sorted(set(read) - set(header)):
        return Record(line, values, _("has the name “%s”, which the first objects have not") % strange[0][:40])
    return Record(line, values)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _line_encoding(name: str) -> str:
    """The encoding by its plain name; only those whose lines can be told apart by bytes."""
    try:
        found = codecs.lookup(name).name
        plain = b',"\n'.decode(found) == ',"\n'
    except (LookupError, UnicodeError):
        plain = False
    if not plain:
        raise Unusable(_("The encoding “%s” is not known or not read line by line; save the file as UTF-8.") % name)
    return found.removesuffix("-sig")


def _refuse_foreign(start: bytes) -> None:
    if start.startswith(ZIP):
        raise Unusable(_("The file is a zip archive; unpack it first."))
    for mark, name in _WIDE.items():
        if start.startswith(mark):
            raise Unusable(_("The file is in %s; save it as UTF-8.") % name)


def _said(error: str, line: int) -> str:
    """The words of the csv module, said with the place."""
    if "field larger" in error:
        return _("Line %d: a value is longer than 64 KB. Is a quote opened there and never closed?") % line
    if "unexpected end" in error:
        return _("Line %d: a quote is opened there and never closed.") % line
    if "expected after" in error:
        return _("Line %d: there is text after a closing quote; quotes inside a value are written twice.") % line
    if "new-line" in error:
        return _("Line %d: a lone carriage return ends the line; save the file with usual line ends.") % line
    return _("Line %(line)d: %(error)s.") % {"line": line, "error": error}
