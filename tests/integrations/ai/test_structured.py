"""Extract, classify and grade: held to a schema, checked, sent back at most twice, and honest when it does not fit."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from integrations.ai.actions import structured
from integrations.llm import LanguageModel
from integrations.schema_words import check_schema, complaints
from orchestrator_site.lib.errors import UserError
from tests.fakes.model_server import completion, refusal
from tests.integrations.gate import attempt, run_action

ExtractInput, read_json = structured.ExtractInput, structured.read_json
BILL = "Invoice 4471 of 2026-11-02\nAmount: 129.50\nVendor: Hub & Sons\nMail: anna@example.com\nIt is paid."
FIELDS = [
    {"name": "amount", "type": "number", "description": "The total"},
    {"name": "vendor", "type": "text"},
    {"name": "day", "type": "date"},
    {"name": "paid", "type": "boolean"},
    {"name": "kind", "type": "choice", "options": ["invoice", "offer"]},
    {"name": "number", "type": "integer"},
    {"name": "words", "type": "list", "required": False},
]
CHAT = "/v1/chat/completions"


def test_every_model_gives_data_that_follows_the_fields(model):
    ran = run_action("ai.extract", {"text": BILL, "fields": FIELDS}, model)
    schema = ExtractInput(text=BILL, fields=FIELDS).wanted()
    assert complaints(ran.output["data"], schema) == []
    assert json.loads(ran.output["text"]) and ran.output["repairs"] == 0 and ran.output["cost_usd"] > 0
    assert len(ran.usage) == 1


def test_the_sandbox_reads_the_text_itself():
    from tests.integrations.gate import info_of

    data = run_action("ai.extract", {"text": BILL, "fields": FIELDS}, info_of("openai", sandbox=True)).output["data"]
    assert (data["amount"], data["vendor"], data["day"], data["kind"]) == (129.5, "Hub & Sons", "2026-11-02", "invoice")
    assert data["paid"] is True


def test_a_schema_of_ones_own_works_the_same(model):
    schema = {
        "type": "object",
        "properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}, "note": {"type": "string"}},
        "required": ["lines"],
        "$defs": {"line": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}},
    }
    ran = run_action("ai.extract", {"text": BILL, "schema": schema}, model)
    assert complaints(ran.output["data"], schema) == []


def test_an_answer_that_does_not_fit_goes_back_with_what_is_wrong_and_all_is_booked(contract, openai):
    contract.openai.say('```json\n{"amount": "much"}\n```')
    contract.openai.say('{"amount": 12}')
    ran = run_action("ai.extract", {"text": BILL, "fields": FIELDS[:1]}, openai)
    assert (ran.output["data"], ran.output["repairs"]) == ({"amount": 12}, 1)
    assert len(ran.usage) == 2
    assert ran.output["input_tokens"] == sum(use["input_tokens"] for use in ran.usage)
    again = contract.calls("createResponse")[1].body["input"]
    assert [turn["role"] for turn in again] == ["user", "assistant", "user"]
    assert "amount" in again[2]["content"]


def test_a_model_that_never_fits_fails_honestly_and_its_answer_is_kept(contract, openai):
    for _ in range(5):
        contract.openai.say("I would rather talk about the weather.")
    ran = attempt("ai.extract", {"text": BILL, "fields": FIELDS}, openai)
    assert ran.error and (ran.error.code, ran.error.permanent) == ("E_SCHEMA", True)
    assert ran.error.detail == "I would rather talk about the weather." and ran.error.hint
    assert len(ran.usage) == 3 == len(contract.calls("createResponse")), "at most two repairs"


def test_an_answer_that_was_cut_off_is_not_repaired(contract, openai):
    contract.openai.say('{"amount": ', finish_reason="length")
    ran = attempt("ai.extract", {"text": BILL, "fields": FIELDS}, openai)
    assert ran.error and ran.error.code == "E_SCHEMA" and "cut off" in ran.error.message
    assert len(ran.usage) == 1


def test_a_server_without_schemas_is_told_in_words(server, local):
    def answer(body):
        if "response_format" in body:
            return refusal("Unknown parameter: 'response_format'.", "response_format")
        return 200, completion('Sure! {"amount": 5} Anything else?')

    server.on(CHAT, answer)
    ran = run_action("ai.extract", {"text": BILL, "fields": FIELDS[:1], "model": "m"}, local)
    assert ran.output["data"] == {"amount": 5}
    assert "JSON Schema" in server.asked(CHAT)[-1]["messages"][0]["content"]


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "malformed_json", "reset", "unauthorized"])
@pytest.mark.parametrize(
    "action, inputs",
    [
        ("ai.extract", {"text": BILL, "fields": FIELDS}),
        ("ai.classify", {"text": BILL, "categories": ["invoice", "offer"]}),
        ("ai.grade", {"text": BILL, "criteria": "Polite"}),
    ],
)
def test_a_failing_service_is_a_failed_step_in_one_request(contract, openai, action, inputs, fault):
    contract.fail(fault, "createResponse")
    ran = attempt(action, inputs, openai)
    assert ran.error and ran.error.message and len(contract.calls("createResponse")) == 1


def test_every_model_chooses_one_of_the_categories(model):
    inputs = {"text": BILL, "categories": ["invoice", "complaint", "invoice"], "allow_none": False}
    ran = run_action("ai.classify", inputs, model)
    assert ran.output["category"] in ("invoice", "complaint")
    assert 0 <= ran.output["confidence"] <= 1 and ran.output["reason"]


def test_none_of_the_categories_is_an_answer(contract, openai):
    contract.openai.say('{"reason": "no", "category": null, "confidence": 1.7}')
    ran = run_action("ai.classify", {"text": BILL, "categories": ["recipe"]}, openai)
    assert (ran.output["category"], ran.output["confidence"]) == (None, 1.0)


def test_a_category_that_is_not_one_is_sent_back(contract, openai):
    contract.openai.say('{"reason": "x", "category": "poem", "confidence": 0.5}')
    contract.openai.say('{"reason": "x", "category": "recipe", "confidence": 0.5}')
    inputs = {"text": BILL, "categories": ["recipe", "invoice"], "allow_none": False}
    assert run_action("ai.classify", inputs, openai).output["category"] == "recipe"


def test_every_model_judges(model):
    ran = run_action("ai.grade", {"text": BILL, "criteria": "Complete", "scale": 5, "pass_from": 3}, model)
    assert 0 <= ran.output["score"] <= 5 and ran.output["passed"] is (ran.output["score"] >= 3)


@pytest.mark.parametrize(
    "inputs, code",
    [
        ({}, "E_REQUIRED"),
        ({"fields": [{"name": "a"}], "schema": {"type": "object"}}, "E_REQUIRED"),
        ({"fields": [{"name": "a"}, {"name": "a"}]}, "E_DEF_DUP"),
        ({"fields": [{"name": "a", "type": "choice"}]}, "E_REQUIRED"),
        ({"schema": {"type": "array"}}, "E_SCHEMA"),
        ({"schema": {"type": "object", "properties": {"a": {"type": "strin"}}}}, "E_SCHEMA"),
        ({"schema": {"type": "object", "properties": {"a": {"$ref": "https://example.com/x.json"}}}}, "E_SCHEMA_REF"),
        ({"schema": {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}}, "E_SCHEMA_REF"),
        ({"schema": {"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}}}, "E_SCHEMA_PATTERN"),
        ({"schema": {"type": "object", "patternProperties": {"(a+)+$": {}}}}, "E_SCHEMA_PATTERN"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_when_it_is_written_down(inputs, code):
    with pytest.raises(ValidationError) as caught:
        ExtractInput.model_validate({"text": "x", **inputs})
    cause = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(cause, UserError) and cause.code == code


def test_a_schema_nested_without_end_is_refused():
    deep: dict = {"type": "object"}
    for _ in range(100):
        deep = {"type": "object", "properties": {"a": deep}}
    with pytest.raises(UserError, match="nested deeper"):
        check_schema(deep)


@pytest.mark.parametrize(
    "text, found",
    [
        ('{"a": 1}', {"a": 1}),
        ('Here: {"a": 1}. Done', {"a": 1}),
        ('```\n{"a": 1}\n```', {"a": 1}),
        ('{"a": 1, "a": 2}', None),
        ('{"a": NaN}', None),
        ("[1]", None),
        ("", None),
        ("}{", None),
        ("{" * 5000, None),
    ],
)
def test_an_object_is_found_in_what_a_model_writes(text, found):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert read_json(text, schema)[0] == found


def test_the_offline_model_is_a_language_model_like_the_others():
    from integrations import direct
    from integrations.operations.opening import client_for
    from tests.integrations.gate import info_of

    info = info_of("openai", sandbox=True)

    async def made(calls):
        return client_for(info, calls)

    assert isinstance(direct.call(made), LanguageModel)
