"""Images, vectors, moderation, speech and pictures: over the contract server, a small server of the tests, the sandbox.

The contract server has embeddings and moderations; speech and images are played by `tests/fakes/model_server.py`, which
was written from https://platform.openai.com/docs/api-reference (audio, images).
"""

from __future__ import annotations

import base64

import pytest

from integrations.ai.pictures import type_of
from integrations.sandbox_media import stripes
from tests.fakes.model_server import completion, refusal
from tests.integrations.gate import MemoryFiles, attempt, info_of, run_action

PNG = stripes("test")
SPEECH, IMAGES, CHAT = "/v1/audio/transcriptions", "/v1/images/generations", "/v1/chat/completions"
WORDS = {"text": "Hello there", "usage": {"type": "duration", "seconds": 90}}
DRAWN = {
    "created": 1,
    "data": [{"b64_json": base64.b64encode(PNG).decode()}],
    "output_format": "png",
    "usage": {"input_tokens": 10, "output_tokens": 1000, "total_tokens": 1010},
}


@pytest.fixture
def files():
    return MemoryFiles()


@pytest.fixture
def sandbox():
    return info_of("openai", sandbox=True)


# Images to look at


def test_every_model_looks_at_an_image_and_a_pdf(model, files):
    image, pdf = files.put(PNG, "a.png", "image/png"), files.put(b"%PDF-1.7 x", "b.pdf", "application/pdf")
    for file in (image, pdf):
        ran = run_action("ai.describe_image", {"image": file.model_dump(mode="json")}, model, files=files)
        assert ran.output["text"].strip() and ran.output["cost_usd"] > 0
    ran = run_action("ai.complete", {"prompt": "What?", "images": [image.model_dump(mode="json")]}, model, files=files)
    assert ran.output["text"].strip()


