"""Plays cases as real runs: rows in the database, an engine in this process, requests over the real clients.

All runs are walked at once by one engine; each has a connection, a key and a world of its own. Waits are shortened by
the engine's factor for times, never left out.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock

from contract_server.journal import Call
from django.db import connections, models, transaction
from django.test import override_settings

from accounts.actor import Actor
from accounts.models import Workspace
from integrations.models import Connection
from integrations.operations.secrets import seal
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.ids import short_token
from orchestrator_site.lib.outbound import Call as Outgoing
from orchestrator_site.lib.outbound import guarded_async_transport
from prompts.operations.library import Text, create_prompt
from tests.contracts.cases import Case
from tests.contracts.fakes import PNG
from tests.contracts.faults import MOST_ANSWER, PATIENT, Fault
from tests.contracts.mail import MailFake
from tests.contracts.server import CaseServer, World
from tests.contracts.worlds import KEYS, PREFIXES, Facts, prepared
from workflows.engine.definition import fingerprint, parse, to_json
from workflows.engine.engine import Engine
from workflows.engine.files import keep
from workflows.engine.times import Times
from workflows.models import Effect, Run, StepRun, Workflow, WorkflowVersion
from workflows.operations.starting import Origin, fresh_run, store_runs

TIMES = Times(lease=300.0, scale=0.1)
AT_ONCE = 300
SDKS = ("github", "googleapiclient.discovery", "notion_client", "openai", "anthropic")
ENDED = ("succeeded", "failed", "cancelled", "timed_out", "attention")
A_DAY = timedelta(days=1)
ALL = "the stage sees all"


@dataclass
class Play:
    """One run of one case, with a fault at one of its requests or without; then what came of it."""

    case: Case
    fault: Fault | None = None
    operation: str = ""
    skip: int = 0
    key: str = ""
    run: Any = None
    step: Any = None
    effects: list[Effect] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    mails: int | None = None
    meanwhile: tuple[str, Callable[[World], None]] | None = None

    @property
    def name(self) -> str:
        """For whoever reads a failure."""
        at = f" at {self.operation}{f' #{self.skip + 1}' if self.skip else ''}" if self.operation else ""
        return f"{self.case.name}{f': {self.fault.name}{at}' if self.fault else ''}"

    @property
    def held(self) -> bool:
        """Whether it waits for its connection to be repaired."""
        decision = self.step.decision if isinstance(self.step.decision, dict) else {}
        return self.run.status == "waiting" and (decision.get("held") or {}).get("why") == "connection"

    @property
    def changed(self) -> list[Call]:
        """The requests that changed something, whether or not we learnt of it."""
        return [call for call in self.calls if call.effect and call.operation not in NO_CHANGE]


NO_CHANGE = {
    "createChatCompletion", "createResponse", "createEmbedding", "createModeration", "createImage",
    "createTranscription", "messages.create", "messages.count_tokens", "gmail.batch",
}  # fmt: skip
"""Operations that the contract server counts as changes because they are no GET, and that change nothing for us."""


class Stage:
    """A workspace, a contract server, an engine."""

    def __init__(self) -> None:
        self.server = CaseServer().start()
        self.worlds = prepared(self.server)
        self.workspace = Workspace.objects.create(slug=f"w_{short_token(8)}", name="Contracts")
        self.actor = Actor.system(self.workspace, "contracts")
        self.mail: dict[str, MailFake] = {}
        self.allowed = [self.server.host]
        self.count = 0
        self.files = self._files()

    def _files(self) -> Facts:
        create_prompt(self.actor, slug="greeting", name="Greeting", text=Text("Greet {{ name }}."))
        kept = {
            "file": keep(self.workspace.pk, b"a,b\n1,2\n", "rows.csv", "text/csv"),
            "large": keep(self.workspace.pk, bytes(range(256)) * 4 * 1024 * 4, "plan.zip", "application/zip"),
            "image": keep(self.workspace.pk, PNG, "a.png", "image/png"),
            "sound": keep(self.workspace.pk, b"RIFFxxxxWAVE", "call.wav", "audio/wav"),
        }
        return {name: one.model_dump(mode="json", by_alias=True) for name, one in kept.items()}

    def play(self, plays: Sequence[Play], seconds: float = 1200.0) -> None:
        """Start all, and wait until each has ended or asks a person; then read what came of them."""
        with transaction.atomic():
            runs = [self._ready(play) for play in plays]
            store_runs(self.actor, runs)
        self._wait(seconds)
        self._read(plays)

    def _ready(self, play: Play) -> Run:
        self.count += 1
        case, name = play.case, f"p{self.count}"
        facts: Facts = {}
        if case.service:
            facts = self._connect(play, name)
        given = _filled(dict(case.inputs), {**self.files, **facts})
        seconds = play.fault.timeout if play.fault else PATIENT
        step = {"key": "it", "action": case.action, "with": given, "timeout": seconds, "retry": {"delay": 0.2}}
        if case.service:
            step["connection"] = name
        parsed = parse({"format": 1, "name": name, "slug": name, "steps": [step]})
        workflow = Workflow.objects.create(workspace=self.workspace, slug=name, name=name, draft_etag="1")
        version = WorkflowVersion.objects.create(
            workspace=self.workspace,
            workflow=workflow,
            number=1,
            definition=to_json(parsed),
            sha256=fingerprint(parsed),
        )
        play.run = fresh_run(self.actor, workflow, version, {}, "live", Origin())
        return play.run

    def _connect(self, play: Play, name: str) -> Facts:
        """A connection with a key and a world of its own, and its fault."""
        service, secret = play.case.service, dict(play.case.secret)
        row = Connection(workspace=self.workspace, service=service, name=name, status="works")
        facts: Facts = {}
        if service == "mail":
            fake = self.mail[name] = MailFake(play.fault.smtp if play.fault else {})
            play.key, row.base_url = name, f"smtp://127.0.0.1:{fake.port}"
            self.allowed.append(f"127.0.0.1:{fake.port}")
            secret = {"sender": "Ada <ada@example.com>"}
        else:
            play.key = f"{KEYS[service]}case{self.count}"
            world, facts = self.worlds[service]
            self.server.add(play.key, world, PREFIXES.get(service, service))
            row.base_url = _base_url(self.server, service)
            secret |= {_field(service): play.key}
            if play.meanwhile:
                self.server.meanwhile[play.key, play.meanwhile[0]] = play.meanwhile[1]
            if play.fault:
                play.fault.plan(self.server, play.key, play.operation, play.skip)
        seal(row, secret)
        row.save()
        return facts

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        left = 0
        while time.monotonic() < end:
            going = Run.objects.unscoped(ALL).exclude(status__in=ENDED)
            left = going.exclude(status="waiting", due_at__gt=now() + A_DAY).count()  # those wait for a person's repair
            if not left:
                return
            time.sleep(0.2)
        states = dict(Run.objects.unscoped(ALL).values_list("status").annotate(models.Count("id")))
        raise AssertionError(f"{left} runs have not ended within {seconds:g} seconds: {states}")

    def _read(self, plays: Sequence[Play]) -> None:
        runs = {run.pk: run for run in Run.objects.of(self.workspace).defer("frozen")}
        steps = {step.run_id: step for step in StepRun.objects.of(self.workspace)}
        effects: dict[Any, list[Effect]] = {}
        for effect in Effect.objects.of(self.workspace).order_by("seq", "attempt"):
            effects.setdefault(effect.run_id, []).append(effect)
        for play in plays:
            identifier = play.run.pk
            play.run, play.step = runs[identifier], steps[identifier]
            play.effects = effects.get(identifier, [])
            play.calls = self.server.of_case.get(play.key, [])
            if play.key in self.mail:
                play.mails = len(self.mail[play.key].contents)

    def close(self) -> None:
        """End."""
        self.server.stop()
        for fake in self.mail.values():
            fake.close()


@contextmanager
def open_stage() -> Iterator[Stage]:
    """A stage with a running engine; waits that are told by services only are shortened too."""
    with ExitStack() as stack:
        stage = Stage()
        stack.callback(stage.close)
        stack.enter_context(override_settings(ALLOW_PRIVATE_HOSTS=stage.allowed, ENGINE_RUNS=AT_ONCE))
        for function in (Outgoing.__init__, guarded_async_transport):
            stack.enter_context(mock.patch.dict(function.__kwdefaults__, max_bytes=MOST_ANSWER))
        for limit in ("http.actions.READ_LIMIT", "mcp.wire.MOST_ANSWER"):
            stack.enter_context(mock.patch(f"integrations.{limit}", MOST_ANSWER))
        stack.enter_context(mock.patch("workflows.engine.limits.NO_RETRY_AFTER", (0.5,)))
        for name in SDKS:  # no run's first request waits for it
            importlib.import_module(name)
        engine = Engine(times=TIMES, deadly=False).start()
        stack.callback(connections["default"].close)
        stack.callback(lambda: engine.join(60))
        stack.callback(engine.drain)
        assert engine.wait_started()
        yield stage


def _base_url(server: CaseServer, service: str) -> str:
    if service in ("http", "mcp"):
        return f"{server.url}/{PREFIXES.get(service, service)}/"
    return str(getattr(server, f"{service}_url"))


def _field(service: str) -> str:
    return {"openai": "api_key", "anthropic": "api_key", "gmail": "access_token"}.get(service, "token")


def _filled(value: Any, facts: Facts) -> Any:
    """`$name` stands for what the world calls so."""
    if isinstance(value, dict):
        return {name: _filled(item, facts) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, facts) for item in value]
    if isinstance(value, str) and value.startswith("$"):
        return facts[value[1:]]
    return value
