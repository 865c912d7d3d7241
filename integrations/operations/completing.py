"""One question to the workspace's model from a page or the API, outside of any run."""

from __future__ import annotations

from accounts.models import Workspace
from integrations import direct
from integrations.context import Calls, ConnectionInfo
from integrations.errors import ServiceError
from integrations.llm import ModelAnswer, ModelRequest
from integrations.models import Connection
from integrations.operations.finding import default_connection
from integrations.operations.opening import client_for, open_connection
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.redact import redact

NEED = "model"


def model_connection(workspace: Workspace) -> Connection | None:
    """The connection that a model step would use that names none."""
    return default_connection(workspace, NEED)


def complete_once(connection: Connection, request: ModelRequest, seconds: float) -> ModelAnswer:
    """The model's answer, within so many seconds. Raises UserError: E_TIMEOUT, what the service refuses …"""
    info = open_connection(connection)
    try:
        return direct.call(lambda calls: _completed(info, calls, request), timeout=seconds)
    except ServiceError as problem:
        said = redact(problem.message)[:500]
        raise UserError(problem.code or "E_MODEL", said, hint=problem.hint or "Try again in a minute.") from None


async def _completed(info: ConnectionInfo, calls: Calls, request: ModelRequest) -> ModelAnswer:
    answer: ModelAnswer = await client_for(info, calls).complete(request)
    return answer