def test_an_image_is_known_by_its_bytes_not_by_its_name(openai, contract, files):
    fake = files.put(b"<html>", "a.png", "image/png")
    ran = attempt("ai.describe_image", {"image": fake.model_dump(mode="json")}, openai, files=files)
    assert ran.error and ran.error.code == "E_IMAGE" and not contract.calls("*")
    assert type_of(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp" and type_of(b"\xff\xd8\xff\xe0") == "image/jpeg"


def test_a_file_that_is_not_there_is_said(openai, files):
    gone = MemoryFiles().put(PNG, "gone.png", "image/png")
    ran = attempt("ai.describe_image", {"image": gone.model_dump(mode="json")}, openai, files=files)
    assert ran.error and ran.error.code == "E_NO_FILE" and "gone.png" in ran.error.message


def test_no_image_is_said(openai):
    ran = attempt("ai.describe_image", {}, openai)
    assert ran.error and ran.error.code == "E_REQUIRED"


def test_an_image_behind_an_address_is_fetched_through_the_guard(openai, contract, server):
    server.on("/a.png", lambda _: (200, PNG))
    ran = run_action("ai.describe_image", {"url": f"http://{server.host}/a.png"}, openai)
    assert ran.output["text"]
    assert base64.b64encode(PNG).decode() in str(contract.calls("createResponse")[0].body)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a.png", "https://169.254.169.254/a.png", "file:///etc/passwd"])
def test_an_address_inside_is_never_called(openai, contract, url):
    ran = attempt("ai.describe_image", {"url": url}, openai)
    assert ran.error and ran.error.code == "E_URL_BLOCKED" and not contract.calls("*")


def test_an_address_that_is_gone_or_too_large_is_said(openai, server):
    ran = attempt("ai.describe_image", {"url": f"http://{server.host}/gone.png"}, openai)
    assert ran.error and ran.error.status == 404
    server.on("/big.png", lambda _: (200, PNG + b"\0" * (11 * 1024 * 1024)))
    ran = attempt("ai.describe_image", {"url": f"http://{server.host}/big.png"}, openai)
    assert ran.error and ran.error.permanent in (True, False) and ran.error.message


# Vectors


@pytest.mark.parametrize("where", ["openai", "sandbox"])
def test_texts_become_vectors(request, where):
    info = request.getfixturevalue(where)
    ran = run_action("ai.embed", {"texts": ["red bicycle", "blue car"]}, info)
    assert (ran.output["count"], len(ran.output["vectors"][0])) == (2, ran.output["dimensions"])
    assert ran.output["cost_usd"] > 0 and len(ran.usage) == 1


@pytest.mark.parametrize("where", ["openai", "sandbox"])
def test_the_nearest_text_comes_first(request, where):
    info = request.getfixturevalue(where)
    inputs = {"text": "a red bicycle", "candidates": ["tax form", "a red bicycle", "a red car"], "limit": 2}
    ran = run_action("ai.find_similar", inputs, info)
    assert ran.output["best"] == "a red bicycle" and ran.output["matches"][0]["score"] == pytest.approx(1, abs=0.01)
    assert ran.output["count"] == 2


def test_a_connection_without_vectors_says_so(contract):
    info = info_of("anthropic", base_url=contract.anthropic_url, api_key="sk-ant-test")
    ran = attempt("ai.embed", {"texts": ["a"]}, info)
    assert ran.error and "cannot turn texts into vectors" in ran.error.message


# Harmful content


@pytest.mark.parametrize("where", ["openai", "sandbox"])
def test_harmful_text_is_found_and_may_stop_the_run(request, where):
    info = request.getfixturevalue(where)
    assert run_action("ai.moderate", {"text": "A kind word"}, info).output["flagged"] is False
    ran = run_action("ai.moderate", {"text": "KILL them"}, info)
    assert ran.output["flagged"] and ran.output["categories"] and ran.output["scores"]
    ran = attempt("ai.moderate", {"text": "KILL them", "fail_when_flagged": True}, info)
    assert ran.error and ran.error.code == "E_FLAGGED" and ran.error.permanent


# Speech and images: played from the service's description


def test_a_recording_is_written_down_and_paid_by_the_minute(server, local, files):
    server.on(SPEECH, lambda body: (200, WORDS))
    file = files.put(b"RIFFxxxxWAVE", "call.wav", "audio/wav").model_dump(mode="json")
    ran = run_action("ai.transcribe", {"file": file, "language": "en"}, local, files=files)
    assert (ran.output["text"], ran.output["seconds"], ran.output["language"]) == ("Hello there", 90, "en")
    assert ran.output["cost_usd"] == pytest.approx(0.009) == ran.usage[0]["cost_usd"]
    sent = server.asked(SPEECH)[0]
    assert b"RIFFxxxxWAVE" in sent and b'filename="call.wav"' in sent and b'name="language"' in sent


def test_an_image_is_made_and_kept_as_a_file(server, local, files):
    server.on(IMAGES, lambda body: (200, DRAWN))
    ran = run_action(
        "ai.generate_image", {"prompt": "A lighthouse", "name": "../x", "size": "1024x1024"}, local, files=files
    )
    file = ran.output["file"]
    assert (file["name"], file["mime_type"], file["size"]) == ("x.png", "image/png", len(PNG))
    assert ran.output["cost_usd"] == pytest.approx((10 * 5 + 1000 * 30) / 1e6)
    assert server.asked(IMAGES)[0]["size"] == "1024x1024" and "quality" not in server.asked(IMAGES)[0]


def test_the_sandbox_makes_a_real_image_and_some_words(sandbox, files):
    ran = run_action("ai.generate_image", {"prompt": "A lighthouse"}, sandbox, files=files)
    assert type_of(next(iter(files.kept.values()))) == "image/png" and ran.output["cost_usd"] > 0
    file = files.put(b"x" * 100, "call.wav", "audio/wav").model_dump(mode="json")
    assert "call.wav" in run_action("ai.transcribe", {"file": file}, sandbox, files=files).output["text"]


FAULTS = {
    "rate_limited": (429, {"error": {"message": "slow down"}}),
    "unauthorized": (401, {"error": {"message": "bad key"}}),
    "refused": refusal("The prompt was blocked"),
    "server_error": (500, {"error": {"message": "oops"}}),
    "not_what_was_asked": (200, {"data": []}),
    "no_object": (200, ["x"]),
}
KINDS = {
    "rate_limited": "rate_limited",
    "unauthorized": "sign_in",
    "refused": "rejected",
    "server_error": "unavailable",
    "not_what_was_asked": "unavailable",
    "no_object": "unavailable",
}


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("path", [SPEECH, IMAGES, "/v1/embeddings", "/v1/moderations"])
def test_each_fault_of_each_service_has_its_kind_and_is_asked_once(server, local, files, path, fault):
    server.on(path, lambda body: FAULTS[fault])
    file = files.put(b"sound", "a.wav", "audio/wav").model_dump(mode="json")
    action, inputs = {
        SPEECH: ("ai.transcribe", {"file": file}),
        IMAGES: ("ai.generate_image", {"prompt": "x"}),
        "/v1/embeddings": ("ai.embed", {"texts": ["x"]}),
        "/v1/moderations": ("ai.moderate", {"text": "x"}),
    }[path]
    ran = attempt(action, inputs, local, files=files)
    assert ran.error and ran.error.kind == KINDS[fault] and ran.error.hint
    assert len(server.seen) == 1


# Models, estimates, fallbacks, long texts


def test_models_are_listed_with_prices(model):
    ran = run_action("ai.list_models", {}, model)
    assert ran.output["count"] == len(ran.output["models"]) >= 1
    assert any(one["input_usd"] for one in ran.output["models"])


def test_what_a_text_would_cost_is_told_before_it_is_sent(model, contract):
    ran = run_action("ai.estimate", {"text": "word " * 100, "output_tokens": 100}, model)
    assert ran.output["input_tokens"] > 50 and ran.output["cost_usd"] > 0 and not ran.usage
    assert not contract.calls("createResponse") and not contract.calls("messages.create")


@pytest.mark.parametrize("first", [(503, {"error": {"message": "overloaded"}}), (429, {"error": {"message": "slow"}})])
def test_another_model_is_asked_when_the_first_is_away(server, local, first):
    server.on(CHAT, lambda body: first if body["model"] == "one" else (200, completion("Hi", body["model"])))
    ran = run_action("ai.complete", {"prompt": "x", "model": "one", "fallback": ["two"]}, local)
    assert (ran.output["text"], ran.output["model"]) == ("Hi", "two")
    assert "one gave no answer" in ran.warnings[0] and len(server.seen) == 2


def test_a_mistake_of_ones_own_asks_nobody_else(server, local):
    server.on(CHAT, lambda body: refusal("Invalid 'messages'."))
    ran = attempt("ai.complete", {"prompt": "x", "model": "one", "fallback": ["two"]}, local)
    assert ran.error and len(server.seen) == 1


def test_when_nobody_answers_the_last_error_is_told(server, local):
    server.on(CHAT, lambda body: (503, {"error": {"message": f"{body['model']} is away"}}))
    ran = attempt("ai.complete", {"prompt": "x", "model": "one", "fallback": ["two", "three"]}, local)
    assert ran.error and "three is away" in ran.error.message and len(server.seen) == 3


def test_a_very_long_text_is_read_in_parts_and_all_of_it_is_paid(server, local):
    server.on(CHAT, lambda body: (200, completion("note")))
    ran = run_action("ai.summarize", {"text": "A sentence of a book. " * 12_000, "model": "m"}, local)
    assert len(server.asked(CHAT)) == 4 and ran.output["input_tokens"] == 28 and len(ran.usage) == 4
    ran = attempt("ai.summarize", {"text": "x" * 1_300_000}, local)
    assert ran.error and ran.error.code == "E_LENGTH"
