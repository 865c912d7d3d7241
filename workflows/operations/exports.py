"""Export: a workflow as our JSON or YAML, or in the original's form. No secret is ever part of a definition."""

from __future__ import annotations

import json
from typing import Any

import yaml

from accounts.actor import Actor
from orchestrator_site.lib.errors import UserError
from workflows.engine.definition import fingerprint, parse
from workflows.models import Workflow
from workflows.operations.drafts import draft_definition
from workflows.operations.imports.backwards import seed_value
from workflows.operations.imports.detect import SEED
from workflows.operations.imports.folders import TESTS, write_zip
from workflows.operations.testing.keeping import document_of

FORMATS = ("json", "yaml", "seed")


def export_workflow(workflow: Workflow, form: str = "json") -> str:
    """The draft of a workflow as text: "json" or "yaml" (ours), or "seed" (the original's).

    A workflow that was imported from the original and has not changed since is given back byte for byte; a changed one
    is written anew. Raises UserError where the original's form cannot say what the workflow does.
    """
    definition = draft_definition(workflow)
    if form == "json":
        return json.dumps(definition, ensure_ascii=False, indent=2) + "\n"
    if form == "yaml":
        return yaml.safe_dump(definition, allow_unicode=True, sort_keys=False, width=120)
    if form != "seed":
        raise UserError(
            "E_CHOICE", f"There is no format “{form[:20]}”.", field="format", hint="Use json, yaml or seed."
        )
    if kept := unchanged_source(workflow):
        return kept
    value, losses = seed_value(workflow, definition)
    if losses:
        raise UserError(
            "E_EXPORT",
            f"The original's form cannot say all that this workflow does: {'; '.join(losses[:5])}.",
            field="format",
            hint="Export it as json or yaml.",
        )
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def export_folder(actor: Actor) -> bytes:
    """Every workflow of the workspace as a zip of our JSON, one file each; equal workflows give equal bytes."""
    actor.require("read")
    rows = Workflow.objects.of(actor.workspace).filter(deleted_at__isnull=True).order_by("slug")
    files: list[tuple[str, str]] = []
    for row in rows.select_related("workspace"):
        files.append((f"{row.slug}.json", export_workflow(row)))
        if (tests := document_of(row))["tests"]:
            files.append((f"{row.slug}{TESTS}", json.dumps(tests, ensure_ascii=False, indent=2) + "\n"))
    return write_zip(files)


def unchanged_source(workflow: Workflow) -> str:
    """The original file's text while the draft says the same as when it was imported, else ""."""
    source = workflow.source
    if not isinstance(source, dict) or source.get("dialect") != SEED or not source.get("text"):
        return ""
    same = fingerprint(parse(draft_definition(workflow), trusted=True)) == source.get("sha256")
    return str(source["text"]) if same else ""


def seed_workflow(workflow: Workflow) -> dict[str, Any]:
    """The workflow as the original's API shows it, every field present; what it cannot say is shown as it is."""
    if kept := unchanged_source(workflow):
        stored = json.loads(kept)
        steps = [_whole_step(step) for step in stored.get("steps") or []]
        return {
            "id": stored["id"],
            "name": stored["name"],
            "description": stored["description"],
            "steps": steps,
            "variables": stored.get("variables") or {},
        }
    return seed_value(workflow, draft_definition(workflow))[0]


def _whole_step(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": step["id"],
        "type": step["type"],
        "action": step["action"],
        "params": step.get("params") or {},
        "next_step": step.get("next_step"),
    }
