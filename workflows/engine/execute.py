"""One call of one action: inputs checked, client opened, effects gated, and whatever goes wrong put into words."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from integrations import registry
from integrations.context import Context, Foreseen, Place
from integrations.errors import ServiceError
from integrations.operations.opening import overlaid
from integrations.spec import Action, Kind, role_of
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_value
from workflows.engine import dry, fallbacks
from workflows.engine.actions import ActionInfo
from workflows.engine.attempts import abandoned, is_last, last_change
from workflows.engine.calls import Clients, Open, set_deadline
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.crashpoints import crashpoint
from workflows.engine.effects import House, Ledger, Passage, Reopened, failure_of
from workflows.engine.files import WorkspaceFiles
from workflows.engine.findings import DefinitionProblems
from workflows.engine.frames import Ended, Finished
from workflows.engine.interfaces import Task, Traits
from workflows.engine.keeping import cache_key
from workflows.engine.plan import StepPlan, outweighs
from workflows.engine.records import CacheRecord, EffectRecord, Failure, Held, Record, Stale, StepRecord, StoreRefused
from workflows.engine.remembering import remembering
from workflows.engine.rendering import LARGE
from workflows.engine.values import fields_of, take_inputs

log = logging.getLogger(__name__)

MOST_OUTPUT = 10 * 1024 * 1024
LOOK_AGAIN = 1.0
CONNECT_HINT = "Make a connection for it on the connections page, or choose one in the step."


@dataclass
class RunFacts:
    """What the executor must know of the run it works for; `foreseen` is what a dry run has planned, else None."""

    run_id: UUID
    workspace_id: UUID
    frozen: Mapping[str, Any]
    now: Any
    connections: Mapping[str, UUID] = field(default_factory=dict)
    missing: Mapping[str, Failure] = field(default_factory=dict)
    effects: dict[str, list[EffectRecord]] = field(default_factory=dict)
    workflow_id: UUID | None = None
    workflow: str = ""
    trigger: str = ""
    foreseen: Foreseen | None = None
    samples: Mapping[str, Any] = field(default_factory=dict)


class Executor:
    """interfaces.Executor for one run."""

    def __init__(self, facts: RunFacts, house: House, clients: Clients) -> None:
        self.facts, self.house, self.clients = facts, house, clients
        self._ready: dict[UUID, BaseModel] = {}

    def traits(self, action: str) -> Traits:
        """What kind of action it is."""
        known = _action(action)
        return _traits(known)

    def check(self, plan: StepPlan, values: dict[str, Any], tainted: set[str]) -> UUID | None:
        """Inputs against the action's model, taint against its targets, and the connection. Raises Failure."""
        action = _action(plan.step.action)
        for name in sorted(tainted):
            if name in action.input.model_fields and role_of(action.input, name) == "target":
                raise Failure(
                    "E_TAINT",
                    f"“{name}” says where something goes, and text from outside would fill it; nothing was sent.",
                    "Use a fixed value or an input of the workflow.",
                )
        validated(action, values)
        source = plan.source or plan.key
        if source in self.facts.missing:
            raise self.facts.missing[source]
        return self.facts.connections.get(source)

    @property
    def run_id(self) -> UUID:
        """The run it works for."""
        return self.facts.run_id

    def cache_key(self, task: Task) -> str:
        """The key of a result that is kept for equal calls; the texts of a prompt are part of it."""
        action, inputs = _action(task.plan.step.action), task.record.input
        named = {str(inputs.get(f.name)) for f in fields_of(action.input).values() if f.widget == "prompt"}
        prompts = self.facts.frozen.get("prompts") or {}
        texts = {slug: versions for slug, versions in prompts.items() if slug in named}
        return cache_key(self.facts.workspace_id, action.name, task.record.connection_id, inputs, texts)

    async def cached(self, key: str) -> CacheRecord | None:
        """The fresh result of this key in the run's workspace, if there is one."""
        return await self.house.read_cached(self.facts.workspace_id, key)

    # For agents

    def info(self, action: str) -> ActionInfo | None:
        """Everything that is declared of an action."""
        return CATALOGUE.get(action)

    @property
    def turn_action(self) -> str:
        """The action that asks a model for one turn of a conversation."""
        return registry.action_for("turn").name

    def wrong(self, action: str, values: Mapping[str, Any]) -> str:
        """Why an action would not take these inputs, in words for a model; empty where it does."""
        try:
            validated(_action(action), values)
        except Failure as failure:
            return failure.message
        return ""

    async def costs_at_most(self, task: Task) -> Decimal | None:
        """US dollars that one call of the task can cost at most; None where no price is known."""
        action, opened = _action(task.plan.step.action), await self._opened(task)
        if action.most is None or opened is None:
            return None
        found = action.most(opened.client, validated(action, task.record.input))
        return None if found is None else Decimal(str(found))

    def last_change(self, task: Task) -> tuple[str, Mapping[str, Any] | None]:
        """State and error of the last change that a step made or tried to make; '' where there is none."""
        return last_change(self.facts.effects, task.record.id)

    def abandon(self, step: StepRecord, at: datetime, new_id: Callable[[], UUID]) -> list[Record]:
        """What is told of a step that an earlier walk began and that does not go on."""
        return abandoned(self.facts.effects, step, at, new_id)

    def _changes(self, task: Task) -> list[EffectRecord]:
        return [e for past in self.facts.effects.values() for e in past if e.step_run_id == task.record.id]

    async def admit(self, task: Task) -> Held | None:
        """None: the limits of the task's connection let a call leave; else why not yet, and when to ask again."""
        connection, limits = task.record.connection_id, self.house.limits
        if connection is None or limits is None:
            return None
        change = task.record.kind == Kind.EFFECT and self.facts.foreseen is None
        held: Held | None = await limits.admit(task.record.id, connection, change=change)
        return None if fallbacks.passes_by(task, held) else held

    def leave(self, task: Task) -> None:
        """No call of the task is under way."""
        if self.house.limits is not None:
            self.house.limits.leave(task.record.id)

    def spend(self, task: Task) -> None:
        """A call of the task leaves now."""
        if self.house.limits is not None:
            self.house.limits.spend(task.record.id)

    def note(self, task: Task, error: ServiceError | TimeoutError | None) -> None:
        """What a call has shown of the service behind the task's connection."""
        if task.elsewhere:
            return  # what came of it speaks of another connection
        if self.house.limits is not None and task.record.connection_id is not None:
            self.house.limits.note(task.record.connection_id, error, task.mark)

    async def call(self, task: Task) -> Any:
        """Run the action once. Raises Failure, Ended, Finished, Stale."""
        action = _action(task.plan.step.action)
        values = validated(action, task.record.input)
        crashpoint("P07")
        timeout = float(task.plan.step.timeout or action.timeout)
        if action.kind is Kind.PURE:
            context = Context(None, None, _NO_CALLS, _no_change)  # type: ignore[type-var]
            return await self._guarded(task, action, self._bound(context, task), values, None)
        show = self._show(task, action)
        try:
            while True:
                opened = await self._opened(task)
                if self.facts.foreseen is not None:
                    return await self._dry(task, action, values, opened, self.facts.foreseen, show, timeout)
                ledger = self._ledger(task, timeout, opened)
                context = Context(
                    client=opened.client if opened else None,
                    connection=opened.info if opened else None,
                    calls=opened.calls if opened else _NO_CALLS,
                    change=ledger.change,
                    earlier_change=bool(self._changes(task)),
                    stream=show,
                )
                ledger.remember = remembering(action, context, timeout) if action.is_effect else None
                with suppress(Reopened):
                    return await self._guarded(task, action, self._bound(context, task), values, ledger, timeout)
        finally:
            if show is not None:
                self.house.previews.end(task.record.id)

    async def _dry(
        self,
        task: Task,
        action: Action,
        values: BaseModel,
        opened: Open | None,
        foreseen: Foreseen,
        show: Callable[[str], None] | None,
        timeout: float,
    ) -> Any:
        """The same call in a dry run: an effect is planned, and nothing that changes something can leave."""
        info = opened.info if opened else None
        context = Context(
            client=overlaid(opened.client, info.service, foreseen) if opened and info else None,
            connection=info,
            calls=opened.calls if opened else _NO_CALLS,
            change=dry.no_change,
            stream=show,
            foreseen=foreseen,
        )
        if action.is_effect:
            sample = self.facts.samples.get(task.plan.key)
            action = dry.as_read(action, dry.planning(action, task, foreseen, sample))
        elif task.plan.key in (pins := self.facts.frozen.get("pins") or {}):
            action = dry.as_read(action, dry.pinned(pins[task.plan.key]))
        with dry.reading(info.service if info else action.service):
            return await self._guarded(task, action, self._bound(context, task), values, None, timeout)

    def _show(self, task: Task, action: Action) -> Callable[[str], None] | None:
        """Where a model's words are shown while it writes; None where nobody looks."""
        facts = self.facts
        if action.kind is not Kind.MODEL:
            return None
        if not self.house.previews.is_watched(facts.run_id, facts.trigger, facts.now):
            return None
        return self.house.previews.begin(task.record.id, facts.run_id, facts.workspace_id)

    def _bound(self, context: Context[Any], task: Task) -> Context[Any]:
        context.now = self.facts.now
        if self.facts.workflow_id is not None:
            context.place = Place(
                self.facts.workspace_id, self.facts.workflow_id, self.facts.run_id, self.facts.workflow
            )
        context.warn = task.warnings.append
        context.book = lambda usage: _book(task, usage)
        context.finish = lambda text: setattr(task, "finish", text)
        context.render_prompt = self._render_prompt
        context.files = WorkspaceFiles(self.facts.workspace_id, self.house.on_database)
        context.last_try, context.away, task.elsewhere = is_last(task), task.away, False
        if self.facts.foreseen is None:
            context.reach, context.turned = partial(fallbacks.reach, self, task), partial(self._turned, task)
        return context

    def _turned(self, task: Task, problem: Exception | None) -> None:
        """The step's own connection has failed, or was not asked: what comes now speaks of others."""
        if isinstance(problem, ServiceError | TimeoutError):
            self.note(task, problem)
        task.elsewhere = True

    def _ledger(self, task: Task, timeout: float, opened: Open | None) -> Ledger:
        slot = opened.calls.slot if opened else _NO_CALLS.slot

        async def still(repeated: bool) -> None:
            old = opened is not None and (repeated or time.monotonic() - opened.seen > LOOK_AGAIN)
            if old and await self._opened(task) is not opened:
                raise Reopened

        return Ledger(self.house, task, self.facts.run_id, self.facts.effects, timeout, Passage(self, slot, still))

    async def _opened(self, task: Task) -> Open | None:
        if task.record.connection_id is None:
            action = _action(task.plan.step.action)
            keyless = registry.is_keyless(action)
            return self.clients.keyless(action.service, self.facts.workspace_id) if keyless else None
        try:
            opened = await self.clients.get(task.record.connection_id)
        except UserError as problem:
            raise Failure(problem.code, problem.message, problem.hint or CONNECT_HINT) from problem
        task.mark = opened.info.mark
        if opened.info.workspace_id != self.facts.workspace_id:
            raise Failure("E_NO_CONNECTION", "The connection of this step is not one of this workspace.", CONNECT_HINT)
        return opened

    async def _guarded(
        self,
        task: Task,
        action: Action,
        context: Context[Any],
        values: BaseModel,
        ledger: Ledger | None,
        timeout: float | None = None,
    ) -> Any:
        try:
            if timeout is None:
                output = await action.run(context, values)
            else:
                output = await self._watched(task, action, context, values, timeout)
            if ledger is not None and ledger.nameless:
                return self._settled_output(task, action, ledger)
            return await _cleaned(task, output)
        except (Failure, Ended, Finished, Stale, StoreRefused, Reopened):
            raise
        except ServiceError as error:
            _book(task, error.usage)
            raise failure_of(error) from error
        except UserError as problem:
            raise Failure(problem.code, problem.message, problem.hint or "") from problem
        except TimeoutError:
            message = f"{action.title}: there was no answer within {timeout:g} seconds."
            raise Failure("E_TIMEOUT", message, "Raise the step's timeout, or try later.", kind="timeout") from None
        except Exception as problem:
            if ledger is not None and ledger.by_hand:
                return self._settled_output(task, action, ledger)
            log.exception("the action %s failed", action.name)
            message = f"{action.title} failed unexpectedly ({type(problem).__name__})."
            raise Failure("E_ACTION", message, "This is a fault of the action; look at the worker's log.") from problem

    async def _watched(
        self, task: Task, action: Action, context: Context[Any], values: BaseModel, timeout: float
    ) -> Any:
        """The action under its time limit; its connection's limits learn from it. Changes tell by themselves."""
        if action.kind is not Kind.EFFECT:
            self.spend(task)
        try:
            output = await _timed(action, context, values, timeout)
        except (ServiceError, TimeoutError) as error:
            self.note(task, error)
            raise
        if action.kind is not Kind.EFFECT:
            self.note(task, None)
        return output

    def _settled_output(self, task: Task, action: Action, ledger: Ledger) -> Any:
        """A person said that the change happened: what is known of it, and nothing invented."""
        last = max((e for e in self._changes(task) if e.state == "confirmed"), key=lambda e: e.seq)
        known = {"id": last.external_id or None, "url": last.external_url or None}
        task.warnings.append("A person said that this change happened; the service's own answer is not known.")
        return {name: known.get(name, (last.target or {}).get(name)) for name in action.output.model_fields}

    def _render_prompt(self, slug: str, version: Any, values: Mapping[str, Any]) -> Any:
        from prompts.rendering import render

        versions = (self.facts.frozen.get("prompts") or {}).get(slug) or {}
        found = versions.get(str(version))
        if found is None:
            raise Failure(
                "E_NO_PROMPT", f"The run was started without the prompt “{slug}” ({version}).", "Run it again."
            )
        text = render(found, values)
        return Prompt(
            text.system, text.user, found.get("model") or "", found.get("temperature"), found.get("max_tokens")
        )


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt with the settings its version asks for."""

    system: str
    user: str
    model: str
    temperature: float | None
    max_tokens: int | None


class _NoCalls:
    """Calls of an action without a connection."""

    deadline = float("inf")

    def slot(self) -> Any:
        """No slot is needed."""
        from contextlib import nullcontext

        return nullcontext()

    async def blocking(self, function: Any) -> Any:
        """Run on a thread of the loop's own pool."""
        return await asyncio.to_thread(function)

    async def database(self, function: Any) -> Any:
        """There is no database for an action without a connection."""
        raise RuntimeError("an action without a connection has no database")


