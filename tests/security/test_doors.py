"""Doors: redirects stay here, sessions are new and die, forged forms, fields and headers change nothing."""

from __future__ import annotations

import json
import re
from urllib.parse import quote, urlsplit

import pytest
from django.test import Client, RequestFactory, override_settings

from accounts.addresses import TrustedProxyMiddleware, client_ip
from accounts.models import ApiToken, AuditEntry, Member, User, Workspace
from accounts.models.scope import everything
from accounts.operations.login_links import make_login_link
from tests.addresses import in_table, trees
from tests.factories.world import plant
from tests.personas import ApiClient, persona
from workflows.models import Run, Variable, Workflow

pytestmark = pytest.mark.django_db

AWAY = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "\\/evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "http://evil.example",
    "hTTps://evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "%2f%2fevil.example",
    "/%2f/evil.example/..//",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://testserver@evil.example",
    "https://testserver.evil.example",
    "https://evil.example\\@testserver",
    "//evil.example/%2e%2e",
    "///\\;@evil.example",
    "http:///evil.example",
    "ftp://testserver/x",
    "／／evil.example",
    "//[::1]",
    "//localhost",
    "//127.0.0.1/x",
    "http://localhost/",
    "evil.example",
    "@evil.example",
    "\x00//evil.example",
]


def stays(location: str) -> bool:
    clean = location.replace("\\", "/").strip()
    parts = urlsplit(clean)
    return not parts.netloc and not parts.scheme and not clean.startswith("//") and clean.startswith("/")


def follow_forms(client: Client, path: str, target: str) -> list[str]:
    """Every address that GET and POST of a page send the browser to."""
    found = []
    for answer in (
        client.get(f"{path}?next={quote(target)}"),
        client.post(f"{path}?next={quote(target)}", {"next": target}),
    ):
        found += [
            answer.headers[name]
            for name in ("Location", "HX-Redirect", "HX-Location", "Refresh")
            if name in answer.headers
        ]
    return found


@pytest.mark.parametrize("target", AWAY)
def test_no_page_sends_the_browser_elsewhere(target, owner):
    owner.user.set_password("correct horse battery")
    owner.user.save()
    paths = ["/accounts/login/", "/accounts/logout/", "/accounts/reauthenticate/", "/sign-in/link/", "/admin/login/"]
    for path in paths:
        for client in (Client(raise_request_exception=False), owner.client):
            for location in follow_forms(client, path, target):
                inner = re.search(r"[?&]next=([^&]*)", location)
                assert stays(location), f"{path} → {location}"
                assert inner is None or not location.startswith("http")
    signing_in = Client(raise_request_exception=False)
    answer = signing_in.post(
        "/accounts/login/", {"login": owner.user.email, "password": "correct horse battery", "next": target}
    )
    assert answer.status_code == 302 and stays(answer.headers["Location"]), answer.headers
    link = make_login_link(owner.user)
    answer = Client(raise_request_exception=False).post(f"{link}?next={quote(target)}", {"next": target})
    assert answer.status_code == 302 and stays(answer.headers["Location"])


def test_a_session_planted_before_sign_in_is_worth_nothing(owner):
    owner.user.set_password("correct horse battery")
    owner.user.save()
    attacker = Client()
    attacker.get("/accounts/login/")
    attacker.session["planted"] = 1
    planted = "a" * 32
    victim = Client()
    victim.cookies["session"] = planted
    victim.post("/accounts/login/", {"login": owner.user.email, "password": "correct horse battery"})
    assert "_auth_user_id" in victim.session and victim.cookies["session"].value != planted
    thief = Client()
    thief.cookies["session"] = planted
    assert thief.get(owner.path("")).status_code == 302


def test_signing_out_and_a_new_password_end_sessions(owner):
    owner.user.set_password("correct horse battery")
    owner.user.save()
    here, there = Client(), Client()
    for client in (here, there):
        client.post("/accounts/login/", {"login": owner.user.email, "password": "correct horse battery"})
        assert client.get(owner.path("")).status_code == 200
    kept = here.cookies["session"].value
    new = {
        "oldpassword": "correct horse battery",
        "password1": "another horse battery",
        "password2": "another horse battery",
    }
    assert here.post("/accounts/password/change/", new).status_code == 302
    assert there.get(owner.path("")).status_code == 302 and here.get(owner.path("")).status_code == 200
    copy = Client()
    copy.cookies["session"] = here.cookies["session"].value
    here.post("/accounts/logout/")
    assert copy.get(owner.path("")).status_code == 302
    copy.cookies["session"] = kept
    assert copy.get(owner.path("")).status_code == 302


def test_cookies_are_for_this_site_only(owner):
    owner.user.set_password("correct horse battery")
    owner.user.save()
    client = Client()
    client.get("/accounts/login/")
    answer = client.post("/accounts/login/", {"login": owner.user.email, "password": "correct horse battery"})
    session = answer.cookies["session"]
    assert session["httponly"] and session["samesite"] == "Lax" and not session["domain"] and session["path"] == "/"
    assert client.cookies["csrf"]["samesite"] == "Lax"


