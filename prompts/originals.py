"""Ids of the original product's files: which are refused, and how the others become keys. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_text
from orchestrator_site.lib.names import is_key, slugify_key

MAX_ID = 200
_PATH = re.compile(r"[/\\]|\.\.|^[.~]|^\s*$|^[A-Za-z]:")


def check_id(value: str, field: str = "id") -> str:
    """An id that is no path. Raises UserError E_IMPORT_PATH; the original wrote files wherever an id pointed."""
    value = clean_text(value, field=field, max_length=MAX_ID)
    if _PATH.search(value):
        raise UserError(
            "E_IMPORT_PATH",
            f"The id “{value[:60]}” looks like a path of a file.",
            field=field,
            hint="Use letters, digits and underscores.",
        )
    return value


def slug_for(identifier: str, taken: Collection[str] = (), *, fallback: str) -> str:
    """The key for an id: the id itself where it may be one, else the nearest that may, not among `taken`."""
    if is_key(identifier) and identifier not in taken:
        return identifier
    return slugify_key(identifier, taken, fallback=fallback)
