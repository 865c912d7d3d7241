"""Running again: from the beginning or from any step, with edited inputs or outputs, as a new run.

What stands of the earlier run is copied as finished steps, so the walk answers them from there: nothing is called,
booked or changed a second time for them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.errors import Conflict, Problems, UserError
from orchestrator_site.lib.json import MIB, clean_value, dumps
from workflows.engine.definition import Definition, StepSpec, parse
from workflows.engine.findings import Problem
from workflows.engine.inputs import check_inputs
from workflows.engine.newrun import facts_of, frozen_now
from workflows.engine.plan import Plan, make_plan
from workflows.engine.queue import wake_if_nobody_works
from workflows.engine.reuse import WHERE_IT_FAILED, Place, Reuse, Wish, covers, place_of, reuse
from workflows.models import Effect, Run, RunEvent, StepRun, Workflow, WorkflowVersion
from workflows.operations.blobs import is_reference
from workflows.operations.copies import copies
from workflows.operations.earlier import Earlier, Read, changes_behind
from workflows.operations.starting import (
    Origin,
    check_key,
    check_mode,
    choose_version,
    fresh_run,
    given_inputs,
    known_run,
    refuse_disabled,
    request_sha,
    store_runs,
    wait_for,
)
from workflows.operations.words import effect_words
from workflows.operations.workflows import get_workflow

MOST_NAMED = 20
MOST_PLANS = 64
_plans: OrderedDict[UUID, Plan] = OrderedDict()
APPROVE = "approve"


@dataclass(frozen=True)
class Wanted:
    """How a run shall be run again; `start` is a step's place, "@failed", or "" for the beginning."""

    start: str = ""
    inputs: Mapping[str, Any] | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    version: int | str | None = None
    mode: str | None = None
    batch: str = ""


@dataclass(frozen=True)
class Preview:
    """What running again would keep and do again; nothing is stored yet."""

    earlier: Earlier
    version: WorkflowVersion
    definition: Definition
    inputs: dict[str, Any]
    edited: bool
    given: dict[Place, Any]
    found: Reuse
    repeated: list[Effect]
    problems: list[Problem]

    @property
    def run(self) -> Run:
        """The earlier run."""
        return self.earlier.run

    @property
    def warnings(self) -> list[str]:
        """What a person should know before, in sentences: the changes that would be made again, and the notes."""
        return [*_repeated_words(self.repeated), *self.notes]

    @property
    def notes(self) -> list[str]:
        """What the edits mean for the steps before."""
        stale = [f"“{spec.title}” keeps its output, though it reads what you changed." for spec in self.found.stale]
        anew = [f"“{spec.title}” is decided anew, because what it reads has changed." for spec in self.found.anew]
        return stale + anew


@dataclass(frozen=True)
class Again:
    """The new run, and what was said before."""

    run: Run
    warnings: list[str]


@dataclass(frozen=True)
class Prepared:
    """A run that is not stored yet, with the steps that stand and what is said of it on record."""

    run: Run
    steps: list[StepRun]
    said: dict[str, Any]
    warnings: list[str]


def rerun(
    actor: Actor,
    run: Run,
    *,
    inputs: Mapping[str, Any] | None = None,
    version: int | str | None = None,
    mode: str | None = None,
    from_step: str | None = None,
    outputs: Mapping[str, Any] | None = None,
    wait: float | None = None,
) -> Run:
    """Run again, from the start or from a step (`key`, `loop[3]/key`, or "@failed"); gives the new run.

    The same version and inputs unless others are given ("newest": the published one). `outputs` holds what earlier
    steps shall have given, by place. Raises UserError E_FROM_STEP where a step before has no output to go on from.
    """
    wanted = Wanted(from_step or "", inputs, outputs or {}, version, mode)
    again = run_again(actor, run, wanted).run
    return wait_for(again, wait) if wait else again


