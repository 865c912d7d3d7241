"""What the actions ask of an MCP server, the real one or the sandbox's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from integrations.context import ConnectionReport
from integrations.errors import Rejected

MOST_SAID = 2000


@dataclass(frozen=True)
class ServerTool:
    """A tool as its server describes it. `read_only` is the server's own hint: it promises nothing."""

    name: str
    title: str = ""
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    read_only: bool = False


@dataclass(frozen=True)
class ToolSaid:
    """What a tool gave: its texts as one, its structured answer if it has one, and all parts as they came."""

    text: str = ""
    structured: Any = None
    parts: tuple[Mapping[str, Any], ...] = ()
    failed: bool = False


class McpClient(Protocol):
    """One server."""

    address: str

    async def list_tools(self) -> list[ServerTool]:
        """Every tool it has. Raises ServiceError."""
        ...

    async def call(self, tool: str, arguments: Mapping[str, Any], *, reads: bool = False) -> ToolSaid:
        """Call a tool by exactly one request; unless it only `reads`, not in a dry run.

        Raises ServiceError, Rejected E_TOOL where the tool says that it failed.
        """
        ...

    async def describe(self) -> ConnectionReport:
        """Who answers, and with which tools."""
        ...


def answered(tool: str, said: ToolSaid) -> ToolSaid:
    """The answer of a tool that worked. Raises Rejected E_TOOL for one that says it did not."""
    if not said.failed:
        return said
    words = " ".join(said.text.split())[:MOST_SAID] or "it gave no reason"
    raise Rejected(
        f"The tool “{tool}” failed: {words}",
        code="E_TOOL",
        hint="Check its arguments; its server describes them (List tools).",
        refused=True,
        detail=said.text,
    )
