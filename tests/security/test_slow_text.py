"""No text makes a check slow: every validator answers within a tenth of a second on 100,000 odd characters."""

from __future__ import annotations

import contextlib
import time

import pytest
from django.core.exceptions import ValidationError

from accounts.text import clean_email, clean_line
from integrations import registry
from integrations.errors import ServiceError
from integrations.github.interface import clean_path, clean_repository, marker_of, trailer_of
from integrations.gmail.mime import header_text, message_of
from integrations.gmail.query import matcher
from integrations.notion.interface import id_in
from integrations.operations.secrets import check_secret
from orchestrator_site.lib import json as gate
from orchestrator_site.lib import templating
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.markdown import render_markdown
from orchestrator_site.lib.names import did_you_mean, is_key, slugify_key
from orchestrator_site.lib.outbound.urls import check_url
from orchestrator_site.lib.redact import redact
from orchestrator_site.lib.text import html_to_text, tidy, web_address
from prompts.braces import from_liquid, to_liquid
from workflows.engine.expressions import compile_value
from workflows.operations.imports.reading import read_file

SIZE = 100_000
TEXTS = {
    "a": "a" * SIZE,
    "spaces": " " * SIZE,
    "tabs": "\t" * SIZE,
    "lines": "\n" * SIZE,
    "@": "a@" * (SIZE // 2),
    "dots": "a." * (SIZE // 2),
    "dashes": "-" * SIZE,
    "braces": "{" * SIZE,
    "double braces": "{{ " * (SIZE // 3),
    "tags": "<a " * (SIZE // 3),
    "closings": "</p>" * (SIZE // 4),
    "comments": "<!--" * (SIZE // 4),
    "brackets": "[" * SIZE,
    "links": "[a](" * (SIZE // 4),
    "images": "![" * (SIZE // 2),
    "stars": "*a" * (SIZE // 2),
    "ticks": "`" * SIZE,
    "slashes": "/" * SIZE,
    "quotes": '"' * SIZE,
    "backslashes": "\\" * SIZE,
    "key": "sk-" + "a" * SIZE,
    "jwt": "eyJ" * (SIZE // 3),
    "pem": "-----BEGIN RSA PRIVATE KEY-----" + "A" * SIZE,
    "header": "authorization: " * (SIZE // 15),
    "entities": "&#" * (SIZE // 2),
    "encoded words": "=?utf-8?q?a" * (SIZE // 11),
    "userinfo": "://a:" * (SIZE // 5),
    "digits": "9" * SIZE,
    "parens": "(" * SIZE,
    "or": "a OR " * (SIZE // 5),
    "colons": "a:" * (SIZE // 2),
    "percent": "%" * SIZE,
    "hashes": "#" * SIZE,
    "pipes": "|a" * (SIZE // 2),
    "wide": "①" * (SIZE // 4),
    "combining": "a" + "\u0301" * SIZE,
}
CHECKS = {
    "clean_email": clean_email,
    "clean_line": lambda text: clean_line(text, field="name", high=120),
    "clean_text": lambda text: gate.clean_text(text, field="name"),
    "clean_json": lambda text: gate.clean_json(text),
    "is_key": is_key,
    "slugify_key": slugify_key,
    "did_you_mean": lambda text: did_you_mean(text, ["subject", "sender"]),
    "check_url": lambda text: check_url("https://" + text, look_up=False),
    "web_address": web_address,
    "redact": redact,
    "html_to_text": html_to_text,
    "tidy": tidy,
    "template": lambda text: templating.compile(text[:65_000]),
    "value": lambda text: compile_value(text[:65_000]),
    "braces": lambda text: to_liquid(text[:65_000]),
    "liquid": lambda text: from_liquid(text[:65_000]),
    "repository": clean_repository,
    "path": clean_path,
    "notion id": id_in,
    "mail query": matcher,
    "mail header": header_text,
    "mail": lambda text: message_of(
        {
            "id": "1",
            "payload": {
                "mimeType": "text/plain",
                "headers": [{"name": name, "value": text} for name in ("From", "Subject", "Date")],
            },
        }
    ),
    "marker": marker_of,
    "trailer": trailer_of,
    "secret": lambda text: check_secret(registry.get_integration("github"), {"token": text}),
    "import": lambda text: read_file(text),
}
MARKDOWN = {"markdown": lambda text: render_markdown(text[:60_000])}
REFUSALS = (UserError, ValidationError, ServiceError, templating.TemplateProblem, ValueError)


# What takes the square of its length takes many seconds on these texts; a busy machine must not fail the suite.
SECONDS = 1.0


def timed(check, text) -> float:
    began = time.process_time()
    with contextlib.suppress(*REFUSALS):
        check(text)
    return time.process_time() - began


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_never_slow(name):
    timed(CHECKS[name], "warm up")
    slow = {kind: took for kind, text in TEXTS.items() if (took := timed(CHECKS[name], text)) > SECONDS}
    slow = {kind: took for kind in slow if (took := timed(CHECKS[name], TEXTS[kind])) > SECONDS}
    assert slow == {}


def test_markdown_is_never_slow():
    slow = {kind: took for kind, text in TEXTS.items() if (took := timed(MARKDOWN["markdown"], text)) > 1}
    assert slow == {}
