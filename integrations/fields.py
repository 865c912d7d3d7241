"""Which form field an input gets: from its type, its choices and its `widget`. Every one also takes an expression."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from integrations.rows import RowsWidget, columns_of
from orchestrator_site.lib import templating
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.fields import CleanJSONField
from orchestrator_site.lib.json import clean_text

LONG = {"long": 6, "markdown": 10, "code": 10, "json": 4, "any": 3}
MAX_TEXT = 65_536


@dataclass(frozen=True)
class InputField:
    """One input as a form shows it."""

    name: str
    schema: dict[str, Any]
    required: bool
    plain: bool = False
    """Shown as text: JSON in place of rows, a text field in place of a list of choices."""

    @property
    def role(self) -> str:
        """content, target or setting."""
        return str(self.schema.get("x-role", "content"))

    @property
    def widget(self) -> str:
        """The widget asked for by the declaration, or ""."""
        return str(self.schema.get("x-widget", ""))

    @property
    def kind(self) -> str:
        """The JSON type, or "any"."""
        kind = self.schema.get("type", "any")
        return kind if isinstance(kind, str) else "any"

    @property
    def choices(self) -> list[str]:
        """The values of a closed list."""
        found = self.schema.get("enum") or ([self.schema["const"]] if "const" in self.schema else [])
        return [str(value) for value in found]


def is_expression(value: Any) -> bool:
    """Whether a value is text with a placeholder in it."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def form_field(field: InputField) -> forms.Field:
    """The Django field of an input: literal of its type, or an expression."""
    help_text = str(field.schema.get("description", ""))
    example = field.schema.get("x-example")
    if example not in (None, "") and not field.choices:
        shown = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
        help_text = f"{help_text} Example: {shown}".strip()
    label = str(field.schema.get("title", field.name))
    common: dict[str, Any] = {"label": label, "help_text": help_text, "required": field.required}
    made: forms.Field = _KINDS.get(field.kind, JSONOrExpression)(field, **common)
    made.widget.attrs.update({"data-role": field.role, "data-type": field.kind})
    if field.widget:
        made.widget.attrs["data-widget"] = field.widget
    return made


class TextOrExpression(forms.CharField):
    """Text; it may hold placeholders anywhere."""

    def __init__(self, field: InputField, **kwargs: Any) -> None:
        self.input = field
        rows = LONG.get(field.widget)
        kwargs["widget"] = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
        super().__init__(strip=False, **kwargs)

    def clean(self, value: Any) -> Any:
        """The text through the gate, its template compiled."""
        text = super().clean(value)
        if text in self.empty_values:
            return None
        check_text(text)
        if not is_expression(text):
            _check_length(text, self.input.schema)
        return text


class NumberOrExpression(forms.CharField):
    """A number in its limits, or an expression that will give one."""

    def __init__(self, field: InputField, **kwargs: Any) -> None:
        self.input = field
        attrs = {"inputmode": "numeric" if field.kind == "integer" else "decimal"}
        super().__init__(strip=True, widget=forms.TextInput(attrs=attrs), **kwargs)

    def clean(self, value: Any) -> Any:
        """An int or float, or the expression."""
        text = super().clean(value)
        if text in self.empty_values:
            return None
        if is_expression(text):
            return check_text(text)
        return _in_range(_number(text, whole=self.input.kind == "integer"), self.input.schema)


class ChoiceOrExpression(forms.CharField):
    """One of a few words, or an expression: a text field with suggestions where JavaScript is off, too."""

    def __init__(self, field: InputField, **kwargs: Any) -> None:
        self.input = field
        super().__init__(strip=True, **kwargs)
        self.set_value("")

    def set_value(self, value: Any) -> None:
        """Offer the choices, and the stored expression as one more."""
        options = [(choice, choice) for choice in self.input.choices]
        if not self.required:
            options.insert(0, ("", "–"))
        if is_expression(value):
            options.append((value, value))
        self.widget = forms.TextInput() if self.input.plain else forms.Select(choices=options)
        self.widget.is_required = self.required

    def clean(self, value: Any) -> Any:
        """A choice, or the expression."""
        text = super().clean(value)
        if text in self.empty_values:
            return None
        if is_expression(text):
            return check_text(text)
        if text not in self.input.choices:
            raise ValidationError(f"Choose one of: {', '.join(self.input.choices)}.", code="E_CHOICE")
        return text


