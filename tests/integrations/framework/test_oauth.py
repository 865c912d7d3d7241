"""Connecting by consent: the dance with Google against the contract server, and every way it can end without."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.urls import reverse

from integrations.operations.connections import connections_of, delete_connection, open_connection
from orchestrator_site.lib import clock

pytestmark = pytest.mark.django_db
CALLBACK = "/oauth/callback/"


@pytest.fixture
def google(contract, settings):
    """Google as the instance knows it."""
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = "web-client", "GOCSPX-web-secret"
    root = contract.google_token_url.rpartition("/")[0]
    settings.GOOGLE_AUTH_URL, settings.GOOGLE_TOKEN_URL = f"{root}/auth", f"{root}/token"
    contract.google_oauth.register("web-client", "GOCSPX-web-secret", f"http://testserver{CALLBACK}")
    return contract


@pytest.fixture
def gmail_there(google, monkeypatch):
    """The test of the new connection asks the contract server's Gmail."""
    from integrations import registry

    monkeypatch.setattr(registry.integrations()["gmail"], "base_url", google.gmail_url.rstrip("/"))
    return google


def begin(persona, **query):
    url = reverse("oauth_start", kwargs={"workspace": persona.workspace.slug, "service": "gmail"})
    answer = persona.client.post(
        url + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else ""), {"name": "Mail"}
    )
    assert answer.status_code == 200, answer.content
    return answer.context["url"]


def consent(url):
    """What the person's browser does at Google's: come back with an answer."""
    answer = requests.get(url, allow_redirects=False, timeout=5)
    assert answer.status_code in (302, 303), answer.text
    back = urlsplit(answer.headers["location"])
    assert back.path == CALLBACK
    return f"{back.path}?{back.query}"


