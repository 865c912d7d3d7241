"""Import: a file of any dialect becomes a workflow. Inert: nothing runs or calls out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue, decode_text
from orchestrator_site.lib.names import is_key, slugify_key
from prompts.operations.files import Imported, import_prompts
from workflows.engine.definition import fingerprint, parse
from workflows.engine.findings import DefinitionProblems, Problem
from workflows.models import Workflow
from workflows.operations.drafts import draft_problems, replace_draft
from workflows.operations.imports import examples, graph, n8n, native, seed
from workflows.operations.imports.detect import EXAMPLES, GRAPH, N8N, NATIVE, PROMPTS, SEED, dialect_of
from workflows.operations.imports.folders import FolderFile, is_zip, read_zip
from workflows.operations.imports.reading import MAX_DOCUMENTS, MAX_FILE, read_file
from workflows.operations.imports.result import Converted
from workflows.operations.imports.secrets import strip_secrets
from workflows.operations.publish import publish_workflow
from workflows.operations.testing.keeping import keep_tests
from workflows.operations.workflows import create_workflow, workflows_of

CONVERTERS: dict[str, Callable[[Mapping[str, JSONValue]], Converted]] = {
    NATIVE: native.convert,
    SEED: seed.convert,
    EXAMPLES: examples.convert,
    GRAPH: graph.convert,
    N8N: n8n.convert,
}


EDGES = "connections"


@dataclass
class ImportResult:
    """A workflow that was imported, what its reader should know, and what keeps it from being published."""

    workflow: Workflow
    dialect: str
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    published: bool = False

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep it from being published."""
        return [problem for problem in self.problems if problem.is_error]


def import_workflow(
    actor: Actor, text: str | bytes, *, publish: bool = False, overwrite: bool = False, dialect: str = ""
) -> ImportResult:
    """The one workflow of a file. Raises UserError when the file holds several, or none. `dialect`: do not guess."""
    results = import_workflows(actor, text, publish=publish, overwrite=overwrite, dialect=dialect)
    if len(results) != 1:
        raise UserError("E_IMPORT_COUNT", f"The file holds {len(results)} workflows; one was expected.", field="file")
    return results[0]


def import_workflows(
    actor: Actor, text: str | bytes, *, publish: bool = False, overwrite: bool = False, dialect: str = ""
) -> list[ImportResult]:
    """Every workflow of a file, or none. A taken name gets a suffix; with `overwrite` its draft is replaced.

    With `publish`, each that has no problems of severity error is published too. Raises UserError for what is not well
    formed; what is merely incomplete is imported and has `problems`.
    """
    actor.require("edit")
    source = decode_text(text, max_bytes=MAX_FILE, field="file")
    items = _items(read_file(source))
    with transaction.atomic():
        results = [
            _import(actor, convert(item, dialect), _kept_text(source if len(items) == 1 else "", item), overwrite)
            for item in items
        ]
    if publish:
        for result in results:
            _publish(actor, result)
    return results


def import_folder(
    actor: Actor, content: bytes, *, publish: bool = False, overwrite: bool = False
) -> list[ImportResult]:
    """Every workflow of a folder in a zip, or none: a file that is not well formed is named, and nothing is imported.

    Files called NAME.tests.json belong to the workflow of NAME.json. Raises UserError.
    """
    actor.require("edit")
    files = read_zip(content)
    results: list[ImportResult] = []
    by_stem: dict[str, list[ImportResult]] = {}
    with transaction.atomic():
        for file in files:
            if not file.is_tests:
                with _named(file):
                    by_stem[file.stem] = import_workflows(actor, file.content, overwrite=overwrite)
                results += by_stem[file.stem]
        for file in files:
            if file.is_tests:
                with _named(file):
                    _keep_tests(actor, file, by_stem.get(file.stem, []))
    if publish:
        for result in results:
            _publish(actor, result)
    return results


def _keep_tests(actor: Actor, file: FolderFile, results: list[ImportResult]) -> None:
    """The tests of a file, for the one workflow beside it."""
    if len(results) != 1:
        text = (
            "There is no workflow beside these tests." if not results else "The file beside it holds several workflows."
        )
        raise UserError(
            "E_IMPORT_TESTS", text, field="file", hint=f"Name it like the workflow's file: {file.stem}.json"
        )
    keep_tests(actor, results[0].workflow, read_file(file.content))


@contextmanager
def _named(file: FolderFile) -> Iterator[None]:
    """An error of one file says which."""
    try:
        yield
    except UserError as problem:
        text = f"{file.name[:80]}: {problem.message}"
        raise UserError(problem.code, text, field="file", hint=problem.hint, limit=problem.limit) from None


def import_file(
    actor: Actor, text: str | bytes, *, publish: bool = False, overwrite: bool = False
) -> list[ImportResult] | Imported:
    """A file of workflows or of prompts, or a folder of workflows as a zip, whichever it is."""
    if isinstance(text, bytes) and is_zip(text):
        return import_folder(actor, text, publish=publish, overwrite=overwrite)
    if dialect_of(read_file(text)) == PROMPTS:
        return import_prompts(actor, text, overwrite=overwrite)
    return import_workflows(actor, text, publish=publish, overwrite=overwrite)