def run_again(actor: Actor, run: Run, wanted: Wanted, *, idempotency_key: str | None = None) -> Again:
    """The same, with what there is to be said about it.

    Giving `outputs` needs the right to edit: they are taken as clean, so they may choose where a later change goes.
    """
    actor.require("run")
    if wanted.outputs:
        actor.require("edit")
    key = check_key(idempotency_key)
    asked = {"run": str(run.pk), "from": wanted.start, "inputs": wanted.inputs, "outputs": dict(wanted.outputs)}
    sha = request_sha(run.workflow.slug, asked, wanted.mode or run.mode, wanted.version) if key else ""
    known = known_run(actor, key, sha)
    if known is not None:
        return Again(known, _said_then(known))
    found = preview(actor, run, wanted)
    try:
        return Again(start_again(actor, found, wanted, key, sha), found.warnings)
    except IntegrityError:
        known = known_run(actor, key, sha)
        if known is None:
            raise
        return Again(known, _said_then(known))


def start_again(actor: Actor, found: Preview, wanted: Wanted, key: str | None = None, sha: str = "") -> Run:
    """Start what was looked at before. Raises Problems where something stands in the way."""
    if found.problems:
        raise Problems([problem.as_dict() for problem in found.problems], code=found.problems[0].code)
    made = prepare_again(actor, found, wanted, key, sha)
    with transaction.atomic():
        store_again(actor, [made])
        if not wanted.batch:
            audit.record(actor, "run.again", made.run, details=made.said)
    wake_if_nobody_works()
    return made.run


def prepare_again(actor: Actor, found: Preview, wanted: Wanted, key: str | None = None, sha: str = "") -> Prepared:
    """The rows of a run that runs again what was looked at; nothing is stored yet."""
    fresh = _fresh(actor, found, wanted)
    fresh.idempotency_key, fresh.request_sha256 = key, sha
    steps = copies(found.definition, found.found, found.given, found.earlier, fresh, actor.label)
    said = {
        "run": str(found.run.pk),
        "from": wanted.start,
        "kept": len(found.found.stands),
        "edited": sorted(str(place) for place in found.given),
        "inputs_edited": found.edited,
    }
    return Prepared(fresh, steps, said, found.warnings)


def store_again(actor: Actor, made: Sequence[Prepared]) -> None:
    """Write new runs with what stands of the earlier ones; within the caller's transaction."""
    store_runs(actor, [each.run for each in made])
    steps = [step for each in made for step in each.steps]
    StepRun.objects.unscoped("the steps of this actor's new runs").bulk_create(steps, batch_size=100)
    events = [
        RunEvent(workspace=actor.workspace, run=each.run, kind="again", data={**each.said, "warnings": each.warnings})
        for each in made
    ]
    RunEvent.objects.unscoped("the events of this actor's new runs").bulk_create(events, batch_size=100)


def preview(
    actor: Actor,
    run: Run,
    wanted: Wanted,
    *,
    strict: bool = True,
    workflow: Workflow | None = None,
    read: Read | None = None,
) -> Preview:
    """What running again would keep and repeat. `strict` False: inputs are not checked yet (a form is being filled).

    Raises UserError for a version, a mode or inputs that cannot be; what stands in the way of the start is listed.
    """
    actor.require("run")
    workflow = workflow or get_workflow(actor, run.workflow.slug)
    check_mode(wanted.mode or run.mode)
    refuse_disabled(workflow)
    _refuse_planned(run, wanted)
    version = _version(actor, workflow, run, wanted.version)
    plan = _plan_of(version)
    definition = plan.definition
    inputs = _inputs(run, definition, wanted.inputs, strict=strict)
    if wanted.start and not run.is_terminal:
        raise Conflict(
            "This run has not ended yet.", code="E_NOT_ENDED",
            hint="Cancel it or wait for its end, then run it again from a step.",
        )  # fmt: skip
    given = _given_outputs(definition, wanted)
    earlier = Earlier(run, read=read)
    found = _reuse(actor, plan, earlier, wanted.start, inputs, given, version) if wanted.start else Reuse()
    covered = covers(definition, found.stands)
    problems = [*found.problems, *_bad_outputs(definition, given)]
    edited = wanted.inputs is not None and inputs != run.inputs
    if given or edited:
        problems += _approved(definition, earlier, covered)
    live = (wanted.mode or run.mode) == "live"
    repeated = _repeated(definition, run, covered, read) if live else []
    return Preview(earlier, version, definition, inputs, edited, given, found, repeated, problems)


