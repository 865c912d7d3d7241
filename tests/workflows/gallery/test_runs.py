"""Every workflow of the gallery in the sandbox: green; no more than its manifest says; and as its dry run had told."""

import pytest

from integrations.models import SandboxObject
from tests.workflows.gallery.conftest import PATIENT, finish
from workflows.models import Effect, PlannedEffect, StepRun
from workflows.operations.gallery import built_in, try_item
from workflows.operations.permits import permits_of_version

pytestmark = pytest.mark.django_db(transaction=True)
QUIET = {"simple_ai_completion"}
FIRST_PLANNED_NUMBER = 1_900_000_000


@pytest.fixture
def tried(engine, somebody, world):
    """Every item with its example: (item, its dry run, its live run); approvals are answered as the item says."""
    engine(PATIENT)
    found = []
    for item in built_in():
        before = SandboxObject.objects.of(world).count()
        (dry,) = finish(somebody, {try_item(somebody, item, mode="dry").pk: {}})
        assert SandboxObject.objects.of(world).count() == before, f"{item.slug}: a dry run changes nothing"
        (live,) = finish(somebody, {try_item(somebody, item).pk: item.decisions})
        found.append((item, dry, live))
    return found


def test_every_workflow_is_green_does_what_it_may_and_what_its_dry_run_told(tried, somebody):
    assert len(tried) >= 15
    for item, dry, live in tried:
        is_green(item, live, somebody)
        does_what_it_may(item, live, somebody)
        does_what_was_told(item, dry, live, somebody)


def is_green(item, run, somebody):
    assert (run.status, run.warnings) == ("succeeded", []), (item.slug, run.error, run.warnings)
    failed = StepRun.objects.of(somebody.workspace).filter(run=run, status="failed")
    assert [(step.key, step.path, step.error) for step in failed] == [], item.slug
    effects = Effect.objects.of(somebody.workspace).filter(run=run)
    assert bool(effects) == (item.slug not in QUIET), item.slug
    assert all(effect.state == "confirmed" for effect in effects), item.slug


def does_what_it_may(item, run, somebody):
    steps = StepRun.objects.of(somebody.workspace).filter(run=run, status="succeeded")
    ran = set(steps.values_list("key", flat=True))
    permits = [permit for permit in permits_of_version(somebody, run.version) if permit.grant.changes]
    grants = [(permit.grant, permit.over and permit.over.name) for permit in permits]
    may = {(key, grant.action, over) for grant, over in grants for key in grant.steps}
    effects = Effect.objects.of(somebody.workspace).filter(run=run).select_related("step_run", "connection")
    did = {(one.step_run.key, one.step_run.action, one.connection and one.connection.name) for one in effects}
    assert did <= may, f"{item.slug} did what its manifest does not say"
    assert {one for one in may if one[0] in ran} == did, f"{item.slug}: the manifest says more than its steps did"


def does_what_was_told(item, dry, live, somebody):
    assert dry.status == "succeeded", (item.slug, dry.error)
    plans = PlannedEffect.objects.of(somebody.workspace).filter(run=dry).select_related("step_run")
    effects = Effect.objects.of(somebody.workspace).filter(run=live).select_related("step_run")
    told = sorted(map(about, plans), key=str)
    did = sorted(map(about, effects), key=str)
    assert [one[:3] for one in told] == [one[:3] for one in did], item.slug
    for planned, done in zip(told, did, strict=True):
        known = {name for name, value in planned[3].items() if not is_planned(value, dry)}
        assert set(planned[3]) == set(done[3]), (item.slug, planned, done)
        assert {n: planned[3][n] for n in known} == {n: done[3][n] for n in known}, item.slug


def about(row):
    return row.step_run.key, row.step_run.path, row.op, dict(row.target)


def is_planned(value, dry):
    """A name that stands for what is not there yet, or that holds the id of the run."""
    text = str(value)
    return "planned" in text or str(dry.pk) in text or (isinstance(value, int) and value > FIRST_PLANNED_NUMBER)
