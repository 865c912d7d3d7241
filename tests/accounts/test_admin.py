"""The admin: superusers with a second factor, everything through the operations, secrets unseen."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client

from accounts.admin_site import OrchestratorAdmin
from accounts.models import ApiToken, AuditEntry, User
from tests.factories.accounts import UserFactory
from tests.personas import persona

pytestmark = pytest.mark.django_db
AFAR = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture
def root(db):
    return UserFactory(is_staff=True, is_superuser=True, name="Rita Root")


@pytest.fixture
def browser(root):
    client = Client()
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_it_is_our_site():
    assert isinstance(admin.site, OrchestratorAdmin) or isinstance(admin.site._wrapped, OrchestratorAdmin)


def test_the_queue_is_not_inside():
    registered = {model._meta.app_label for model in admin.site._registry}
    assert registered & {"django_q", "sessions", "mfa", "socialaccount"} == set()
    assert apps.is_installed("django_q")


def test_superusers_get_in_from_this_machine(browser):
    assert browser.get("/admin/").status_code == 200


def test_from_afar_a_second_factor_is_needed(browser, root):
    assert browser.get("/admin/", **AFAR).status_code == 302
    assert browser.get("/admin/login/", **AFAR)["Location"] == "/accounts/2fa/"
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(root, generate_totp_secret())
    assert browser.get("/admin/", **AFAR).status_code == 200


def test_staff_without_superuser_and_members_stay_outside(owner):
    staff = UserFactory(is_staff=True)
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/accounts/user/").status_code in (302, 404)
    assert owner.client.get("/admin/").status_code == 404
    assert Client().get("/admin/")["Location"].startswith("/accounts/login/")


def test_every_list_and_page_opens(browser, owner):
    assert owner.token
    for name, pk in (("user", owner.user.pk), ("workspace", owner.workspace.pk)):
        assert browser.get(f"/admin/accounts/{name}/").status_code == 200
        assert browser.get(f"/admin/accounts/{name}/{pk}/change/").status_code == 200
        assert browser.get(f"/admin/accounts/{name}/add/").status_code == 200
    for name in ("apitoken", "invitation", "auditentry"):
        assert browser.get(f"/admin/accounts/{name}/").status_code == 200


def test_the_hash_of_a_token_is_unseen(browser, owner):
    assert owner.token
    token = ApiToken.objects.of(owner.workspace).get()
    page = browser.get(f"/admin/accounts/apitoken/{token.pk}/change/").content.decode()
    assert token.prefix in page and token.secret_hash not in page


def test_a_user_is_changed_and_it_is_recorded(browser, owner):
    data = {"email": "Renamed@example.com", "name": "New Name", "is_active": "on"}
    assert browser.post(f"/admin/accounts/user/{owner.user.pk}/change/", data).status_code == 302
    owner.user.refresh_from_db()
    assert owner.user.email == "renamed@example.com"
    entry = AuditEntry.objects.unscoped("test").filter(action="user.change").get()
    assert entry.details["name"] == {"before": "Olga Owner", "after": "New Name"}
    assert entry.actor == "admin Rita Root"


def test_a_bad_address_is_refused(browser, owner):
    page = browser.post(f"/admin/accounts/user/{owner.user.pk}/change/", {"email": "a\x00@b", "name": ""})
    assert page.status_code == 200
    owner.user.refresh_from_db()
    assert "\x00" not in owner.user.email


def members_data(browser, workspace, *rows):
    page = browser.get(f"/admin/accounts/workspace/{workspace.pk}/change/")
    prefix = page.context["inline_admin_formsets"][0].formset.prefix
    data = {"name": workspace.name, "quotas": "{}"}
    data |= {f"{prefix}-TOTAL_FORMS": str(len(rows)), f"{prefix}-INITIAL_FORMS": str(len(rows))}
    for number, (member, role, delete) in enumerate(rows):
        data |= {f"{prefix}-{number}-id": str(member.pk), f"{prefix}-{number}-workspace": str(workspace.pk)}
        data |= {f"{prefix}-{number}-user": str(member.user_id), f"{prefix}-{number}-role": role}
        data |= {f"{prefix}-{number}-DELETE": "on"} if delete else {}
    return data


def test_roles_change_through_the_operation(browser, owner, viewer):
    data = members_data(browser, owner.workspace, (owner.member, "owner", False), (viewer.member, "editor", False))
    answer = browser.post(f"/admin/accounts/workspace/{owner.workspace.pk}/change/", data)
    assert answer.status_code == 302, answer.context["errors"]
    assert viewer.member.role == "editor"
    assert AuditEntry.objects.of(owner.workspace).filter(action="member.role").get().details["after"] == "editor"


def test_the_last_owner_stays_here_too(browser, owner):
    data = members_data(browser, owner.workspace, (owner.member, "viewer", False))
    browser.post(f"/admin/accounts/workspace/{owner.workspace.pk}/change/", data)
    assert owner.member.role == "owner"
    data = members_data(browser, owner.workspace, (owner.member, "owner", True))
    browser.post(f"/admin/accounts/workspace/{owner.workspace.pk}/change/", data)
    assert owner.member.role == "owner"


def test_bulk_actions_are_recorded(browser, owner):
    other = persona(owner.workspace, "viewer")
    data = {"action": "deactivate", "_selected_action": [str(other.user.pk)]}
    browser.post("/admin/accounts/user/", data)
    assert not User.objects.get(pk=other.user.pk).is_active
    assert AuditEntry.objects.unscoped("test").filter(action="user.deactivate").count() == 1


def test_nothing_is_deleted_in_bulk(browser, owner):
    data = {"action": "delete_selected", "_selected_action": [str(owner.user.pk)], "post": "yes"}
    browser.post("/admin/accounts/user/", data)
    assert User.objects.filter(pk=owner.user.pk).exists()
