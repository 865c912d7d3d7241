"""Connections to each model: OpenAI and Anthropic on the contract server, and the offline one."""

from __future__ import annotations

import pytest

from integrations.openai.client import OpenAIModel
from tests.fakes.model_server import ModelServer
from tests.integrations.gate import info_of


@pytest.fixture(autouse=True)
def _nothing_learned():
    OpenAIModel.learned.clear()
    OpenAIModel._spoken.clear()


@pytest.fixture(params=["openai", "anthropic", "sandbox"])
def model(request):
    """A connection to each model."""
    if request.param == "sandbox":
        return info_of("openai", sandbox=True)
    contract = request.getfixturevalue("contract")
    url = contract.openai_url if request.param == "openai" else contract.anthropic_url
    return info_of(request.param, base_url=url, api_key="sk-ant-test" if request.param == "anthropic" else "sk-test")


@pytest.fixture
def openai(contract):
    """OpenAI on the contract server."""
    return info_of("openai", base_url=contract.openai_url, api_key="sk-test")


@pytest.fixture
def server(settings):
    """What the contract server lacks: speech, images, servers that leave things out."""
    found = ModelServer()
    settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, found.host]
    yield found
    found.stop()


@pytest.fixture
def local(server):
    """A connection to it."""
    return info_of("openai", base_url=server.url, api_key="any", api="chat")
