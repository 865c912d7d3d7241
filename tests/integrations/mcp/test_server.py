"""MCP tools over a real server of the protocol's own SDK, in both eras, and everything that can go wrong on the way."""

from __future__ import annotations

import pytest

from integrations.errors import RateLimited, Rejected, SignInAgain, Unavailable, Unreadable
from orchestrator_site.lib import outbound
from tests.fakes.mcp_server import KEY, Front, mcp_server
from tests.integrations.gate import attempt, info_of, plan_of, run_action

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def house():
    with mcp_server() as front:
        yield front


@pytest.fixture(params=["stateless", "sessions"])
def front(request, house: Front, settings) -> Front:
    """The server, spoken to in one of its eras."""
    settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, house.place]
    house.seen.clear()
    house.headers.clear()
    house.plan.clear()
    house.key, house.refuse_stateless = "", request.param == "sessions"
    return house


@pytest.fixture
def info(front):
    return info_of("mcp", base_url=front.url)


def count(info) -> int:
    return int(run_action("mcp.read_tool", {"tool": "count_notes"}, info).output["text"])


def test_tools_are_listed_with_what_they_take(front, info):
    tools = {one["name"]: one for one in run_action("mcp.list_tools", {}, info).output["tools"]}
    assert set(tools) == {"total", "write_note", "count_notes", "break_down"}
    assert tools["total"]["read_only"] and not tools["write_note"]["read_only"]
    assert tools["write_note"]["input_schema"]["required"] == ["text"]


def test_a_call_is_one_request_and_its_answer_is_text_and_data(front, info):
    before = count(info)
    calls = front.seen["tools/call"]
    ran = run_action("mcp.call_tool", {"tool": "write_note", "arguments": {"text": "Grüße"}}, info)
    assert front.seen["tools/call"] == calls + 1 and count(info) == before + 1
    assert ran.output["data"] == {"count": before + 1, "text": "Grüße"} and "Grüße" in ran.output["text"]
    (order,) = ran.orders
    assert (order.op, order.target["tool"], order.look) == ("call_tool", "write_note", None)


def test_both_eras_are_spoken_and_found_out_once(front, info):
    for _ in range(2):
        run_action("mcp.list_tools", {}, info)
    newest = front.headers[-1]
    if front.refuse_stateless:
        assert front.seen["initialize"] >= 1 and newest["mcp-protocol-version"] == "2025-11-25"
        assert newest.get("mcp-session-id")
    else:
        assert not front.seen["initialize"] and newest["mcp-protocol-version"] == "2026-07-28"
        assert newest["mcp-method"] == "tools/list"


def test_a_tool_that_fails_is_an_error_and_never_an_output(front, info):
    failed = attempt("mcp.call_tool", {"tool": "break_down"}, info)
    assert isinstance(failed.error, Rejected) and failed.error.code == "E_TOOL" and failed.output == {}
    assert "the notebook is full" in failed.error.message


def test_a_tool_or_argument_that_is_not_there_is_refused(front, info):
    for given in ({"tool": "nope"}, {"tool": "total", "arguments": {"a": "x"}}):
        error = attempt("mcp.call_tool", given, info).error
        assert isinstance(error, Rejected) and error.refused, given


def test_only_what_its_server_calls_reading_may_be_called_a_read(front, info):
    assert run_action("mcp.read_tool", {"tool": "total", "arguments": {"a": 2, "b": 3}}, info).output["text"] == "5"
    calls = front.seen["tools/call"]
    error = attempt("mcp.read_tool", {"tool": "write_note", "arguments": {"text": "x"}}, info).error
    assert error is not None and error.code == "E_NOT_READ_ONLY" and front.seen["tools/call"] == calls


def test_the_key_goes_along_and_a_wrong_one_is_for_a_person_to_repair(front, info):
    front.key = KEY
    assert isinstance(attempt("mcp.list_tools", {}, info).error, SignInAgain)
    with_key = info_of("mcp", base_url=front.url, token=KEY)
    assert run_action("mcp.list_tools", {}, with_key).output["count"] == 4
    half = attempt("mcp.list_tools", {}, info_of("mcp", base_url=front.url, header_value="x")).error
    assert half is not None and half.code == "E_REQUIRED"
    headed = info_of("mcp", base_url=front.url, header_name="Authorization", header_value=f"Bearer {KEY}")
    assert run_action("mcp.list_tools", {}, headed).output["count"] == 4


@pytest.mark.parametrize(
    "kind, after, error, refused",
    [
        ("500", False, Unavailable, False),
        ("503", True, Unavailable, False),
        ("hang", True, Unavailable, False),
        ("reset", True, Unavailable, False),
        ("garbage", True, Unreadable, False),
        ("broken stream", True, Unreadable, False),
        ("slow down", False, RateLimited, True),
        ("403", False, SignInAgain, True),
    ],
)
def test_what_goes_wrong_is_told_apart_and_never_tried_again_unseen(front, info, kind, after, error, refused):
    before, calls = count(info), front.seen["tools/call"] + 1
    front.fail(kind, after=after)
    found = attempt("mcp.call_tool", {"tool": "write_note", "arguments": {"text": kind}}, info, timeout=1.5)
    assert isinstance(found.error, error) and found.error.refused == refused, found.error
    assert front.seen["tools/call"] == calls, "one call, one request"
    assert count(info) == before + (1 if after else 0)
    if kind == "slow down":
        assert found.error.retry_after == 7


def test_an_address_inside_the_house_is_refused_before_anything_is_sent(front, settings):
    settings.ALLOW_PRIVATE_HOSTS = []
    error = attempt("mcp.list_tools", {}, info_of("mcp", base_url=front.url)).error
    assert error is not None and error.code == "E_URL_BLOCKED" and not front.seen


def test_a_dry_run_tells_the_tool_and_its_arguments_and_calls_nothing(front, info):
    (plan,) = plan_of("mcp.call_tool", {"tool": "write_note", "arguments": {"text": "x"}}, info)
    assert plan.summary == 'Calls the tool write_note with {"text":"x"}.' and plan.after == {"text": "x"}
    assert not front.seen["tools/call"]
    with outbound.only_reads(("*",)):
        error = attempt("mcp.call_tool", {"tool": "write_note", "arguments": {"text": "x"}}, info).error
        assert error is not None and not front.seen["tools/call"], "held below the action, too"
        assert run_action("mcp.read_tool", {"tool": "count_notes"}, info).output["text"].isdigit()


def test_the_connection_says_who_answers_and_a_field_offers_the_tools(front, info):
    from integrations import direct
    from integrations.operations.opening import client_for

    async def look(calls):
        opened = client_for(info, calls)
        return await opened.describe(), await opened.choices("tools", "note", {})

    report, choices = direct.call(look, timeout=10)
    assert report.ok and "write_note" in report.summary
    assert {choice.value for choice in choices} >= {"write_note", "count_notes"}
