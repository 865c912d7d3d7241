"""The contract server with a world and faults of its own for each key, so that hundreds of runs may use it at once.

A request belongs to the case whose key it carries (Authorization, x-api-key). Each case has services of its own, cloned
from a prepared world; faults are planned case by case and served by the contract server's own makers. What the contract
server lacks is added by the project's own fakes (`fakes.py`), held to the same descriptions.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from contract_server.faults import FaultPlan
from contract_server.journal import Call
from contract_server.server import ContractServer
from contract_server.services.base import Service
from contract_server.wire import Reply, Request

from tests.contracts.fakes import OWN, GitHubWithReviews, Mcp, NotionWithFiles, OpenAIWithMedia, Web, method_path

Prepare = Callable[["World"], dict[str, Any]]


class World:
    """The services of one case, by their prefixes."""

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = services

    def __getattr__(self, name: str) -> Any:
        return self.services[name]

    def clone(self, prefix: str) -> World:
        """The same state again, on its own as far as this service goes. Descriptions, locks and clocks are shared."""
        return World({**self.services, prefix: _clone(self.services[prefix])})


def _clone(service: Service) -> Service:
    shared = [service.description, service.lock, service.clock, getattr(service, "tokens", None)]
    return copy.deepcopy(service, {id(one): one for one in shared})


class _Faults(FaultPlan):
    """A plan for each case."""

    def __init__(self) -> None:
        super().__init__()
        self.key = ""
        self.plans: dict[str, FaultPlan] = defaultdict(FaultPlan)

    def take(self, service: str, operation: str) -> Any:
        """The fault of the case whose request is served now."""
        return self.plans[self.key].take(service, operation) if self.key in self.plans else None


class CaseServer(ContractServer):
    """One server for all cases. Requests are answered one after the other, so `key` is that of the one served now."""

    def __init__(self) -> None:
        super().__init__()
        added = (GitHubWithReviews(), OpenAIWithMedia(), NotionWithFiles(), Web(), Mcp())
        self.services.update({one.prefix: one for one in added})
        self.faults: _Faults = _Faults()
        self.empty = World(dict(self.services))
        self.worlds: dict[str, World] = {}
        self.of_case: dict[str, list[Call]] = defaultdict(list)
        self.meanwhile: dict[tuple[str, str], Callable[[World], None]] = {}
        self._open, self.journal.open = self.journal.open, self._noted  # type: ignore[method-assign]

    @property
    def host(self) -> str:
        """Host and port, to be allowed."""
        return self.url.removeprefix("http://")

    def add(self, key: str, world: World, prefix: str) -> None:
        """The world that requests with this key see: a clone, as far as this service goes."""
        self.worlds[key] = world.clone(prefix)

    def plan(self, key: str, kind: str, operation: str, **options: Any) -> None:
        """Fail a request of this case."""
        from contract_server.faults import Fault

        self.faults.plans[key].add(Fault(kind, operation, **options))

    def own(self, call: Call) -> bool:
        """Whether one of the project's own fakes has answered."""
        return (call.service, call.operation) in OWN

    def _respond(self, request: Request) -> Reply:
        key = key_of(request.headers)
        self.faults.key = key
        self.services = self.worlds[key].services if key in self.worlds else self.empty.services
        self.gmail = self.services["gmail"]  # type: ignore[assignment]
        if request.path == "/mcp/":
            request.path = f"/mcp{method_path(request.raw)}"
        reply = super()._respond(request)
        self._meanwhile(key)
        return reply

    def _meanwhile(self, key: str) -> None:
        """What somebody does by hand just after this request of the case."""
        calls = self.of_case.get(key)
        happens = self.meanwhile.pop((key, str(calls[-1].operation)), None) if calls else None
        if happens is not None:
            happens(self.worlds[key])

    def _noted(self, **facts: Any) -> Call:
        call = self._open(**facts)
        self.of_case[self.faults.key].append(call)
        return call


def key_of(headers: dict[str, str]) -> str:
    """The key that a request carries."""
    return headers.get("x-api-key") or headers.get("authorization", "").rpartition(" ")[2]
