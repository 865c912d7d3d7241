"""What a model's service can do beside the faults that every action is tried with (tests/contracts): the right kind of
failure, in words, in one request; and the next call works again."""

from __future__ import annotations

import pytest

from tests.integrations.gate import attempt, info_of

FAULTS = {
    "forbidden": "sign_in",
    "bad_gateway": "unavailable",
    "unavailable": "unavailable",
    "reset": "unavailable",
    "empty_body": "unavailable",
}


@pytest.fixture(params=["responses", "chat", "anthropic"])
def ways(request, contract):
    """Each way to speak, with what the contract server calls it."""
    if request.param == "anthropic":
        return info_of("anthropic", base_url=contract.anthropic_url, api_key="sk-ant-test"), "messages.create"
    info = info_of("openai", base_url=contract.openai_url, api_key="sk-test", api=request.param)
    return info, {"responses": "createResponse", "chat": "createChatCompletion"}[request.param]


def test_each_fault_is_a_failed_step_of_the_right_kind(contract, ways):
    info, operation = ways
    for fault, kind in FAULTS.items():
        before = len(contract.calls(operation))
        contract.fail(fault, operation)
        ran = attempt("ai.complete", {"prompt": "Hi"}, info)
        assert ran.error is not None, f"{fault}: an error was taken for an answer"
        assert (ran.error.kind, ran.output) == (kind, {}), f"{fault}: {ran.error.message}"
        assert ran.error.message.endswith(".") and ran.error.hint, f"{fault}: no words"
        assert len(contract.calls(operation)) == before + 1, f"{fault}: asked more than once"
    assert attempt("ai.complete", {"prompt": "Hi"}, info).error is None, "the next call works again"


def test_a_limit_says_when_to_come_back(contract, ways):
    info, operation = ways
    contract.fail("rate_limited", operation, retry_after=9)
    ran = attempt("ai.complete", {"prompt": "Hi"}, info)
    assert ran.error and ran.error.retry_after == pytest.approx(9, abs=1.5)
