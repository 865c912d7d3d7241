"""OpenAI's client over the real SDK, against the contract server: one request, its failures, its money."""

from __future__ import annotations

import pytest

from integrations import direct
from integrations.errors import RateLimited, Rejected, SignInAgain, Unavailable, Unreadable
from integrations.llm import LanguageModel
from integrations.openai.client import connect
from tests.integrations.gate import info_of

from .conftest import ask


def test_the_answer_comes_with_tokens_and_cost(contract, info, operation):
    contract.openai.say("Hello there")
    answer = ask(info, model="gpt-4o-mini", system="Be brief", temperature=0.2, max_tokens=50)
    assert (answer.text, answer.finish_reason) == ("Hello there", "stop")
    assert answer.input_tokens > 0 and answer.output_tokens > 0
    assert answer.cost_usd == pytest.approx((answer.input_tokens * 0.15 + answer.output_tokens * 0.6) / 1e6)
    sent = contract.calls(operation)[0].body
    assert sent["temperature"] == 0.2
    if operation == "createResponse":
        assert (sent["instructions"], sent["max_output_tokens"], sent["store"]) == ("Be brief", 50, False)
        assert sent["input"] == [{"role": "user", "content": "Say hello"}]
    else:
        assert sent["messages"][0] == {"role": "system", "content": "Be brief"}
        assert sent["max_completion_tokens"] == 50


def test_a_parameter_the_model_refuses_is_left_out_and_said(contract, info, operation):
    answer = ask(info, model="gpt-5-mini", temperature=0.5, max_tokens=40)
    sent = contract.calls(operation)[0].body
    assert "temperature" not in sent and "max_tokens" not in sent
    assert answer.warnings == ("gpt-5-mini takes no temperature; it was left out.",)


def test_without_a_model_the_first_default_that_lives_is_asked(contract, info, operation):
    ask(info)
    assert contract.calls(operation)[0].body["model"] == "gpt-4o-mini"


def test_a_cut_off_answer_says_so(contract, info, operation):
    contract.openai.say("word " * 100)
    assert ask(info, max_tokens=20).finish_reason == "length"


def test_fewer_tokens_than_the_service_takes_are_raised_and_said(contract):
    info = info_of("openai", base_url=contract.openai_url, api_key="sk-test")
    answer = ask(info, max_tokens=5)
    assert contract.calls("createResponse")[0].body["max_output_tokens"] == 16
    assert "16 tokens" in answer.warnings[0]


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
def test_a_failure_has_its_kind_and_is_asked_once(contract, info, operation, kind, error, refused):
    contract.fail(kind, operation)
    with pytest.raises(error) as caught:
        ask(info)
    assert caught.value.refused is refused
    assert caught.value.hint
    assert len(contract.calls(operation)) == 1


def test_a_limit_says_when_to_come_back(contract, info, operation):
    contract.fail("rate_limited", operation, retry_after=7)
    with pytest.raises(RateLimited) as caught:
        ask(info)
    assert caught.value.retry_after == pytest.approx(7, abs=1)


def test_a_service_that_hangs_is_given_up_at_the_deadline(contract, info, operation):
    contract.fail("hang", operation, seconds=5)
    with pytest.raises(Unavailable) as caught:
        ask(info, timeout=0.6)
    assert caught.value.code == "E_TIMEOUT"


def test_an_unknown_model_is_the_steps_to_repair(info):
    with pytest.raises(Rejected, match="gpt-unheard-of") as caught:
        ask(info, model="gpt-unheard-of")
    assert caught.value.code == "E_MODEL"
    assert caught.value.permanent


def test_a_refusal_of_the_model_is_an_error_and_its_tokens_are_booked(contract, info, operation):
    contract.openai.say(refusal="I cannot help with that")
    with pytest.raises(Rejected, match="I cannot help") as caught:
        ask(info)
    assert caught.value.usage["input_tokens"] > 0 and caught.value.usage["cost_usd"] > 0


def test_a_server_that_nobody_may_reach_is_not_called():
    with pytest.raises(Rejected, match="not called") as caught:
        ask(info_of("openai", base_url="http://127.0.0.1:9/v1", api_key="sk-test"))
    assert caught.value.refused


def test_the_test_of_a_connection_says_what_the_key_can_do(contract, info, operation):
    report = direct.call(lambda calls: connect(info, calls).describe())
    assert report.ok
    assert "models are open to it" in report.summary and "USD" in report.summary
    assert {"turn text into vectors", "moderate text"} <= set(report.can)


def test_an_expired_key_must_be_replaced(contract):
    info = info_of("openai", base_url=contract.openai_url, api_key="sk-expired")
    with pytest.raises(SignInAgain, match="Incorrect API key"):
        direct.call(lambda calls: connect(info, calls).describe())


def test_calls_of_one_connection_share_a_client(contract, info, operation):
    from integrations.openai.client import OpenAIModel

    async def twice(calls):
        one, two = connect(info, calls), connect(info, calls)
        assert isinstance(one, LanguageModel)
        use = OpenAIModel.clients.use
        with use(one.info, one.connect) as first, use(two.info, two.connect) as second:
            return first is second

    assert direct.call(twice)


def test_the_environment_does_not_lead_the_key_elsewhere(contract, info, operation, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-other")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    fresh = info_of("openai", base_url=contract.openai_url, api_key="sk-fresh", api=info.secret["api"])
    assert ask(fresh).text
    assert "openai-organization" not in {name.lower() for name in contract.calls(operation)[-1].headers}
