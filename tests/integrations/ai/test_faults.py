"""Every action that asks a model × every fault a service can have: the right kind of failure, in words, in one request.

| fault | what the step is told |
|---|---|
| 429, with and without Retry-After | slow down; when to come back, if the service said |
| 401, 403 | the connection needs a person |
| 404, 409, 422 | the request itself is at fault |
| 500, 502 (HTML), 503/529, reset, cut, hang | try again later; nothing is assumed |
| truncated JSON, an empty body, HTML with 200, a huge body | no answer of a model: never an output |
"""

from __future__ import annotations

import pytest

from tests.integrations.gate import attempt, info_of

TEXT = "Invoice 4471 of 2026-11-02 is paid."
ACTIONS = {
    "ai.complete": {"prompt": "Hi"},
    "ai.summarize": {"text": TEXT},
    "ai.sop": {"task": "Onboard"},
    "ai.translate": {"text": TEXT, "language": "German"},
    "ai.rewrite": {"text": TEXT, "instruction": "Shorter"},
    "ai.extract": {"text": TEXT, "fields": [{"name": "number", "type": "integer"}]},
    "ai.classify": {"text": TEXT, "categories": ["invoice", "offer"]},
    "ai.grade": {"text": TEXT, "criteria": "Complete"},
    "ai.embed": {"texts": [TEXT]},
    "ai.find_similar": {"text": TEXT, "candidates": ["a", "b"]},
    "ai.moderate": {"text": TEXT},
}
OPERATIONS = {"ai.embed": "createEmbedding", "ai.find_similar": "createEmbedding", "ai.moderate": "createModeration"}
FAULTS = {
    "rate_limited": "rate_limited",
    "unauthorized": "sign_in",
    "forbidden": "sign_in",
    "not_found": "rejected",
    "conflict": "rejected",
    "server_error": "unavailable",
    "bad_gateway": "unavailable",
    "unavailable": "unavailable",
    "reset": "unavailable",
    "cut": "unavailable",
    "malformed_json": "unavailable",
    "empty_body": "unavailable",
    "wrong_content_type": "unavailable",
}


@pytest.fixture(params=["responses", "chat", "anthropic"])
def ways(request, contract):
    """Each way to speak, with what the contract server calls it."""
    if request.param == "anthropic":
        return info_of("anthropic", base_url=contract.anthropic_url, api_key="sk-ant-test"), "messages.create"
    info = info_of("openai", base_url=contract.openai_url, api_key="sk-test", api=request.param)
    return info, {"responses": "createResponse", "chat": "createChatCompletion"}[request.param]


@pytest.mark.parametrize("action", list(ACTIONS))
def test_each_fault_is_a_failed_step_of_the_right_kind(contract, ways, action):
    info, operation = ways
    operation = OPERATIONS.get(action, operation)
    if operation in OPERATIONS.values() and info.service == "anthropic":
        pytest.skip("Anthropic has no such service")
    for fault, kind in FAULTS.items():
        before = len(contract.calls(operation))
        contract.fail(fault, operation)
        ran = attempt(action, ACTIONS[action], info)
        assert ran.error is not None, f"{fault}: an error was taken for an answer"
        assert (ran.error.kind, ran.output) == (kind, {}), f"{fault}: {ran.error.message}"
        assert ran.error.message.endswith(".") and ran.error.hint, f"{fault}: no words"
        assert len(contract.calls(operation)) == before + 1, f"{fault}: asked more than once"
    assert attempt(action, ACTIONS[action], info).error is None, "the next call works again"


def test_a_huge_answer_is_cut_off_before_it_fills_the_memory(contract, ways):
    info, operation = ways
    contract.fail("huge_body", operation, size=30 * 1024 * 1024)
    ran = attempt("ai.complete", {"prompt": "Hi"}, info)
    assert ran.error and ran.error.kind == "unavailable"


@pytest.mark.parametrize("fault", ["hang", "slow_drip"])
def test_a_service_that_never_ends_is_given_up_at_the_deadline(contract, ways, fault):
    info, operation = ways
    contract.fail(fault, operation, seconds=20)
    ran = attempt("ai.complete", {"prompt": "Hi"}, info, timeout=0.8)
    assert ran.error and ran.error.code == "E_TIMEOUT"


def test_a_limit_says_when_to_come_back(contract, ways):
    info, operation = ways
    contract.fail("rate_limited", operation, retry_after=9)
    ran = attempt("ai.classify", ACTIONS["ai.classify"], info)
    assert ran.error and ran.error.retry_after == pytest.approx(9, abs=1.5)
