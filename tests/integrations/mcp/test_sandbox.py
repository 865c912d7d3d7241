"""The sandbox's MCP server: a notebook; and what of the protocol needs no server to be tried."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected
from integrations.mcp import wire
from integrations.operations.connections import find_connection, seed_sandbox
from integrations.operations.opening import open_connection
from tests.integrations.gate import attempt, run_action


@pytest.fixture
def notebook(db, workspace):
    seed_sandbox(workspace)
    return open_connection(find_connection(workspace, "mcp"))


def test_the_notebook_is_read_and_written(notebook):
    names = [tool["name"] for tool in run_action("mcp.list_tools", {}, notebook).output["tools"]]
    assert names == ["find_notes", "add_note", "fail"]
    ran = run_action("mcp.call_tool", {"tool": "add_note", "arguments": {"title": "Fire drill"}}, notebook)
    assert ran.output["data"]["id"].startswith("note-") and len(ran.orders) == 1
    found = run_action("mcp.read_tool", {"tool": "find_notes", "arguments": {"query": "fire"}}, notebook)
    assert [note["title"] for note in found.output["data"]["notes"]] == ["Fire drill"]


@pytest.mark.parametrize("given", [{"tool": "fail"}, {"tool": "add_note"}, {"tool": "nope"}])
def test_the_notebook_fails_like_a_server(notebook, given):
    error = attempt("mcp.call_tool", given, notebook).error
    assert isinstance(error, Rejected) and error.refused


def test_values_are_written_into_headers_so_that_any_text_fits():
    assert wire.in_header("add_note") == "add_note"
    assert wire.in_header("Grüße") == "=?base64?R3LDvMOfZQ==?=" == wire.in_header("Grüße")
    assert wire.in_header(" x").startswith("=?base64?") and wire.in_header("=?base64?x").startswith("=?base64?PT")
    schema = {"properties": {"region": {"type": "string", "x-mcp-header": "Region"},
                             "deep": {"properties": {"n": {"type": "integer", "x-mcp-header": "N"}}}}}  # fmt: skip
    found = wire.mirrored(schema, {"region": "eu\r\nX: y", "deep": {"n": 3}, "other": 1})
    assert found["Mcp-Param-N"] == "3" and "\n" not in found["Mcp-Param-Region"]


def test_a_stream_is_read_however_it_is_cut():
    whole = b'event: message\r\ndata: {"a":\r\ndata: 1}\r\n\r\n: ping\n\ndata: two\n\n'
    for size in (1, 2, 5, len(whole)):
        events = wire.Events()
        found = [data for at in range(0, len(whole), size) for data in events.feed(whole[at : at + size])]
        assert found == ['{"a":\n1}', "two"], size


def test_a_server_that_asks_for_more_input_or_tells_an_error_of_its_own():
    with pytest.raises(Rejected) as asked:
        wire.result_of({"id": 1, "result": {"resultType": "input_required"}}, "It")
    assert asked.value.code == "E_TOOL_INPUT"
    for code, refused in ((-32602, True), (-32603, False), (-1, False)):
        with pytest.raises(Exception) as told:
            wire.result_of({"id": 1, "error": {"code": code, "message": "no"}}, "It")
        assert told.value.refused is refused
