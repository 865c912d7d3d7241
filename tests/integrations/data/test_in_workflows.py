"""Data steps in a workflow: their expressions are part of the definition, and long lists do not hold up the engine."""

from __future__ import annotations

import pytest

from tests.workflows.definition.helpers import workflow
from tests.workflows.engine.conftest import actor, engine, publish, workspace  # noqa: F401
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import parse
from workflows.engine.problems import check
from workflows.operations.runs import start_run


def keep(condition: str) -> dict:
    return {"key": "keep", "action": "data.filter", "with": {"items": "{{ inputs.list }}", "condition": condition}}


@pytest.mark.parametrize("condition", ["{{ inputs.list }}", "item == '{{ inputs.list[0] }}'"])
def test_a_condition_over_items_holds_no_placeholders(condition):
    definition = parse(workflow(keep(condition), inputs=[{"name": "list", "type": "list"}]))
    (found,) = check(definition, CATALOGUE)
    assert (found.code, found.field) == ("E_UNSUPPORTED", "with.condition")


def test_a_long_list_is_filtered_and_added_up_in_a_run(workspace, actor, engine):  # noqa: F811
    engine()
    steps = [
        keep("item.n > 100"),
        {"key": "sum", "action": "data.aggregate", "with": {"items": "{{ steps.keep.items }}", "of": "n"}},
    ]
    slug = publish(
        workspace,
        {"inputs": [{"name": "list", "type": "list"}], "steps": steps, "outputs": {"total": "{{ steps.sum.total }}"}},
    ).slug
    run = start_run(actor, slug, {"list": [{"n": n} for n in range(301)]}, wait=15)
    assert (run.status, run.outputs) == ("succeeded", {"total": sum(range(101, 301))})
