"""GET /metrics: the numbers of the token's own workspace."""

import pytest
from django.test import Client

from tests.factories.world import plant
from tests.personas import ApiClient, persona
from workflows.models import Run, Worker

pytestmark = pytest.mark.django_db


def numbers(answer) -> dict[str, float]:
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_a_scraper_reads_runs_changes_waits_and_workers():
    world = plant("canary_metrics")
    viewer = persona(world.workspace, "viewer")
    Worker.objects.create(host="here", pid=1)
    Worker.objects.create(host="here", pid=2, state="dead")
    found = numbers(viewer.api.get("/metrics"))
    assert found['orchestrator_runs{status="attention"}'] == 1 and found['orchestrator_runs{status="failed"}'] == 0
    assert sum(value for name, value in found.items() if name.startswith("orchestrator_effects{")) == 1
    assert found["orchestrator_waits_open"] >= 1 and found["orchestrator_workers_alive"] == 1
    Run.objects.of(world.workspace).update(status="queued")
    assert numbers(viewer.api.get("/metrics"))["orchestrator_queue_age_seconds"] > 0


def test_the_numbers_of_others_are_not_among_them(viewer):
    plant("canary_metrics")
    found = numbers(viewer.api.get("/metrics"))
    assert [name for name, value in found.items() if value and name != "orchestrator_workers_alive"] == []


def test_nobody_reads_them_without_a_token():
    assert Client().get("/metrics").status_code == 401
    assert ApiClient("awo_nonsense").get("/metrics").status_code == 401
