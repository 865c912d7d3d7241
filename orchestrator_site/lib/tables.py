"""Tables as text: CSV as spreadsheets write it, read into numbered rows; and cells that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator_site.lib.errors import TooLarge, UserError
from orchestrator_site.lib.json import MIB, clean_text, dumps

DELIMITERS = (",", ";", "\t")
MAX_COLUMNS = 200
MAX_CELL = 131_072
_SAID = re.compile(r"^sep=([,;\t])\r?\n", re.I)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")


@dataclass(frozen=True)
class Line:
    """One row; `number` is the one a spreadsheet shows beside it (the header is 1)."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A header and its rows."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    delimiter: str


def read_table(raw: bytes | str, *, max_rows: int, max_bytes: int = MIB, field: str = "table") -> Table:
    """Read CSV with a header: commas, semicolons or tabs; UTF-8, UTF-16 or Windows' Latin; empty lines are passed over.

    Cells are text, formulas too. Raises UserError: E_TOO_LARGE, E_CSV, E_LENGTH, E_REQUIRED, E_TEXT_CONTROL.
    """
    text = table_text(raw, max_bytes=max_bytes, field=field)
    said = _SAID.match(text)
    text = text[said.end() :] if said else text
    delimiter = said[1] if said else _delimiter(text)
    lines = [line for line in _lines(text, delimiter, max_rows, field) if any(cell.strip() for cell in line.cells)]
    if not lines:
        hint = "Its first row names the columns."
        raise UserError("E_REQUIRED", "There is nothing in this table.", field=field, hint=hint)
    columns = tuple(name.strip() for name in lines[0].cells)
    _check_columns(columns, field)
    if len(lines) == 1:
        raise UserError("E_REQUIRED", "There is no row below the names of the columns.", field=field)
    return Table(columns, tuple(lines[1:]), delimiter)


def table_text(raw: bytes | str, *, max_bytes: int = MIB, field: str = "table") -> str:
    """A table's bytes as text, whatever wrote them. Raises TooLarge."""
    text = raw
    if isinstance(raw, bytes):
        _check_size(len(raw), max_bytes, field)
        text = _decoded(raw)
    assert isinstance(text, str)
    _check_size(len(text.encode("utf-8", "surrogatepass")), max_bytes, field)
    return text.removeprefix("\ufeff")


def _check_size(size: int, most: int, field: str) -> None:
    if size > most:
        text = f"This table has {size:,} bytes; at most {most:,} are taken."
        raise TooLarge(text, field=field, limit=most, hint="Split it into several.")


def defused(value: Any) -> str:
    """A value as a cell; text that a spreadsheet would run as a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return dumps(value)
    return f"'{value}" if value.startswith(_FORMULA) and not _NUMBER.match(value) else value


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    head = raw[:64]
    if len(head) >= 4 and head.count(0) * 5 >= len(head) * 2:
        return raw.decode("utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be", "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _delimiter(text: str) -> str:
    """The mark that separates most cells of the first row, outside of quotation marks."""
    counts = dict.fromkeys(DELIMITERS, 0)
    quoted = False
    for letter in text[:20_000]:
        if letter == '"':
            quoted = not quoted
        elif not quoted and letter in "\r\n" and any(counts.values()):
            break
        elif not quoted and letter in counts:
            counts[letter] += 1
    return max(DELIMITERS, key=lambda mark: counts[mark])


def _lines(text: str, delimiter: str, max_rows: int, field: str) -> Iterator[Line]:
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    full = 0
    try:
        for number, cells in enumerate(reader, start=1):
            full += any(cells)
            if full > max_rows + 1 or len(cells) > MAX_COLUMNS:
                words = f"A table has at most {max_rows:,} rows and {MAX_COLUMNS} columns."
                raise UserError("E_LENGTH", words, field=field, limit=max_rows, hint="Split it into several.")
            for cell in cells:
                clean_text(cell, field=f"row {number}")
            yield Line(number, tuple(cells))
    except csv.Error as problem:
        words = f"The table cannot be read in line {reader.line_num}: {problem}."
        raise UserError("E_CSV", words, field=field, hint="Look for a quotation mark that is not closed.") from None


def _check_columns(columns: tuple[str, ...], field: str) -> None:
    seen: set[str] = set()
    for number, name in enumerate(columns, start=1):
        if name and name.casefold() in seen:
            words = f"Two columns are called “{name[:60]}”."
            raise UserError("E_CSV", words, field=field, hint="Give one of them another name.")
        if not name and any(columns[number:]):
            hint = "The first row names the columns."
            raise UserError("E_CSV", f"Column {number} has no name.", field=field, hint=hint)
        seen.add(name.casefold())
