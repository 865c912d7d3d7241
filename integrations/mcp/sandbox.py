"""An MCP server that is not there: a notebook with a few tools, in the sandbox of the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.context import Calls, Choice, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected
from integrations.mcp.interface import ServerTool, ToolSaid, answered
from integrations.sandboxes import Sandbox
from integrations.schema_words import complaints
from integrations.world import Collection, Column, Thing
from orchestrator_site.lib.ids import short_token

WORLD = (
    Collection(
        kind="note",
        title="Notebook",
        columns=(Column("title", "Note"),),
        body="text",
        empty="No notes yet. A step that calls the tool add_note shows here.",
    ),
)
_TEXT = {"type": "string"}
TOOLS = (
    ServerTool(
        "find_notes",
        "Find notes",
        "Find the notes that have a word in them.",
        {"type": "object", "properties": {"query": {**_TEXT, "description": "A word; empty: all."}}},
        read_only=True,
    ),
    ServerTool(
        "add_note",
        "Add a note",
        "Write a note into the notebook.",
        {
            "type": "object",
            "properties": {"title": {**_TEXT, "minLength": 1}, "text": _TEXT},
            "required": ["title"],
            "additionalProperties": False,
        },
    ),
    ServerTool("fail", "Fail", "Fails, to see what happens then.", {"type": "object", "properties": {}}),
)


def seed_objects() -> list[Thing]:
    """One note to find."""
    return [Thing("note", "note-1", "Opening hours", "", {"text": "Monday to Friday, nine to five."})]


def connect(info: ConnectionInfo, calls: Calls) -> SandboxMcp:
    """The sandbox client of a workspace."""
    return SandboxMcp(info, calls)


class SandboxMcp:
    """`interface.McpClient` without a network."""

    address = "sandbox"

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._world = Sandbox(info, calls, "mcp")

    async def list_tools(self) -> list[ServerTool]:
        """The tools of the notebook."""
        return list(TOOLS)

    async def call(self, tool: str, arguments: Mapping[str, Any], *, reads: bool = False) -> ToolSaid:
        """Call a tool of the notebook."""
        known = next((one for one in TOOLS if one.name == tool), None)
        if known is None:
            names = ", ".join(one.name for one in TOOLS)
            text = f"The sandbox said no: there is no tool “{tool[:60]}”; there is {names}."
            raise Rejected(text, code="E_TOOL_REFUSED", refused=True)
        if wrong := complaints(dict(arguments), known.input_schema):
            return answered(tool, ToolSaid("; ".join(wrong), failed=True))
        if tool == "fail":
            return answered(tool, ToolSaid("It was asked to fail.", failed=True))
        return await self._world.run(lambda: self._add(arguments) if tool == "add_note" else self._find(arguments))

    def _add(self, arguments: Mapping[str, Any]) -> ToolSaid:
        name, data = f"note-{short_token(8)}", {"text": str(arguments.get("text", ""))}
        self._world.add(Thing("note", name, str(arguments["title"]), "", data))
        return ToolSaid(f"Added {name}.", {"id": name}, ({"type": "text", "text": f"Added {name}."},))

    def _find(self, arguments: Mapping[str, Any]) -> ToolSaid:
        query = str(arguments.get("query", "")).lower()
        notes = [
            {"id": row.external_id, "title": row.title, "text": str(row.data.get("text", ""))}
            for row in self._world.things("note")
            if query in f"{row.title} {row.data.get('text', '')}".lower()
        ]
        text = "\n".join(f"{note['title']}: {note['text']}" for note in notes) or "No note has this word."
        return ToolSaid(text, {"notes": notes}, ({"type": "text", "text": text},))

    async def describe(self) -> ConnectionReport:
        """What one can try."""
        names = ", ".join(tool.name for tool in TOOLS)
        return ConnectionReport(ok=True, summary=f"The sandbox's notebook. Tools: {names}.", can=("call its tools",))

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """Its tools."""
        return [Choice(tool.name, tool.title) for tool in TOOLS if name == "tools" and q.lower() in tool.name]