def _refuse_planned(run: Run, wanted: Wanted) -> None:
    """What a dry run only planned is not there: nothing live goes on from it."""
    if wanted.start and run.mode == "dry" and (wanted.mode or run.mode) == "live":
        raise Conflict(
            "A dry run has changed nothing, so a live run cannot go on from its steps.", code="E_MODE", field="mode",
            hint="Run it live from the beginning, or dry from this step.",
        )  # fmt: skip


def _plan_of(version: WorkflowVersion) -> Plan:
    """A version ready to be gone through; the same for ever, so it is kept."""
    found = _plans.get(version.pk)
    if found is None:
        found = _plans[version.pk] = make_plan(parse(version.definition, trusted=True))
        if len(_plans) > MOST_PLANS:
            _plans.popitem(last=False)
    return found


# What is asked for


def _version(actor: Actor, workflow: Workflow, run: Run, wanted: int | str | None) -> WorkflowVersion:
    if wanted is None:
        return run.version
    return choose_version(actor, workflow, None if wanted == "newest" else wanted)


def _inputs(run: Run, definition: Definition, wanted: Mapping[str, Any] | None, *, strict: bool) -> dict[str, Any]:
    given = given_inputs(run.inputs if wanted is None else wanted)
    known = {spec.name: spec for spec in definition.inputs}
    if wanted is None:
        given = {name: value for name, value in given.items() if name in known}
    if strict:
        return check_inputs(definition.inputs, given)
    return {name: given.get(name, spec.default) for name, spec in known.items()}


def _given_outputs(definition: Definition, wanted: Wanted) -> dict[Place, Any]:
    if not wanted.outputs:
        return {}
    if not wanted.start or wanted.start == WHERE_IT_FAILED:
        raise UserError(
            "E_FROM_STEP", "Outputs can be given for the steps before the one to begin at.", field="outputs",
            hint="Name that step in `from`.",
        )  # fmt: skip
    values = clean_value(dict(wanted.outputs), field="outputs")
    assert isinstance(values, dict)
    return {place_of(name): value for name, value in values.items()}


def _bad_outputs(definition: Definition, given: Mapping[Place, Any]) -> list[Problem]:
    from workflows.engine.catalogue import CATALOGUE
    from workflows.engine.values import output_problems

    found: list[Problem] = []
    for place, value in given.items():
        spec, at = definition.step(place.key), f"outputs.{place}"
        info = CATALOGUE.get(spec.action) if spec else None
        if spec is None:
            continue
        if not isinstance(value, dict) or is_reference(value):
            found.append(Problem("E_TYPE", f"The output of “{spec.title}” is an object.", field=at))
        elif len(dumps(value).encode()) > MIB:
            found.append(Problem("E_TOO_LARGE", "An output has at most 1 MiB here.", field=at, limit=MIB))
        elif asks_a_person(spec):
            text = f"“{spec.title}” holds a person's decision, which cannot be given in an output."
            found.append(Problem("E_APPROVED", text, field=at, hint="Begin at it, so that somebody is asked."))
        elif info is not None:
            found += [
                Problem(p.code, p.message, field=f"{at}{(p.field or '').removeprefix('with')}")
                for p in output_problems(info.output, value)
            ]
    return found


def asks_a_person(spec: StepSpec) -> bool:
    """Whether the step, or one in it, is decided by a person."""
    inner = (child for children in spec.branches.values() for child in children)
    return spec.action == APPROVE or any(asks_a_person(child) for child in inner)