def test_no_unsafe_method_works_without_a_csrf_token_anywhere():
    world = plant("canary_csrf")
    user = world.owner.user
    user.is_staff = user.is_superuser = True
    user.save()
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    failures = []
    for address in trees():
        if address.arguments:
            continue
        status = strict.post(address.path(world), {"x": "1"}, headers={"Origin": "https://evil.example"}).status_code
        failures += [f"{address.name}: {status}"] if status not in (403, 404, 405) else []
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.evil.example"])
def test_no_other_origin_is_told_that_it_may(owner, origin):
    for path in ("/api/v1/runs", "/", "/workflows", "/accounts/login/"):
        for method in ("GET", "OPTIONS"):
            answer = owner.api.generic(
                method, path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
            )
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]


# ---- Mass assignment ----------------------------------------------------------------------------------------------

FIELDS = sorted(
    {f.name for m in (Workflow, Run, Variable, Member, ApiToken, User, Workspace) for f in m._meta.concrete_fields}
    | {
        "pk",
        "_state",
        "is_staff",
        "is_superuser",
        "role",
        "permissions",
        "workspace_id",
        "user_id",
        "secret_hash",
        "created_by",
    }
)


NO_BODY = (
    "api:files",
    "api:connection_test",
    "api:effect_undo",
    "api:run_undo",
    "api:trigger_replay",
    "api:sandbox_reset",
    "api:run_cancel",
    "api:run_pause",
    "api:run_resume",
)


@pytest.mark.parametrize("field", FIELDS)
def test_no_body_sets_a_field_that_is_not_the_callers(field):
    """Every address × every field of a model: refused by name, or one of the fields that the address is for."""
    world, failures = plant("canary_mass"), []
    for method in ("POST", "PUT", "PATCH"):
        for address in [a for a in in_table() if a.name.startswith("api:") and method in a.rule]:
            if address.name in NO_BODY:
                continue
            answer = world.owner.api.send(method, address.path(world), {field: "x"}, headers={"If-Match": "*"})
            error = answer.json().get("error", {})
            codes = {error.get("code"), *(one.get("code") for one in error.get("errors", []))}
            if answer.status_code < 400 and (address.name, field) not in OWN:
                failures.append(f"{method} {address.name} takes {field}")
            if answer.status_code >= 500:
                failures.append(f"{method} {address.name}: {answer.status_code}")
            if field in ("id", "workspace", "created_at") and "E_READONLY" not in codes:
                failures.append(f"{method} {address.name} {field}: {sorted(map(str, codes))}")
    assert not failures, "\n".join(failures)


OWN = {
    ("api:workflow", "name"),
    ("api:workflow", "description"),
    ("api:workflow_publish", "note"),
    ("api:prompt", "name"),
    ("api:prompt", "description"),
    ("api:connection", "name"),
    ("api:variable", "value"),
    ("api:trigger", "name"),
    ("api:gallery_use", "name"),
    ("api:run_events", "name"),
}


def test_a_member_does_not_raise_themselves(editor, admin, owner):
    for who, role in ((editor, "owner"), (admin, "owner"), (editor, "admin")):
        answer = who.api.patch_json(f"/api/v1/members/{who.member.pk}", {"role": role})
        assert answer.status_code == 403, answer.text
    assert admin.api.patch_json(f"/api/v1/members/{owner.member.pk}", {"role": "viewer"}).status_code == 403
    assert admin.api.send("DELETE", f"/api/v1/members/{owner.member.pk}").status_code == 403
    assert admin.api.post_json("/api/v1/members", {"email": "x@example.org", "role": "owner"}).status_code == 403


# ---- Tokens -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["query", "cookie", "body", "other header", "basic"])
def test_a_token_counts_in_its_header_only(owner, where):
    text, client = owner.token, Client(raise_request_exception=False)
    query = f"?access_token={text}" if where == "query" else ""
    if where == "cookie":
        client.cookies["token"] = client.cookies["session"] = text
    headers = {"X-API-Key": text, "X-Authorization": f"Bearer {text}"} if where == "other header" else {}
    if where == "basic":
        import base64

        headers = {"Authorization": "Basic " + base64.b64encode(f"{text}:".encode()).decode()}
    body = json.dumps({"token": text}) if where == "body" else "{}"
    assert client.get(f"/api/v1/runs{query}", headers=headers).status_code == 401
    assert (
        client.post(f"/api/v1/variables{query}", body, content_type="application/json", headers=headers).status_code
        == 401
    )


