"""The pages of triggers: a newcomer adds one, sees when or where, tries it, replays what came; viewers only look."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from tests.workflows.triggers.conftest import greet, trigger_of  # noqa: F401
from workflows.models import Run, Trigger
from workflows.operations.workflows import set_enabled

pytestmark = pytest.mark.django_db
SCHEDULE = {
    "name": "Each morning",
    "how": "at",
    "at": "09:00, 17:30",
    "weekdays": ["mon", "fri"],
    "timezone": "Europe/Berlin",
    "misfire": "coalesce",
    "input_who": "{{ trigger.date }}",
}
WEBHOOK = {
    "name": "Orders",
    "auth": "hmac",
    "username": "webhook",
    "dedupe": "auto",
    "answer": "at_once",
    "answer_seconds": "10",
    "empty": "take",
    "input_who": "{{ trigger.body.name }}",
}


def text_of(answer) -> str:
    return html.unescape(answer.content.decode())


@pytest.fixture
def where(greet, editor):  # noqa: F811
    return editor.path(f"workflows/{greet.slug}/triggers")


def test_the_page_says_what_there_is_and_how_a_program_starts_it(where, viewer, editor, outsider, greet):  # noqa: F811
    shown = text_of(viewer.client.get(where))
    assert "Nothing starts it by itself" in shown and f"/api/v1/workflows/{greet.slug}/runs" in shown
    assert "kind=webhook" not in shown and "kind=webhook" in text_of(editor.client.get(where))
    assert outsider.client.get(where).status_code == 404
    assert viewer.client.get(f"{where}/new?kind=schedule").status_code == 403


def test_a_schedule_is_added_seen_and_switched_on(where, editor, workspace):
    preview = text_of(editor.client.post(f"{where}/preview", SCHEDULE))
    assert "Every Monday and Friday at 09:00 and 17:30, Europe/Berlin time" in preview and preview.count("<li>") == 5
    wrong = {**SCHEDULE, "how": "cron", "cron": "61 * * * *"}
    assert "is no minute of a cron" in text_of(editor.client.post(f"{where}/preview", wrong))
    refused = editor.client.post(f"{where}/new?kind=schedule", wrong)
    assert refused.status_code == 422 and "is no minute of a cron" in text_of(refused)
    answer = editor.client.post(f"{where}/new?kind=schedule", SCHEDULE, follow=True)
    made = Trigger.objects.of(workspace).get()
    assert (made.enabled, made.config["at"], made.inputs) == (False, ["09:00", "17:30"], {"who": "{{ trigger.date }}"})
    shown = text_of(answer)
    assert "Every Monday and Friday" in shown and "No time has come yet" in shown
    page = editor.path(f"triggers/{made.pk}")
    assert editor.client.post(f"{page}/toggle").status_code == 302
    assert Trigger.objects.of(workspace).get().next_due_at is not None
    editor.client.post(page, {**SCHEDULE, "how": "every", "every_count": "15", "every_unit": "minutes"})
    assert Trigger.objects.of(workspace).get().config["every"]["minutes"] == 15
    days = {"first": "2026-11-02", "last": "2026-11-02"}
    editor.client.post(page, SCHEDULE)
    seen = text_of(editor.client.post(f"{page}/backfill", days))
    assert "2 due times without a run" in seen and not Run.objects.of(workspace).exists()
    editor.client.post(f"{page}/backfill", {**days, "start": "1"})
    assert [run.inputs["who"] for run in Run.objects.of(workspace)] == ["2026-11-02"] * 2
    editor.client.post(f"{page}/delete")
    assert editor.client.get(page).status_code == 404


def test_a_webhook_shows_its_secret_once_is_tried_and_replayed(where, editor, viewer, operator, workspace):
    answer = editor.client.post(f"{where}/new?kind=webhook", {**WEBHOOK, "enabled": "1"})
    shown = text_of(answer)
    made = Trigger.objects.of(workspace).get()
    page, secret = editor.path(f"triggers/{made.pk}"), re.search(r'id="secret-text"[^>]*>([^<]+)<', shown)[1]
    address = re.search(r'id="address"[^>]*>([^<]+)<', shown)[1]
    assert answer.headers["Cache-Control"] == "no-store" and len(secret) > 40
    assert secret not in text_of(editor.client.get(page)) and address in text_of(editor.client.get(page))
    assert address not in text_of(viewer.client.get(page))
    unsigned = Client().post(f"/hooks/{address.rpartition('/')[2]}", "{}", content_type="application/json")
    assert unsigned.status_code == 401
    assert "Last refused" in text_of(editor.client.get(page))

    event = '{"body": {"name": "Ada"}}'
    assert viewer.client.post(f"{page}/test", {"event": event}).status_code == 403
    tried = text_of(operator.client.post(f"{page}/test", {"event": event}))
    assert "Starts a run" in tried and '"who": "Ada"' in tried and not Run.objects.of(workspace).exists()
    assert operator.client.post(f"{page}/test", {"event": "{"}).status_code == 422
    fired = operator.client.post(f"{page}/test", {"event": event, "run": "1"})
    run = Run.objects.of(workspace).get()
    assert fired.headers["Location"] == operator.path(f"runs/{run.pk}") and run.inputs == {"who": "Ada"}
    listed = text_of(viewer.client.get(page))
    assert "Delivery 1" in listed and "Run once more" not in listed
    assert "Ada" in text_of(viewer.client.get(f"{page}/deliveries/1"))
    assert viewer.client.post(f"{page}/deliveries/1/replay").status_code == 403
    operator.client.post(f"{page}/deliveries/1/replay")
    assert Run.objects.of(workspace).count() == 2
    turned = text_of(editor.client.post(f"{page}/rotate"))
    assert re.search(r'id="secret-text"[^>]*>([^<]+)<', turned)[1] != secret


def test_a_trigger_without_a_signature_wears_a_badge_and_a_paused_one_says_why(greet, viewer, editor):  # noqa: F811
    made = trigger_of(greet, "webhook", config={"auth": "none"})
    set_enabled(editor.actor, greet, False)
    shown = text_of(viewer.client.get(viewer.path(f"triggers/{made.pk}")))
    assert "Unsigned" in shown and "Paused: the workflow is off" in shown
