"""Running one action as the engine would, without the engine: a gate that sends once and records what was ordered.

ran = run_action("github.create_issue", {"repository": "octocat/hello", "title": "Hi"}, connection)
ran.output["number"], ran.orders[0].target, ran.warnings
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from integrations import direct, registry
from integrations.context import Calls, ConnectionInfo, Context, Foreseen, Found, LookFor, Order, Outcome, Plan
from integrations.errors import ServiceError
from integrations.files import File, check_size, no_file
from integrations.models import Connection
from integrations.operations.opening import client_for, open_connection
from integrations.rehearsal import as_rehearsal
from integrations.trigger_spec import Polled
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.outbound import only_reads


@dataclass
class Gate:
    """The effect gate of one step run: `change` sends an order once under its key.

    `seed` makes the keys; a second attempt of the same step uses the same seed. `confirmed` answers from the ledger.
    """

    seed: str = field(default_factory=lambda: uuid4().hex)
    orders: list[Order] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    sent_at: datetime = field(default_factory=now)
    confirmed: dict[int, Outcome] = field(default_factory=dict)

    def key(self, seq: int) -> str:
        """The key of the change at this position: the same on every attempt."""
        return hashlib.sha256(f"{self.seed}|{seq}".encode()).hexdigest()[:32]

    async def change(self, order: Order) -> Outcome:
        """Send an order exactly once, or answer with what is confirmed already."""
        seq = len(self.orders) + 1
        self.orders.append(order)
        try:
            outcome = self.confirmed.get(seq) or await order.send(self.key(seq))
        except ServiceError as problem:
            if not (problem.refused and problem.code in order.expects):
                raise
            outcome = Outcome(refused=problem.code)
        self.outcomes.append(outcome)
        self.confirmed[seq] = outcome
        return outcome

    async def look(self, seq: int = 1) -> Found | None:
        """Look for the change at this position, as after a lost answer."""
        order = self.orders[seq - 1]
        assert order.look, f"{order.op} has no look"
        return await order.look(LookFor(key=self.key(seq), sent_at=self.sent_at - timedelta(seconds=1), attempt=1))


class MemoryFiles:
    """The files of a workspace that is not there: what was written, and what a test put in."""

    def __init__(self) -> None:
        self.kept: dict[UUID, bytes] = {}

    def put(self, content: bytes, name: str, mime_type: str) -> File:
        """A file to hand to an action."""
        found = File(
            id=uuid4(), name=name, mime_type=mime_type, size=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
        self.kept[found.id] = content
        return found

    async def read(self, file: File) -> bytes:
        """The bytes."""
        if file.id not in self.kept:
            raise no_file(file)
        return self.kept[file.id]

    async def write(self, content: bytes, name: str, mime_type: str) -> File:
        """Keep it."""
        check_size(len(content), name)
        return self.put(content, name, mime_type)


@dataclass
class Ran:
    """What came of one action."""

    output: dict[str, Any] = field(default_factory=dict)
    error: ServiceError | None = None
    gate: Gate = field(default_factory=Gate)
    warnings: list[str] = field(default_factory=list)
    usage: list[Mapping[str, Any]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)

    @property
    def orders(self) -> list[Order]:
        """The changes it asked for."""
        return self.gate.orders


def run_action(
    name: str,
    inputs: Mapping[str, Any],
    client: Connection | ConnectionInfo | Any = None,
    *,
    gate: Gate | None = None,
    render_prompt: Callable[..., Any] | None = None,
    timeout: float = 20,
    **context: Any,
) -> Ran:
    """Run an action over a connection (a row, an opened one, or a ready client). Raises what the action raises."""
    ran = attempt(name, inputs, client, gate=gate, render_prompt=render_prompt, timeout=timeout, **context)
    if ran.error:
        raise ran.error
    return ran


def attempt(
    name: str,
    inputs: Mapping[str, Any],
    client: Connection | ConnectionInfo | Any = None,
    *,
    gate: Gate | None = None,
    render_prompt: Callable[..., Any] | None = None,
    timeout: float = 20,
    **context: Any,
) -> Ran:
    """Like `run_action`, but a failure of the service is given back in `ran.error`, so that one can look and go on."""
    action = registry.get_action(name)
    assert action, f"there is no action {name}"
    info = open_connection(client) if isinstance(client, Connection) else client
    ran = Ran(gate=gate or Gate())
    ran.gate.orders.clear()

    async def go(calls: Calls) -> dict[str, Any]:
        opened = client_for(info, calls) if isinstance(info, ConnectionInfo) else info
        made: Context[Any] = Context(
            client=opened,
            connection=info if isinstance(info, ConnectionInfo) else None,
            calls=calls,
            change=ran.gate.change,
            book=ran.usage.append,
            now=now(),
            warn=ran.warnings.append,
            finish=ran.finished.append,
            render_prompt=render_prompt,
            **context,
        )
        output = await action.run(made, action.input.model_validate(dict(inputs)))
        checked = action.output.model_validate(output.model_dump())
        return checked.model_dump(mode="json")

    try:
        ran.output = direct.call(go, timeout=timeout)
    except ServiceError as problem:
        ran.error = problem
    return ran


def plan_of(
    name: str, inputs: Mapping[str, Any], client: Connection | ConnectionInfo | Any = None, **context: Any
) -> list[Plan]:
    """What a dry run is told by an effect; a change on the way there is an error."""
    action = registry.get_action(name)
    assert action and action.plan, f"{name} has no plan"
    info = open_connection(client) if isinstance(client, Connection) else client
    planned = action.plan

    async def refuse(order: Order) -> Outcome:
        raise AssertionError(f"a plan wanted to send {order.op}")

    async def go(calls: Calls) -> list[Plan]:
        opened = client_for(info, calls) if isinstance(info, ConnectionInfo) else info
        connection = info if isinstance(info, ConnectionInfo) else None
        made: Context[Any] = Context(opened, connection, calls, refuse, now=now(), foreseen=Foreseen(), **context)
        with only_reads(registry.integrations()[action.service].asks):
            found = await planned(made, action.input.model_validate(dict(inputs)))
        return list(as_rehearsal(found, action.output, Foreseen()).plans)

    return direct.call(go)


def look(gate: Gate, seq: int = 1) -> Found | None:
    """Look for the change at this position, on the loop where its client lives."""
    return direct.call(lambda calls: gate.look(seq))


def info_of(
    service: str, *, base_url: str = "", workspace_id: Any = None, sandbox: bool = False, **secret: str
) -> ConnectionInfo:
    """An opened connection without a row."""
    return ConnectionInfo(
        id=uuid4(),
        workspace_id=workspace_id or uuid4(),
        service=service,
        name=service,
        base_url=base_url,
        sandbox=sandbox,
        secret=secret,
    )


def poll(trigger: str, info: ConnectionInfo, cursor: Any, **config: Any) -> Polled:
    """One look of a service's trigger, as the engine has it: it may only read."""
    declared = registry.get_trigger(trigger)
    assert declared is not None and declared.poll is not None
    ask = declared.poll

    async def look(calls: Calls) -> Polled:
        context: Context[Any] = Context(client_for(info, calls), info, calls, change=None)  # type: ignore[arg-type]
        with only_reads(registry.integrations()[declared.service].asks):
            return await ask(context, declared.config.model_validate(config), cursor)

    return direct.call(look)
