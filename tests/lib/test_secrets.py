"""Encryption bound to its row, and redaction (security.md S4, S16, X15, X23)."""

import json
import logging
import sys
import threading
import time

import pytest
import structlog

from orchestrator_site.lib import crypto, redact
from orchestrator_site.lib.logs import LineFormatter

ROW = {"connection": "1", "workspace": "a"}


def test_a_secret_comes_back_only_with_its_binding():
    token = crypto.encrypt({"token": "ghp_x", "n": "ä"}, binding=ROW)
    assert "ghp_x" not in token
    assert crypto.decrypt(token, binding=dict(reversed(ROW.items()))) == {"token": "ghp_x", "n": "ä"}
    for other in ({"connection": "2", "workspace": "a"}, {"connection": "1", "workspace": "b"}, {}, {**ROW, "x": "y"}):
        with pytest.raises(crypto.SecretUnreadable) as caught:
            crypto.decrypt(token, binding=other)
        assert caught.value.code == "E_SECRET_UNREADABLE" and "ghp_x" not in str(caught.value.as_dict())


def test_garbage_and_foreign_tokens_are_unreadable():
    for token in ("", "x", "gAAAAA", crypto.encrypt({}, binding=ROW)[:-4], "ä"):
        with pytest.raises(crypto.SecretUnreadable):
            crypto.decrypt(token, binding=ROW)


def test_keys_are_rotated_without_losing_anything(settings):
    settings.FIELD_KEYS = ["old key"]
    token, old_id = crypto.encrypt({"a": "b"}, binding=ROW), crypto.current_key_id()
    settings.FIELD_KEYS = ["new key", "old key"]
    assert crypto.decrypt(token, binding=ROW) == {"a": "b"} and crypto.current_key_id() != old_id
    fresh = crypto.rotate(token, binding=ROW)
    settings.FIELD_KEYS = ["new key"]
    assert crypto.decrypt(fresh, binding=ROW) == {"a": "b"}
    with pytest.raises(crypto.SecretUnreadable):
        crypto.decrypt(token, binding=ROW)


def test_effect_keys_are_stable_and_belong_to_the_instance(settings):
    settings.INSTANCE_KEY = "one"
    key = crypto.effect_hmac("run|step|0|1")
    assert key == crypto.effect_hmac("run|step|0|1") and len(key) == 32 and key.isalnum()
    assert key != crypto.effect_hmac("run|step|0|2")
    settings.INSTANCE_KEY = "two"
    assert key != crypto.effect_hmac("run|step|0|1")


SHAPES = [
    "sk-proj-abcdefghijklmnop",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghij",
    "ntn_1234567890abcdef",
    "secret_abcdefghijklmnopqrstuvwxyz123456",
    "ya29.a0AfH6SMBx-y_z",
    "1//0gAbCdEfGhIjKlMnOpQr",
    "xoxb-1234-5678-abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_123",
    "awo_ab12cd34_" + "x" * 43,
    "sk-ant-api03-abcdefghij",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
    "AKIAIOSFODNN7EXAMPLE",
]


@pytest.mark.parametrize("secret", SHAPES)
def test_shapes_of_secrets_are_taken_out(secret):
    cleaned = redact.redact(f"it failed with {secret} at 12:00")
    assert secret not in cleaned and cleaned.startswith("it failed with [redacted]") and cleaned.endswith("at 12:00")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef123456",
        '{"authorization": "Basic dXNlcjpwYXNzd29yZA=="}',
        "Authorization: token abcdef123456",
        "sent Bearer abcdef123456 along",
        "Cookie: session=abcdef123456",
        "https://user:abcdef123456@example.com/x",
    ],
)
def test_headers_and_addresses_lose_their_credentials(text):
    cleaned = redact.redact(text)
    assert "abcdef123456" not in cleaned and "dXNlcj" not in cleaned and "[redacted]" in cleaned


def test_ordinary_text_stays():
    for text in (
        "risk-averse people",
        "a task-force",
        "the secret_garden",
        "max_tokens: 5",
        "https://x.org/a@b",
        "bearer of news",
    ):
        assert redact.redact(text) == text


def test_living_secrets_are_taken_out_wherever_they_stand():
    redact.remember("my odd\npassword, which is long enough to matter")
    redact.remember("pa55-word-1")
    redact.remember("short")
    text = "got pa55-word-1 and " + json.dumps({"k": "my odd\npassword, which is long enough to matter"}) + " short"
    assert redact.redact(text) == 'got [redacted] and {"k": "[redacted]"} short'
    value = redact.redact_value(
        {"a": ["x pa55-word-1"], "password": "abc", "pa55-word-1": 1, "max_tokens": 5, "n": None}
    )
    assert value == {"a": ["x [redacted]"], "password": "[redacted]", "[redacted]": 1, "max_tokens": 5, "n": None}


def test_many_secrets_and_threads_stay_bounded():
    def work(number):
        for i in range(300):
            redact.remember(f"secret-value-{number}-{i}")
            redact.redact("text")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(redact._living) <= 2000


def test_no_text_makes_redaction_slow():
    for text in (
        "a" * 100_000,
        " " * 100_000,
        "sk-" * 30_000,
        "eyJ" * 30_000,
        "eyJaaaaaa." * 10_000,
        "://a:" * 20_000,
        "Bearer " * 15_000,
        "-----BEGIN PRIVATE KEY-----" * 4_000,
        "authorization:" * 8_000,
        "1//" * 30_000,
    ):
        started = time.process_time()
        redact.redact(text)
        assert time.process_time() - started < 0.5, text[:20]


def test_log_lines_are_one_json_object_each():
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "bad\r\nvalue %s", ("sk-abcdefghijkl\nforged line",), None)
    line = LineFormatter().format(record)
    assert "\n" not in line and json.loads(line)["message"] == "bad\r\nvalue [redacted]\nforged line"


def test_a_log_line_names_its_request_and_keeps_the_trace_without_secrets():
    try:
        raise ValueError("sk-abcdefghijk")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "bad", (), sys.exc_info())
    with structlog.contextvars.bound_contextvars(request_id="abc-12345"):
        line = json.loads(LineFormatter().format(record))
    assert (line["request_id"], line["level"], line["logger"], line["message"]) == ("abc-12345", "error", "x", "bad")
    assert "ValueError: [redacted]" in line["exception"] and line["at"].endswith("Z")


def test_structlog_events_are_cleaned():
    event = {
        "event": "call",
        "token": "abc",
        "url": "https://u:ppppp@h/",
        "n": 1,
        "problem": ValueError("sk-abcdefghijk"),
    }
    cleaned = redact.redact_event(None, "info", event)
    assert cleaned == {
        "event": "call",
        "token": "[redacted]",
        "url": "https://u:[redacted]@h/",
        "n": 1,
        "problem": "[redacted]",
    }
