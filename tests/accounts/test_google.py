"""Sign-in with Google, against the contract server: known accounts, proven addresses, invitations, and nobody else."""

import json
import os
import subprocess
import sys

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from django.test import Client

from accounts.models import Member, User
from accounts.operations.members import invite_member
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def google(contract_server, settings, monkeypatch):
    """Google's sign-in, served by the contract server."""
    addresses = contract_server.allauth_google()
    monkeypatch.setattr(GoogleOAuth2Adapter, "authorize_url", addresses["AUTHORIZE_URL"])
    monkeypatch.setattr(GoogleOAuth2Adapter, "access_token_url", addresses["ACCESS_TOKEN_URL"])
    monkeypatch.setattr(GoogleOAuth2Adapter, "identity_url", addresses["IDENTITY_URL"])
    app = {"client_id": "web-client", "secret": "web-secret", "key": ""}
    settings.SOCIALACCOUNT_PROVIDERS = {"google": {**settings.SOCIALACCOUNT_PROVIDERS["google"], "APPS": [app]}}
    return contract_server.google_oauth


def go(browser=None, process="login"):
    """Press the button, say yes at Google, come back."""
    browser = browser or Client()
    away = browser.post(f"/accounts/google/login/?process={process}")
    assert away.status_code == 302, away.content[:500]
    back = requests.get(away["Location"], allow_redirects=False, timeout=5)
    return browser, browser.get(back.headers["Location"].replace("http://testserver", ""))


def signed_in_as(browser):
    pk = browser.session.get("_auth_user_id")
    return User.objects.get(pk=pk).email if pk else None


def test_the_button_is_there_only_when_google_is_set_up(google, settings):
    assert b"Sign in with Google" in Client().get("/accounts/login/").content
    settings.SOCIALACCOUNT_PROVIDERS = {"google": {"APPS": []}}
    assert b"Google" not in Client().get("/accounts/login/").content


def test_a_user_with_the_same_proven_address_gets_in(google):
    user = UserFactory(email="grace@example.com")
    google.sign_in("grace@example.com", "Grace Hopper")
    browser, _ = go()
    assert signed_in_as(browser) == "grace@example.com"
    assert SocialAccount.objects.get().user == user
    assert SocialToken.objects.count() == 0
    browser, _ = go()
    assert signed_in_as(browser) == "grace@example.com"


def test_an_unproven_address_is_not_taken_over(google):
    user = UserFactory(email="grace@example.com")
    EmailAddress.objects.filter(user=user).update(verified=False)
    google.sign_in("grace@example.com", "Grace Hopper")
    browser, answer = go()
    assert signed_in_as(browser) is None and answer.status_code == 403
    assert SocialAccount.objects.count() == 0


def test_a_stranger_stays_outside(google, owner):
    google.sign_in("stranger@example.com", "Stranger")
    browser, answer = go()
    assert signed_in_as(browser) is None
    assert b"By invitation" in answer.content
    assert not User.objects.filter(email="stranger@example.com").exists()


def test_the_invited_get_in_with_the_role_of_the_invitation(google, admin):
    invite_member(admin.actor, "grace@example.com", "operator")
    google.sign_in("grace@example.com", "Grace Hopper")
    browser, _ = go()
    assert signed_in_as(browser) == "grace@example.com"
    member = Member.objects.of(admin.workspace).get(user__email="grace@example.com")
    assert member.role == "operator" and member.user.name == "Grace Hopper"
    assert not member.user.is_superuser and not member.user.has_usable_password()


def test_the_first_user_may_come_through_google(google):
    google.sign_in("grace@example.com", "Grace Hopper")
    browser, _ = go()
    assert signed_in_as(browser) == "grace@example.com"
    assert User.objects.get().is_superuser and Member.objects.unscoped("test").get().role == "owner"


def test_the_signed_in_link_another_account(google, viewer):
    browser = Client()
    browser.post("/accounts/login/", {"login": viewer.user.email, "password": PASSWORD})
    google.sign_in("private@example.com", "Vera Private")
    go(browser, process="connect")
    assert SocialAccount.objects.get().user == viewer.user
    other, _ = go()
    assert signed_in_as(other) == viewer.user.email


def test_a_refusal_at_google_is_told_in_words(google):
    google.refuse("access_denied")
    browser = Client()
    away = browser.post("/accounts/google/login/")
    back = requests.get(away["Location"], allow_redirects=False, timeout=5)
    page = browser.get(back.headers["Location"].replace("http://testserver", ""), follow=True)
    assert b"You stopped at Google" in page.content and signed_in_as(browser) is None


@pytest.mark.parametrize("query", ["", "?state=wrong&code=x", "?code=x", "?state=wrong"])
def test_a_callback_without_our_state_is_refused(google, query):
    UserFactory(email="grace@example.com")
    browser = Client()
    answer = browser.get(f"/accounts/google/login/callback/{query}", follow=True)
    assert signed_in_as(browser) is None and b"Not signed in" in answer.content


def test_the_state_belongs_to_one_browser(google):
    UserFactory(email="grace@example.com")
    google.sign_in("grace@example.com", "Grace Hopper")
    away = Client().post("/accounts/google/login/")
    assert "code_challenge" in away["Location"]
    back = requests.get(away["Location"], allow_redirects=False, timeout=5)
    thief = Client()
    thief.get(back.headers["Location"].replace("http://testserver", ""))
    assert signed_in_as(thief) is None


def test_a_get_does_not_start_the_dance(google):
    assert Client().get("/accounts/google/login/").status_code == 200


def test_the_addresses_are_settings(tmp_path):
    code = (
        "import django, json; django.setup();"
        "from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter as A;"
        "from django.conf import settings as s;"
        "action = s.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'][1:];"
        "print(json.dumps([A.authorize_url, A.access_token_url, A.identity_url, action]))"
    )
    named = {
        "GOOGLE_AUTH_URL": "http://g/auth",
        "GOOGLE_TOKEN_URL": "http://g/token",
        "GOOGLE_USERINFO_URL": "http://g/info",
    }
    environment = {
        **os.environ,
        **named,
        "GOOGLE_CLIENT_ID": "x",
        "GOOGLE_CLIENT_SECRET": "y",
        "DATA_DIR": str(tmp_path),
    }
    environment["DJANGO_SETTINGS_MODULE"] = "orchestrator_site.settings"
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == ["http://g/auth", "http://g/token", "http://g/info", ["http://g"]]