def _approved(definition: Definition, earlier: Earlier, covered: Any) -> list[Problem]:
    """Somebody approved what the run had then: with edits they are asked again."""
    for step in earlier.steps.values():
        if step.action == APPROVE and covered(step.key, step.path):
            spec = definition.step(step.key)
            title = spec.title if spec else step.key
            text = f"“{title}” was decided for what the run had then; with your edits it has to be asked again."
            return [Problem("E_APPROVED", text, field="from", hint=f"Begin at “{step.key}” or earlier.")]
    return []


# What stands


def _reuse(
    actor: Actor,
    plan: Plan,
    earlier: Earlier,
    start: str,
    inputs: dict[str, Any],
    given: dict[Place, Any],
    version: WorkflowVersion,
) -> Reuse:
    run = earlier.run
    variables = frozen_now(earlier.run.workflow, facts_of(version)).get("variables") or {}
    changed = earlier.changed(inputs, variables, given)
    edited = () if version.pk == run.version_id else _edited(_plan_of(run.version).definition, plan)
    wish = Wish(start, set(given), changed, edited, run.status == "succeeded")
    return reuse(plan, earlier.steps, wish)


def _edited(before: Definition, plan: Plan) -> set[str]:
    """Steps that do not ask what they asked then."""
    then = {spec.key: _asks(spec) for spec, _ in before.walk()}
    return {spec.key for spec, _ in plan.definition.walk() if then.get(spec.key) != _asks(spec)}


def _asks(spec: StepSpec) -> tuple[Any, ...]:
    return spec.action, spec.with_, spec.when, spec.cases, tuple(spec.branches)


def _repeated(definition: Definition, run: Run, covered: Any, read: Read | None) -> list[Effect]:
    """Changes that the earlier run made (or may have made) and that would be made again."""
    specs = {spec.key: spec for spec, _ in definition.walk()}
    found: dict[str, Effect] = {}
    for change in changes_behind(run, read=read):
        spec, effect = specs.get(change.place.key), change.effect
        if spec is None or spec.disabled or spec.action != change.action or covered(*change.place):
            continue
        if effect.key not in found or effect.state == "confirmed":
            found[effect.key] = effect
    return list(found.values())


def _repeated_words(effects: list[Effect]) -> list[str]:
    known = [effect for effect in effects if effect.state == "confirmed"]
    unknown = [effect for effect in effects if effect.state != "confirmed"]
    said = []
    if known:
        was = "1 change was" if len(known) == 1 else f"{len(known)} changes were"
        said.append(f"{was} already made and will be made again: {_named(known)}.")
    if unknown:
        was = "1 change" if len(unknown) == 1 else f"{len(unknown)} changes"
        said.append(f"{was} without an answer will be sent again, so look at the service first: {_named(unknown)}.")
    return said


def _named(effects: list[Effect]) -> str:
    named = "; ".join(effect_words(effect) for effect in effects[:MOST_NAMED])
    return f"{named} … and {len(effects) - MOST_NAMED} more" if len(effects) > MOST_NAMED else named


# The new run


def _fresh(actor: Actor, found: Preview, wanted: Wanted) -> Run:
    """The new run: it sees the trigger of the earlier one; inputs from outside that were kept stay marked."""
    run = found.run
    then = run.frozen or {}
    frozen: dict[str, Any] = {"trigger": {"kind": run.trigger_kind, **(then.get("trigger") or {})}}
    if then.get("tainted_inputs") and any(found.inputs.get(name) == value for name, value in run.inputs.items()):
        frozen["tainted_inputs"] = True
    if wanted.start:
        frozen["reused"] = {"run": str(run.pk), "from": wanted.start}
    origin = Origin("rerun", wanted.batch or str(run.pk), run, frozen)
    return fresh_run(actor, run.workflow, found.version, found.inputs, wanted.mode or run.mode, origin)


def _said_then(run: Run) -> list[str]:
    event = RunEvent.objects.of(run.workspace_id).filter(run=run, kind="again").first()
    return list((event.data or {}).get("warnings") or ()) if event else []
