"""Trying steps of a draft: one alone or all up to it, on saved samples or on what the last run gave.

A try is a run, dry unless it is asked otherwise: what stands before the step is answered from pinned outputs, what
comes after it is cut off. Tries are marked (`trigger.kind` try) and counted in no statistics.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict, NotFound, Problems, UserError
from orchestrator_site.lib.json import MIB, clean_value, dumps
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, StepSpec, parse
from workflows.engine.problems import check, refuse_errors
from workflows.engine.queue import wake_if_nobody_works
from workflows.engine.reading import LOOPS
from workflows.engine.tree import find
from workflows.engine.values import output_problems
from workflows.models import Run, Sample, StepRun, Workflow
from workflows.operations.blobs import with_outputs
from workflows.operations.drafts import draft_definition
from workflows.operations.known import WorkspaceKnown
from workflows.operations.publish import version_for_one_run
from workflows.operations.starting import Origin, check_mode, fresh_run, given_inputs, store_runs, wait_for

KIND = "try"
SCOPES = ("step", "up_to")
DATA = ("samples", "last")
MOST_PINNED = 2 * MIB


def samples_of(actor: Actor, workflow: Workflow) -> dict[str, Sample]:
    """The saved sample outputs of a draft, by step."""
    actor.require("read")
    return {one.key: one for one in Sample.objects.of(actor.workspace).filter(workflow=workflow).order_by("key")}


def save_sample(actor: Actor, workflow: Workflow, key: str, output: Any) -> Sample:
    """Pin the output of a step. Raises NotFound for no step, Problems for what is no output of its action."""
    actor.require("edit")
    spec = _spec(workflow, key)
    value = clean_value(output, field="output")
    _refuse_bad(spec, value)
    values = {"output": value, "saved_by": actor.label[:200], "saved_at": now(), "workspace": actor.workspace}
    with transaction.atomic():
        found, _ = Sample.objects.of(actor.workspace).update_or_create(workflow=workflow, key=key, defaults=values)
        audit.record(actor, "sample.save", workflow, details={"step": key})
    return found


def delete_sample(actor: Actor, workflow: Workflow, key: str) -> None:
    """Forget the pinned output of a step. Raises NotFound where there is none."""
    actor.require("edit")
    with transaction.atomic():
        count, _ = Sample.objects.of(actor.workspace).filter(workflow=workflow, key=key).delete()
        if not count:
            raise NotFound("This step has no sample.")
        audit.record(actor, "sample.delete", workflow, details={"step": key})


def last_output(actor: Actor, workflow: Workflow, key: str) -> Any:
    """What a step gave in the newest run that reached it, outside of loops; None where none did."""
    actor.require("read")
    found = _last(workflow, {key})
    return found[key].output if key in found else None


def try_step(
    actor: Actor,
    workflow: Workflow,
    key: str,
    *,
    scope: str = "step",
    data: str = "samples",
    mode: str = "dry",
    inputs: Mapping[str, Any] | None = None,
    wait: float | None = None,
) -> Run:
    """Run one step of the draft, alone or with those before it; what is before it is pinned where data is at hand.

    `scope` step: everything before is answered from samples, or (`data` last, or where there is no sample) from the
    newest run; what has neither is run. `up_to`: all before is run too, but for what has a sample. Only `mode` live
    changes anything. Raises UserError E_CHOICE, NotFound, Problems of the steps that would run.
    """
    actor.require("run")
    _refuse_unknown(scope, data)
    check_mode(mode)
    spec = _spec(workflow, key)
    definition = _cut(workflow, spec.key)
    pins = _pins(actor, workflow, definition, key, scope, data)
    refuse_errors(check(definition, CATALOGUE, WorkspaceKnown(workflow.workspace)))
    given = given_inputs(_inputs(workflow, definition, inputs))
    frozen = {"pins": pins, "tried": {"step": key, "scope": scope, "data": data}}
    with transaction.atomic():
        version = version_for_one_run(actor, workflow, definition)
        run = fresh_run(actor, workflow, version, given, mode, Origin(KIND, key, frozen=frozen))
        store_runs(actor, [run])
    wake_if_nobody_works()
    return wait_for(run, wait) if wait else run


def _refuse_unknown(scope: str, data: str) -> None:
    for name, value, known in (("scope", scope, SCOPES), ("data", data, DATA)):
        if value not in known:
            raise UserError("E_CHOICE", f"{name} must be {' or '.join(known)}.", field=name, hint=", ".join(known))


def _spec(workflow: Workflow, key: str) -> StepSpec:
    definition = parse(draft_definition(workflow), max_steps=settings.MAX_STEPS)
    found = definition.step(key)
    if found is None:
        raise NotFound(f"The draft has no step “{key[:60]}”.")
    return found


def _refuse_bad(spec: StepSpec, value: Any) -> None:
    info = CATALOGUE.get(spec.action)
    if not isinstance(value, dict):
        raise UserError("E_TYPE", f"The output of “{spec.title}” is an object.", field="output")
    if len(dumps(value).encode()) > MIB:
        raise UserError("E_TOO_LARGE", "A sample has at most 1 MiB.", field="output", limit=MIB)
    found = output_problems(info.output, value) if info is not None else []
    if found:
        raise Problems([{**p.as_dict(), "field": f"output{(p.field or '').removeprefix('with')}"} for p in found])


# What runs


def _cut(workflow: Workflow, key: str) -> Definition:
    """The draft up to a step: what comes after it, in its list and in those around it, is left out."""
    whole = copy.deepcopy(draft_definition(workflow))
    at = key
    while at:
        _, steps, place = find(whole, at)
        del steps[(place.index or 0) + 1 :]
        at = place.parent
    return parse({**whole, "outputs": {}}, max_steps=settings.MAX_STEPS)


def _before(definition: Definition, key: str) -> set[str]:
    """The steps before a step that may be pinned: not around it, and not within a loop."""
    around = next({one.key for one in outer} for spec, outer in definition.walk() if spec.key == key)
    return {
        spec.key
        for spec, outer in definition.walk()
        if spec.key != key
        and spec.key not in around
        and all(one.key in around and one.action not in LOOPS for one in outer)
    }


def _pins(
    actor: Actor, workflow: Workflow, definition: Definition, key: str, scope: str, data: str
) -> dict[str, dict[str, Any]]:
    before = _before(definition, key)
    samples = {name: one for name, one in samples_of(actor, workflow).items() if name in before}
    pins: dict[str, dict[str, Any]] = {}
    if scope == "step":
        for name, row in _last(workflow, before).items():
            pins[name] = {"output": row.output, "tainted": row.tainted, "from": str(row.run_id)}
    if data == "samples" or scope == "up_to":
        pins |= {name: {"output": one.output, "tainted": False, "from": "sample"} for name, one in samples.items()}
    if len(dumps(clean_value(pins, repair=True))) > MOST_PINNED:
        raise Conflict("What the steps before gave is too much to try on (2 MiB).", code="E_TOO_LARGE",
                       hint="Save smaller samples for them.")  # fmt: skip
    return pins


def _last(workflow: Workflow, keys: set[str]) -> dict[str, StepRun]:
    """The newest finished record of each step in a run that was no try."""
    rows = StepRun.objects.of(workflow.workspace_id).filter(run__workflow=workflow, path="", status="succeeded")
    rows = rows.exclude(run__trigger_kind=KIND).filter(key__in=keys).order_by("-run_id")
    found: dict[str, StepRun] = {}
    for row in with_outputs(rows[: 5 * max(1, len(keys))]):
        found.setdefault(row.key, row)
    return found


def _inputs(workflow: Workflow, definition: Definition, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The inputs that were given, else those of the newest run."""
    if given is not None:
        return dict(given)
    newest = Run.objects.of(workflow.workspace_id).filter(workflow=workflow).exclude(trigger_kind=KIND).order_by("-id")
    then = newest.values_list("inputs", flat=True).first() or {}
    return {spec.name: then[spec.name] for spec in definition.inputs if spec.name in then}
