"""One interface, three ways to speak: streams, tools, pictures and schemas over OpenAI and Anthropic."""

from __future__ import annotations

import json

import pytest

from integrations import direct
from integrations.errors import Rejected, ServiceError, Unavailable
from integrations.llm import Message, ModelRequest, Picture, Tool, ToolResult
from integrations.operations.opening import client_for
from integrations.schema_words import complaints, strict, without_nulls
from tests.integrations.gate import info_of

PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000")
OPERATIONS = {"responses": "createResponse", "chat": "createChatCompletion", "anthropic": "messages.create"}
WEATHER = Tool("weather", "How warm it is.", {"type": "object", "properties": {"city": {"type": "string"}}})


@pytest.fixture(params=list(OPERATIONS))
def kind(request):
    return request.param


@pytest.fixture
def info(contract, kind):
    if kind == "anthropic":
        return info_of("anthropic", base_url=contract.anthropic_url, api_key="sk-ant-test")
    return info_of("openai", base_url=contract.openai_url, api_key="sk-test", api=kind)


@pytest.fixture
def says(contract, kind):
    """Scripts the model."""
    return (contract.anthropic if kind == "anthropic" else contract.openai).say


def ask(info, request, timeout=10):
    return direct.call(lambda calls: client_for(info, calls).complete(request), timeout=timeout)


def test_a_stream_tells_each_piece_and_gives_the_same_answer(contract, info, kind, says):
    says("One two three four five")
    plain = ask(info, ModelRequest.of("Count"))
    says("One two three four five")
    pieces = []
    streamed = ask(info, ModelRequest.of("Count", on_text=pieces.append))
    assert "".join(pieces) == streamed.text == plain.text and len(pieces) > 1
    assert (streamed.input_tokens, streamed.finish_reason, streamed.warnings) == (plain.input_tokens, "stop", ())
    assert streamed.output_tokens == plain.output_tokens and streamed.cost_usd == plain.cost_usd
    assert contract.calls(OPERATIONS[kind])[-1].body["stream"] is True


def test_a_stream_that_breaks_off_is_an_error_that_books_what_came(contract, info, kind, says):
    says("word " * 2000)
    contract.fail("cut", OPERATIONS[kind], at_byte=20_000)
    pieces = []
    with pytest.raises(Unavailable) as caught:
        ask(info, ModelRequest.of("Go on", on_text=pieces.append))
    assert pieces and caught.value.usage["output_tokens"] > 0 and caught.value.usage["cost_usd"] > 0
    assert len(contract.calls(OPERATIONS[kind])) == 1


def test_an_overloaded_model_in_mid_stream_is_unavailable(contract):
    contract.anthropic.say("half an ans", error="overloaded_error")
    info = info_of("anthropic", base_url=contract.anthropic_url, api_key="sk-ant-test")
    with pytest.raises(ServiceError) as caught:
        ask(info, ModelRequest.of("Go", on_text=lambda _: None))
    assert not caught.value.permanent and caught.value.usage["output_tokens"] > 0


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_answered(info, says, streamed):
    more = {"on_text": (lambda _: None)} if streamed else {}
    asked = Message("user", "How warm is it in Oslo?")
    says(tool_calls=[{"name": "weather", "arguments": {"city": "Oslo"}}])
    first = ask(info, ModelRequest(messages=(asked,), tools=(WEATHER,), **more))
    assert first.finish_reason == "tools"
    [call] = first.calls
    assert (call.name, call.arguments, call.problem) == ("weather", {"city": "Oslo"}, "") and call.id
    says("It is 7 degrees.")
    result = Message("user", results=(ToolResult(call.id, "7"),))
    second = ask(info, ModelRequest(messages=(asked, first.message, result), tools=(WEATHER,), **more))
    assert (second.text, second.calls) == ("It is 7 degrees.", ())


def test_a_model_that_must_call_is_told_so(contract, info, kind):
    answer = ask(info, ModelRequest.of("Go", tools=(WEATHER,), must_call=True))
    assert answer.calls
    expected = {"type": "any"} if kind == "anthropic" else "required"
    assert contract.calls(OPERATIONS[kind])[0].body["tool_choice"] == expected


def test_arguments_that_are_no_json_are_said_not_thrown_away(contract, says, info, kind):
    if kind == "anthropic":
        pytest.skip("the service itself parses them")
    says(tool_calls=[{"name": "weather", "arguments": '{"city": '}])
    [call] = ask(info, ModelRequest.of("Go", tools=(WEATHER,))).calls
    assert call.arguments == {} and call.problem


def test_a_picture_and_a_document_stand_beside_the_text(contract, info, kind):
    pictures = (Picture(PNG, "image/png", "a.png"), Picture(b"%PDF-1.4", "application/pdf", "b.pdf"))
    ask(info, ModelRequest.of("What is this?", pictures=pictures))
    sent = json.dumps(contract.calls(OPERATIONS[kind])[0].body)
    assert pictures[0].base64 in sent and pictures[1].base64 in sent and "What is this?" in sent


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name"],
}


def test_a_schema_is_forced_where_the_service_can(contract, info, kind):
    answer = ask(info, ModelRequest.of("Who?", schema=SCHEMA))
    assert not complaints(without_nulls(json.loads(answer.text), SCHEMA), SCHEMA)
    sent = contract.calls(OPERATIONS[kind])[0].body
    held = {
        "responses": lambda: sent["text"]["format"]["schema"],
        "chat": lambda: sent["response_format"]["json_schema"]["schema"],
        "anthropic": lambda: sent["output_config"]["format"]["schema"],
    }[kind]()
    assert held["required"] == ["name", "tags"] and held["additionalProperties"] is False


def test_a_refusal_books_tokens_and_money(info, says):
    says(refusal="I cannot help with that")
    with pytest.raises(Rejected) as caught:
        ask(info, ModelRequest.of("Go"))
    assert caught.value.code == "E_MODEL_REFUSED" and caught.value.usage["cost_usd"] > 0


def test_optional_parts_may_be_null_for_strict_services_and_are_taken_out_again():
    held = strict(SCHEMA)
    assert held["properties"]["tags"]["anyOf"][1] == {"type": "null"}
    assert without_nulls({"name": "Ada", "tags": None}, SCHEMA) == {"name": "Ada"}
    nested = {"type": "object", "properties": {"a": {"type": "array", "items": SCHEMA}}}
    assert without_nulls({"a": [{"name": "x", "tags": None}]}, nested) == {"a": [{"name": "x"}]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}},
    ],
)
def test_what_cannot_be_said_strictly_is_not_made_strict(schema):
    assert strict(schema) is None
