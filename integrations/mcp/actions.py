"""What a step can ask of an MCP server: its tools listed, one of them called."""

from __future__ import annotations

from typing import Any

from integrations.context import Context, Order, Outcome, Plan
from integrations.errors import Rejected
from integrations.mcp import INTEGRATION
from integrations.mcp.interface import McpClient, ToolSaid
from integrations.spec import Change, Kind, Model, content, target
from orchestrator_site.lib.json import dumps

MOST_SUMMARY = 200


class ListInput(Model):
    """What `mcp.list_tools` takes: nothing."""


class ListedTool(Model):
    """A tool as its server describes it; `read_only` is the server's own hint."""

    name: str
    title: str = ""
    description: str = ""
    input_schema: dict[str, Any] = {}
    read_only: bool = False


class ListedTools(Model):
    """The tools of a server."""

    tools: list[ListedTool]
    count: int


class CallInput(Model):
    """A tool and what it is given."""

    tool: str = target(
        "Tool", help="Its name on the server.", example="add_note", choices="tools", min_length=1, max_length=200
    )
    arguments: dict[str, Any] = content(
        "Arguments",
        default={},
        help="An object, as the tool's schema asks for it; List tools shows that.",
        example={"title": "Opening hours"},
        widget="json",
    )


class Called(Model):
    """What the tool gave: its texts, its structured answer (null where it has none), and its parts as they came."""

    text: str
    data: Any = None
    parts: list[dict[str, Any]] = []


@INTEGRATION.action(
    "list_tools",
    kind=Kind.READ,
    input=ListInput,
    output=ListedTools,
    title="List tools",
    phrase="lists tools",
    timeout=30,
    keywords=("model context protocol", "catalogue"),
)
async def list_tools(context: Context[McpClient], values: ListInput) -> ListedTools:
    """List the tools of the server, with the JSON Schema of what each takes."""
    found = [
        ListedTool(
            name=tool.name,
            title=tool.title,
            description=tool.description,
            input_schema=dict(tool.input_schema),
            read_only=tool.read_only,
        )
        for tool in await context.client.list_tools()
    ]
    return ListedTools(tools=found, count=len(found))


@INTEGRATION.action(
    "read_tool",
    kind=Kind.READ,
    input=CallInput,
    output=Called,
    title="Call a tool that only reads",
    phrase="reads by a tool",
    timeout=60,
    keywords=("model context protocol", "query", "search"),
    lists="list_tools",
)
async def read_tool(context: Context[McpClient], values: CallInput) -> Called:
    """Call a tool of which you say that it changes nothing. Its server must say so too (its hint `readOnlyHint`)."""
    known = next((tool for tool in await context.client.list_tools() if tool.name == values.tool), None)
    if known is None or not known.read_only:
        why = "does not say that it only reads" if known else "is not there"
        raise Rejected(
            f"The tool “{values.tool}” {why}.",
            code="E_NOT_READ_ONLY",
            hint="Use “Call a tool”: it is treated as a change, and repeated only when a person says so.",
            refused=True,
        )
    return _called(await context.client.call(values.tool, values.arguments, reads=True))


async def plan_call(context: Context[McpClient], values: CallInput) -> list[Plan]:
    """The tool and its arguments; what it would give is not known."""
    shown = dumps(values.arguments)
    given = shown if len(shown) <= MOST_SUMMARY else f"{shown[:MOST_SUMMARY]}…"
    place = _target(context.client, values)
    return [Plan("call_tool", place, f"Calls the tool {values.tool} with {given}.", None, values.arguments)]


@INTEGRATION.action(
    "call_tool",
    kind=Kind.EFFECT,
    input=CallInput,
    output=Called,
    title="Call a tool",
    phrase="calls a tool",
    changes=[Change("call_tool", look=False)],
    timeout=60,
    keywords=("model context protocol", "function"),
    plan=plan_call,
    lists="list_tools",
)
async def call_tool(context: Context[McpClient], values: CallInput) -> Called:
    """Call a tool of the server. Nobody knows what a tool does, so it counts as a change: made once, and if its answer
    is lost a person is asked. A tool that says it failed fails the step."""

    async def send(key: str) -> Outcome:
        said = await context.client.call(values.tool, values.arguments)
        return Outcome(data=_called(said).model_dump(mode="json"))

    order = Order(
        op="call_tool",
        target=_target(context.client, values),
        request={"tool": values.tool, "arguments": values.arguments},
        send=send,
    )
    done = await context.change(order)
    return Called.model_validate(done.data)


def _target(client: McpClient, values: CallInput) -> dict[str, str]:
    return {"server": client.address, "tool": values.tool}


def _called(said: ToolSaid) -> Called:
    return Called(text=said.text, data=said.structured, parts=[dict(part) for part in said.parts])
