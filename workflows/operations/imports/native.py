"""Our own files: a definition, or several under `workflows`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.names import slugify_key
from prompts.originals import check_id, slug_for
from workflows.engine.definition import FORMAT
from workflows.operations.imports.result import Converted

DIALECT = "native"


def convert(source: Mapping[str, JSONValue]) -> Converted:
    """The definition as it stands; its form is checked where every definition is."""
    check_format(source)
    definition: dict[str, Any] = {**source, "format": FORMAT}
    warnings: list[str] = []
    slug = definition.get("slug")
    if isinstance(slug, str):
        definition["slug"] = slug_for(check_id(slug, "slug"), fallback="workflow")
        if definition["slug"] != slug:
            warnings.append(f"“{slug[:60]}” cannot be a key; the workflow is called {definition['slug']}.")
    elif slug is None and isinstance(definition.get("name"), str):
        definition["slug"] = slugify_key(definition["name"], fallback="workflow")
    return Converted(DIALECT, str(definition.get("slug", "")), definition, warnings)


def check_format(source: Mapping[str, JSONValue]) -> None:
    """Refuse a file that a newer version wrote."""
    written = source.get("format", FORMAT)
    if isinstance(written, int) and not isinstance(written, bool) and written > FORMAT:
        raise UserError(
            "E_IMPORT_VERSION",
            f"This file has format {written}; this version reads up to format {FORMAT}.",
            field="format",
            limit=FORMAT,
            hint="Update the program, then import it again.",
        )
