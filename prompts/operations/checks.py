"""What a prompt may look like: names, texts and numbers, each with the sentence that says what is wrong."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_text
from orchestrator_site.lib.names import KEY_PATTERN, is_key, slugify_key
from orchestrator_site.lib.templating import MAX_SOURCE
from prompts.rendering import variables_of

if TYPE_CHECKING:
    from prompts.operations.library import Text

MAX_TEMPERATURE = 2.0
MAX_TOKENS = 1_000_000


def check_slug(slug: str, field: str = "slug") -> None:
    """A key: lower case letters, digits and underscores."""
    if not is_key(slug):
        raise UserError(
            "E_KEY",
            f"“{clean_text(slug[:60], field=field)}” cannot be a key.",
            field=field,
            limit=KEY_PATTERN,
            hint=f"Write {slugify_key(slug, fallback='prompt')}.",
        )


def check_name(name: str) -> str:
    """A name of 1 to 120 characters, without space around it."""
    name = clean_text(name, field="name").strip()
    if not 1 <= len(name) <= 120:
        raise UserError("E_LENGTH", "A name has 1 to 120 characters.", field="name", limit=120)
    return name


def check_text(text: Text) -> None:
    """Templates that compile, a model name that fits, numbers in their range. Raises UserError naming the field."""
    if not text.user_template.strip():
        raise UserError(
            "E_REQUIRED", "The prompt has no text.", field="user_template", hint="Write what the model is asked."
        )
    for field in ("system", "user_template"):
        _check_template(getattr(text, field), field)
    clean_text(text.model, field="model", max_length=100)
    if text.temperature is not None:
        _check_temperature(text.temperature)
    if text.max_tokens is not None:
        _check_max_tokens(text.max_tokens)
    for name in text.declared:
        clean_text(name, field="variables", max_length=48)


def _check_template(source: str, field: str) -> None:
    clean_text(source, field=field, max_length=MAX_SOURCE)
    try:
        variables_of(source)
    except UserError as problem:
        problem.field = field
        raise


def _check_temperature(value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UserError("E_TYPE", "The temperature is a number.", field="temperature")
    if not math.isfinite(value):
        raise UserError("E_NUMBER", "The temperature is a number from 0 to 2.", field="temperature")
    if not 0 <= value <= MAX_TEMPERATURE:
        raise UserError(
            "E_RANGE", "The temperature is a number from 0 to 2.", field="temperature", limit=MAX_TEMPERATURE
        )


def _check_max_tokens(value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError("E_TYPE", "The limit of tokens is a whole number.", field="max_tokens")
    if not 1 <= value <= MAX_TOKENS:
        raise UserError(
            "E_RANGE",
            f"The limit of tokens is a whole number from 1 to {MAX_TOKENS:,}.",
            field="max_tokens",
            limit=MAX_TOKENS,
        )
