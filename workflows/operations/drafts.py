"""The draft of a workflow: steps as rows, saved whole and under If-Match; every save leaves a revision."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.ids import short_token
from workflows.engine import tree
from workflows.engine.actions import Known
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, parse, to_json
from workflows.engine.findings import DefinitionProblems, Problem
from workflows.engine.moves import place_words, step_named
from workflows.engine.problems import check, refuse_errors
from workflows.models import DraftRevision, Step, Workflow
from workflows.operations.contracts import learned_problems
from workflows.operations.import_problems import import_problems
from workflows.operations.known import WorkspaceKnown
from workflows.operations.rows import definition_of, write_steps
from workflows.operations.sharing import refuse_unshared
from workflows.operations.stale import Joining, Match, after_change

JSON = dict[str, Any]
At = tree.At
Words = Callable[[JSON, JSON], str]
"""What an edit is called, from the draft before and after it."""


@dataclass(frozen=True)
class Save:
    """What a save did, in words, and the saves that undo and redo lead to (their etags)."""

    what: str
    before: str = ""
    after: str = ""


# ---- Reading -------------------------------------------------------------------------------------------------


def draft_definition(workflow: Workflow) -> JSON:
    """The draft as a definition."""
    return definition_of(workflow, list(steps_of(workflow)))


def steps_of(workflow: Workflow) -> QuerySet[Step]:
    """The rows of the draft."""
    return Step.objects.of(workflow.workspace_id).filter(workflow=workflow)


def draft_problems(workflow: Workflow) -> list[Problem]:
    """What is wrong with the draft, and what its last runs make doubtful; without errors it may be published."""
    return problems_in(workflow, draft_definition(workflow))


def problems_in(workflow: Workflow, definition: JSON) -> list[Problem]:
    """What would be wrong or doubtful if this definition were the draft of the workflow."""
    found = _problems(workflow, definition, WorkspaceKnown(workflow.workspace))
    with suppress(DefinitionProblems):
        found += learned_problems(workflow, parse(definition, max_steps=settings.MAX_STEPS, trusted=True))
    return found


def problems_of_many(workflows: Iterable[Workflow]) -> dict[Any, list[Problem]]:
    """The problems of several drafts of one workspace, by the workflows' ids, in a fixed number of queries."""
    found = list(workflows)
    if not found:
        return {}
    known, rows = WorkspaceKnown(found[0].workspace), dict[Any, list[Step]]()
    for row in Step.objects.of(found[0].workspace_id).filter(workflow__in=found):
        rows.setdefault(row.workflow_id, []).append(row)
    return {one.pk: _problems(one, definition_of(one, rows.get(one.pk, [])), known) for one in found}


def _problems(workflow: Workflow, definition: JSON, known: Known) -> list[Problem]:
    try:
        parsed = parse(definition, max_steps=settings.MAX_STEPS, trusted=True)
    except DefinitionProblems as wrong:
        return wrong.found
    found = check(parsed, CATALOGUE, known, allow_empty=workflow.source is not None)
    return [*found, *import_problems(workflow.source, parsed, found)]


# ---- Saving the whole ----------------------------------------------------------------------------------------


def replace_draft(
    actor: Actor, workflow: Workflow, definition: Any, *, if_match: Match, draft: bool = False
) -> Workflow:
    """Save a whole definition as the draft. Unless `draft`, it is valid or nothing is written.

    Raises DefinitionProblems; UserError 428 without `if_match`; Conflict with both sides when it is stale.
    """
    actor.require("edit")
    parsed = read_definition(definition)
    _same_slug(workflow, parsed)
    if not draft:
        refuse_errors(_check(workflow, parsed))

    def replaced(_: JSON) -> JSON:
        return {**to_json(parsed), "slug": workflow.slug}

    with transaction.atomic():
        saved = save(actor, workflow, replaced, if_match, "workflow.save", what="The whole draft was replaced")
        if isinstance(if_match, Joining) and not draft:
            refuse_errors(_check(saved, read_definition(draft_definition(saved))))
    return saved


def read_definition(definition: Any) -> Definition:
    """A definition from outside, well formed. Raises DefinitionProblems."""
    return parse(definition, max_steps=settings.MAX_STEPS)


def _check(workflow: Workflow, parsed: Definition) -> list[Problem]:
    return check(parsed, CATALOGUE, WorkspaceKnown(workflow.workspace), allow_empty=workflow.source is not None)


def _same_slug(workflow: Workflow, parsed: Definition) -> None:
    if parsed.slug and parsed.slug != workflow.slug:
        text = f"This is the workflow “{workflow.slug}”; its slug cannot become “{parsed.slug}”."
        raise UserError("E_READONLY", text, field="slug", hint="Duplicate it under another slug.")


# ---- Editing steps -------------------------------------------------------------------------------------------


def add_step(
    actor: Actor, workflow: Workflow, step: Mapping[str, Any], *, at: At | None = None, if_match: Match
) -> Workflow:
    """Add a step at a place (the end when left out). It may be incomplete; the draft then has a problem."""

    def added(definition: JSON) -> JSON:
        tree.insert(definition, copy.deepcopy(dict(step)), at or At())
        return definition

    key = str(step.get("key", ""))[:48]
    what = f"Added “{str(step.get('name') or key)[:80]}”"
    return edit_draft(actor, workflow, added, if_match, "workflow.step_add", {"step": key}, what=what)


