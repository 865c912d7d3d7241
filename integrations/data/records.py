"""Objects: keep some fields, rename them, set them, look a value up in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from integrations.context import Context
from integrations.data import INTEGRATION
from integrations.data.expressions import aside, check_length
from integrations.spec import Kind, Model, content, setting
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.templating.values import as_text


class Value(Model):
    """What came of it."""

    value: Any


class Record(Model):
    """An object."""

    value: dict[str, Any]


class PickInput(Model):
    """An object or a list of objects, and which of their fields matter."""

    source: Any = content(
        "Source", help="An object, or a list of objects.", example="{{ steps.fetch.messages }}", widget="any"
    )
    fields: list[str] = setting(
        "Keep", default=[], help="Names of fields; empty: all.", example=["id", "subject"], max_length=200
    )
    drop: list[str] = setting("Leave out", default=[], help="Names of fields.", example=["html"], max_length=200)
    rename: dict[str, str] = setting(
        "Rename",
        default={},
        help="Old name to new name.",
        example={"subject": "title"},
        widget="json",
        max_length=200,
    )


@INTEGRATION.action(
    "pick",
    kind=Kind.PURE,
    input=PickInput,
    output=Value,
    title="Pick and rename fields",
    phrase="picks fields",
    keywords=("object", "select", "columns", "rename", "omit"),
)
async def pick(context: Context[None], values: PickInput) -> Value:
    """Keep some fields of an object, or of each object of a list, and give them other names."""
    if not isinstance(values.source, list):
        return Value(value=_picked(values, values.source, "The source"))
    check_length(values.source)
    rows = values.source

    def work() -> list[Any]:
        return [_picked(values, row, f"Item {number}") for number, row in enumerate(rows, start=1)]

    return Value(value=await aside(context, len(rows), work))


def _picked(values: PickInput, source: Any, what: str) -> dict[str, Any]:
    if not isinstance(source, Mapping):
        raise UserError("E_TYPE", f"{what} is no object with fields.", field="with.source")
    kept = [name for name in values.fields or source if name in source and name not in values.drop]
    return {values.rename.get(name, name): source[name] for name in kept}


class SetInput(Model):
    """Fields, and the object that gets them."""

    fields: dict[str, Any] = content(
        "Fields",
        help="Name to value; values may be expressions.",
        example={"title": "{{ steps.fetch.subject }}", "done": False},
        widget="json",
        max_length=500,
    )
    source: dict[str, Any] = content(
        "In", default={}, help="The object that gets them; empty: a new one.", widget="json"
    )


@INTEGRATION.action(
    "set",
    kind=Kind.PURE,
    input=SetInput,
    output=Record,
    title="Set fields",
    phrase="sets fields",
    keywords=("object", "variables", "assign", "edit"),
)
async def set_(context: Context[None], values: SetInput) -> Record:
    """Make an object from values of the run, or change fields of one; use it to name values for later steps."""
    return Record(value={**values.source, **values.fields})


class LookupInput(Model):
    """A value, and a table that says what belongs to it."""

    value: Any = content("Value", help="What is looked up.", example="{{ steps.fetch.sender.email }}", widget="any")
    table: dict[str, Any] = content(
        "Table",
        help="What belongs to which value.",
        example={"ada@example.com": "octocat/engine", "bob@example.com": "octocat/site"},
        widget="json",
        max_length=2000,
    )
    default: Any = content("Otherwise", default=None, help="Used when the table does not have it.", widget="any")
    ignore_case: bool = setting("Capitals and small letters alike", default=False)


class Lookup(Model):
    """What was found."""

    value: Any
    found: bool


@INTEGRATION.action(
    "lookup",
    kind=Kind.PURE,
    input=LookupInput,
    output=Lookup,
    title="Look up in a table",
    phrase="looks something up in a table",
    keywords=("map", "switch", "translate", "dictionary", "table"),
)
async def lookup(context: Context[None], values: LookupInput) -> Lookup:
    """Find what belongs to a value in a table written in the step, such as a team for each address."""
    fold: Callable[[str], str] = str.casefold if values.ignore_case else str
    table = {fold(key): found for key, found in values.table.items()}
    key = fold(as_text(values.value))
    if key not in table and "default" not in values.model_fields_set:
        raise UserError(
            "E_NOT_FOUND",
            f"The table has nothing for “{key[:80]}”.",
            field="with.value",
            hint="Add it to the table, or say what to use otherwise.",
        )
    return Lookup(value=table.get(key, values.default), found=key in table)
