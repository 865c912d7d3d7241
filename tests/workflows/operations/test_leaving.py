"""A workspace is deleted: confirmed, at once for everybody, its runs ended, and later without a trace but the audit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command

from accounts.audit import verify
from accounts.models import AuditEntry, Member, Workspace
from integrations.models import Connection
from orchestrator_site.lib.clock import freeze, now
from orchestrator_site.lib.errors import Forbidden, UserError
from tests.factories.world import plant
from workflows.models import Run, Trigger
from workflows.operations.leaving import _tenant_models, delete_workspace, purge_workspaces

pytestmark = pytest.mark.django_db


def test_only_an_owner_who_types_its_address_deletes_it(owner, admin):
    with pytest.raises(Forbidden):
        delete_workspace(admin.actor, owner.workspace.slug)
    with pytest.raises(UserError) as caught:
        delete_workspace(owner.actor, "something else")
    assert caught.value.code == "E_CONFIRM" and Member.objects.of(owner.workspace).exists()
    page = owner.path("settings/delete")
    assert owner.client.post(page, {"confirm": ""}).status_code == 400
    assert admin.client.get(page).status_code == 403


def test_nothing_runs_and_nobody_gets_in_any_more(owner, viewer):
    world, token = plant("canary_gone"), owner.api
    run = Run.objects.of(world.workspace).exclude(status__in=("succeeded", "failed", "cancelled", "timed_out")).first()
    Trigger.objects.of(world.workspace).update(enabled=True)
    gone = world.owner
    slug, api, browser = gone.workspace.slug, gone.api, gone.client
    assert api.get("/api/v1/runs").status_code == 200
    answer = browser.post(gone.path("settings/delete"), {"confirm": slug})
    assert answer.status_code == 302 and answer["Location"].endswith("/workspaces/")
    assert api.get("/api/v1/runs").status_code == 401 and browser.get(f"/w/{slug}/").status_code == 404
    assert not Trigger.objects.of(world.workspace).filter(enabled=True).exists()
    assert not Connection.objects.of(world.workspace).exclude(secret="").exists()
    if run is not None:
        run.refresh_from_db()
        assert run.ending == "cancel" or run.status == "cancelled"
    assert not Workspace.objects.filter(slug=slug).exists(), "its address is free"
    assert token.get("/api/v1/runs").status_code == 200, "others go on"


def test_its_rows_are_purged_later_and_the_audit_trail_stays():
    world, other = plant("canary_purged"), plant("canary_kept")
    pk = world.workspace.pk
    delete_workspace(world.owner.actor, world.workspace.slug)
    Run.objects.of(pk).update(status="cancelled", finished_at=now())
    assert purge_workspaces() == []
    before = {model: model._base_manager.filter(workspace=other.workspace).count() for model in _tenant_models()}
    with freeze(now() + timedelta(days=31)):
        call_command("purge_workspaces")
    assert not Workspace.objects.filter(pk=pk).exists()
    for model in _tenant_models():
        assert not model._base_manager.filter(workspace=pk).exists(), model
        assert model._base_manager.filter(workspace=other.workspace).count() == before[model], model
    kept = AuditEntry.objects.unscoped("what is left").filter(chain=str(pk))
    assert "workspace.delete" in set(kept.values_list("action", flat=True))
    assert list(verify(str(pk))) == []