_NO_CALLS = _NoCalls()


async def _no_change(order: Any) -> Any:
    raise RuntimeError("a pure action changes nothing outside")


async def _timed(action: Action, context: Context[Any], values: BaseModel, timeout: float) -> Any:
    """The action under its time limit; the effect gate has limits of its own, so it stops the clock."""
    set_deadline(timeout)
    if action.kind is not Kind.EFFECT:
        async with asyncio.timeout(timeout):
            return await action.run(context, values)
    loop = asyncio.get_running_loop()
    gate = context.change
    async with asyncio.timeout(timeout) as limit:

        async def change(order: Any) -> Any:
            limit.reschedule(None)
            set_deadline(timeout)
            try:
                return await gate(order)
            finally:
                limit.reschedule(loop.time() + timeout)

        context.change = change
        return await action.run(context, values)


@cache
def _traits(action: Action) -> Traits:
    """An effect's own answer is clean unless its inputs were not (engine.taint)."""
    tainted = action.tainted and not action.is_effect
    takes, gives = frozenset(action.input.model_fields), frozenset(action.output.model_fields)
    return Traits(action.kind.value, action.default_retries, tainted, takes, gives)


def _action(name: str) -> Action:
    action = registry.get_action(name)
    if action is None:
        raise Failure("E_KIND", f"This instance does not know the action “{name}”.", "Install its integration.")
    return action


