"""Anthropic's client over the real SDK, against the contract server: one request, its failures, its money."""

from __future__ import annotations

import pytest

from integrations import direct
from integrations.anthropic.client import connect
from integrations.errors import RateLimited, Rejected, SignInAgain, Unavailable, Unreadable
from integrations.llm import LanguageModel, ModelRequest
from tests.integrations.gate import info_of

OPERATION = "messages.create"


@pytest.fixture
def info(contract):
    return info_of("anthropic", base_url=contract.anthropic_url, api_key="sk-ant-test")


def ask(info, prompt="Say hello", *, timeout=10, **more):
    return direct.call(lambda calls: connect(info, calls).complete(ModelRequest.of(prompt, **more)), timeout=timeout)


def test_the_answer_comes_with_tokens_and_cost(contract, info):
    contract.anthropic.say("Hello there")
    answer = ask(info, model="claude-haiku-4-5", system="Be brief", max_tokens=50)
    assert (answer.text, answer.finish_reason) == ("Hello there", "stop")
    assert answer.cost_usd == pytest.approx((answer.input_tokens * 1 + answer.output_tokens * 5) / 1e6)
    sent = contract.calls(OPERATION)[0].body
    assert (sent["system"], sent["max_tokens"]) == ("Be brief", 50)


def test_a_temperature_is_left_out_and_said(contract, info):
    answer = ask(info, temperature=0.5)
    assert "temperature" not in contract.calls(OPERATION)[0].body
    assert "takes no temperature" in answer.warnings[0]


def test_without_a_limit_the_usual_one_is_sent(contract, info):
    ask(info)
    assert contract.calls(OPERATION)[0].body["max_tokens"] == 4096


def test_a_cut_off_answer_says_so(contract, info):
    contract.anthropic.say("word " * 100)
    assert ask(info, max_tokens=5).finish_reason == "length"


@pytest.mark.parametrize(
    "kind, error, refused",
    [
        ("rate_limited", RateLimited, True),
        ("server_error", Unavailable, False),
        ("bad_gateway", Unavailable, False),
        ("unauthorized", SignInAgain, True),
        ("forbidden", SignInAgain, True),
        ("reset", Unavailable, False),
        ("cut", Unavailable, False),
        ("malformed_json", Unreadable, False),
        ("empty_body", Unreadable, False),
        ("wrong_content_type", Unreadable, False),
    ],
)
def test_a_failure_has_its_kind_and_is_asked_once(contract, info, kind, error, refused):
    contract.fail(kind, OPERATION)
    with pytest.raises(error) as caught:
        ask(info)
    assert caught.value.refused is refused
    assert caught.value.hint
    assert len(contract.calls(OPERATION)) == 1


def test_a_limit_says_when_to_come_back(contract, info):
    contract.fail("rate_limited", OPERATION, retry_after=7)
    with pytest.raises(RateLimited) as caught:
        ask(info)
    assert caught.value.retry_after == pytest.approx(7, abs=1)


def test_a_service_that_hangs_is_given_up_at_the_deadline(contract, info):
    contract.fail("hang", OPERATION, seconds=5)
    with pytest.raises(Unavailable) as caught:
        ask(info, timeout=0.6)
    assert caught.value.code == "E_TIMEOUT"


def test_an_unknown_model_is_the_steps_to_repair(info):
    with pytest.raises(Rejected, match="claude-unheard-of") as caught:
        ask(info, model="claude-unheard-of")
    assert caught.value.code == "E_MODEL"
    assert caught.value.permanent


def test_a_refusal_of_the_model_is_an_error_and_its_tokens_are_booked(contract, info):
    contract.anthropic.say(refusal="I cannot help with that")
    with pytest.raises(Rejected, match="I cannot help") as caught:
        ask(info)
    assert caught.value.usage["input_tokens"] > 0


def test_a_server_that_nobody_may_reach_is_not_called():
    with pytest.raises(Rejected, match="not called") as caught:
        ask(info_of("anthropic", base_url="http://127.0.0.1:9/v1", api_key="sk-ant-test"))
    assert caught.value.refused


def test_the_test_of_a_connection_says_what_the_key_can_do(contract, info):
    report = direct.call(lambda calls: connect(info, calls).describe())
    assert report.ok
    assert "models are open to it" in report.summary and "USD" in report.summary


def test_an_expired_key_must_be_replaced(contract):
    info = info_of("anthropic", base_url=contract.anthropic_url, api_key="sk-ant-expired")
    with pytest.raises(SignInAgain, match="invalid x-api-key"):
        direct.call(lambda calls: connect(info, calls).describe())


def test_calls_of_one_connection_share_a_client(contract, info):
    from integrations.anthropic.client import AnthropicModel

    async def twice(calls):
        one, two = connect(info, calls), connect(info, calls)
        assert isinstance(one, LanguageModel)
        use = AnthropicModel.clients.use
        with use(one.info, one.connect) as first, use(two.info, two.connect) as second:
            return first is second

    assert direct.call(twice)


def test_the_environment_does_not_lead_the_key_elsewhere(contract, info, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    fresh = info_of("anthropic", base_url=contract.anthropic_url, api_key="sk-ant-fresh")
    assert ask(fresh).text
    assert "another" not in str(contract.calls(OPERATION)[-1].headers)
