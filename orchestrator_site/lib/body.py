"""Request bodies as typed models: every field named, wrong types and unknown fields refused in one sentence.

    class NewToken(Body):
        name: str = Field(min_length=1, max_length=120)
        scopes: list[Literal["read", "run"]]

    values = read_body(request.data, NewToken)

The same models describe requests and answers in the OpenAPI document (drf-spectacular reads pydantic).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.names import did_you_mean

READ_ONLY = frozenset({"id", "workspace", "workspace_id", "created_at", "created_by", "updated_at", "url"})

_TYPES = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "an object",
    "model": "an object",
    "model_attributes": "an object",
    "uuid": "an id",
    "tuple": "a list",
}
_RANGES = ("greater_than", "less_than", "multiple_of", "finite_number")
_LENGTHS = ("string_too", "too_long", "too_short", "list_too")

B = TypeVar("B", bound="Body")


class Body(BaseModel):
    """Base of request and answer models: strict types, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


def read_body(data: Any, model: type[B], *, read_only: Iterable[str] = READ_ONLY) -> B:
    """Return the body as its model.

    Raises UserError: E_TYPE (also when the body is no object), E_READONLY, E_UNKNOWN_FIELD with the nearest name,
    E_REQUIRED, E_RANGE, E_LENGTH, E_CHOICE; several at once come as `Problems`.
    """
    if not isinstance(data, Mapping):
        raise UserError("E_TYPE", "The body must be an object.", field="body", hint='Send JSON like {"name": "…"}.')
    fields = {info.alias or name for name, info in model.model_fields.items()}
    for name in data:
        if name not in fields and name in read_only:
            raise UserError("E_READONLY", f"{name} is set by the product and cannot be sent.", field=name)
    try:
        return model.model_validate(dict(data))
    except ValidationError as problem:
        raise _as_error([_problem(dict(error), fields) for error in problem.errors()]) from None


def _as_error(problems: list[UserError]) -> UserError:
    return problems[0] if len(problems) == 1 else Problems(problems, code=problems[0].code, message=problems[0].message)


def _problem(error: dict[str, Any], fields: set[str]) -> UserError:
    """One pydantic finding as an error of ours."""
    field = ".".join(str(part) for part in error["loc"]) or "body"
    kind, limits = str(error["type"]), dict(error.get("ctx") or {})
    limit = next((limits[n] for n in ("le", "lt", "ge", "gt", "max_length", "min_length") if n in limits), None)
    if kind == "missing":
        return UserError("E_REQUIRED", f"{field} is required.", field=field)
    if kind == "extra_forbidden":
        hint = did_you_mean(str(error["loc"][-1]), fields) if len(error["loc"]) == 1 else None
        return UserError("E_UNKNOWN_FIELD", f"{field} is not a field here.", field=field, hint=hint)
    if kind in ("literal_error", "enum"):
        known = limits.get("expected", "the listed values")
        return UserError("E_CHOICE", f"{field} must be one of: {known}.", field=field)
    if kind.startswith(_RANGES):
        return UserError("E_RANGE", f"{field} is out of range: {error['msg'].lower()}.", field=field, limit=limit)
    if kind.startswith(_LENGTHS):
        return UserError("E_LENGTH", f"{field} has the wrong length: {error['msg'].lower()}.", field=field, limit=limit)
    expected = next((words for name, words in _TYPES.items() if kind.startswith(name)), None)
    if expected:
        return UserError("E_TYPE", f"{field} must be {expected}.", field=field)
    return UserError("E_INVALID", f"{field}: {error['msg']}.", field=field)
