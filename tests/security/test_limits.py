"""Limits hold over processes and threads: guesses at the doors, calls of the API per workspace."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from orchestrator_site import settings as product
from orchestrator_site.lib import ratelimit
from tests.personas import outsider_of

DATABASE_CACHES = {
    **{n: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": n} for n in ("local", "queue")},
    **{
        n: {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "shared_cache",
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
        for n in ("default", "shared")
    },
}


@pytest.fixture
def database_cache(transactional_db):
    """The cache that the product uses without Redis: a table that all processes share."""
    with override_settings(CACHES=DATABASE_CACHES):
        call_command("createcachetable", verbosity=0)
        yield
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE shared_cache")


def test_calls_at_the_same_time_are_all_counted(database_cache):
    def one(_):
        try:
            return ratelimit.hit("guess", 5, 3600)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(40)))
    assert sum(answer is None for answer in answers) == 5


def test_many_names_do_not_push_a_counter_out(database_cache):
    assert product.CACHES["shared"]["OPTIONS"]["MAX_ENTRIES"] >= 100_000
    for _ in range(5):
        assert ratelimit.hit("victim", 5, 3600) is None
    for number in range(700):
        caches["shared"].set(f"noise-{number}", 1, 300)
    assert ratelimit.hit("victim", 5, 3600) is not None


@pytest.mark.django_db
def test_a_hundred_guesses_are_stopped_by_name_and_by_address(viewer):
    client, answers = Client(raise_request_exception=False), []
    for number in range(100):
        body = json.dumps({"user_id": viewer.user.email, "password": f"guess {number}"})
        answers.append(client.post("/auth/login", body, content_type="application/json"))
    assert [answer.status_code for answer in answers].count(401) <= 5
    assert answers[-1].status_code == 429 and int(answers[-1].headers["Retry-After"]) >= 1
    other = json.dumps({"user_id": "other@example.org", "password": "guess"})
    assert client.post("/auth/login", other, content_type="application/json").status_code == 429
    far = Client(REMOTE_ADDR="203.0.113.9")
    own = json.dumps({"user_id": viewer.user.email, "password": "guess"})
    assert far.post("/auth/login", own, content_type="application/json").status_code == 429


@pytest.mark.django_db
def test_a_hundred_guesses_on_the_page_are_stopped_too(viewer):
    viewer.user.set_password("correct horse battery")
    viewer.user.save()
    client = Client(raise_request_exception=False)
    for number in range(100):
        client.post("/accounts/login/", {"login": viewer.user.email, "password": f"guess {number}"})
    client.post("/accounts/login/", {"login": viewer.user.email, "password": "correct horse battery"})
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db
@override_settings(API_PER_MINUTE=3)
@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/members", "/api/v1/actions", "/workflows", "/prompts"])
def test_calls_per_minute_are_counted_by_workspace_whoever_calls(workspace, editor, viewer, path):
    codes = [who.api.get(path).status_code for who in (editor, viewer, editor, viewer)]
    assert codes == [200, 200, 200, 429]
    refused = editor.api.get("/api/v1/workflows")
    assert refused.status_code == 429 and 1 <= int(refused.headers["Retry-After"]) <= 60
    error = refused.json()["error"]
    assert error["code"] == "E_RATE_LIMIT" and error["limit"] == 3 and error["request_id"]
    assert outsider_of(workspace).api.get("/api/v1/workflows").status_code == 200


@pytest.mark.django_db
def test_without_a_limit_nothing_is_counted(editor):
    with override_settings(API_PER_MINUTE=0):
        assert {editor.api.get("/api/v1/variables").status_code for _ in range(20)} == {200}
