"""CSV and JSON as text: read into values, written from values."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from integrations.context import Context
from integrations.data import INTEGRATION
from integrations.data.expressions import LIGHT
from integrations.data.numbers import number_or_none, plain_number
from integrations.spec import Kind, Model, content, setting
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import MIB, clean_json
from orchestrator_site.lib.templating.values import as_text

MAX_TEXT = 10 * MIB
MAX_ROWS = 50_000
MAX_COLUMNS = 500
MAX_CELL = MIB
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
BOM = "\ufeff"
Delimiter = Literal["comma", "semicolon", "tab", "pipe"]
ROWS = [{"name": "Ada", "amount": 3}]


class ParseCsvInput(Model):
    """A table as text."""

    text: str = content("Text", help="Up to 10 MB.", example="name;amount\nAda;3", widget="long")
    delimiter: Literal["auto", "comma", "semicolon", "tab", "pipe"] = setting(
        "Columns are separated by", default="auto", help="auto: what the first line uses most."
    )
    header: bool = setting("The first line names the columns", default=True)
    typed: bool = setting(
        "Read numbers, true and false", default=False, help="Else every cell is text, as it is written."
    )


class Table(Model):
    """The rows as objects by column."""

    rows: list[dict[str, Any]]
    columns: list[str]
    count: int


@INTEGRATION.action(
    "parse_csv",
    kind=Kind.PURE,
    input=ParseCsvInput,
    output=Table,
    title="Read CSV",
    phrase="reads a CSV table",
    keywords=("csv", "table", "spreadsheet", "excel", "import"),
)
async def parse_csv(context: Context[None], values: ParseCsvInput) -> Table:
    """Read a table from CSV text: rows become objects, named by the first line, or column_1, column_2."""
    check_size(values.text)
    if len(values.text) < LIGHT * 100:
        return _table(values)
    return await context.calls.blocking(lambda: _table(values))


def check_size(text: str) -> None:
    """Raise E_TOO_LARGE above 10 MB."""
    if len(text) > MAX_TEXT or (not text.isascii() and len(text.encode("utf-8", "replace")) > MAX_TEXT):
        raise UserError(
            "E_TOO_LARGE",
            f"The text is larger than {MAX_TEXT // MIB} MB.",
            field="with.text",
            limit=MAX_TEXT,
            hint="Split it before it comes here.",
        )


def _table(values: ParseCsvInput) -> Table:
    text = values.text.removeprefix(BOM)
    delimiter = DELIMITERS.get(values.delimiter) or _guess(text)
    lines = [line for line in _lines(text, delimiter) if any(line)]
    named = lines[0] if values.header and lines else []
    body = lines[1:] if values.header else lines
    width = max((len(line) for line in [named, *body]), default=0)
    columns = _names(named, width)
    cell = _typed if values.typed else str
    rows = [
        {name: cell(line[place]) if place < len(line) else cell("") for place, name in enumerate(columns)}
        for line in body
    ]
    return Table(rows=rows, columns=columns, count=len(rows))


def _guess(text: str) -> str:
    first = text[:10_000].partition("\n")[0]
    return max(DELIMITERS.values(), key=first.count) if any(first.count(mark) for mark in DELIMITERS.values()) else ","


def _lines(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, line in enumerate(reader, start=1):
            if number > MAX_ROWS + 1 or len(line) > MAX_COLUMNS:
                raise UserError(
                    "E_LENGTH",
                    f"A table has at most {MAX_ROWS:,} rows and {MAX_COLUMNS} columns.",
                    field="with.text",
                    hint="Split it before it comes here.",
                )
            yield line
    except csv.Error as problem:
        raise UserError(
            "E_CSV",
            f"The table cannot be read in line {reader.line_num}: {problem}.",
            field="with.text",
            hint="Look for a quotation mark that is not closed, or choose another separator.",
        ) from None


def _names(given: list[str], width: int) -> list[str]:
    """One name a column, none empty, none twice."""
    names: dict[str, None] = {}
    for place in range(width):
        stem = given[place].strip() if place < len(given) else ""
        stem = stem or f"column_{place + 1}"
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}_{number}", number + 1
        names[name] = None
    return list(names)


def _typed(text: str) -> Any:
    word = text.strip()
    if not word:
        return None
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if len(word) > 1 and word.lstrip("+-").startswith("0") and word.lstrip("+-")[1:2].isdigit():
        return text
    number = number_or_none(word)
    if number is None:
        return text
    return plain_number(number)


class WriteCsvInput(Model):
    """Rows, and how the table is written."""

    rows: list[Any] = content(
        "Rows", help="A list of objects, or of lists.", example=ROWS, widget="json", max_length=MAX_ROWS
    )
    columns: list[str] = setting(
        "Columns", default=[], help="Names in their order; empty: all, as they appear.", max_length=MAX_COLUMNS
    )
    delimiter: Delimiter = setting("Columns are separated by", default="comma")
    header: bool = setting("Write the names of the columns first", default=True)
    bom: bool = setting("Mark as UTF-8 for Excel", default=False, help="Writes a byte order mark at the beginning.")
    formulas: Literal["defuse", "keep"] = setting(
        "Cells that look like formulas",
        default="defuse",
        help="defuse: text that begins with = + - or @ gets an apostrophe, so that no spreadsheet runs it.",
    )


class Written(Model):
    """The text, and how many rows are in it."""

    text: str
    count: int


@INTEGRATION.action(
    "write_csv",
    kind=Kind.PURE,
    input=WriteCsvInput,
    output=Written,
    title="Write CSV",
    phrase="writes a CSV table",
    keywords=("csv", "table", "spreadsheet", "excel", "export"),
)
async def write_csv(context: Context[None], values: WriteCsvInput) -> Written:
    """Write rows as CSV text, ready to be attached or committed."""
    if len(values.rows) <= LIGHT:
        return _written(values)
    return await context.calls.blocking(lambda: _written(values))


def _written(values: WriteCsvInput) -> Written:
    columns = values.columns or _all_columns(values.rows)
    out = io.StringIO()
    out.write(BOM if values.bom else "")
    writer = csv.writer(out, delimiter=DELIMITERS[values.delimiter], lineterminator="\r\n")
    if values.header and columns:
        writer.writerow([_cell(name, values.formulas) for name in columns])
    for number, row in enumerate(values.rows, start=1):
        writer.writerow([_cell(value, values.formulas) for value in _fields(row, columns, number)])
        if out.tell() > MAX_TEXT:
            raise UserError(
                "E_TOO_LARGE",
                "The table is larger than 10 MB.",
                limit=MAX_TEXT,
                hint="Write fewer rows.",
            )
    return Written(text=out.getvalue(), count=len(values.rows))


def _all_columns(rows: list[Any]) -> list[str]:
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, Mapping):
            names.update(dict.fromkeys(row))
        if len(names) > MAX_COLUMNS:
            raise UserError("E_LENGTH", f"A table has at most {MAX_COLUMNS} columns.", field="with.columns")
    return list(names)


def _fields(row: Any, columns: list[str], number: int) -> list[Any]:
    if isinstance(row, Mapping):
        return [row.get(name) for name in columns]
    if isinstance(row, list):
        return row[:MAX_COLUMNS]
    raise UserError("E_TYPE", f"Row {number} is neither an object nor a list.", field="with.rows")


def _cell(value: Any, formulas: str) -> str:
    text = as_text(value)
    risky = formulas == "defuse" and isinstance(value, str) and text.startswith(FORMULA)
    return f"'{text}" if risky and number_or_none(text) is None else text


class ParseJsonInput(Model):
    """JSON as text."""

    text: str = content("Text", help="Up to 10 MB.", example='{"name": "Ada"}', widget="code")


class Parsed(Model):
    """What the text says."""

    value: Any


@INTEGRATION.action(
    "parse_json",
    kind=Kind.PURE,
    input=ParseJsonInput,
    output=Parsed,
    title="Read JSON",
    phrase="reads JSON",
    keywords=("json", "parse", "decode"),
)
async def parse_json(context: Context[None], values: ParseJsonInput) -> Parsed:
    """Read a value from JSON text, also from a model's answer that wraps it in a code fence."""
    check_size(values.text)
    text = _unfenced(values.text.removeprefix(BOM))

    def work() -> Any:
        return clean_json(text, max_bytes=MAX_TEXT, field="text", repair=True)

    return Parsed(value=work() if len(text) < LIGHT * 100 else await context.calls.blocking(work))


def _unfenced(text: str) -> str:
    """The text inside one code fence, where that is all there is."""
    lines = text.strip().splitlines()
    fenced = len(lines) >= 3 and lines[0].strip().lower() in ("```", "```json") and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1]) if fenced else text


class WriteJsonInput(Model):
    """Any value."""

    value: Any = content("Value", example="{{ steps.fetch.messages }}", widget="any")
    pretty: bool = setting("On several lines, indented", default=False)
    sort_keys: bool = setting("Names in alphabetical order", default=False)


class Text(Model):
    """A text."""

    text: str


@INTEGRATION.action(
    "write_json",
    kind=Kind.PURE,
    input=WriteJsonInput,
    output=Text,
    title="Write JSON",
    phrase="writes JSON",
    keywords=("json", "encode", "stringify", "serialize"),
)
async def write_json(context: Context[None], values: WriteJsonInput) -> Text:
    """Write any value as JSON text."""
    shape: dict[str, Any] = {"indent": 2} if values.pretty else {"separators": (",", ":")}
    text = json.dumps(values.value, ensure_ascii=False, allow_nan=False, sort_keys=values.sort_keys, **shape)
    return Text(text=text)
