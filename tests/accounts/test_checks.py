"""Unsafe or contradictory settings stop the start."""

import os
import subprocess
import sys

import pytest

from orchestrator_site.checks import settings_hold_together

GOOD = {
    "PRODUCTION": True,
    "DEBUG": False,
    "DEMO_LOGIN": False,
    "SECURE_COOKIES": True,
    "ALLOWED_HOSTS": ["app.example.com"],
    "SECRET_KEY": "a" * 10 + "bcdefghijklmnopqrstuvwxyz0123456789",
    "FIELD_KEYS": ["zyxwvutsrqponmlkjihgfedcba9876543210"],
    "PUBLIC_URL": "https://app.example.com",
    "TRUSTED_PROXIES": [],
    "GOOGLE_CLIENT_ID": "",
    "GOOGLE_CLIENT_SECRET": "",
}


def found(settings, **changed):
    for name, value in {**GOOD, **changed}.items():
        setattr(settings, name, value)
    return [message.id for message in settings_hold_together()]


def test_good_settings_pass(settings):
    assert found(settings) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"DEBUG": True}, "site.E010"),
        ({"ALLOWED_HOSTS": ["*"]}, "site.E011"),
        ({"DEMO_LOGIN": True}, "site.E012"),
        ({"SECURE_COOKIES": False}, "site.E013"),
        ({"SECRET_KEY": "short"}, "site.E002"),
        ({"SECRET_KEY": "a" * 60}, "site.E002"),
        ({"FIELD_KEYS": ["short"]}, "site.E002"),
        ({"FIELD_KEYS": [GOOD["SECRET_KEY"]]}, "site.E001"),
        ({"TRUSTED_PROXIES": ["nginx"]}, "site.E003"),
        ({"GOOGLE_CLIENT_ID": "x"}, "site.E004"),
        ({"PUBLIC_URL": "app.example.com"}, "site.E005"),
        ({"PUBLIC_URL": "http://app.example.com"}, "site.E006"),
    ],
)
def test_a_bad_setting_is_named(settings, changed, expected):
    assert expected in found(settings, **changed)


def test_outside_production_the_demo_is_allowed(settings):
    assert found(settings, PRODUCTION=False, DEMO_LOGIN=True, DEBUG=True, SECURE_COOKIES=False, PUBLIC_URL="") == []


def test_the_start_is_refused(tmp_path):
    environment = {**os.environ, "PRODUCTION": "1", "DEMO_LOGIN": "1", "DATA_DIR": str(tmp_path), "ALLOWED_HOSTS": "*"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    run = subprocess.run(
        [sys.executable, "manage.py", "check"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.returncode != 0
    assert "site.E011" in run.stderr and "site.E012" in run.stderr
