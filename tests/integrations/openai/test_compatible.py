"""Servers that speak only some of OpenAI's API, and models that refuse parameters: a warning, never a failed run."""

from __future__ import annotations

import dataclasses

import pytest

from accounts.actor import Actor
from integrations import direct
from integrations.errors import Rejected
from integrations.llm import ModelRequest
from integrations.models import Connection
from integrations.openai.client import OpenAIModel, connect
from integrations.operations.connections import create_connection
from integrations.operations.opening import open_connection
from tests.fakes.model_server import completion, refusal
from tests.integrations.gate import info_of

from .conftest import ask

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"


@pytest.fixture
def local(server):
    return info_of("openai", base_url=server.url, api_key="any")


def without_row(info):
    return dataclasses.replace(info, id=None)


def test_a_server_without_responses_is_asked_by_chat_completions_and_only_once_learned(server, local):
    server.on(CHAT, lambda body: (200, completion("Hello")))
    info = without_row(local)
    answer = ask(info, model="llama3.3", max_tokens=30, temperature=0.5)
    assert (answer.text, answer.input_tokens, answer.output_tokens) == ("Hello", 7, 3)
    assert server.asked(CHAT)[0]["max_tokens"] == 30 and server.asked(CHAT)[0]["temperature"] == 0.5
    ask(info, model="llama3.3")
    assert [path for path, _ in server.seen] == [RESPONSES, CHAT, CHAT]


@pytest.mark.django_db
def test_what_was_learned_is_kept_with_the_connection(server, workspace):
    server.on(CHAT, lambda body: (200, completion("Hello")))
    made = create_connection(
        Actor.system(workspace, "test"), service="openai", name="local", secret={"api_key": "x"}, base_url=server.url
    )
    ask(open_connection(made), model="llama3.3")
    made = Connection.objects.of(workspace).get()
    assert made.learned == {"api": "chat"}
    OpenAIModel._spoken.clear()
    ask(open_connection(made), model="llama3.3")
    assert [path for path, _ in server.seen] == [RESPONSES, CHAT, CHAT]


def test_a_404_that_speaks_of_the_model_is_about_the_model(server, local):
    server.on(RESPONSES, lambda body: refusal("model 'x' not found, try pulling it first", status=404))
    with pytest.raises(Rejected, match="not found"):
        ask(without_row(local), model="x")
    assert not server.asked(CHAT)


def test_the_connection_may_say_which_interface(server, local):
    server.on(CHAT, lambda body: (200, completion("Hello")))
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    assert ask(info, model="m").text == "Hello"
    with pytest.raises(Rejected):
        ask(dataclasses.replace(local, secret={"api_key": "any", "api": "responses"}), model="m")
    assert [path for path, _ in server.seen] == [CHAT, RESPONSES]


@pytest.mark.parametrize(
    "message, param",
    [
        ("Unsupported parameter: 'temperature' is not supported with this model.", "temperature"),
        ("Unsupported value: 'temperature' does not support 0.5 with this model.", None),
        ("temperature: Extra inputs are not permitted", None),
        ("Unrecognized request argument supplied: temperature", None),
    ],
)
def test_a_parameter_that_a_new_model_refuses_is_left_out_once_and_for_all(server, local, message, param):
    def answer(body):
        return refusal(message, param) if "temperature" in body else (200, completion("Hi", "gpt-9"))

    server.on(CHAT, answer)
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    answer = ask(info, model="new-9", temperature=0.5, max_tokens=9)
    assert answer.text == "Hi" and answer.warnings == ("new-9 takes no temperature; it was left out.",)
    assert ask(info, model="new-9", temperature=0.5).warnings
    assert len(server.seen) == 3, "the refusal was not remembered"


def test_a_limit_goes_by_its_other_name_where_a_model_wants_that(server, local):
    def answer(body):
        if "max_tokens" in body:
            return refusal(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'.",
                "max_tokens",
            )
        return 200, completion("Hi")

    server.on(CHAT, answer)
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    answer = ask(info, model="new-one", max_tokens=9)
    assert answer.text == "Hi" and not answer.warnings
    assert server.asked(CHAT)[-1]["max_completion_tokens"] == 9


def test_a_value_that_is_too_large_is_left_out_for_this_time_only(server, local):
    def answer(body):
        if body.get("max_tokens", 0) > 100:
            return refusal("max_tokens is too large: 5000. This model supports at most 100.", "max_tokens")
        return 200, completion("Hi")

    server.on(CHAT, answer)
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    assert ask(info, model="m", max_tokens=5000).warnings
    assert not ask(info, model="m", max_tokens=50).warnings
    assert server.asked(CHAT)[-1]["max_tokens"] == 50


def test_a_server_that_refuses_everything_is_asked_a_few_times_only(server, local):
    server.on(CHAT, lambda body: refusal("temperature, max_tokens and stream are unsupported"))
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    with pytest.raises(Rejected):
        ask(info, model="m", temperature=1, max_tokens=5, on_text=lambda _: None)
    assert len(server.seen) <= 4


def test_a_400_about_something_else_is_an_error_at_once(server, local):
    server.on(CHAT, lambda body: refusal("Invalid 'messages': empty.", "messages"))
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    with pytest.raises(Rejected):
        ask(info, model="m", temperature=1)
    assert len(server.seen) == 1


def test_a_server_that_does_not_say_what_it_took_gets_an_estimate_that_says_so(server, local):
    server.on(CHAT, lambda body: (200, {**completion("x" * 40), "usage": None}))
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    answer = ask(info, "y" * 80, model="m")
    assert (answer.input_tokens, answer.output_tokens) == (20, 10)
    assert "estimated" in answer.warnings[0]


def test_a_schema_is_told_in_words_where_it_cannot_be_forced(server, local):
    def answer(body):
        if "response_format" in body:
            return refusal("'response_format' is not supported", "response_format")
        return 200, completion('{"a": 1}')

    server.on(CHAT, answer)
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert ask(info, model="m", schema=schema).text == '{"a": 1}'
    assert '"integer"' in server.asked(CHAT)[-1]["messages"][0]["content"]


def test_models_of_a_compatible_server_are_offered_without_prices(server, local):
    server.on("/v1/models", lambda _: (200, {"object": "list", "data": [{"id": "llama3.3"}, {"id": "qwen3"}]}))
    found = direct.call(lambda calls: connect(local, calls).choices("models", "", {}))
    assert [(choice.value, choice.label) for choice in found] == [("llama3.3", ""), ("qwen3", "")]


def test_a_prompt_goes_out_as_it_is_written(server, local):
    server.on(CHAT, lambda body: (200, completion("Hi")))
    info = dataclasses.replace(local, secret={"api_key": "any", "api": "chat"})
    direct.call(lambda calls: connect(info, calls).complete(ModelRequest.of("Grüße 😀", model="m")))
    assert server.asked(CHAT)[0]["messages"] == [{"role": "user", "content": "Grüße 😀"}]
