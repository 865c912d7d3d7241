"""Every answer carries the headers that keep a browser from helping an attacker: pages, API, files, errors."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.addresses import everything, in_table, trees
from tests.factories.world import World, plant
from tests.personas import persona

pytestmark = pytest.mark.django_db

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
POLICY = (
    "default-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "object-src 'none'",
    "connect-src 'self'",
    "img-src 'self' data:",
)


def wrong(answer) -> list[str]:
    """What is missing or different in the headers of an answer."""
    found = [name for name, value in FIXED.items() if answer.headers.get(name) != value]
    policy = answer.headers.get("Content-Security-Policy", "")
    if policy == "sandbox" and answer.headers.get("Content-Type") == "application/json":
        return found  # what a webhook answers: nothing in it may run or load anything
    found += [part for part in POLICY if part not in policy]
    found += ["unsafe"] if "unsafe" in policy else []
    found += ["wildcard"] if re.search(r"[\s]\*|https?:\s", policy) else []
    found += [] if answer.headers.get("X-Request-ID") else ["X-Request-ID"]
    return found


def paths(world: World) -> list[str]:
    """All addresses of the product that can be built."""
    trees_too = [address for address in trees() if not address.arguments]
    return [address.path(world) for address in [*in_table(), *trees_too]]


@pytest.mark.parametrize(
    ("who", "method"),
    [("nobody", "GET"), ("nobody", "POST"), ("owner", "GET"), ("owner", "DELETE"), ("superuser", "GET")],
)
def test_every_address_answers_with_the_headers(who, method):
    world = plant("canary_headers")
    client = Client(raise_request_exception=False)
    if who != "nobody":
        user = persona(world.workspace, "owner").user
        user.is_staff = user.is_superuser = who == "superuser"
        user.save()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    failures = []
    for path in paths(world):
        if path.endswith("/events"):
            continue  # streams; tried by itself below
        answer = client.generic(method, path)
        answer.close() if answer.streaming else None
        failures += [f"{method} {path} ({answer.status_code}): {missing}"] if (missing := wrong(answer)) else []
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(
    "path",
    [
        "/static/css/app.css",
        "/static/js/app.js",
        "/static/none.css",
        "/nothing",
        "/api/v1/nothing",
        "/api/none",
        "/%00",
        "/w/none/runs",
        "/static/../manage.py",
        "/accounts/none/",
        "/admin/none/",
        "/hooks/none",
    ],
)
def test_files_and_missing_addresses_carry_them_too(path):
    assert wrong(Client(raise_request_exception=False).get(path)) == []


@pytest.mark.parametrize("host", ["evil.example", "a b", "localhost.evil.example", "", "[::1"])
def test_a_wrong_host_is_refused_with_the_headers(host):
    answer = Client(raise_request_exception=False, headers={"Host": host}).get("/healthz")
    assert answer.status_code == 400 and wrong(answer) == []


def test_a_stream_carries_them_too(monkeypatch):
    world = plant("canary_stream")
    monkeypatch.setattr("workflows.operations.live.stream", lambda run, after: iter(()))
    answer = world.owner.api.get(f"/api/v1/runs/{world.things['run'].pk}/events")
    assert wrong(answer) == []


def test_there_are_addresses_to_try():
    assert len(everything()) > 100