class BooleanOrExpression(ChoiceOrExpression):
    """Yes or no, or an expression."""

    def __init__(self, field: InputField, **kwargs: Any) -> None:
        super().__init__(replace(field, schema={**field.schema, "enum": ["true", "false"]}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """true and false as words."""
        return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value

    def clean(self, value: Any) -> Any:
        """A bool, or the expression."""
        text = super().clean(value)
        return {"true": True, "false": False}.get(text, text) if isinstance(text, str) else text


class _Typed(str):
    """Text from the form, in contrast to a stored value."""

    __slots__ = ()


class JSONOrExpression(CleanJSONField):
    """A list, an object or any value as JSON; text that is an expression stays text, with placeholders inside JSON."""

    def __init__(self, field: InputField, **kwargs: Any) -> None:
        self.input = field
        rows, (shape, columns) = LONG.get(field.widget, 3), columns_of(field.schema)
        widget: forms.Widget = forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})
        if shape:
            widget = RowsWidget(shape, columns, rows, as_json=field.plain)
        super().__init__(widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """JSON for people; expressions and what was typed as they are."""
        if value is None or isinstance(value, _Typed):
            return value or ""
        if isinstance(value, str) and (is_expression(value) or not _is_json(value)):
            return value
        return json.dumps(value, ensure_ascii=False, indent=2)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed stays as it was typed."""
        return _Typed(data) if isinstance(data, str) else data

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compared by the operation, not here."""
        return True

    def clean(self, value: Any) -> Any:
        """The value; an expression alone; a list of texts may also be typed one a line."""
        text = value.strip() if isinstance(value, str) else value
        if text in self.empty_values:
            if self.required:
                raise ValidationError(self.error_messages["required"], code="required")
            return None
        if is_expression(text) and (text[:1] not in '[{"' or text[:2] in ("{{", "{%")):
            return check_text(text)
        if isinstance(text, str) and self.input.kind == "array" and text[:1] not in "[{":
            return [check_text(line.strip()) for line in text.splitlines() if line.strip()]
        if isinstance(text, str) and self.input.kind == "any" and not _is_json(text):
            return check_text(text)
        return self._checked(super().clean(text))

    def validate(self, value: Any) -> None:
        """An empty list or object is a value."""

    def _checked(self, value: Any) -> Any:
        expected = {"array": list, "object": dict}.get(self.input.kind)
        if expected and not isinstance(value, expected):
            words = "a list, like [1, 2]" if expected is list else 'an object, like {"name": "value"}'
            raise ValidationError(f"This must be {words}.", code="E_TYPE")
        for text in _texts(value):
            check_text(text)
        return value


def check_text(text: str) -> str:
    """A text with its placeholders: control characters and templates that cannot be read are form errors."""
    try:
        clean_text(text, max_length=MAX_TEXT)
        if is_expression(text):
            templating.compile(text)
    except UserError as problem:
        raise ValidationError(" ".join(filter(None, (problem.message, problem.hint))), code=problem.code) from problem
    return text


def _texts(value: Any) -> list[str]:
    found, todo = [], [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _number(text: str, *, whole: bool) -> int | float:
    try:
        if len(text) > 40:
            raise ValueError(text)
        value = int(text) if whole else float(text)
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(text)
    except ValueError:
        raise ValidationError("This must be a whole number." if whole else "This must be a number.", code="E_TYPE")
    return value if whole or value != int(value) else int(value)


def _in_range(value: int | float, schema: dict[str, Any]) -> int | float:
    low, high = schema.get("minimum"), schema.get("maximum")
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"from {low:,} to {high:,}" if None not in (low, high) else f"at least {low:,}"
        if low is None:
            bounds = f"at most {high:,}"
        raise ValidationError(f"This must be {bounds}.", code="E_RANGE")
    return value


def _check_length(text: str, schema: dict[str, Any]) -> None:
    longest = schema.get("maxLength")
    if longest is not None and len(text) > longest:
        raise ValidationError(f"This has {len(text):,} characters; at most {longest:,} fit.", code="E_LENGTH")


_KINDS: dict[str, Any] = {
    "string": lambda field, **kw: (ChoiceOrExpression if field.choices else TextOrExpression)(field, **kw),
    "integer": NumberOrExpression,
    "number": NumberOrExpression,
    "boolean": BooleanOrExpression,
    "array": JSONOrExpression,
    "object": JSONOrExpression,
}
