"""What a value looks like before there is one: text, a list of …, an object with …; from pydantic models. Pure."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from orchestrator_site.lib.json import JSONValue


@dataclass(frozen=True)
class Shape:
    """`kind` is any, text, number, boolean, list or object; an object without `fields` may have any.

    `maybe`: it may not be there at all; `nullable`: it is there but may be null, so nothing inside it is sure.
    """

    kind: str = "any"
    fields: Mapping[str, Shape] | None = None
    item: Shape | None = None
    maybe: bool = False
    nullable: bool = False
    help: str = field(default="", compare=False)

    @property
    def words(self) -> str:
        """For sentences: "a list", "text"."""
        return {"any": "any value", "boolean": "true or false", "number": "a number", "text": "text"}.get(
            self.kind, "a list" if self.kind == "list" else "an object"
        )


ANY = Shape()
TEXT = Shape("text")
NUMBER = Shape("number")
BOOLEAN = Shape("boolean")
OBJECT = Shape("object")
INPUT_SHAPES: dict[str, Shape] = {
    "text": TEXT,
    "long_text": TEXT,
    "number": NUMBER,
    "integer": NUMBER,
    "boolean": BOOLEAN,
    "choice": TEXT,
    "date": TEXT,
    "datetime": TEXT,
    "json": ANY,
    "list": Shape("list", item=ANY),
    "file": OBJECT,
}


@cache
def model_shape(model: type[BaseModel]) -> Shape:
    """The shape of a model's JSON."""
    fields = {
        info.alias or name: replace(_shape(info.annotation), help=info.description or info.title or "")
        for name, info in model.model_fields.items()
    }
    return Shape("object", fields=fields)


def _shape(annotation: Any) -> Shape:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _shape(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        kinds = [_shape(arg) for arg in get_args(annotation) if arg is not type(None)]
        return kinds[0] if all(kind == kinds[0] for kind in kinds) else ANY
    if origin in (list, tuple, set, frozenset):
        arguments = get_args(annotation)
        return Shape("list", item=_shape(arguments[0]) if arguments else ANY)
    if origin is dict or annotation is dict:
        return OBJECT
    if origin is Literal:
        return value_shape(get_args(annotation)[0])
    return _plain(annotation)


def _plain(annotation: Any) -> Shape:
    if not isinstance(annotation, type):
        return ANY
    if issubclass(annotation, BaseModel):
        return model_shape(annotation)
    if issubclass(annotation, bool):
        return BOOLEAN
    if issubclass(annotation, (int, float)):
        return NUMBER
    if issubclass(annotation, (str, date, Enum)):
        return TEXT
    if issubclass(annotation, (list, tuple)):
        return Shape("list", item=ANY)
    return ANY if not issubclass(annotation, Decimal) else NUMBER


def value_shape(value: JSONValue) -> Shape:
    """The shape of a value that is there already (a variable, a default)."""
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, (int, float)):
        return NUMBER
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list):
        return Shape("list", item=ANY)
    if isinstance(value, dict):
        return Shape("object", fields={name: value_shape(item) for name, item in value.items()})
    return ANY