def edit_step(actor: Actor, workflow: Workflow, key: str, changes: Mapping[str, Any], *, if_match: Match) -> Workflow:
    """Set fields of a step (None takes one away). With a new `key`, the templates that name the step follow."""

    def edited(definition: JSON) -> JSON:
        step, _, _ = tree.find(definition, key)
        for name, value in changes.items():
            if name == "key":
                continue
            step.pop(name, None)
            if value is not None:
                step[name] = copy.deepcopy(value)
        new = changes.get("key", key)
        if new != key:
            read_definition({"name": "x", "steps": [{"key": new, "action": "stop"}]})
            if new in tree.keys_of(definition):
                text = f"Another step has the key “{new}”."
                raise DefinitionProblems([Problem("E_DEF_DUP", text, step=key, field="key", hint="Choose another.")])
            tree.rename(definition, key, str(new))
        return definition

    details = {"step": key, "fields": sorted(changes)}
    return edit_draft(actor, workflow, edited, if_match, "workflow.step_edit", details, what=_of("Changed", key))


def move_step(actor: Actor, workflow: Workflow, key: str, at: At, *, if_match: Match) -> Workflow:
    """Move a step to a place; the index counts in the list as it is without the step."""

    def moved(definition: JSON) -> JSON:
        tree.move(definition, key, at)
        return definition

    details = {"step": key, "parent": at.parent, "branch": at.branch, "index": at.index}
    return edit_draft(actor, workflow, moved, if_match, "workflow.step_move", details, what=moved_words(key))


def remove_step(actor: Actor, workflow: Workflow, key: str, *, if_match: Match) -> Workflow:
    """Remove a step and all it holds."""

    def removed(definition: JSON) -> JSON:
        tree.remove(definition, key)
        return definition

    return edit_draft(
        actor, workflow, removed, if_match, "workflow.step_remove", {"step": key}, what=_of("Removed", key)
    )


def duplicate_step(actor: Actor, workflow: Workflow, key: str, *, if_match: Match) -> Workflow:
    """Copy a step and all it holds to behind it, under new keys."""

    def doubled(definition: JSON) -> JSON:
        tree.duplicate(definition, key)
        return definition

    return edit_draft(
        actor, workflow, doubled, if_match, "workflow.step_duplicate", {"step": key}, what=_of("Copied", key)
    )


def change_definition(actor: Actor, workflow: Workflow, changes: Mapping[str, Any], *, if_match: Match) -> Workflow:
    """Set fields of the workflow itself: name, description, settings, inputs, outputs."""

    def changed(definition: JSON) -> JSON:
        return {**definition, **copy.deepcopy(dict(changes))}

    what = f"Changed {', '.join(sorted(changes))}"
    return edit_draft(actor, workflow, changed, if_match, "workflow.edit", {"fields": sorted(changes)}, what=what)


def _of(verb: str, key: str) -> Words:
    return lambda before, _: f"{verb} {step_named(before, key)}"


def moved_words(key: str) -> Words:
    """What a move is called: the step and where it stands now."""
    return lambda _, after: f"Moved {step_named(after, key)} to {place_words(after, key)}"


def edit_draft(
    actor: Actor,
    workflow: Workflow,
    change: Callable[[JSON], JSON],
    if_match: Match,
    action: str,
    details: Mapping[str, Any],
    *,
    what: Words | str,
) -> Workflow:
    """Save the draft as `change` leaves it, which must be well formed. `what` is the edit in words, for undo."""
    actor.require("edit")

    def well_formed(definition: JSON) -> JSON:
        parsed = read_definition(change(definition))
        _same_slug(workflow, parsed)
        return to_json(parsed)

    return save(actor, workflow, well_formed, if_match, action, details, what=what)


# ---- The one way to write ------------------------------------------------------------------------------------


def save(
    actor: Actor,
    workflow: Workflow,
    change: Callable[[JSON], JSON],
    if_match: Match,
    action: str,
    details: Mapping[str, Any] | None = None,
    *,
    what: Words | str,
) -> Workflow:
    """Lock the workflow, compare the tag, write rows and revision. An equal draft is not written again."""
    with transaction.atomic():
        row = lock(actor, workflow)
        before = draft_definition(row)
        after = after_change(row, change, if_match, before)
        if after != before:
            said = what if isinstance(what, str) else what(before, after)
            store(actor, row, after, Save(said, before=row.draft_etag))
            audit.record(actor, action, row, details={**(details or {}), "etag": row.draft_etag})
    return row


def lock(actor: Actor, workflow: Workflow) -> Workflow:
    """The workflow's row, locked until the transaction ends."""
    rows = Workflow.objects.of(actor.workspace).select_for_update(of=("self",)).select_related("workspace", "published")
    found = rows.filter(pk=workflow.pk, deleted_at__isnull=True).first()
    if found is None:
        raise NotFound("That workflow is not here.", hint="It may have been deleted.")
    return found


def store(actor: Actor, workflow: Workflow, definition: JSON, made: Save) -> None:
    """Write a well-formed definition as the draft, with its revision; inside a transaction."""
    refuse_unshared(actor, definition, steps_of(workflow).values("key", "action", "connection", "inputs"))
    workflow.name = definition["name"]
    workflow.description = definition.get("description", "")
    workflow.settings = definition.get("settings", {})
    workflow.inputs = definition["inputs"]
    workflow.outputs = definition["outputs"]
    workflow.draft_etag = short_token(16)
    workflow.updated_at = now()
    workflow.updated_by = actor.user
    workflow.save()
    write_steps(workflow, definition["steps"])
    DraftRevision.objects.create(
        workspace=workflow.workspace,
        workflow=workflow,
        etag=workflow.draft_etag,
        definition=definition,
        saved_at=workflow.updated_at,
        saved_by=actor.label[:200],
        what=made.what[:200],
        before=made.before,
        after=made.after,
    )
