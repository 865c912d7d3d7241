"""Publishing: the draft, checked, frozen as the next version."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.json import clean_text
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, fingerprint, parse, to_json
from workflows.engine.problems import check, refuse_errors
from workflows.models import Workflow, WorkflowVersion
from workflows.operations.drafts import draft_definition, lock
from workflows.operations.freezing import freeze, freeze_once
from workflows.operations.import_problems import import_problems
from workflows.operations.known import WorkspaceKnown
from workflows.operations.sharing import refuse_unshared
from workflows.operations.stale import check_tag
from workflows.operations.testing.results import check_tests
from workflows.operations.trigger_fit import refuse_unfit_triggers


def publish_workflow(
    actor: Actor, workflow: Workflow, note: str = "", *, if_match: str | None = "*"
) -> WorkflowVersion:
    """Freeze the draft as the next version. A draft equal to the published version makes no new one.

    Its triggers go along: from then on they start this version. Raises DefinitionProblems while the draft has errors,
    UserError where a trigger that is on does not fit; with `if_match`, Conflict if it is not the draft you saw.
    """
    actor.require("edit")
    note = clean_text(note.strip(), field="note", max_length=200)
    with transaction.atomic():
        row = lock(actor, workflow)
        check_tag(row, if_match)
        definition = checked(row)
        refuse_unshared(actor, to_json(definition))
        sha256 = fingerprint(definition)
        if row.published is not None and row.published.sha256 == sha256:
            return row.published
        refuse_unfit_triggers(row, definition)
        check_tests(actor, row)
        last = WorkflowVersion.objects.of(row.workspace).filter(workflow=row).aggregate(last=Max("number"))["last"]
        version = freeze(actor, row, definition, sha256, number=(last or 0) + 1, note=note)
        row.published, row.updated_at = version, now()
        row.save(update_fields=["published", "updated_at"])
        audit.record(
            actor, "workflow.publish", row, details={"version": version.number, "note": note, "sha256": sha256}
        )
    workflow.published = version
    return version


def freeze_draft(actor: Actor, workflow: Workflow) -> WorkflowVersion:
    """The draft as a version without a number, for one run of it; an equal one is used again.

    Raises DefinitionProblems while the draft has errors.
    """
    actor.require("run")
    with transaction.atomic():
        row = lock(actor, workflow)
        return version_for_one_run(actor, row, checked(row))


def version_for_one_run(actor: Actor, workflow: Workflow, definition: Definition) -> WorkflowVersion:
    """A definition as a version without a number; an equal one is used again."""
    return freeze_once(actor, workflow, definition)


def checked(workflow: Workflow) -> Definition:
    """The draft of a workflow without errors. Raises DefinitionProblems."""
    definition = parse(draft_definition(workflow), max_steps=settings.MAX_STEPS)
    known = WorkspaceKnown(workflow.workspace)
    found = check(definition, CATALOGUE, known, allow_empty=workflow.source is not None)
    refuse_errors([*found, *import_problems(workflow.source, definition, found)])
    return definition
