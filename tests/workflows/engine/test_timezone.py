"""A workspace's time zone: dates without one mean it, in runs that begin after it was set."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts.actor import Actor
from accounts.operations.setup import set_timezone
from orchestrator_site.lib.errors import Forbidden, UserError
from orchestrator_site.lib.templating import compile
from tests.personas import persona
from workflows.models import Wait
from workflows.operations.runs import start_run

from .conftest import publish, until

MORNING = "{{ inputs.at | date: '%Y-%m-%d %H:%M' }}"


@pytest.mark.parametrize(
    "value, zone, written",
    [
        ("2026-07-01T10:00:00Z", "Europe/Berlin", "2026-07-01 12:00"),
        ("2026-07-01T10:00", "Europe/Berlin", "2026-07-01 10:00"),
        ("2026-07-01", "America/New_York", "2026-07-01 00:00"),
        ("2026-07-01T10:00:00Z", None, "2026-07-01 10:00"),
    ],
)
def test_a_date_is_written_where_the_workspace_is(value, zone, written):
    data = {"inputs": {"at": value}, "workspace": {"timezone": zone} if zone else {}}
    assert compile(MORNING).render(data) == written
    named = compile("{{ inputs.at | date: '%H:%M', 'UTC' }}").render(data)
    assert named == compile("{{ inputs.at | date: '%H:%M', 'UTC' }}").render({**data, "workspace": {}}), (
        "a named one holds"
    )


def test_a_wait_without_an_offset_is_meant_where_the_workspace_is(workspace, actor, engine):
    engine()
    wait = {"steps": [{"key": "nap", "action": "wait", "with": {"until": "2099-07-01T09:00"}}]}
    before = start_run(actor, publish(workspace, wait).slug)
    set_timezone(actor, "Europe/Berlin")
    workspace.refresh_from_db()
    after = start_run(actor, publish(workspace, wait).slug)
    waits = until(lambda: Wait.objects.of(workspace).count() == 2 and Wait.objects.of(workspace))
    due = {wait.run_id: wait.due_at for wait in waits}
    assert due[before.pk] == datetime(2099, 7, 1, 9, tzinfo=UTC)
    assert due[after.pk] == datetime(2099, 7, 1, 7, tzinfo=UTC)


@pytest.mark.django_db
def test_owners_set_it_to_a_zone_that_there_is(owner, admin):
    with pytest.raises(Forbidden):
        set_timezone(admin.actor, "Europe/Berlin")
    with pytest.raises(UserError) as caught:
        set_timezone(owner.actor, "Mars/X")
    assert caught.value.code == "E_TZ"
    page = owner.client.post(owner.path("settings/"), {"name": "Home", "timezone": "Europe/Berlim"})
    assert page.status_code == 400 and "Europe/Berlin" in page.content.decode()
    assert owner.client.post(owner.path("settings/"), {"name": "Home", "timezone": "Asia/Tokyo"}).status_code == 302
    owner.workspace.refresh_from_db()
    assert owner.workspace.timezone == "Asia/Tokyo"
    assert persona(owner.workspace, "viewer").client.post(owner.path("settings/"), {"name": "x"}).status_code == 403
    assert Actor.system(owner.workspace, "x").workspace.timezone == "Asia/Tokyo"
