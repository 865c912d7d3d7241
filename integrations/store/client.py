"""The store of one workspace, reached on the thread that may use the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from integrations.context import Calls, ConnectionInfo, ConnectionReport, Place
from integrations.errors import Rejected
from integrations.operations.stored import Shelf
from orchestrator_site.lib.errors import UserError

T = TypeVar("T")


def connect(info: ConnectionInfo, calls: Calls) -> StoreClient:
    """The client of a workspace."""
    return StoreClient(info, calls)


class StoreClient:
    """Runs one transaction at a time."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._workspace_id = info.workspace_id
        self._calls = calls

    async def run(self, function: Callable[[], T]) -> T:
        """Run where the database may be used. What is refused there is a certain no: the transaction is undone."""
        try:
            return await self._calls.database(function)
        except UserError as problem:
            raise Rejected(problem.message, code=problem.code, hint=problem.hint or "", refused=True) from problem

    def shelf(self, scope: str, place: Place | None) -> Shelf:
        """Whose values. Raises Rejected where no workflow is at hand."""
        run_id = place.run_id if place else None
        if scope == "workspace":
            return Shelf(self._workspace_id, "", place.workflow if place else "", run_id)
        if place is None:
            raise Rejected("There is no workflow here whose values these could be.", code="E_NO_WORKFLOW", refused=True)
        return Shelf(self._workspace_id, str(place.workflow_id), place.workflow, run_id)

    async def describe(self) -> ConnectionReport:
        """It is there."""
        return ConnectionReport(ok=True, summary="The store is part of this instance.", can=("keep values",))
