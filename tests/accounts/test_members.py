"""Members: invited, let in, given roles, removed; the last owner stays."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.models import ApiToken, AuditEntry, Invitation, Member, User
from accounts.operations.members import (
    accept_invitation,
    change_role,
    find_invitation,
    invite_member,
    remove_member,
    revoke_invitation,
)
from orchestrator_site.lib.clock import freeze, now
from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound, UserError
from tests.factories.accounts import PASSWORD, UserFactory
from tests.personas import persona

pytestmark = pytest.mark.django_db


def role_of(someone):
    return Member.objects.of(someone.workspace).get(user=someone.user).role


def test_an_admin_invites_and_the_invited_joins_by_mail(admin):
    admin.client.post(admin.path("members/"), {"email": "New@Example.com", "role": "editor"})
    (sent,) = mail.outbox
    assert sent.to == ["new@example.com"]
    path = re.search(r"https?://[^/]+(/invitation/\S+)", sent.body)[1]
    browser = Client()
    assert browser.get(path).status_code == 200
    answer = browser.post(path, {"name": "Nina New", "password": PASSWORD})
    assert answer.status_code == 302
    joined = User.objects.get(email="new@example.com")
    assert Member.objects.of(admin.workspace).get(user=joined).role == "editor"
    assert browser.get(admin.path("members/")).status_code == 200
    assert Client().get(path).status_code == 410


def test_a_weak_password_is_refused_in_words(admin):
    _, path = invite_member(admin.actor, "new@example.com")
    answer = Client().post(path, {"name": "Nina", "password": "short"})
    assert answer.status_code == 400 and b"12 characters" in answer.content
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_known_person_signs_in_to_join(admin):
    user = UserFactory(email="known@example.com")
    _, path = invite_member(admin.actor, "known@example.com", "viewer")
    browser = Client()
    assert b"Sign in as" in browser.get(path).content
    assert b"Sign in as" in browser.post(path, {"name": "Evil", "password": PASSWORD}).content
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    browser.post(path)
    assert Member.objects.of(admin.workspace).get(user=user).role == "viewer"


def test_an_invitation_is_for_one_address_only(admin, outsider):
    invitation, path = invite_member(admin.actor, "new@example.com")
    with pytest.raises(Forbidden):
        accept_invitation(invitation, outsider.user)
    assert outsider.client.post(path).status_code == 403
    assert not Member.objects.of(admin.workspace).filter(user=outsider.user).exists()


def test_an_invitation_works_once_and_for_a_week(admin):
    with freeze(now()) as clock:
        invitation, path = invite_member(admin.actor, "new@example.com")
        token = path.split("/")[2]
        assert Invitation.objects.of(admin.workspace).get().token_hash != token
        accept_invitation(invitation, UserFactory(email="new@example.com"))
        with pytest.raises(NotFound):
            find_invitation(token)
        _, path = invite_member(admin.actor, "other@example.com")
        clock.tick(7 * 24 * 3600 + 1)
        with pytest.raises(NotFound):
            find_invitation(path.split("/")[2])


def test_a_withdrawn_invitation_is_dead(admin):
    invitation, path = invite_member(admin.actor, "new@example.com")
    revoke_invitation(admin.actor, invitation.pk)
    assert Client().get(path).status_code == 410


def test_nobody_gives_more_than_they_have(admin, editor, owner):
    with pytest.raises(Forbidden):
        change_role(admin.actor, editor.member.pk, "owner")
    with pytest.raises(Forbidden):
        invite_member(admin.actor, "new@example.com", "owner")
    with pytest.raises(Forbidden):
        change_role(admin.actor, owner.member.pk, "viewer")
    with pytest.raises(Forbidden):
        remove_member(admin.actor, owner.member.pk)
    change_role(owner.actor, editor.member.pk, "owner")
    assert role_of(editor) == "owner"


def test_an_editor_manages_nobody(editor, viewer):
    with pytest.raises(Forbidden):
        change_role(editor.actor, viewer.member.pk, "editor")
    with pytest.raises(Forbidden):
        remove_member(editor.actor, viewer.member.pk)
    with pytest.raises(Forbidden):
        invite_member(editor.actor, "new@example.com")


def test_the_last_owner_stays(owner, admin):
    for attempt in (
        lambda: change_role(owner.actor, owner.member.pk, "admin"),
        lambda: remove_member(owner.actor, owner.member.pk),
    ):
        with pytest.raises(UserError) as refused:
            attempt()
        assert refused.value.code == "E_LAST_OWNER"
    second = persona(owner.workspace, "owner")
    remove_member(owner.actor, owner.member.pk)
    assert role_of(second) == "owner"


def test_a_deactivated_owner_does_not_count(owner):
    second = persona(owner.workspace, "owner")
    User.objects.filter(pk=second.user.pk).update(is_active=False)
    with pytest.raises(UserError):
        remove_member(owner.actor, owner.member.pk)


def test_everybody_may_leave(viewer, owner):
    remove_member(viewer.actor, viewer.member.pk)
    assert not Member.objects.of(owner.workspace).filter(user=viewer.user).exists()


def test_removal_ends_tokens_and_sessions(owner, editor, django_capture_on_commit_callbacks):
    browser, api = Client(), editor.api
    browser.post("/accounts/login/", {"login": editor.user.email, "password": PASSWORD})
    assert browser.get(editor.path("members/")).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        remove_member(owner.actor, editor.member.pk)
    assert browser.get(editor.path("members/")).status_code == 302
    assert api.get("/api/v1/members").status_code == 401
    assert ApiToken.objects.of(owner.workspace).filter(revoked_at=None).count() == 0


def test_role_changes_are_audited_with_before_and_after(owner, viewer):
    change_role(owner.actor, viewer.member.pk, "editor")
    entry = AuditEntry.objects.of(owner.workspace).get(action="member.role")
    assert entry.details == {"before": "viewer", "after": "editor"}
    assert entry.actor == "Olga Owner"


def test_an_outsider_touches_nobody(outsider, viewer):
    with pytest.raises(NotFound):
        change_role(outsider.actor, viewer.member.pk, "owner")
    answer = outsider.api.patch_json(f"/api/v1/members/{viewer.member.pk}", {"role": "owner"})
    assert answer.status_code == 404
    assert outsider.client.post(viewer.path(f"members/{viewer.member.pk}/remove/")).status_code == 404
    assert role_of(viewer) == "viewer"


def test_a_member_is_not_invited_twice(admin, viewer):
    with pytest.raises(Conflict):
        invite_member(admin.actor, viewer.user.email)


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "x" * 300 + "@example.com", "a\x00@example.com", "a@example.com\nBcc: b@example.com"]
)
def test_bad_addresses_are_refused_and_nothing_is_sent(admin, email):
    with pytest.raises(UserError):
        invite_member(admin.actor, email)
    assert mail.outbox == []


def test_the_api_invites_changes_and_removes(admin, viewer):
    made = admin.api.post_json("/api/v1/members", {"email": "new@example.com", "role": "viewer"})
    assert made.status_code == 201 and "/invitation/" in made.json()["url"]
    changed = admin.api.patch_json(f"/api/v1/members/{viewer.member.pk}", {"role": "operator"})
    assert changed.json()["role"] == "operator"
    pk = viewer.member.pk
    assert admin.api.delete(f"/api/v1/members/{pk}").status_code == 204
    assert admin.api.delete(f"/api/v1/members/{pk}").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"role": "root"}, "E_CHOICE"),
        ({}, "E_REQUIRED"),
        ({"role": "viewer", "user": "x"}, "E_UNKNOWN_FIELD"),
        ({"role": "viewer", "id": "x"}, "E_READONLY"),
        ({"role": "viewer", "workspace": "x"}, "E_READONLY"),
        ({"role": 5}, "E_CHOICE"),
    ],
)
def test_bad_changes_are_refused(admin, viewer, body, code):
    answer = admin.api.patch_json(f"/api/v1/members/{viewer.member.pk}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert role_of(viewer) == "viewer"


def test_viewers_see_the_list_without_buttons(viewer, editor):
    page = viewer.client.get(viewer.path("members/")).content.decode()
    assert editor.user.email in page
    assert "Remove" not in page and "Invite" not in page