def validated(action: Action, values: Mapping[str, Any]) -> BaseModel:
    """The action's own input model over rendered values. Raises Failure in words."""
    try:
        return take_inputs(action.input, values)
    except DefinitionProblems as wrong:
        raise Failure(wrong.code, f"The inputs cannot be used: {wrong.message}", "Change the step's inputs.") from None


def clean_output(output: Any) -> Any:
    """An action's answer as plain JSON, mended where the service sent what no database holds."""
    value = output.model_dump(mode="json") if isinstance(output, BaseModel) else output
    if type(value) is dict and all(_plain(item) for item in value.values()):
        return value
    return clean_value(value, max_bytes=MOST_OUTPUT, max_string=MOST_OUTPUT, field="output", repair=True)


async def _cleaned(task: Task, output: Any) -> Any:
    """Large answers are cleaned beside the event loop."""
    value = output.model_dump(mode="json") if isinstance(output, BaseModel) else output
    if outweighs(value, ((),), LARGE):
        return await task.walk.aside(lambda: clean_output(value))
    return clean_output(value)


def _plain(value: Any) -> bool:
    """Short printable text and small numbers are clean as they are (the usual case of a data step)."""
    kind = type(value)
    if kind is str:
        return len(value) < 10_000 and value.isprintable()
    return value is None or kind is bool or (kind is int and -(2**53) < value < 2**53)


def _book(task: Task, usage: Mapping[str, Any] | None) -> None:
    if not usage:
        return
    task.input_tokens += int(usage.get("input_tokens") or 0)
    task.output_tokens += int(usage.get("output_tokens") or 0)
    task.cost_usd += Decimal(str(usage.get("cost_usd") or 0)).quantize(Decimal("0.000001"))
