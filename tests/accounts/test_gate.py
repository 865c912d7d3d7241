"""The gate: deny by default, methods, workspaces, headers of proxies."""

import pytest
from django.test import Client, RequestFactory

from accounts.addresses import TrustedProxyMiddleware, client_ip
from accounts.models import AuditEntry
from accounts.table import allowed, needed_for, rule_for

pytestmark = pytest.mark.django_db


def test_a_foreign_workspace_and_none_look_the_same(viewer, outsider):
    foreign = outsider.client.get(viewer.path("members/"))
    never = outsider.client.get("/w/never_existed/members/")
    assert foreign.status_code == never.status_code == 404
    assert foreign.content == never.content


def test_a_foreign_object_and_none_look_the_same_in_the_api(editor, outsider):
    with_id = {"X-Request-ID": "the-same-request"}
    foreign = outsider.api.delete(f"/api/v1/members/{editor.member.pk}", headers=with_id)
    never = outsider.api.delete("/api/v1/members/00000000-0000-7000-8000-000000000000", headers=with_id)
    assert foreign.status_code == never.status_code == 404
    assert foreign.content == never.content


def test_the_unknown_visitor_goes_to_the_sign_in_page_and_comes_back(viewer):
    answer = Client().get(viewer.path("audit/"))
    assert answer.status_code == 302 and answer["Location"].startswith("/accounts/login/?next=%2Fw%2F")
    assert Client().post(viewer.path("tokens/"), {}).status_code == 403
    assert Client().get("/w/never_existed/audit/").status_code == 302


def test_a_viewer_is_told_what_is_missing_and_it_is_recorded(viewer):
    answer = viewer.client.get(viewer.path("audit/"))
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "Vera Viewer may not read the audit trail here." in page and "admin" in page
    assert AuditEntry.objects.of(viewer.workspace).get(outcome="denied").action == "denied.audit"


def test_a_wrong_method_says_which_are_allowed(owner):
    answer = owner.client.delete(owner.path("members/"))
    assert answer.status_code == 405 and answer["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert owner.api.put_json("/api/v1/members", {}).status_code == 405


def test_method_override_is_ignored(owner, viewer):
    headers = {"X-HTTP-Method-Override": "DELETE"}
    path = f"/api/v1/members/{viewer.member.pk}"
    assert owner.api.post_json(path, {}, headers=headers).status_code == 405
    assert viewer.member.role == "viewer"


def test_visiting_a_workspace_remembers_it(viewer):
    viewer.client.get(viewer.path("members/"))
    viewer.user.refresh_from_db()
    assert viewer.user.last_workspace == viewer.workspace


def test_without_csrf_nothing_changes(owner):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner.user, backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post(owner.path("settings/"), {"name": "Changed"}).status_code == 403
    owner.workspace.refresh_from_db()
    assert owner.workspace.name != "Changed"


def test_an_unlisted_name_is_denied():
    assert rule_for("never_listed") is None and rule_for("") is None
    assert needed_for({"GET": "read"}, "POST") is None
    assert needed_for({"POST": "edit"}, "OPTIONS") == "edit"
    assert allowed({"POST": "edit"}) == "OPTIONS, POST"


def test_an_unlisted_page_is_not_there(settings, owner):
    settings.ROOT_URLCONF = "tests.accounts.urls"
    assert owner.client.get("/unlisted/").status_code == 404


def through_proxy(settings, trusted, remote, **headers):
    settings.TRUSTED_PROXIES = trusted
    request = RequestFactory().get("/", REMOTE_ADDR=remote, **headers)
    TrustedProxyMiddleware(lambda r: r)(request)
    return request


def test_forwarded_headers_of_strangers_are_dropped(settings):
    request = through_proxy(
        settings, [], "203.0.113.9", HTTP_X_FORWARDED_FOR="127.0.0.1", HTTP_X_FORWARDED_PROTO="https"
    )
    assert client_ip(request) == "203.0.113.9" and "HTTP_X_FORWARDED_PROTO" not in request.META


def test_forwarded_headers_of_the_proxy_count_from_the_right(settings):
    sent = {"HTTP_X_FORWARDED_FOR": "127.0.0.1, 203.0.113.9, 10.0.0.7", "HTTP_X_FORWARDED_PROTO": "https"}
    request = through_proxy(settings, ["10.0.0.0/8"], "10.0.0.1", **sent)
    assert client_ip(request) == "203.0.113.9" and request.META["HTTP_X_FORWARDED_PROTO"] == "https"


@pytest.mark.parametrize("remote", ["", "unix:", "not an address"])
def test_no_address_is_no_trouble(settings, remote):
    assert client_ip(through_proxy(settings, ["10.0.0.0/8"], remote)) is None
