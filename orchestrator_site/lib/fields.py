"""Model fields of the house: JSON kept as text, so that key order survives on every database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

if TYPE_CHECKING:
    _Text = models.TextField[Any, Any]
else:
    _Text = models.TextField


class JSONText(_Text):
    """A JSON value stored as compact text: key order kept, no per-row validation in the database; None is NULL."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        """Parse what the database holds."""
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        """Values are used as they are; fixtures and forms hand over Python values."""
        return value

    def get_prep_value(self, value: Any) -> str | None:
        """Compact text; non-finite numbers are refused."""
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def value_to_string(self, obj: models.Model) -> Any:
        """For serializers."""
        return self.value_from_object(obj)

    def formfield(self, **kwargs: Any) -> Any:  # type: ignore[override]
        """A textarea that is parsed by the input gate."""
        kwargs.pop("form_class", None)
        kwargs.pop("max_length", None)
        kwargs["widget"] = forms.Textarea
        return CleanJSONField(**{"required": not self.blank, "label": self.verbose_name, **kwargs})


class CleanJSONField(forms.JSONField):
    """A form field that reads JSON through `clean_json`."""

    def prepare_value(self, value: Any) -> Any:
        """Nothing is shown as an empty field."""
        return "" if value is None else super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        """Parse the text; a bad one is a form error with the gate's own sentence."""
        from orchestrator_site.lib.errors import UserError
        from orchestrator_site.lib.json import clean_json

        if value in self.empty_values or self.disabled or not isinstance(value, str):
            return super().to_python(value)
        try:
            return clean_json(value)
        except UserError as problem:
            raise ValidationError(problem.message, code=problem.code) from problem
