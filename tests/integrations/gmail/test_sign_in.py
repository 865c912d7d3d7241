"""Tokens of Google: renewed ahead of a call, once for all that wait, and never in the middle of one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from integrations.errors import SignInAgain, Unavailable
from integrations.gmail import tokens
from integrations.operations.connections import create_connection, open_connection, update_connection
from tests.integrations.gate import attempt, info_of, run_action

pytestmark = pytest.mark.django_db
SECRET = {"refresh_token": "1//mine", "client_id": "web", "client_secret": "s"}


@pytest.fixture(autouse=True)
def _own_tokens(settings, contract):
    settings.GOOGLE_TOKEN_URL = contract.google_token_url
    tokens._kept.clear()


def connection(contract, **secret):
    return info_of("gmail", base_url=contract.gmail_url, **{**SECRET, **secret})


def test_a_refresh_token_alone_is_enough(contract):
    info = connection(contract)
    assert run_action("gmail.search", {}, info).output["count"] == 3
    assert len(contract.calls("oauth2.token")) == 1


def test_a_token_is_kept_until_it_is_nearly_spent(contract):
    info = connection(contract)
    for _ in range(3):
        run_action("gmail.search", {"limit": 1}, info)
    assert len(contract.calls("oauth2.token")) == 1
    tokens._kept[info.id].good_until = 0.0
    run_action("gmail.search", {"limit": 1}, info)
    assert len(contract.calls("oauth2.token")) == 2


def test_a_token_that_ended_early_is_renewed_and_the_reading_goes_on(contract):
    info = connection(contract)
    run_action("gmail.search", {"limit": 1}, info)
    contract.google_oauth.expire_access_tokens()
    assert run_action("gmail.search", {}, info).output["count"] == 3
    assert len(contract.calls("oauth2.token")) == 2


def test_many_at_once_renew_once(contract):
    info = connection(contract)
    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(lambda _: run_action("gmail.search", {}, info).output["count"], range(6)))
    assert counts == [3] * 6
    assert len(contract.calls("oauth2.token")) == 1


def test_a_changed_secret_does_not_use_the_old_token(contract):
    info = connection(contract)
    run_action("gmail.search", {"limit": 1}, info)
    run_action("gmail.search", {"limit": 1}, replace(info, secret={**SECRET, "refresh_token": "1//other"}))
    assert len(contract.calls("oauth2.token")) == 2


def test_a_rotated_refresh_token_is_used_the_next_time(contract):
    contract.google_oauth.rotate_refresh_tokens = True
    info = connection(contract)
    run_action("gmail.search", {"limit": 1}, info)
    contract.google_oauth.expire_access_tokens()
    assert run_action("gmail.search", {}, info).output["count"] == 3


@pytest.mark.parametrize("token", ["revoked-refresh-token", "expired-refresh-token"])
def test_a_withdrawn_sign_in_says_to_connect_again(contract, token):
    ran = attempt("gmail.search", {}, connection(contract, refresh_token=token))
    assert isinstance(ran.error, SignInAgain)
    assert "Connect with Google" in ran.error.hint
    assert "7 days" in ran.error.hint
    assert contract.calls("gmail.users.messages.list") == []


def test_a_wrong_client_is_said(contract):
    contract.google_oauth.register("web", "another secret")
    ran = attempt("gmail.search", {}, connection(contract))
    assert isinstance(ran.error, SignInAgain)
    assert "client id or secret" in ran.error.hint


def test_the_instance_lends_its_client_where_the_connection_has_none(contract, settings):
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = "web", "s"
    contract.google_oauth.register("web", "s")
    info = info_of("gmail", base_url=contract.gmail_url, refresh_token="1//mine")
    assert run_action("gmail.search", {}, info).output["count"] == 3


def test_a_spent_access_token_alone_cannot_be_renewed(contract):
    ran = attempt("gmail.search", {}, info_of("gmail", base_url=contract.gmail_url, access_token="ya29.expired"))
    assert isinstance(ran.error, SignInAgain)
    assert ran.error.status == 401
    assert len(contract.calls("gmail.users.messages.list")) == 1


def test_a_connection_without_a_sign_in_says_so(contract):
    ran = attempt("gmail.search", {}, info_of("gmail", base_url=contract.gmail_url))
    assert isinstance(ran.error, SignInAgain)
    assert ran.error.refused


def test_a_sign_in_without_the_permission_names_it(contract):
    contract.google_oauth.withheld.clear()
    info = connection(contract)
    run_action("gmail.search", {"limit": 1}, info)
    for access in contract.google_oauth.access_tokens.values():
        access.scopes = ["https://www.googleapis.com/auth/userinfo.email"]
    ran = attempt("gmail.search", {}, info)
    assert isinstance(ran.error, SignInAgain)
    assert "lacks the permission" in ran.error.hint and "Connect with Google" in ran.error.hint


@pytest.mark.strays
@pytest.mark.parametrize("kind", ["server_error", "reset", "hang"])
def test_trouble_at_the_token_endpoint_is_not_a_lost_sign_in(contract, kind):
    contract.fail(kind, "oauth2.token", times=None, seconds=3.0)
    ran = attempt("gmail.search", {}, connection(contract), timeout=2)
    assert isinstance(ran.error, Unavailable)


def test_no_token_outlives_its_connection_in_a_repr(contract):
    info = connection(contract, refresh_token=f"1//{uuid4()}")
    assert "1//" not in repr(info)


def test_a_rotated_refresh_token_is_stored_with_its_connection(contract, admin):
    contract.google_oauth.rotate_refresh_tokens = True
    made = create_connection(admin.actor, service="gmail", name="mail", secret=SECRET, base_url=contract.gmail_url)
    info = open_connection(made)
    run_action("gmail.search", {"limit": 1}, info)
    made.refresh_from_db()
    fresh = open_connection(made)
    assert fresh.secret["refresh_token"] not in ("", SECRET["refresh_token"])
    assert fresh.secret["client_id"] == "web" and made.masked["refresh_token"].endswith(
        fresh.secret["refresh_token"][-4:]
    )
    for known in (fresh, info):  # whoever opened it before goes on with the new one
        assert run_action("gmail.search", {"limit": 1}, known).output["count"] == 1
    assert len(contract.calls("oauth2.token")) == 1
    tokens._kept.clear()  # another process, or after a restart
    assert run_action("gmail.search", {"limit": 1}, fresh).output["count"] == 1


def test_a_token_that_somebody_changed_meanwhile_is_left_alone(contract, admin):
    contract.google_oauth.rotate_refresh_tokens = True
    made = create_connection(admin.actor, service="gmail", name="mail", secret=SECRET, base_url=contract.gmail_url)
    info = open_connection(made)
    update_connection(admin.actor, made, secret={"refresh_token": "1//typed-by-hand"})
    run_action("gmail.search", {"limit": 1}, info)
    made.refresh_from_db()
    assert open_connection(made).secret["refresh_token"] == "1//typed-by-hand"
