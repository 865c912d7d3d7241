"""Limits of a connection on its page and in the API: what is set, what its service asks for, how the service does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from integrations.models import Breaker, Bucket, Connection
from integrations.operations.connections import create_connection, health_of
from orchestrator_site.lib.clock import now

pytestmark = pytest.mark.django_db
NEW = {"service": "notion", "name": "notes", "secret": {"token": "ntn_abcdefghijklmnop"}}


@pytest.fixture
def made(admin) -> Connection:
    return create_connection(admin.actor, **NEW)


def page(persona, connection) -> str:
    return reverse("connection", kwargs={"workspace": persona.workspace.slug, "pk": connection.pk})


def failing(connection: Connection, state: str = "open") -> None:
    Breaker.objects.create(
        workspace=connection.workspace, connection=connection, state=state, failures=5, trips=1,
        since=now() - timedelta(minutes=3), opened_at=now() + timedelta(seconds=1),
        retry_at=now() + timedelta(minutes=4, seconds=30), last_error="Notion has trouble answering: <b>503</b>.",
    )  # fmt: skip


def test_the_api_sets_limits_and_takes_them_back(admin):
    made = admin.api.post_json("/api/v1/connections", {**NEW, "requests_per_minute": 60}).json()
    path = f"/api/v1/connections/{made['id']}"
    assert (made["requests_per_minute"], made["at_once"], made["health"]["state"]) == (60, None, "ok")
    changed = admin.api.patch_json(path, {"at_once": 3}).json()
    assert (changed["requests_per_minute"], changed["at_once"]) == (60, 3), "what is left out stays"
    assert admin.api.patch_json(path, {"requests_per_minute": None}).json()["requests_per_minute"] is None
    entry = AuditEntry.objects.of(admin.workspace).filter(action="connection.limits").order_by("-id").first()
    assert entry.details == {"before": {"requests_per_minute": 60}, "after": {"requests_per_minute": None}}


@pytest.mark.parametrize("limits", [{"at_once": -1}, {"requests_per_minute": 10**9}, {"at_once": "many"}])
def test_a_limit_that_makes_no_sense_is_refused_at_its_field(admin, made, limits):
    answer = admin.api.patch_json(f"/api/v1/connections/{made.pk}", limits)
    assert answer.status_code == 400 and answer.json()["error"]["field"] in limits
    made.refresh_from_db()
    assert (made.requests_per_minute, made.at_once) == (None, None)


def test_only_who_may_change_connections_sets_limits_and_no_stranger_sees_them(editor, outsider, made):
    path = f"/api/v1/connections/{made.pk}"
    assert editor.api.patch_json(path, {"at_once": 3}).status_code == 403
    assert outsider.api.patch_json(path, {"at_once": 3}).status_code == 404


def test_the_form_says_what_the_service_asks_for_and_stores_what_is_filled_in(admin, made):
    shown = admin.client.get(page(admin, made)).content.decode()
    assert "Left empty: what Notion asks for at its usual address, 180 calls a minute" in shown
    values = {"name": "notes", "base_url": "", "requests_per_minute": "30", "at_once": "0"}
    assert admin.client.post(page(admin, made), values).status_code == 302
    made.refresh_from_db()
    assert (made.requests_per_minute, made.at_once) == (30, 0)
    admin.client.post(page(admin, made), {**values, "requests_per_minute": ""})
    made.refresh_from_db()
    assert made.requests_per_minute is None


def test_a_service_that_does_not_answer_is_told_on_the_page_the_list_and_the_api(admin, viewer, made):
    failing(made)
    shown = viewer.client.get(page(viewer, made)).content.decode()
    assert "Notion is not answering" in shown and "in 4 min" in shown and "&lt;b&gt;503" in shown
    assert "Failing" in viewer.client.get(page(viewer, made).rsplit(str(made.pk))[0]).content.decode()
    health = admin.api.get(f"/api/v1/connections/{made.pk}").json()["health"]
    assert (health["state"], health["blocked_until"]) == ("failing", None)
    assert health["since"] < health["retry_at"] and "503" in health["last_error"]


def test_a_service_that_asked_us_to_wait_is_slowed_until_then(admin, made):
    Bucket.objects.create(workspace=made.workspace, connection=made, blocked_until=now() + timedelta(seconds=90))
    assert "Notion asked us to slow down" in admin.client.get(page(admin, made)).content.decode()
    assert admin.api.get(f"/api/v1/connections/{made.pk}").json()["health"]["state"] == "slowed"
    Bucket.objects.of(made.workspace).update(blocked_until=now() - timedelta(seconds=1))
    assert health_of(Connection.objects.of(made.workspace).get())["state"] == "ok"


def test_a_test_that_succeeds_or_a_change_takes_the_trouble_away(made):
    failing(made, "half_open")
    assert health_of(made)["state"] == "trying"
    made.status, made.checked_at = "works", now() + timedelta(seconds=2)
    assert health_of(made)["state"] == "ok"
    made.status, made.updated_at = "unknown", now() + timedelta(seconds=2)
    assert health_of(made)["state"] == "ok"