def convert(value: JSONValue, dialect: str = "") -> Converted:
    """One workflow read from a file as a definition, in whatever dialect it is; secrets are taken out first."""
    if not isinstance(value, dict):
        raise UserError("E_TYPE", "A workflow is an object.", field="file", hint="Choose a workflow file.")
    dialect = dialect or dialect_of(value)
    if dialect == PROMPTS:
        raise UserError("E_IMPORT_DIALECT", "This is a file of prompts.", field="file", hint="Import it under Prompts.")
    clean, warnings = _without_secrets(value, dialect)
    converted = CONVERTERS[dialect](clean if isinstance(clean, dict) else {})
    converted.warnings = [*warnings, *converted.warnings]
    return converted


def _without_secrets(value: JSONValue, dialect: str) -> tuple[JSONValue, list[str]]:
    """The file without secrets. In n8n's, `connections` are the edges, and credentials only names: both stay."""
    is_graph = isinstance(value, dict) and (dialect or _dialect(value)) == N8N
    if not isinstance(value, dict) or not is_graph:
        return strip_secrets(value)
    clean, warnings = strip_secrets(
        {name: item for name, item in n8n.without_credentials(value).items() if name != EDGES}
    )
    return {**(clean if isinstance(clean, dict) else {}), EDGES: value.get(EDGES)}, warnings


def _dialect(value: JSONValue) -> str:
    try:
        return dialect_of(value)
    except UserError:
        return ""


def _items(value: JSONValue) -> list[JSONValue]:
    """The workflows of a file: itself, a list, or those under `workflows`."""
    items: JSONValue = value
    if isinstance(value, dict) and "workflows" in value:
        native.check_format(value)
        items = value["workflows"]
    found: list[JSONValue] = list(items) if isinstance(items, list) else [items]
    if not found:
        raise UserError("E_IMPORT_COUNT", "The file holds no workflow.", field="file")
    if len(found) > MAX_DOCUMENTS:
        text = f"The file holds {len(found):,} workflows; at most {MAX_DOCUMENTS} are imported at once."
        raise UserError("E_IMPORT_COUNT", text, field="file", limit=MAX_DOCUMENTS, hint="Split the file.")
    return found


def _import(actor: Actor, converted: Converted, text: str, overwrite: bool) -> ImportResult:
    existing = find_original(actor, converted.identifier) if overwrite else None
    definition = dict(converted.definition)
    if existing is not None:
        definition["slug"] = existing.slug
    else:
        definition["slug"] = _free_slug(actor, definition, converted)
    source = _source(converted, definition, text)
    if existing is None:
        workflow = create_workflow(actor, definition, draft=True, source=source)
    else:
        workflow = replace_draft(actor, _with_source(existing, source), definition, if_match="*", draft=True)
        workflow.source = source
        workflow.save(update_fields=["source"])
    audit.record(actor, "workflow.import", workflow, details={"dialect": converted.dialect, "slug": workflow.slug})
    return ImportResult(workflow, converted.dialect, converted.warnings, draft_problems(workflow))


def _with_source(workflow: Workflow, source: Any) -> Workflow:
    workflow.source = source
    return workflow


def _free_slug(actor: Actor, definition: Mapping[str, Any], converted: Converted) -> str:
    wanted = str(definition.get("slug") or "")
    taken = set(workflows_of(actor.workspace).values_list("slug", flat=True))
    slug = slugify_key(wanted or str(definition.get("name") or ""), taken, fallback="workflow")
    if wanted in taken:
        converted.warnings.append(f"There is a workflow “{wanted}” already; this one is called {slug}.")
    return slug


def _kept_text(text: str, value: JSONValue) -> str:
    """The file as it is kept for export: byte for byte, unless it held a secret."""
    clean, warnings = _without_secrets(value, "")
    return text if text and not warnings else json.dumps(clean, ensure_ascii=False, indent=2)


def _source(converted: Converted, definition: Mapping[str, Any], text: str) -> dict[str, Any]:
    parsed = parse(definition, max_steps=settings.MAX_STEPS)
    return {
        "dialect": converted.dialect,
        "id": converted.identifier or parsed.slug,
        "text": text,
        "sha256": fingerprint(parsed),
        "inputs": converted.inputs,
        "steps": converted.steps,
        "problems": [replace(problem, limit=None).as_dict() for problem in converted.problems],
        "warnings": converted.warnings,
        "report": [asdict(line) for line in converted.report],
    }


def _publish(actor: Actor, result: ImportResult) -> None:
    try:
        publish_workflow(actor, result.workflow, note=f"Imported ({result.dialect})")
        result.published = True
    except DefinitionProblems as wrong:
        known = {(one.step, one.code, one.field) for one in result.problems}
        result.problems += [one for one in wrong.found if (one.step, one.code, one.field) not in known]


def find_original(actor: Actor, identifier: str) -> Workflow | None:
    """The workflow with that slug, or the one that was imported from a file with that id."""
    actor.require("read")
    rows = workflows_of(actor.workspace)
    if is_key(identifier):
        return rows.filter(slug=identifier).first()
    named = rows.filter(source__contains=identifier).order_by("created_at")
    return next((row for row in named if isinstance(row.source, dict) and row.source.get("id") == identifier), None)