def test_consent_makes_a_connection(admin, gmail_there):
    asked = parse_qs(urlsplit(url := begin(admin)).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["access_type"] == ["offline"]
    assert asked["scope"] == ["https://www.googleapis.com/auth/gmail.readonly"]
    answer = admin.client.get(consent(url))
    assert answer.status_code == 302, answer.content
    made = connections_of(admin.workspace).get()
    secret = open_connection(made).secret
    assert secret["refresh_token"] and secret["access_token"] and secret["client_id"] == "web-client"
    assert set(made.masked) == {"access_token", "refresh_token", "client_id", "client_secret"}


def test_a_person_chooses_how_much_is_asked_for(admin, gmail_there):
    url = reverse("oauth_start", kwargs={"workspace": admin.workspace.slug, "service": "gmail"})
    assert "Read, write drafts and send" in admin.client.get(url).content.decode()
    way = admin.client.post(url, {"name": "Mail", "level": "write"}).context["url"]
    assert parse_qs(urlsplit(way).query)["scope"] == [
        "https://www.googleapis.com/auth/gmail.readonly https://www.googleapis.com/auth/gmail.compose"
    ]
    assert admin.client.get(consent(way)).status_code == 302
    assert open_connection(connections_of(admin.workspace).get()).secret["refresh_token"]
    assert admin.client.post(url, {"name": "Mail", "level": "everything"}).status_code == 400


def test_the_way_to_google_is_a_page_because_forms_may_only_go_to_ourselves(admin, google):
    url = reverse("oauth_start", kwargs={"workspace": admin.workspace.slug, "service": "gmail"})
    shown = admin.client.post(url, {"name": "Mail"}).content.decode()
    assert 'http-equiv="refresh"' in shown


@pytest.mark.parametrize("query", ["", "?state=", "?state=wrong&code=x", "?code=x", "?state=wrong&error=access_denied"])
def test_a_state_we_did_not_give_out_is_refused(admin, google, query):
    begin(admin)
    answer = admin.client.get(CALLBACK + query)
    assert answer.status_code == 400
    assert "E_OAUTH_STATE" in answer.content.decode()
    assert not connections_of(admin.workspace).exists()


def test_a_state_is_good_once_and_for_its_own_session(admin, owner, gmail_there):
    back = consent(begin(admin))
    assert owner.client.get(back).status_code == 400
    assert admin.client.get(back).status_code == 302
    assert admin.client.get(back).status_code == 400
    assert connections_of(admin.workspace).count() == 1


def test_a_state_grows_old(admin, google):
    url = begin(admin)
    back = consent(url)
    with clock.freeze(clock.now() + timedelta(minutes=16)):
        assert admin.client.get(back).status_code in (302, 400)
    assert not connections_of(admin.workspace).exists()


def test_a_no_leaves_nothing_behind(admin, google):
    google.google_oauth.refuse("access_denied")
    shown = admin.client.get(consent(begin(admin)))
    assert "Not connected" in shown.content.decode() and "Nothing was stored" in shown.content.decode()
    assert not connections_of(admin.workspace).exists()


def test_a_withheld_permission_is_said(admin, google):
    google.google_oauth.withheld.add("https://www.googleapis.com/auth/gmail.readonly")
    shown = admin.client.get(consent(begin(admin))).content.decode()
    assert "Not connected" in shown
    assert not connections_of(admin.workspace).exists()


def test_a_wrong_client_secret_is_said(admin, google, settings):
    settings.GOOGLE_CLIENT_SECRET = "GOCSPX-another"
    shown = admin.client.get(consent(begin(admin))).content.decode()
    assert "Not connected" in shown and "client id" in shown
    assert not connections_of(admin.workspace).exists()


def test_without_a_client_of_the_instance_one_is_asked_for(admin, google, settings):
    settings.GOOGLE_CLIENT_ID = settings.GOOGLE_CLIENT_SECRET = ""
    url = reverse("oauth_start", kwargs={"workspace": admin.workspace.slug, "service": "gmail"})
    shown = admin.client.get(url).content.decode()
    assert f"http://testserver{CALLBACK}" in shown and "client_secret" in shown
    values = {"name": "Mail", "client_id": "web-client", "client_secret": "GOCSPX-web-secret"}
    answer = admin.client.post(url, values)
    assert "GOCSPX-web-secret" not in str(dict(admin.client.session.items()))
    assert parse_qs(urlsplit(answer.context["url"]).query)["client_id"] == ["web-client"]


def test_signing_in_again_keeps_the_connection(admin, gmail_there):
    admin.client.get(consent(begin(admin)))
    made = connections_of(admin.workspace).get()
    before = open_connection(made).secret["refresh_token"]
    admin.client.get(consent(begin(admin, connection=made.pk)))
    again = connections_of(admin.workspace).get()
    assert again.pk == made.pk and open_connection(again).secret["refresh_token"] != before


def test_a_deleted_connection_gives_the_permission_back(admin, gmail_there):
    admin.client.get(consent(begin(admin)))
    delete_connection(admin.actor, connections_of(admin.workspace).get())
    assert len(gmail_there.calls("oauth2.revoke")) == 1


def test_an_editor_cannot_begin_and_a_removed_member_cannot_end(editor, admin, google):
    url = reverse("oauth_start", kwargs={"workspace": editor.workspace.slug, "service": "gmail"})
    assert editor.client.post(url, {"name": "Mail"}).status_code == 403
    back = consent(begin(admin))
    from accounts.models import Member

    Member.objects.of(admin.workspace).filter(user=admin.user).delete()
    assert admin.client.get(back).status_code == 404
    assert not connections_of(admin.workspace).exists()


def test_the_end_of_a_test_mode_sign_in_is_known_and_the_self_test_shows_three_subjects(admin, google, monkeypatch):
    monkeypatch.setattr("integrations.gmail.client.HOST", google.gmail_url)
    url = reverse("oauth_start", kwargs={"workspace": admin.workspace.slug, "service": "gmail"})
    way = admin.client.post(url, {"name": "Mail", "level": "read", "test_mode": "on"}).context["url"]
    page = admin.client.get(consent(way), follow=True).content.decode()
    made = connections_of(admin.workspace).get()
    assert made.expires_at and abs(made.expires_at - clock.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert "test mode" in made.expires_text
    assert "Self-test" in page and page.count("<bdi>") >= 3


def test_whoever_brings_a_client_of_their_own_is_led_through_it(admin, settings):
    settings.GOOGLE_CLIENT_ID = settings.GOOGLE_CLIENT_SECRET = ""
    url = reverse("oauth_start", kwargs={"workspace": admin.workspace.slug, "service": "gmail"})
    page = admin.client.get(url).content.decode()
    assert page.count('id="tick-') == 5 and f"http://testserver{CALLBACK}" in page
    assert "test user" in page and "7 days" in page and 'name="test_mode"' in page
