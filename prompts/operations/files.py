"""Prompt files in and out of a workspace: import of every dialect, export, and the original's four prompts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from accounts.actor import Actor
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.names import is_key
from prompts.dialects import PromptFile, read_prompts, seed_value, write_native
from prompts.models import Prompt
from prompts.operations.library import Text, add_version, create_prompt, edit_prompt, get_prompt, get_version
from prompts.originals import slug_for

SEEDS = Path(__file__).resolve().parent.parent / "seeds"


@dataclass
class Imported:
    """What an import made, and what the reader should know about it."""

    prompts: list[Prompt] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def import_prompts(actor: Actor, text: str | bytes, *, overwrite: bool = False) -> Imported:
    """Every prompt of a file, or none. A taken name gets a suffix; with `overwrite`, a new live version."""
    actor.require("edit")
    files = read_prompts(text)
    result = Imported()
    with transaction.atomic():
        for file in files:
            result.prompts.append(save_file(actor, file, result, overwrite=overwrite))
    return result


def save_file(actor: Actor, file: PromptFile, result: Imported, *, overwrite: bool) -> Prompt:
    """Store one prompt that was read from a file."""
    result.warnings += [f"{file.identifier}: {warning}" for warning in file.warnings]
    text = Text(file.user_template, file.system, file.model, file.temperature, file.max_tokens, file.variables)
    existing = find_original(actor, file.identifier)
    if existing is not None and overwrite:
        version = add_version(actor, existing, text=text, note=f"Imported ({file.dialect})", make_live=True)
        name = file.name or existing.name
        return edit_prompt(
            actor,
            existing,
            name=name,
            description=file.description,
            archived=False,
            source=_source(file, version.number),
        )
    taken = set(Prompt.objects.of(actor.workspace).values_list("slug", flat=True))
    slug = slug_for(file.identifier, taken, fallback="prompt")
    if slug != file.identifier:
        reason = "is taken" if existing else "cannot be a key"
        result.warnings.append(f"{file.identifier}: the name {reason}; the prompt is called {slug}.")
    return create_prompt(
        actor,
        slug=slug,
        name=file.name or slug,
        description=file.description,
        text=text,
        note=f"Imported ({file.dialect})",
        source=_source(file, 1) if existing is None else {**_source(file, 1), "id": slug},
    )


def _source(file: PromptFile, number: int) -> dict[str, Any]:
    if file.dialect == "native":
        return {}
    return {"dialect": file.dialect, "id": file.identifier, "version": number, "text": file.source}


def find_original(actor: Actor, identifier: str) -> Prompt | None:
    """The prompt with that slug, or the one imported from a file with that id."""
    actor.require("read")
    prompts = Prompt.objects.of(actor.workspace)
    if is_key(identifier):
        return prompts.filter(slug=identifier).first()
    named = prompts.filter(source__contains=identifier).order_by("created_at")
    return next((prompt for prompt in named if prompt.source.get("id") == identifier), None)


def original_id(prompt: Prompt) -> str:
    """The id by which the original's API knows a prompt."""
    return str(prompt.source.get("id") or prompt.slug)


def seed_template(prompt: Prompt) -> dict[str, Any]:
    """The prompt as the original's PromptTemplate: the imported one while its version is live, else made anew."""
    version = get_version(prompt)
    if prompt.source.get("dialect") == "seed" and prompt.source.get("version") == version.number:
        stored = json.loads(prompt.source["text"])
        return {**_SEED_DEFAULTS, **{name: value for name, value in stored.items() if name in _SEED_DEFAULTS}}
    return seed_value(original_id(prompt), prompt.name, prompt.description, _values(version))


_SEED_DEFAULTS: dict[str, Any] = {
    "id": "",
    "name": "",
    "description": "",
    "system_prompt": None,
    "user_prompt": "",
    "variables": [],
    "model": "gpt-4o-mini",
    "temperature": 0.7,
}


def export_prompt(actor: Actor, slug: str, form: str = "json") -> str:
    """The live version as our file ("json") or the original's ("seed": byte for byte the imported one if unchanged)."""
    prompt = get_prompt(actor, slug)
    version = get_version(prompt)
    if form == "json":
        return write_native(prompt.slug, prompt.name, prompt.description, _values(version))
    if form != "seed":
        raise UserError("E_CHOICE", f"There is no format “{form[:20]}”.", field="format", hint="Use json or seed.")
    if prompt.source.get("dialect") in ("seed", "example") and prompt.source.get("version") == version.number:
        return str(prompt.source["text"])
    return json.dumps(seed_template(prompt), ensure_ascii=False, indent=2) + "\n"


def _values(version: Any) -> dict[str, Any]:
    names = ("system", "user_template", "model", "temperature", "max_tokens", "variables")
    return {name: getattr(version, name) for name in names}


def seed_prompts(actor: Actor) -> list[Prompt]:
    """The original's four prompts, those that are not there yet. Idempotent."""
    actor.require("edit")
    made = []
    for path in sorted(SEEDS.glob("*.json")):
        if not Prompt.objects.of(actor.workspace).filter(slug=path.stem).exists():
            made += import_prompts(actor, path.read_text(encoding="utf-8")).prompts
    return made
