"""From the sandbox to a real connection: reviewed step by step, saved in drafts, published by nobody but people."""

from __future__ import annotations

import pytest

from integrations.neighbours import uses_of
from integrations.operations.connections import create_connection, seed_sandbox, share_connection
from orchestrator_site.lib.errors import Forbidden, UserError
from workflows.operations.drafts import draft_definition
from workflows.operations.publish import publish_workflow
from workflows.operations.switching import switch_steps, switchable
from workflows.operations.workflows import create_workflow, get_workflow

pytestmark = pytest.mark.django_db
KEY = {"api_key": "sk-a-key-of-some-length"}


@pytest.fixture
def flow(owner):
    """One step that names the sandbox, one that names nothing, and one of another service."""
    seed_sandbox(owner.workspace)
    ask = {"action": "ai.complete", "with": {"prompt": "Hi"}}
    steps = [
        {"key": "named", "connection": "openai", **ask},
        {"key": "unnamed", **ask},
        {"key": "find", "action": "notion.search", "connection": "notion", "with": {"query": "x"}},
    ]
    made = create_workflow(owner.actor, {"format": 1, "name": "Flow", "inputs": [], "steps": steps, "outputs": {}})
    publish_workflow(owner.actor, made)
    return made


def test_the_ticked_steps_of_drafts_are_switched_and_nothing_is_published(owner, editor, viewer, flow):
    real = create_connection(owner.actor, service="openai", name="team", secret=KEY, make_default=False)
    rows = switchable(real)
    assert [(row.key, row.before) for row in rows] == [("named", "openai"), ("unnamed", "")]
    assert uses_of(owner.workspace, problems_of=real.pk)[real.pk].in_sandbox == 2
    url = f"/w/{owner.workspace.slug}/connections/{real.pk}/switch"
    assert "Flow" in editor.client.get(url).content.decode() and viewer.client.get(url).status_code == 403
    assert editor.client.post(url, {"step": rows[0].place}).status_code == 302
    fresh = get_workflow(owner.actor, flow.slug)
    connections = {step["key"]: step.get("connection") for step in draft_definition(fresh)["steps"]}
    assert connections == {"named": "team", "unnamed": None, "find": "notion"}
    live = {step["key"]: step.get("connection") for step in fresh.published.definition["steps"]}
    assert live["named"] == "openai"
    assert [row.key for row in switchable(real)] == ["unnamed"]


def test_who_may_not_edit_or_use_it_switches_nothing(owner, editor, viewer, flow):
    real = create_connection(owner.actor, service="openai", name="team", secret=KEY, make_default=False)
    places = [row.place for row in switchable(real)]
    with pytest.raises(Forbidden):
        switch_steps(viewer.actor, real, places)
    share_connection(owner.actor, real, everyone=False, role="admin")
    with pytest.raises(Forbidden):
        switch_steps(editor.actor, real, places)
    with pytest.raises(UserError):
        switch_steps(owner.actor, real, ["flow nothing"])
    assert sum(switch_steps(owner.actor, real, places).values()) == 2
