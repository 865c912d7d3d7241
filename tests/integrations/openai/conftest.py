"""Connections to the contract server by either interface, and a compatible server of the tests' own."""

from __future__ import annotations

import pytest

from integrations import direct
from integrations.llm import ModelRequest
from integrations.openai.client import OpenAIModel, connect
from tests.fakes.model_server import ModelServer
from tests.integrations.gate import info_of

OPERATIONS = {"responses": "createResponse", "chat": "createChatCompletion"}


@pytest.fixture(autouse=True)
def _nothing_learned():
    OpenAIModel.learned.clear()
    OpenAIModel._spoken.clear()


@pytest.fixture(params=["responses", "chat"])
def info(contract, request):
    """The same tests by both interfaces."""
    return info_of("openai", base_url=contract.openai_url, api_key="sk-test", api=request.param)


@pytest.fixture
def operation(info):
    """What the contract server calls it."""
    return OPERATIONS[info.secret["api"]]


@pytest.fixture
def server(settings):
    """A compatible server; it knows no path until a test tells it."""
    found = ModelServer()
    settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, found.host]
    yield found
    found.stop()


def ask(info, prompt="Say hello", *, timeout=10, **more):
    return direct.call(lambda calls: connect(info, calls).complete(ModelRequest.of(prompt, **more)), timeout=timeout)
