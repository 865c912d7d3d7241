"""The engine's reads thread: claims, loads and sandbox calls, one after the other, on one database connection."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

from django.db import Error, connections, transaction

from integrations import registry
from integrations.context import ConnectionInfo
from integrations.models import Connection
from integrations.operations.finding import default_connection, find_connection
from integrations.operations.opening import open_connection
from orchestrator_site.lib.errors import UserError
from workflows.engine import fallbacks
from workflows.engine.agent_tools import made_by
from workflows.engine.claims import Reader
from workflows.engine.definition import Definition, StepSpec, parse
from workflows.engine.driver import Loaded
from workflows.engine.execute import CONNECT_HINT
from workflows.engine.loading import ClaimedRun
from workflows.engine.plan import Plan, make_plan
from workflows.engine.records import Failure
from workflows.engine.sharing import not_shared
from workflows.engine.sql import SqlStore, thread_settings

T = TypeVar("T")
PLANS = 256
Connections = tuple[dict[str, UUID], dict[str, Failure]]
Limited = dict[UUID, tuple[str, Any]]


class Reads:
    """One thread with one connection; `run` is awaited on the loop, everything else happens on the thread."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reads")
        self._used = 0.0
        self._plans: OrderedDict[UUID, Plan] = OrderedDict()
        self._connections: dict[tuple[UUID, UUID], tuple[Any, Connections, Limited]] = {}
        self.reader = Reader(SqlStore(connections[alias]))
        self._bound = False

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run on the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._call, function, args)

    def _call(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        self._ready()
        try:
            return function(*args)
        except Error:
            connections[self.alias].close_if_unusable_or_obsolete()
            raise
        finally:
            self._used = time.monotonic()

    def _ready(self) -> None:
        """A connection that answers: pinged after a pause, opened again when it does not."""
        connection = connections[self.alias]
        if not self._bound:
            self.reader = Reader(SqlStore(connection))
            self._bound = True
        if connection.connection is not None and time.monotonic() - self._used > 1.0 and not connection.is_usable():
            connection.close()
        if connection.connection is None:
            thread_settings(connection)

    def close(self) -> None:
        """End the thread and its connection."""
        self._thread.submit(lambda: connections[self.alias].close())
        self._thread.shutdown(wait=True)

    # driver.Loader

    def ready_plan(self, run: ClaimedRun) -> Loaded | None:
        """A fresh run of a version that needs no connection and is planned already: nothing to read."""
        plan = self._plans.get(run.version_id)
        if run.has_records or plan is None or plan.cache.get("connections", True):
            return None
        return Loaded(run, plan)

    def load(self, run: ClaimedRun) -> Loaded:
        """The plan, the records and the connections of a run."""
        loaded = Loaded(run, None)
        try:
            loaded.plan = self.plan(run.version_id)
        except UserError as problem:
            loaded.problem = Failure(problem.code, f"This version cannot be run: {problem.message}", problem.hint or "")
            return loaded
        loaded.connections, loaded.missing = self.connections_of(run, loaded.plan)
        if run.has_records:
            loaded.steps = self.reader.steps(run.id)
            loaded.seq = self.reader.last_seq(run.id)
            loaded.effects = self.reader.effects(run.id)
            if run.mode == "dry":
                loaded.foreseen = self.reader.foreseen(run.id)
        loaded.problem = _missing_at_once(loaded.plan, loaded.missing)
        return loaded

    def plan(self, version: UUID) -> Plan:
        """The version, ready to walk; kept for later runs."""
        plan = self._plans.get(version)
        if plan is None:
            plan = make_plan(parse(self.reader.definition(version), trusted=True))
            plan.cache["children"] = any(step.action == "run_workflow" for step, _ in plan.definition.walk())
            plan.cache["connections"] = any(_services(step) for step in _calls(plan.definition))
            self._plans[version] = plan
            if len(self._plans) > PLANS:
                self._plans.popitem(last=False)
        self._plans.move_to_end(version)
        return plan

    # Connections

    def connections_of(self, run: ClaimedRun, plan: Plan) -> Connections:
        """The connection of every step, within the run's workspace; what is missing, in words (I18).

        Kept only while the workspace's connections are those it was found among.
        """
        if not plan.cache["connections"]:
            return {}, {}
        place = (run.workspace_id, run.version_id)
        known = self._connections.get(place)
        there = self._there(run.workspace_id)
        if known is not None and known[0] == there:
            return self._shared(run, plan, known[1], known[2])
        found: dict[str, UUID] = {}
        missing: dict[str, Failure] = {}
        for step in _calls(plan.definition):
            services = _services(step)
            if services and (step.connection or not _is_keyless(step)):
                self._resolve(run.workspace_id, step, services, found, missing)
            for name in fallbacks.named(step) if services else ():
                self._resolve_other(run.workspace_id, step, name, services, found, missing)
        if len(self._connections) > 1000:
            self._connections.clear()
        rows = ((self.reader.store.uuid(row[0]), row[1], self.reader.value(row[5])) for row in there)
        limited = {pk: (name, sharing) for pk, name, sharing in rows if sharing}
        self._connections[place] = (there, (found, missing), limited)
        return self._shared(run, plan, (found, missing), limited)

    @staticmethod
    def _shared(run: ClaimedRun, plan: Plan, known: Connections, limited: Limited) -> Connections:
        """The same, without what is not shared with those behind the run."""
        found, missing = known
        wrong = not_shared(run, plan, found, limited) if limited else {}
        return (found, {**missing, **wrong}) if wrong else known

    def _there(self, workspace: UUID) -> Any:
        """All that decides which connection a step has."""
        store = self.reader.store
        sql = (
            "SELECT id, name, service, sandbox, is_default, sharing FROM integrations_connection "
            "WHERE workspace_id = %s AND deleted_at IS NULL ORDER BY id"
        )
        return [tuple(row) for row in store.run(sql, (store.id(workspace),)).fetchall()]

    def _resolve(
        self, workspace: UUID, step: StepSpec, services: list[str], found: dict[str, UUID], missing: dict[str, Failure]
    ) -> None:
        action = registry.get_action(step.action)
        assert action is not None
        if step.connection:
            connection = find_connection(workspace, step.connection)
        else:
            connection = default_connection(workspace, action.needs or action.service)
        if connection is None:
            what = f"the connection “{step.connection}”, and there is none"
            if not step.connection:
                what = f"a connection to {' or '.join(services)}; there is none, or none of several is the default"
            missing[step.key] = Failure(
                "E_NO_CONNECTION", f"“{step.title}” needs {what}.", CONNECT_HINT, step=step.key.partition("/")[0]
            )
        elif connection.service not in services:
            missing[step.key] = Failure(
                "E_CONN_SERVICE",
                f"“{step.title}” needs a connection to {' or '.join(services)}; “{connection.name}” is one to "
                f"{connection.service}.",
                CONNECT_HINT,
                step=step.key.partition("/")[0],
            )
        else:
            found[step.key] = connection.pk

    def _resolve_other(
        self, workspace: UUID, step: StepSpec, name: str, services: list[str], found: dict[str, UUID],
        missing: dict[str, Failure],
    ) -> None:  # fmt: skip
        """A connection that a step may turn to when its own does not answer."""
        connection = find_connection(workspace, name)
        if connection is None or connection.service not in services:
            text = f"“{step.title}” may turn to the connection “{name}”, and there is no such one for it."
            missing.setdefault(step.key, Failure("E_NO_CONNECTION", text, CONNECT_HINT, step=step.key))
        else:
            found[fallbacks.place(step.key, name)] = connection.pk

    def open(self, connection: UUID, known: Any, begin: Callable[[], None]) -> tuple[ConnectionInfo | None, Any]:
        """A connection decrypted for use, and the row it was made from; no info while that is the `known` one."""
        begin()
        store = self.reader.store
        sql = (
            "SELECT workspace_id, name, base_url, sandbox, secret, learned, updated_at FROM integrations_connection "
            "WHERE id = %s AND deleted_at IS NULL"
        )
        row = store.run(sql, (store.id(connection),)).fetchone()
        if row is None:
            raise UserError("E_NO_CONNECTION", "The connection of this step was deleted.", hint=CONNECT_HINT)
        if known == tuple(row):
            return None, known
        rows = Connection.objects.unscoped("the engine opens what it resolved within the run's workspace")
        return open_connection(rows.get(pk=connection)), tuple(row)

    def in_transaction(self, function: Callable[[], T]) -> T:
        """Sandbox calls: a transaction of their own."""
        with transaction.atomic(using=self.alias):
            return function()


def _calls(definition: Definition) -> Iterator[StepSpec]:
    """The steps that a version has, and those that its agents may make."""
    turn = registry.action_for("turn").name
    for step, _ in definition.walk():
        yield step
        yield from made_by(step, turn)


def _services(step: StepSpec) -> list[str]:
    action = registry.get_action(step.action)
    return [] if action is None or step.disabled else registry.services_for(action)


def _is_keyless(step: StepSpec) -> bool:
    action = registry.get_action(step.action)
    return action is not None and registry.is_keyless(action)


def _missing_at_once(plan: Plan, missing: dict[str, Failure]) -> Failure | None:
    """A step that certainly runs and cannot: better said before anything is changed than in the middle."""
    for step in plan.definition.steps:
        if step.when or step.on_error.do != "stop":
            continue
        calls = (step.key, *(made.key for made in made_by(step, "")))
        if (lack := next((missing[key] for key in calls if key in missing), None)) is not None:
            return lack
    return None
