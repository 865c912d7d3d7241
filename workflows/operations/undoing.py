"""Taking changes back: what of a run can be undone and what cannot, with the reason; and the undo itself.

An undo is a run of its own: its steps are ordinary actions over the same connection, so it goes through the ledger like
every change, is looked up when an answer is lost, and survives its worker. A change is undone once; an undo that failed
may be tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.actor import Actor
from integrations import direct, registry
from integrations.errors import ServiceError
from integrations.operations.opening import client_for, open_connection
from integrations.undoing import Made, Rule, Step
from orchestrator_site.lib.errors import Conflict, UserError
from workflows.engine.abi import ABI
from workflows.engine.definition import fingerprint, parse, to_json
from workflows.engine.newrun import new_run
from workflows.engine.queue import wake_if_nobody_works
from workflows.models import Effect, Run, StepRun, Undo, WorkflowVersion
from workflows.operations.starting import store_runs
from workflows.operations.words import effect_words

KIND = "undo"
NOT_KNOWN = "Nobody has said how a change of this kind is taken back."
CHANGED = "Somebody has changed it since, so it is left as it is now."
LOOK_SECONDS = 15.0


@dataclass(frozen=True)
class Offer:
    """One change of a run: what taking it back would do, or why it cannot be; and what became of an undo."""

    effect: Effect
    steps: tuple[Step, ...]
    words: str
    why: str = ""
    undo: Undo | None = None

    @property
    def state(self) -> str:
        """ "" (not undone), undoing, undone, failed."""
        if self.undo is None:
            return ""
        status = self.undo.run.status
        if self.undo.run.is_terminal:
            return "undone" if all(one == "succeeded" for one in _statuses(self.undo)) else "failed"
        return "undoing" if status != "attention" else "asks"

    @property
    def can(self) -> bool:
        """Whether it can be undone now."""
        return bool(self.steps) and self.state in ("", "failed")


def _statuses(undo: Undo) -> list[str]:
    keys = list(undo.steps or ())
    rows = StepRun.objects.of(undo.workspace_id).filter(run=undo.run_id, key__in=keys)
    found = dict(rows.values_list("key", "status"))
    return [found.get(key, "pending") for key in keys]


def undo_offers(actor: Actor, run: Run) -> list[Offer]:
    """The changes that a run made, the newest first: each with how it is undone or why not."""
    actor.require("read")
    rows = Effect.objects.of(actor.workspace).filter(run=run, state="confirmed")
    effects = list(rows.select_related("step_run", "connection", "run").order_by("id"))
    undos = {one.effect_id: one for one in _undos(actor, effects)}
    found = [_offer(effect, effects, undos.get(effect.pk)) for effect in reversed(effects)]
    return [offer for offer in found if (offer.steps or offer.why) and _is_seen(offer.effect)]


def _is_seen(effect: Effect) -> bool:
    """Whether it was more than a step on the way (a draft that is sent at once), which goes with what it led to."""
    action = registry.get_action(effect.step_run.action)
    change = action.change(effect.op) if action else None
    return change is None or bool(change.thing)


def _undos(actor: Actor, effects: Iterable[Effect]) -> Iterable[Undo]:
    rows = Undo.objects.of(actor.workspace).filter(effect__in=list(effects), dropped=False)
    return rows.select_related("run", "run__workspace")


def _offer(effect: Effect, all_of: list[Effect], undo: Undo | None) -> Offer:
    rule, made = _rule(effect), _made(effect, all_of)
    found = rule.steps(made) if rule else NOT_KNOWN
    if effect.resolution == "happened" and not isinstance(found, str):
        found = "A person said that it happened; what exactly is there is not known."
    if isinstance(found, str):
        return Offer(effect, (), effect_words(effect), found, undo)
    if effect.step_run.connection_id and (effect.connection is None or effect.connection.deleted_at is not None):
        return Offer(effect, (), effect_words(effect), "Its connection was deleted.", undo)
    return Offer(effect, tuple(found), effect_words(effect), "", undo)


def _rule(effect: Effect) -> Rule | None:
    action = registry.get_action(effect.step_run.action)
    return registry.undo_rule(action.service, effect.op) if action else None


def _made(effect: Effect, all_of: Iterable[Effect]) -> Made:
    before = [one for one in all_of if one.step_run_id == effect.step_run_id and one.seq < effect.seq]
    return _one(effect, tuple(_one(one) for one in before))


def _one(effect: Effect, siblings: tuple[Made, ...] = ()) -> Made:
    return Made(
        op=effect.op,
        target=_object(effect.target),
        request=_object(effect.request),
        result=_object(effect.result),
        before=effect.before,
        after=effect.after,
        external_id=effect.external_id,
        siblings=siblings,
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


# Undoing


def undo_effect(actor: Actor, effect: Effect) -> Undo:
    """Take one change back; gives the undo, whose run goes on by itself.

    Raises Conflict E_UNDONE, E_CHANGED (somebody changed it since), E_NO_UNDO with the reason.
    """
    actor.require("run")
    offer = next((one for one in undo_offers(actor, effect.run) if one.effect.pk == effect.pk), None)
    if offer is None or (not offer.steps and not offer.undo):
        raise Conflict(offer.why if offer else "This change cannot be taken back.", code="E_NO_UNDO")
    if not offer.can:
        raise Conflict("This change was taken back already.", code="E_UNDONE", hint="Look at the run of the undo.")
    _refuse_changed(offer, [])
    return _start(actor, effect.run, [offer])[0]


def undo_run(actor: Actor, run: Run) -> tuple[list[Undo], list[Offer]]:
    """Take back all that can be of a run, the newest first, as one run; and what stays, each with the reason."""
    actor.require("run")
    offers = undo_offers(actor, run)
    wanted: list[Offer] = []
    stays = [offer for offer in offers if not offer.can and offer.state == ""]
    for offer in (one for one in offers if one.can):
        try:
            _refuse_changed(offer, wanted)
        except Conflict as problem:
            stays.append(Offer(offer.effect, (), offer.words, problem.message, offer.undo))
        else:
            wanted.append(offer)
    if not wanted:
        raise Conflict("Nothing of this run can be taken back.", code="E_NO_UNDO", hint="The page says why for each.")
    return _start(actor, run, wanted), stays


def _refuse_changed(offer: Offer, undone_first: list[Offer]) -> None:
    """Raise Conflict where the thing is not as the change left it; one that is undone first puts it back so far."""
    effect, rule = offer.effect, _rule(offer.effect)
    if rule is None or rule.still is None:
        return
    if any(_same_thing(effect, other.effect) for other in undone_first):
        return
    still, made = rule.still, _made(effect, Effect.objects.of(effect.workspace_id).filter(run=effect.run_id))
    try:
        stands = _read(effect, lambda client: still(client, made))
    except ServiceError as problem:
        if problem.status == 404 or problem.permanent:
            raise Conflict(f"It is not there as it was: {problem.message}", code="E_CHANGED") from problem
        raise UserError(problem.code, problem.message, hint=problem.hint or "Try again.", status=503) from problem
    if not stands:
        raise Conflict(CHANGED, code="E_CHANGED", hint="Take it back by hand, in the service.")


def _same_thing(one: Effect, other: Effect) -> bool:
    ids = [set(map(str, _object(e.target).values())) | {e.external_id} - {""} for e in (one, other)]
    return one.step_run.connection_id == other.step_run.connection_id and bool(ids[0] & ids[1])


def _read(effect: Effect, function: Callable[[Any], Any]) -> Any:
    connection = effect.connection
    if connection is None:
        return True
    info = open_connection(connection)

    async def go(calls: Any) -> Any:
        return await function(client_for(info, calls))

    return direct.call(go, timeout=LOOK_SECONDS)


def _start(actor: Actor, run: Run, offers: list[Offer]) -> list[Undo]:
    """One run whose steps take these changes back, in this order, and the record of each undo."""
    steps, inputs, keys = _steps(offers)
    title = f"Undo of {run.workflow.name}"[:120]
    fields = [{"name": name, "type": "json", "required": True} for name in inputs]
    definition = parse({"format": 1, "name": title, "slug": run.workflow.slug, "inputs": fields, "steps": steps})
    try:
        with transaction.atomic():
            rows = Undo.objects.of(actor.workspace).filter(effect__in=[one.effect for one in offers], dropped=False)
            rows.filter(pk__in=[one.undo.pk for one in offers if one.undo is not None]).update(dropped=True)
            version = WorkflowVersion.objects.create(
                workspace=actor.workspace, workflow=run.workflow, number=None, definition=to_json(definition),
                sha256=fingerprint(definition), engine_abi=ABI, note="Undo", created_by=actor.label[:200],
            )  # fmt: skip
            fresh = new_run(
                run.workflow, version, inputs, mode="live", trigger_kind=KIND, trigger_id=str(run.pk),
                started_by=actor.label[:200], starter=actor.user,
            )  # fmt: skip
            store_runs(actor, [fresh])
            made = [
                Undo.objects.create(
                    workspace=actor.workspace, effect=offer.effect, run=fresh, steps=keys[offer.effect.pk],
                    by=actor.label[:200],
                )
                for offer in offers
            ]  # fmt: skip
            audit.record(actor, "run.undo", run, details={"run": str(fresh.pk), "changes": len(made)})
    except IntegrityError as problem:
        raise Conflict("Somebody is taking this back already.", code="E_UNDONE") from problem
    wake_if_nobody_works()
    return made


def _steps(offers: list[Offer]) -> tuple[list[dict[str, Any]], dict[str, Any], dict[UUID, list[str]]]:
    """The steps; their values come as inputs, so that no text of theirs is ever read as a template."""
    steps: list[dict[str, Any]] = []
    inputs: dict[str, Any] = {}
    keys: dict[UUID, list[str]] = {}
    for at, offer in enumerate(offers, 1):
        for number, (action, given) in enumerate(offer.steps, 1):
            key = f"undo_{at}_{number}"
            inputs[key] = dict(given)
            step = {
                "key": key, "name": f"Undo: {offer.words}"[:120], "action": action,
                "with": {name: f"{{{{ inputs.{key}.{name} }}}}" for name in given},
                "on_error": {"do": "continue" if len(offers) > 1 else "stop"},
            }  # fmt: skip
            if offer.effect.connection is not None:
                step["connection"] = offer.effect.connection.name
            steps.append(step)
            keys.setdefault(offer.effect.pk, []).append(key)
    return steps, inputs, keys
