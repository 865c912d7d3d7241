"""Many runs at once: a table read into inputs, all started or none; finding the runs of a batch and how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from accounts.actor import Actor
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json, clean_value
from orchestrator_site.lib.tables import Line, Table, read_table
from workflows.engine.definition import InputSpec
from workflows.engine.findings import DefinitionProblems
from workflows.engine.inputs import check_inputs
from workflows.engine.newrun import facts_of
from workflows.models import Run, Workflow
from workflows.models.run import TERMINAL
from workflows.operations.starting import BATCH, MOST_BATCH, choose_version

TRUE, FALSE = ("true", "yes", "1", "x"), ("false", "no", "0")


@dataclass(frozen=True)
class Column:
    """A column of the table, and the input that it fills ("" = left out)."""

    name: str
    input: str


@dataclass(frozen=True)
class SheetRow:
    """A row as inputs, and what is wrong with it."""

    number: int
    inputs: dict[str, Any]
    cells: tuple[str, ...]
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sheet:
    """A table read for one workflow."""

    columns: list[Column]
    rows: list[SheetRow]
    problems: list[str]

    @property
    def wrong(self) -> list[SheetRow]:
        """The rows that cannot start."""
        return [row for row in self.rows if row.errors]

    @property
    def is_ready(self) -> bool:
        """Whether all rows can start."""
        return not self.problems and not self.wrong


def read_sheet(actor: Actor, workflow: Workflow, raw: bytes | str, mapping: Sequence[str] | None = None) -> Sheet:
    """A table's rows as inputs of the published version, each checked; `mapping` names each column's input.

    Without a mapping a column fills the input of the same name or label. Raises UserError for what is no table, or for
    a workflow that cannot be run.
    """
    actor.require("run")
    specs = facts_of(choose_version(actor, workflow, None)).inputs
    table = read_table(raw, max_rows=MOST_BATCH)
    columns = _mapped(table, specs, mapping)
    problems = _column_problems(columns, specs)
    rows = [_row(line, columns, specs, checked=not problems) for line in table.lines]
    return Sheet(columns, rows, problems)


def _mapped(table: Table, specs: Sequence[InputSpec], mapping: Sequence[str] | None) -> list[Column]:
    if mapping is not None:
        known = {spec.name for spec in specs}
        wanted = [*mapping, *[""] * len(table.columns)]
        return [Column(name, wanted[at] if wanted[at] in known else "") for at, name in enumerate(table.columns)]
    names = {_plain(text): spec.name for spec in reversed(specs) for text in (spec.title, spec.name)}
    return [Column(name, names.get(_plain(name), "")) for name in table.columns]


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _column_problems(columns: list[Column], specs: Sequence[InputSpec]) -> list[str]:
    filled = [column.input for column in columns if column.input]
    said = []
    for spec in specs:
        if filled.count(spec.name) > 1:
            said.append(f"Two columns fill “{spec.title}”: leave one of them out.")
        elif spec.required and not spec.has_default and spec.name not in filled:
            said.append(f"No column fills “{spec.title}”, which is required.")
    return said


def _row(line: Line, columns: list[Column], specs: Sequence[InputSpec], *, checked: bool) -> SheetRow:
    by_name = {spec.name: spec for spec in specs}
    inputs: dict[str, Any] = {}
    errors = []
    extra = [cell for cell in line.cells[len(columns) :] if cell.strip()]
    if extra:
        errors.append(f"has {len(line.cells)} cells, but there are {len(columns)} columns")
    for column, cell in zip(columns, line.cells, strict=False):
        if not column.input or not cell.strip():
            continue
        try:
            inputs[column.input] = _value(by_name[column.input], cell)
        except UserError as problem:
            errors.append(problem.message)
    if checked and not errors:
        errors += _complaints(inputs, specs)
    return SheetRow(line.number, inputs, line.cells, errors)


def _complaints(inputs: Mapping[str, Any], specs: Sequence[InputSpec]) -> list[str]:
    try:
        check_inputs(specs, inputs)
        clean_value(dict(inputs), field="inputs")
    except DefinitionProblems as wrong:
        return [problem.message for problem in wrong.found]
    except UserError as problem:
        return [problem.message]
    return []


def _value(spec: InputSpec, cell: str) -> Any:
    """A cell as a value of its input's type; text stays as it is, formulas too."""
    if spec.type in ("text", "long_text"):
        return cell
    text = cell.strip()
    if spec.type == "choice":
        return next((option for option in spec.options if option.casefold() == text.casefold()), text)
    if spec.type == "boolean":
        if text.casefold() in (*TRUE, *FALSE):
            return text.casefold() in TRUE
        raise UserError("E_TYPE", f"{spec.title} must be true or false, not “{text[:40]}”.")
    if spec.type in ("number", "integer", "list", "json", "file"):
        return _json(spec, text)
    return text


def _json(spec: InputSpec, text: str) -> Any:
    wanted = {"number": "a number like 12.5", "integer": "a whole number", "list": 'a list like ["a", "b"]'}
    wanted["file"] = 'the value of an uploaded file, {"$file": …}'
    try:
        return clean_json(text, field=spec.name)
    except UserError:
        if spec.type == "json":
            return text
        raise UserError("E_TYPE", f"{spec.title} must be {wanted[spec.type]}, not “{text[:40]}”.") from None


# Batches that have been started


def batch_of(run: Run) -> str | None:
    """The id of the batch that a run was started in."""
    return run.trigger_id.removeprefix(BATCH) if run.trigger_id.startswith(BATCH) else None


def batch_id(text: str) -> UUID:
    """A batch's id as it was sent. Raises UserError."""
    try:
        return UUID(text)
    except ValueError:
        raise UserError("E_TYPE", "batch must be the id of a batch.", field="batch") from None


def progress(rows: QuerySet[Run]) -> dict[str, int]:
    """How many of these runs there are, have ended, and are in each state."""
    counts = dict(rows.order_by().values_list("status").annotate(count=Count("pk")))
    total = sum(counts.values())
    return {"total": total, "ended": sum(counts.get(status, 0) for status in TERMINAL), **counts}
