"""The whole product as processes, its connections pointed at the contract server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.product import ROOT, Product

SEED_FILES = ROOT / "workflows" / "gallery"
EXAMPLE = ROOT / "tests" / "workflows" / "definition" / "mail_to_notion.json"


@pytest.fixture(scope="module")
def product(tmp_path_factory, running_contract_server) -> Product:
    """`manage.py up`, allowed to reach the contract server."""
    host = running_contract_server.openai_url.split("/")[2]
    with Product(tmp_path_factory.mktemp("product"), ALLOW_PRIVATE_HOSTS=host) as running:
        _connect(running, running_contract_server)
        yield running


def _connect(product: Product, server) -> None:
    """Real connections with the names the examples use; the sandbox's step aside."""
    secrets = {
        "openai": ({"api_key": "sk-test-00000000000000000000"}, server.openai_url),
        "github": ({"token": "ghp_000000000000000000000000000000000000"}, server.github_url),
        "notion": ({"token": "ntn_00000000000000000000000000000000000000000000"}, server.notion_url),
        "gmail": ({"access_token": "ya29.test-0000000000000000"}, server.gmail_url),
    }
    for service, (secret, base_url) in secrets.items():
        body = {"service": service, "name": service, "secret": secret, "base_url": base_url}
        answer = product.api("POST", "/api/v1/connections", body)
        assert answer.status == 201, answer.body
        assert str(secret.popitem()[1]) not in str(answer.body)
        tested = product.api("POST", f"/api/v1/connections/{answer.body['id']}/test").body
        assert tested["ok"], tested


@pytest.fixture
def seed_files() -> Path:
    """The original product's three files."""
    return SEED_FILES
