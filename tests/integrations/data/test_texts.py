"""Plain text: taken apart, put together, searched, encoded."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.errors import UserError
from tests.integrations.gate import run_action


@pytest.mark.parametrize(
    "given, parts",
    [
        ({"text": "a\r\n\n b \n"}, ["a", "b"]),
        ({"text": "a, b,,c", "separator": ","}, ["a", "b", "c"]),
        ({"text": "a, b,,c", "separator": ",", "skip_empty": False, "strip": False}, ["a", " b", "", "c"]),
        ({"text": "a b  c", "separator": ""}, ["a", "b", "c"]),
        ({"text": "a:b:c", "separator": ":", "limit": 2}, ["a", "b:c"]),
    ],
)
def test_a_text_is_split(given, parts):
    assert run_action("data.split", given).output == {"parts": parts, "count": len(parts)}


@pytest.mark.parametrize(
    "given, text",
    [
        ({"items": ["a", 1, None, True]}, "a, 1, true"),
        ({"items": ["a", "b", "c"], "last": " and "}, "a, b and c"),
        ({"items": ["a", "b"], "before": "- ", "separator": "\n"}, "- a\n- b"),
        ({"items": ["a"], "last": " and "}, "a"),
        ({"items": []}, ""),
    ],
)
def test_a_list_is_joined(given, text):
    assert run_action("data.join", given).output == {"text": text}


def test_something_is_found_in_a_text():
    text = "Hello\nINVOICE no. 2026-1187 due\nBye"
    output = run_action("data.find", {"text": text, "search": "invoice no."}).output
    assert output == {"found": True, "count": 1, "position": 6, "before": "Hello\n", "after": "2026-1187 due"}
    assert run_action("data.find", {"text": text, "search": "no.", "until": " due"}).output["after"] == "2026-1187"
    assert run_action("data.find", {"text": text, "search": "invoice", "ignore_case": False}).output["found"] is False
    assert run_action("data.find", {"text": "İstanbul x", "search": "X"}).output["position"] == 9


def test_text_is_replaced_and_does_not_explode():
    given = {"text": "a.b", "replacements": {".": "-", "a": "."}}
    assert run_action("data.replace", given).output == {"text": ".-b"}
    with pytest.raises(UserError) as wrong:
        run_action("data.replace", {"text": "a" * 10_000, "replacements": {"a": "b" * 2000}})
    assert wrong.value.code == "E_TOO_LARGE"


@pytest.mark.parametrize("encoding", ["base64", "base64url", "hex", "url", "html"])
def test_what_is_encoded_can_be_decoded(encoding):
    text = "<a href='x?y=1&z=ö'>ÿþ</a>"
    coded = run_action("data.encode", {"text": text, "encoding": encoding}).output["text"]
    assert coded != text
    given = {"text": coded, "encoding": encoding, "direction": "decode"}
    assert run_action("data.encode", given).output["text"] == text


@pytest.mark.parametrize("encoding, text", [("base64", "a*b="), ("hex", "xyz"), ("base64", "/////w==")])
def test_what_is_not_encoded_is_refused(encoding, text):
    with pytest.raises(UserError) as wrong:
        run_action("data.encode", {"text": text, "encoding": encoding, "direction": "decode"})
    assert wrong.value.code == "E_VALUE"


def test_a_hash_is_the_same_for_the_same_letters():
    assert run_action("data.hash", {"text": "abc"}).output["text"].startswith("ba7816bf")
    composed, typed = (run_action("data.hash", {"text": text}).output for text in ("é", "e\u0301"))
    assert composed == typed
    assert (
        run_action("data.hash", {"text": "abc", "algorithm": "md5", "output": "base64"}).output["text"]
        == "kAFQmDzST7DWlj99KOF/cg=="
    )