def test_a_token_that_is_nearly_right_is_wrong(owner):
    text = owner.token
    prefix, secret = text[:12], text[13:]
    for wrong in (
        text[:-1],
        text + "A",
        text.upper(),
        f"{prefix}_{secret[::-1]}",
        f"awo__{secret}",
        text[:-1] + "\u00e9",
        f"{text} {text}",
        f"{text},",
        "awo_" + "a" * 8 + "_" + "a" * 43,
        "null",
        "undefined",
        "",
    ):
        client = ApiClient(wrong)
        assert client.get("/api/v1/runs").status_code == 401, wrong
    with everything("the test reads the row"):
        row = ApiToken._default_manager.get(prefix=text[4:12])
    assert secret not in str(vars(row)) and len(row.secret_hash) == 64


def test_a_token_lives_no_longer_than_a_year(owner):
    for days, status in ((366, 400), (100_000, 400), (0, 400), (-1, 400), (365, 201)):
        answer = owner.api.post_json("/api/v1/tokens", {"name": "t", "scopes": ["read"], "days": days})
        assert answer.status_code == status, (days, answer.text)


# ---- Proxies --------------------------------------------------------------------------------------------------------

FORGED = {
    "HTTP_X_FORWARDED_FOR": "10.9.9.9",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_FORWARDED": "for=10.9.9.9;host=evil.example;proto=https",
    "HTTP_X_REAL_IP": "10.9.9.9",
    "HTTP_X_FORWARDED_PORT": "443",
    "HTTP_CLIENT_IP": "10.9.9.9",
    "HTTP_CF_CONNECTING_IP": "10.9.9.9",
    "HTTP_X_FORWARDED_SSL": "on",
}


@pytest.mark.parametrize("proxies", [[], ["192.0.2.1"], ["192.0.2.0/24"]])
def test_forwarded_headers_of_strangers_do_not_count(proxies):
    with override_settings(TRUSTED_PROXIES=proxies, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        request = RequestFactory().get("/", REMOTE_ADDR="198.51.100.7", **FORGED)
        TrustedProxyMiddleware(lambda request: None)(request)  # type: ignore[arg-type, return-value]
        assert client_ip(request) == "198.51.100.7" and not request.is_secure()
        assert request.get_host() == "testserver" and "evil" not in request.build_absolute_uri("/")


def test_a_named_proxy_says_who_asks_and_a_forged_chain_does_not_help():
    with override_settings(TRUSTED_PROXIES=["192.0.2.1"]):
        for chain, expected in (
            ("203.0.113.5", "203.0.113.5"),
            ("10.9.9.9, 203.0.113.5", "203.0.113.5"),
            ("203.0.113.5, 192.0.2.1", "203.0.113.5"),
            ("nonsense", "192.0.2.1"),
            ("", "192.0.2.1"),
            ("203.0.113.5, nonsense", None),
        ):
            request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=chain)
            TrustedProxyMiddleware(lambda request: None)(request)  # type: ignore[arg-type, return-value]
            assert expected is None or client_ip(request) == expected, chain


def test_mails_and_links_never_lead_to_a_host_that_was_sent(owner, mailoutbox):
    with override_settings(PUBLIC_URL=""):
        Client(raise_request_exception=False).post(
            "/sign-in/link/",
            {"email": owner.user.email},
            headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"},
        )
    assert all("evil.example" not in mail.body for mail in mailoutbox)
    Client(raise_request_exception=False).post(
        "/accounts/password/reset/", {"email": owner.user.email}, headers={"X-Forwarded-Host": "evil.example"}
    )
    assert all("evil.example" not in mail.body for mail in mailoutbox)


# ---- The admin ------------------------------------------------------------------------------------------------------


def test_the_admin_is_shut_for_everybody_but_a_superuser_with_a_second_factor():
    world = plant("canary_admin")
    admins = [address.path(world) for address in trees() if address.name.startswith("admin:") and not address.arguments]
    assert len(admins) > 10 and not any("django_q" in path or "/sessions" in path for path in admins)
    staff = persona(world.workspace, "owner").user
    staff.is_staff = True
    staff.save()
    client = Client(raise_request_exception=False, REMOTE_ADDR="203.0.113.9")
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    for path in admins:
        assert client.get(path).status_code in (302, 403, 404), path
        assert client.post(path, {}).status_code in (302, 403, 404, 405), path
    staff.is_superuser = True
    staff.save()
    for path in admins:
        if path.endswith(("/login/", "/logout/")):
            continue
        answer = client.get(path)
        assert answer.status_code in (302, 403, 404), f"{path} without a second factor, from afar"


def test_what_a_superuser_does_in_the_admin_is_on_record(owner):
    user = owner.user
    user.is_staff = user.is_superuser = True
    user.save()
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    victim = persona(owner.workspace, "viewer").user
    before = AuditEntry.objects.unscoped("the test counts entries").count()
    page = client.get("/admin/accounts/user/")
    actions = re.findall(r'<option value="(\w+)"', page.text)
    for action in actions:
        client.post("/admin/accounts/user/", {"action": action, "_selected_action": [str(victim.pk)]})
    assert actions and AuditEntry.objects.unscoped("the test counts entries").count() >= before + 1
