"""OpenAI's place in the sandbox: the offline model behind the same interface."""

from __future__ import annotations

from integrations.context import Calls, ConnectionInfo
from integrations.sandbox_model import SandboxModel


def connect(info: ConnectionInfo, calls: Calls) -> SandboxModel:
    """The offline model."""
    return SandboxModel(info, calls)
