"""Signing in as an installed GitHub App, against the contract server."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from integrations import direct
from integrations.errors import SignInAgain
from integrations.operations.opening import client_for
from tests.integrations.gate import attempt, info_of, run_action

pytestmark = pytest.mark.django_db
ISSUE = {"repository": "octocat/Hello-World", "title": "By the App"}


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return made.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain).decode()


def app(contract, key, installation="1"):
    secret = {"app_id": "1", "installation_id": installation, "private_key": key}
    return info_of("github", base_url=contract.github_url, **secret)


def test_an_app_opens_an_issue_and_lists_what_it_is_installed_on(contract, key):
    info = app(contract, key)
    assert run_action("github.create_issue", ISSUE, info).output["number"] >= 1
    assert run_action("github.list_repositories", {}, info).output["count"] >= 1
    report = direct.call(lambda calls: client_for(info, calls).describe())
    assert report.ok and "App" in report.summary


def test_one_token_serves_many_calls(contract, key):
    client = None

    async def twice(calls):
        nonlocal client
        client = client_for(app(contract, key), calls)
        await client.list_repositories(1)
        await client.list_repositories(1)

    direct.call(twice)
    assert len(contract.calls("apps/create-installation-access-token")) == 1


@pytest.mark.parametrize("bad, installation", [("no key at all", "1"), (None, "not a number")])
def test_a_key_that_cannot_sign_is_told_in_words(contract, key, bad, installation):
    ran = attempt("github.create_issue", ISSUE, app(contract, bad or key, installation))
    assert isinstance(ran.error, SignInAgain) and ran.error.hint and ran.error.refused
    assert contract.effects("issues/create") == []
