"""Lists and objects as rows of a form: one line each, name and value, or the fields of a record. JSON stays possible.

A form that shows rows sends `<field>-as=rows` and one value of each column for each row; an empty row is none. What
cannot be shown in rows (deeper values, one expression for the whole) is shown as JSON, which is always understood.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

ROWS = "rows"
MOST_ROWS = 200
_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Column:
    """One value of each row. `kind` is the JSON type of it, "any" where it may be several."""

    name: str
    label: str
    kind: str = "any"
    choices: tuple[str, ...] = ()
    required: bool = False

    def text(self, value: Any) -> str:
        """A value as it is typed."""
        if value is None:
            return ""
        if self.kind == "array" and isinstance(value, list):
            return ", ".join(map(str, value))
        if isinstance(value, str) and (self.kind == "string" or _meant(value) == value):
            return value
        return json.dumps(value, ensure_ascii=False)

    def value(self, text: str) -> Any:
        """What was meant by it; "" is nothing."""
        if self.kind == "array" and "{{" not in text:
            return [part.strip() for part in text.split(",") if part.strip()]
        return text if self.kind == "string" else _meant(text)

    def fits(self, value: Any) -> bool:
        """Whether a value can be typed into one line and comes back the same."""
        if isinstance(value, str) and "\n" in value:
            return False
        if self.kind == "array":
            flat = isinstance(value, list) and all(isinstance(one, str) and "," not in one for one in value)
            return flat or isinstance(value, str)
        return isinstance(value, str) if self.kind == "string" else isinstance(value, (*_SCALARS, list, dict))


def columns_of(schema: Mapping[str, Any]) -> tuple[str, list[Column]]:
    """How a schema is shown: ("lines" | "pairs" | "records", its columns), or ("", []) for JSON only."""
    if schema.get("type") == "object" and not schema.get("properties"):
        inner = schema.get("additionalProperties")
        kind = "string" if isinstance(inner, dict) and inner.get("type") == "string" else "any"
        return ("pairs", [Column("name", "Name", "string"), Column("value", "Value", kind)]) if inner else ("", [])
    items = schema.get("items")
    if schema.get("type") != "array" or not isinstance(items, dict):
        return "", []
    if items.get("type") in ("string", "integer", "number"):
        return "lines", [Column("row", "Value", str(items["type"]))]
    properties = items.get("properties")
    if not properties or any(name.startswith("$") for name in properties):
        return "", []
    needed = items.get("required", ())
    return "records", [_column(name, part, name in needed) for name, part in properties.items()]


def _column(name: str, part: Mapping[str, Any], required: bool) -> Column:
    kind = part.get("type", "any")
    choices = tuple(str(one) for one in part.get("enum", ()))
    label = str(part.get("title") or name)
    return Column(name, label, kind if isinstance(kind, str) else "any", choices, required)


class RowsWidget(forms.Widget):
    """Rows where the value can be shown so, else a text area with JSON. `as_json` asks for the latter."""

    use_fieldset = True

    def __init__(self, shape: str, columns: list[Column], rows: int, as_json: bool = False) -> None:
        super().__init__({"spellcheck": "false"})
        self.shape, self.columns, self.lines, self.as_json = shape, columns, rows, as_json

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The text of the value: JSON made of the rows, or what stands in the text area."""
        if data.get(f"{name}-as") != ROWS:
            return data.get(name)
        given = {column.name: _all(data, f"{name}-{column.name}") for column in self.columns}
        longest = min(MOST_ROWS, max(map(len, given.values()), default=0))
        rows = [{column.name: _at(given[column.name], number) for column in self.columns} for number in range(longest)]
        made = self._made([row for row in rows if any(row.values())])
        return json.dumps(made, ensure_ascii=False) if made else ""

    def _made(self, rows: list[dict[str, str]]) -> Any:
        if self.shape == "lines":
            return [self.columns[0].value(row["row"]) for row in rows]
        if self.shape == "pairs":
            return {row["name"] or f"value {n}": self.columns[1].value(row["value"]) for n, row in enumerate(rows, 1)}
        return [{c.name: c.value(row[c.name]) for c in self.columns if row[c.name]} for row in rows]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Rows come under names of their own."""
        return name not in data and f"{name}-as" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The rows with an empty one at the end, or the text area."""
        attrs = self.build_attrs(self.attrs, attrs)
        rows = None if self.as_json else self.rows_of(value)
        if rows is None:
            area = forms.Textarea({"rows": self.lines})
            return area.render(name, value, attrs | {"class": f"{attrs.get('class', '')} form-code".strip()})
        blank = {column.name: "" for column in self.columns}
        shown = [[_cell(name, attrs, row, number, column) for column in self.columns] for number, row in
                 enumerate([*rows, blank], 1)]  # fmt: skip
        context = {"name": name, "id": attrs.get("id", ""), "shape": self.shape, "rows": shown, "columns": self.columns}
        return render_to_string("elements/rows.html", context)

    def shows_rows(self, value: Any) -> bool:
        """Whether the value is shown as rows now."""
        return not self.as_json and self.rows_of(value) is not None

    def rows_of(self, value: Any) -> list[dict[str, str]] | None:
        """The cells of each row, None where the value does not go into rows."""
        found = value
        if isinstance(value, str):
            try:
                found = json.loads(value) if value.strip() else []
            except (ValueError, RecursionError):
                return None
        if found in ([], {}, None):
            return []
        if self.shape == "pairs":
            return self._pairs(found)
        if not isinstance(found, list) or len(found) >= MOST_ROWS:
            return None
        rows = [{"row": one} if self.shape == "lines" else one for one in found]
        known = {column.name: column for column in self.columns}
        for row in rows:
            if not isinstance(row, dict) or any(
                key not in known or not known[key].fits(one) for key, one in row.items()
            ):
                return None
        return [{name: column.text(row.get(name)) for name, column in known.items()} for row in rows]

    def _pairs(self, found: Any) -> list[dict[str, str]] | None:
        value = self.columns[1]
        if not isinstance(found, dict) or len(found) >= MOST_ROWS or not all(map(value.fits, found.values())):
            return None
        return [{"name": str(name), "value": value.text(one)} for name, one in found.items()]


def _cell(name: str, attrs: Mapping[str, Any], row: Mapping[str, str], number: int, column: Column) -> dict[str, Any]:
    return {
        "name": f"{name}-{column.name}",
        "id": f"{attrs.get('id', name)}-{number}-{column.name}",
        "label": column.label,
        "spoken": f"{column.label} of row {number}",
        "value": row[column.name],
        "pick": column.kind == "any" or column.name in ("row", "value"),
        "choices": column.choices or (("true", "false") if column.kind == "boolean" else ()),
    }


def _all(data: Any, name: str) -> list[str]:
    if hasattr(data, "getlist"):
        return [str(one) for one in data.getlist(name)]
    value = data.get(name, [])
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _at(values: list[str], number: int) -> str:
    return values[number].strip() if number < len(values) else ""


def _meant(text: str) -> Any:
    """5, true, [1] and "5" in quotes as JSON; everything else is the text itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if value is not None and value == value and value not in (float("inf"), float("-inf")) else text
