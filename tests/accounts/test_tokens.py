"""API tokens: shown once, hashed, scoped, expiring, revoked at once."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import ApiToken, AuditEntry, Member
from accounts.operations.tokens import create_token, issue_session_token, revoke_token
from orchestrator_site.lib.clock import freeze, now
from orchestrator_site.lib.errors import NotFound, UserError
from tests.personas import ApiClient

pytestmark = pytest.mark.django_db
LIST = "/api/v1/tokens"


def test_only_the_hash_is_kept(editor):
    token, text = create_token(editor.actor, "ci", ["run", "read"])
    assert text.startswith(f"awo_{token.prefix}_") and len(text) == 4 + 8 + 1 + 43
    assert token.scopes == ["read", "run"]
    stored = ApiToken.objects.of(editor.workspace).filter(pk=token.pk).values().get()
    assert text not in str(stored) and text.rpartition("_")[2] not in str(stored)
    assert text not in str(list(AuditEntry.objects.of(editor.workspace).values()))


@pytest.mark.parametrize("keyword", ["Bearer", "Token", "bearer"])
def test_a_token_opens_the_api(editor, keyword):
    answer = Client(headers={"Authorization": f"{keyword} {editor.token}"}).get("/api/v1/members")
    assert answer.status_code == 200
    assert [row["email"] for row in answer.json()["results"]] == [editor.user.email]


@pytest.mark.parametrize(
    "wrong", ["", "awo_", "awo_aaaaaaaa_" + "x" * 43, "nonsense", "awo_aaaaaaaa_" + "x" * 42, "x" * 10_000, "awo_ÄÖ"]
)
def test_a_wrong_token_is_refused_in_words(db, wrong):
    answer = Client(headers={"Authorization": f"Bearer {wrong}"}).get("/api/v1/members")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "E_AUTH"
    assert answer.json()["error"]["hint"]
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_the_right_id_with_a_wrong_secret_is_refused(editor):
    wrong = editor.token[:-1] + ("a" if editor.token[-1] != "a" else "b")
    assert ApiClient(wrong).get("/api/v1/members").status_code == 401


def test_an_expired_token_is_refused(editor):
    with freeze(now()) as clock:
        client = ApiClient(editor.make_token("read", days=1))
        assert client.get("/api/v1/members").status_code == 200
        clock.tick(24 * 3600 + 1)
        assert client.get("/api/v1/members").status_code == 401


def test_a_revoked_token_is_refused_at_once(editor):
    token, text = create_token(editor.actor, "ci", ["read"])
    client = ApiClient(text)
    assert client.get("/api/v1/members").status_code == 200
    revoke_token(editor.actor, token.pk)
    assert client.get("/api/v1/members").status_code == 401


def test_a_token_of_a_removed_member_is_refused(editor):
    client = editor.api
    Member.objects.of(editor.workspace).filter(user=editor.user).delete()
    assert client.get("/api/v1/members").status_code == 401


def test_a_token_of_a_deactivated_user_is_refused(editor):
    client = editor.api
    editor.user.is_active = False
    editor.user.save()
    assert client.get("/api/v1/members").status_code == 401


def test_a_token_in_the_address_is_refused_even_beside_a_good_header(editor):
    answer = editor.api.get(f"/api/v1/members?token={editor.token}")
    assert answer.status_code == 401
    assert "Authorization" in answer.json()["error"]["hint"]


def test_a_token_may_never_do_more_than_the_role_now(owner):
    client = ApiClient(owner.make_token("members", "read"))
    assert client.get("/api/v1/audit").status_code == 200
    Member.objects.of(owner.workspace).filter(user=owner.user).update(role="viewer")
    assert client.get("/api/v1/audit").status_code == 403


def test_a_token_may_do_no_more_than_its_scopes(owner):
    client = ApiClient(owner.make_token("read"))
    assert client.get("/api/v1/members").status_code == 200
    answer = client.get("/api/v1/audit")
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "E_FORBIDDEN"
    assert AuditEntry.objects.of(owner.workspace).filter(outcome="denied").count() == 1


def test_cookies_do_not_help_a_token(owner, viewer):
    browser = owner.client
    answer = browser.get("/api/v1/audit", headers={"Authorization": f"Bearer {viewer.token}"})
    assert answer.status_code == 403


def test_the_session_needs_a_csrf_token_to_change_things(owner):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner.user, backend="django.contrib.auth.backends.ModelBackend")
    assert strict.get(LIST).status_code == 200
    body = {"name": "ci", "scopes": ["read"]}
    assert strict.post(LIST, body, content_type="application/json").status_code == 403
    assert owner.api.post_json(LIST, body).status_code == 201


def test_the_last_use_is_noted_to_the_minute(editor):
    with freeze(now()) as clock:
        editor.api.get("/api/v1/members")
        first = ApiToken.objects.of(editor.workspace).get()
        assert first.last_used_ip == "127.0.0.1"
        clock.tick(30)
        editor.api.get("/api/v1/members")
        assert ApiToken.objects.of(editor.workspace).get().last_used_at == first.last_used_at
        clock.tick(31)
        editor.api.get("/api/v1/members")
        assert ApiToken.objects.of(editor.workspace).get().last_used_at > first.last_used_at


def test_the_api_makes_a_token_and_says_its_text_once(editor):
    made = editor.api.post_json(LIST, {"name": "ci", "scopes": ["read"], "days": 7}).json()
    assert ApiClient(made["token"]).get("/api/v1/members").status_code == 200
    listed = editor.api.get(LIST)
    assert made["token"] not in listed.content.decode()
    assert editor.api.delete(f"{LIST}/{made['id']}").status_code == 204
    assert ApiClient(made["token"]).get("/api/v1/members").status_code == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "ci", "scopes": ["root"]}, "E_CHOICE"),
        ({"name": "ci", "scopes": []}, "E_LENGTH"),
        ({"name": "ci"}, "E_REQUIRED"),
        ({"name": "", "scopes": ["read"]}, "E_LENGTH"),
        ({"name": "x" * 121, "scopes": ["read"]}, "E_LENGTH"),
        ({"name": "a\nb", "scopes": ["read"]}, "E_TEXT_CONTROL"),
        ({"name": "ci", "scopes": ["read"], "days": 366}, "E_RANGE"),
        ({"name": "ci", "scopes": ["read"], "days": "5"}, "E_TYPE"),
        ({"name": "ci", "scopes": ["read"], "scops": 1}, "E_UNKNOWN_FIELD"),
        ({"name": "ci", "scopes": ["read"], "workspace": "x"}, "E_READONLY"),
        ({"name": "ci", "scopes": ["read"], "id": "x"}, "E_READONLY"),
        ([], "E_TYPE"),
    ],
)
def test_bad_bodies_are_refused_in_words_and_write_nothing(editor, body, code):
    client = editor.api
    answer = client.post_json(LIST, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert ApiToken.objects.of(editor.workspace).count() == 1


def test_a_token_gives_no_scope_it_has_not(owner):
    client = ApiClient(owner.make_token("members"))
    assert client.post_json(LIST, {"name": "more", "scopes": ["edit"]}).status_code == 403
    assert client.post_json(LIST, {"name": "same", "scopes": ["members"]}).status_code == 201


def test_members_see_their_own_tokens_and_admins_all(editor, admin):
    token, _ = create_token(editor.actor, "mine", ["read"])
    assert editor.api.get(LIST).json()["results"][-1]["name"] == "mine"
    assert {row["name"] for row in admin.api.get(LIST).json()["results"]} == {"mine", "test"}
    other, _ = create_token(admin.actor, "admins", ["read"])
    assert editor.api.delete(f"{LIST}/{other.pk}").status_code == 404
    assert admin.api.delete(f"{LIST}/{token.pk}").status_code == 204


def test_an_outsider_cannot_revoke(editor, outsider):
    token, _ = create_token(editor.actor, "mine", ["read"])
    with pytest.raises(NotFound):
        revoke_token(outsider.actor, token.pk)
    assert outsider.api.delete(f"{LIST}/{token.pk}").status_code == 404


def test_the_command_prints_a_token_that_works(editor, capsys):
    call_command("create_token", workspace=editor.workspace.slug, user=editor.user.email, scope=["read"])
    text = capsys.readouterr().out.strip()
    assert ApiClient(text).get("/api/v1/members").status_code == 200
    with pytest.raises(CommandError):
        call_command("create_token", workspace=editor.workspace.slug, user="nobody@example.com")


def test_a_sign_in_token_lives_an_hour(editor):
    with freeze(now()) as clock:
        client = ApiClient(issue_session_token(editor.user, editor.workspace))
        assert client.get("/api/v1/members").status_code == 200
        clock.tick(3601)
        assert client.get("/api/v1/members").status_code == 401


def test_the_page_shows_a_token_once(editor):
    page = editor.client.post(editor.path("tokens/"), {"name": "ci", "scopes": ["read"], "days": 30})
    text = page.context["text"]
    assert text in page.content.decode() and "no-store" in page["Cache-Control"]
    assert text not in editor.client.get(editor.path("tokens/")).content.decode()


def test_a_token_needs_a_fresh_sign_in(editor):
    with freeze(now()) as clock:
        client = editor.client
        clock.tick(timedelta(minutes=16).total_seconds())
        answer = client.post(editor.path("tokens/"), {"name": "ci", "scopes": ["read"], "days": 30})
        assert answer.status_code == 302 and answer["Location"].startswith("/accounts/reauthenticate/")
        assert ApiToken.objects.of(editor.workspace).count() == 0


def test_without_a_password_a_mailed_link_is_the_way(editor):
    editor.user.set_unusable_password()
    editor.user.save()
    with freeze(now()) as clock:
        client = editor.client
        clock.tick(16 * 60)
        answer = client.post(editor.path("tokens/"), {"name": "ci", "scopes": ["read"], "days": 30})
        assert answer["Location"].startswith("/sign-in/link/")


def test_days_are_whole_numbers(editor):
    with pytest.raises(UserError):
        create_token(editor.actor, "ci", ["read"], days=True)


def test_the_command_takes_several_scopes_at_once_or_one_by_one(editor, capsys):
    said = [["--scope", "read", "run"], ["--scope", "read", "--scope", "run"]]
    for scopes in said:
        call_command("create_token", "--workspace", editor.workspace.slug, "--user", editor.user.email, *scopes)
        text = capsys.readouterr().out.strip()
        token = ApiToken.objects.of(editor.workspace).get(prefix=text.split("_")[1])
        assert sorted(token.scopes) == ["read", "run"]
