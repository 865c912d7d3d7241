"""Fixtures of the tests of accounts."""

import importlib

import pytest


@pytest.fixture(autouse=True)
def _addresses(settings):
    try:
        importlib.import_module("orchestrator_site.urls")
    except ImportError:
        settings.ROOT_URLCONF = "tests.accounts.urls"
