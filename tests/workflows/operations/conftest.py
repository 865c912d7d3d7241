"""A workspace with connections, and a small workflow in it."""

from __future__ import annotations

import importlib

import pytest

from integrations.models import Connection
from tests.workflows.definition.helpers import text_step, workflow
from workflows.operations.workflows import create_workflow


@pytest.fixture(autouse=True)
def _addresses(settings):
    """While other apps have no addresses of their own yet."""
    try:
        importlib.import_module("orchestrator_site.urls")
    except ImportError:
        settings.ROOT_URLCONF = "tests.accounts.urls"


@pytest.fixture
def connected(workspace):
    """`workspace` with a connection for each service, called like it."""
    for service in ("openai", "github", "notion", "gmail"):
        Connection.objects.create(workspace=workspace, name=service, service=service, is_default=True)
    return workspace


@pytest.fixture
def flow(editor):
    """Two pure steps, the second uses the first."""
    steps = (text_step("a", "hello"), text_step("b", "{{ steps.a.text }} world"))
    return create_workflow(editor.actor, workflow(*steps, name="Greeting"))
