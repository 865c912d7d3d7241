"""Every workflow of the gallery, in the sandbox, to its end; and what it did is what its manifest says it may do."""

import pytest

from tests.workflows.gallery.conftest import finish
from workflows.models import Effect, StepRun
from workflows.operations.gallery import built_in, try_item
from workflows.operations.permits import permits_of_version

pytestmark = pytest.mark.django_db(transaction=True)
QUIET = {"simple_ai_completion"}


@pytest.fixture
def tried(engine, somebody):
    """Every item run with its example, all at once; approvals are answered as the item says."""
    engine()
    runs = {try_item(somebody, item).pk: item for item in built_in()}
    ended = finish(somebody, {pk: item.decisions for pk, item in runs.items()})
    return {runs[run.pk].slug: run for run in ended}


def test_every_workflow_is_green_and_does_what_it_may(tried, somebody):
    assert len(tried) >= 15
    red = {slug: (run.status, run.error) for slug, run in tried.items() if run.status != "succeeded"}
    assert red == {}
    warned = {slug: run.warnings for slug, run in tried.items() if run.warnings}
    assert warned == {}
    for slug, run in tried.items():
        steps = list(StepRun.objects.of(somebody.workspace).filter(run=run))
        failed = [(step.key, step.path, step.error) for step in steps if step.status == "failed"]
        assert failed == [], slug
        effects = list(Effect.objects.of(somebody.workspace).filter(run=run).select_related("step_run", "connection"))
        assert bool(effects) == (slug not in QUIET), slug
        assert all(effect.state == "confirmed" for effect in effects), slug
        ran = {step.key for step in steps if step.status == "succeeded"}
        permits = [permit for permit in permits_of_version(somebody, run.version) if permit.grant.changes]
        grants = [(permit.grant, permit.over and permit.over.name) for permit in permits]
        may = {(key, grant.action, over) for grant, over in grants for key in grant.steps}
        did = {(each.step_run.key, each.step_run.action, each.connection and each.connection.name) for each in effects}
        assert did <= may, f"{slug} did what its manifest does not say"
        assert {one for one in may if one[0] in ran} == did, f"{slug}: the manifest says more than its steps did"
