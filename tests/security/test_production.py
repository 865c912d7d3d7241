"""Production: unsafe settings refuse every way to start, safe ones pass Django's own deploy check without a word."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import override_settings

from orchestrator_site.checks import refuse_unsafe_start
from tests.product import ROOT

GOOD = {
    "PRODUCTION": True,
    "DEBUG": False,
    "DEMO_LOGIN": False,
    "SECURE_COOKIES": True,
    "ALLOWED_HOSTS": ["orchestrator.acme.io"],
    "PUBLIC_URL": "https://orchestrator.acme.io",
    "SECRET_KEY": "k" + secrets.token_urlsafe(48),
    "FIELD_KEYS": ["f" + secrets.token_urlsafe(48)],
    "TRUSTED_PROXIES": ["10.0.0.7"],
}
BAD = [
    {"DEBUG": True},
    {"DEMO_LOGIN": True},
    {"SECURE_COOKIES": False},
    {"ALLOWED_HOSTS": ["*"]},
    {"ALLOWED_HOSTS": ["orchestrator.acme.io", "*"]},
    {"ALLOWED_HOSTS": [".io"]},
    {"ALLOWED_HOSTS": ["."]},
    {"PUBLIC_URL": "http://orchestrator.acme.io"},
    {"PUBLIC_URL": "orchestrator.acme.io"},
    {"SECRET_KEY": "short"},
    {"SECRET_KEY": "a" * 60},
    {"SECRET_KEY": "django-insecure-" + secrets.token_urlsafe(48)},
    {"SECRET_KEY": "please-change-me-please-change-me-please-change-me"},
    {"FIELD_KEYS": ["short"]},
    {"FIELD_KEYS": [GOOD["FIELD_KEYS"][0], "short"]},
    {"FIELD_KEYS": [GOOD["SECRET_KEY"]]},
    {"TRUSTED_PROXIES": ["*"]},
    {"TRUSTED_PROXIES": ["0.0.0.0/0"]},
    {"TRUSTED_PROXIES": ["::/0"]},
]


def test_safe_settings_start():
    with override_settings(**GOOD):
        refuse_unsafe_start()


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: "+".join(bad))
def test_unsafe_settings_do_not_start(bad):
    with override_settings(**{**GOOD, **bad}), pytest.raises(ImproperlyConfigured) as refused:
        refuse_unsafe_start()
    for value in bad.values():
        for text in value if isinstance(value, list) else [value]:
            assert not isinstance(text, str) or len(text) < 40 or text not in str(refused.value), "no key in the words"


def test_the_worker_does_not_start_either():
    with override_settings(**{**GOOD, "DEMO_LOGIN": True}), pytest.raises(ImproperlyConfigured):
        call_command("worker")


def test_the_deploy_check_has_nothing_to_say(tmp_path):
    named = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {
        **named,
        "DATA_DIR": str(tmp_path),
        "PRODUCTION": "1",
        "ALLOWED_HOSTS": "orchestrator.acme.io",
        "PUBLIC_URL": "https://orchestrator.acme.io",
        "SECRET_KEY": GOOD["SECRET_KEY"],
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0 and "no issues (0 silenced)" in done.stdout, done.stdout + done.stderr
