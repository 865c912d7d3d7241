"""Planted secrets are found nowhere: not in rows, pages, answers, exports, errors, the trail, the admin or the log."""

from __future__ import annotations

import json
import logging

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models.scope import everything
from integrations.errors import Rejected
from integrations.models import Connection
from orchestrator_site.lib.logs import LineFormatter
from orchestrator_site.lib.redact import redact
from tests.addresses import in_table
from tests.factories.world import plant

pytestmark = pytest.mark.django_db

PLANTED = {
    "openai": {"api_key": "sk-proj-canary0000openai0000canary0000AAAA1111"},
    "anthropic": {"api_key": "sk-ant-canary0000anthropic0000canary0000BBBB"},
    "github": {"token": "ghp_canary0000github0000canary0000CCCC22"},
    "notion": {"token": "ntn_canary0000notion0000canary0000DDDD33"},
    "gmail": {
        "access_token": "ya29.canary0000gmail0000EEEE",
        "refresh_token": "1//canary0000refresh0000FFFF",
        "client_id": "canary-client.apps.googleusercontent.com",
        "client_secret": "GOCSPX-canary0000GGGG",
    },
}
SECRETS = [text for secret in PLANTED.values() for name, text in secret.items() if name != "client_id"]


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text or json.dumps(secret)[1:-1] in text]


@pytest.fixture
def world():
    made = plant("canary_home")
    for service, secret in PLANTED.items():
        answer = made.owner.api.post_json(
            "/api/v1/connections", {"service": service, "name": f"real_{service}", "secret": secret}
        )
        assert answer.status_code == 201, answer.text
        assert leaks(answer.text) == []
    return made


def rows() -> str:
    """Every row of every table, as the database holds it."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our own table names
            found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found)


def test_no_row_no_page_and_no_answer_holds_a_secret(world, caplog):
    assert leaks(rows()) == []
    for address in in_table():
        if "GET" not in address.rule or address.name.endswith("run_events"):
            continue
        client = world.owner.api if address.is_api else world.owner.client
        answer = client.get(address.path(world))
        text = (
            b"".join(answer.streaming_content).decode(errors="replace")
            if answer.streaming
            else answer.content.decode(errors="replace")
        )
        assert leaks(text) == [], address.name
    with everything("the test looks at each connection"):
        found = list(Connection.objects.of(world.workspace))
    for each in found:
        for rest in ("", "?edit=1"):
            assert leaks(world.owner.client.get(world.owner.path(f"connections/{each.pk}/{rest}")).text) == []
        shown = world.owner.api.get(f"/api/v1/connections/{each.pk}").json()
        assert "secret" not in shown and all("••••" in text for text in shown["masked"].values())
    assert leaks(caplog.text) == []


def test_the_admin_holds_none(world):
    user = world.owner.user
    user.is_staff = user.is_superuser = True
    user.save()
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        with everything("the test reads the newest rows of each kind"):
            keys = list(model._default_manager.order_by("-pk").values_list("pk", flat=True)[:6])
        paths = [reverse(f"{base}_changelist"), *(reverse(f"{base}_change", args=[key]) for key in keys)]
        for path in paths:
            answer = client.get(path)
            assert leaks(answer.text) == [] and "gAAAA" not in answer.text, path


@pytest.mark.parametrize("service", PLANTED)
def test_an_error_about_a_secret_does_not_repeat_it(world, service):
    name, text = next(iter(PLANTED[service].items()))
    for wrong in (text + " ", text + "\n", "“" + text + "”", text * 200, [text], {"x": text}):
        body = {"service": service, "name": "wrong", "secret": {name: wrong}}
        answer = world.owner.api.post_json("/api/v1/connections", body)
        assert answer.status_code == 400 and leaks(answer.text) == [], answer.text
        assert {e.get("code") for e in [answer.json()["error"]]} & {"E_CRED_CHARS", "E_LENGTH", "E_TYPE"}
    other = next(each for each in ("github", "openai") if each != service)
    field = {"github": "token", "openai": "api_key"}[other]
    if service != "gmail":
        answer = world.owner.api.post_json(
            "/api/v1/connections", {"service": other, "name": "wrong", "secret": {field: text}}
        )
        assert answer.json()["error"]["code"] == "E_CRED_SERVICE" and leaks(answer.text) == []


def test_an_error_of_a_service_that_repeats_the_key_is_told_without_it(world):
    for secret in SECRETS:
        problem = Rejected(f"Incorrect API key provided: {secret}.", hint=f"not {secret}")
        assert secret not in problem.message + problem.hint + str(problem) + repr(problem.args)


def test_a_log_line_holds_none_and_cannot_be_forged(world):
    record = logging.LogRecord("x", logging.INFO, "f", 1, 'key %s\r\n{"at": "forged"}', (SECRETS[0],), None)
    line = LineFormatter().format(record)
    assert "\n" not in line and "\r" not in line and leaks(line) == [] and "forged" in json.loads(line)["message"]


def test_nobodys_secret_blots_out_everybodys_words(world):
    for plain in ("https://", "https://api.example.com/v1", "workflow", "succeeded"):
        world.owner.api.post_json(
            "/api/v1/connections", {"service": "notion", "name": f"n{len(plain)}", "secret": {"token": plain}}
        )
        assert redact(f"the {plain} here") == f"the {plain} here"


def test_the_secret_of_a_row_moved_to_another_row_is_refused(world):
    other = plant("canary_thief")
    mine = Connection.objects.of(world.workspace).get(name="real_notion")
    theirs = other.things["connection"]
    Connection.objects.of(other.workspace).filter(pk=theirs.pk).update(
        secret=mine.secret, key_id=mine.key_id, sandbox=False
    )
    answer = other.owner.api.post_json(f"/api/v1/connections/{theirs.pk}/test")
    assert answer.json()["ok"] is False and "belongs to another" in answer.text and leaks(answer.text) == []
