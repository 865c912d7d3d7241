"""Short texts of people: names and e-mail addresses, checked the same way for pages, API and commands."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_text


def clean_line(value: object, *, field: str, high: int, low: int = 1) -> str:
    """One line of text, trimmed. Raises UserError (E_TYPE, E_LENGTH, E_TEXT_CONTROL)."""
    if not isinstance(value, str):
        raise UserError("E_TYPE", f"{field} must be text.", field=field)
    text = clean_text(value, field=field).strip()
    if "\n" in text or "\r" in text or "\t" in text:
        raise UserError("E_TEXT_CONTROL", f"{field} must be a single line.", field=field)
    if not low <= len(text) <= high:
        raise UserError("E_LENGTH", f"{field} must have {low} to {high} characters.", field=field, limit=high)
    return text


def clean_email(value: object, *, field: str = "email") -> str:
    """An e-mail address in lower case. Raises UserError (E_TYPE, E_LENGTH, E_ADDRESS)."""
    text = clean_line(value, field=field, high=254).lower()
    try:
        validate_email(text)
    except ValidationError:
        raise UserError(
            "E_ADDRESS", f"{text[:80]!r} is not an e-mail address.", field=field, hint="For example mara@example.com."
        )
    return text
