"""Taking changes back: apply and undo leaves the sandbox as it was; what was changed since is left alone; once only."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actor import Actor
from integrations.models import SandboxObject, StoredValue
from integrations.notion.world import known_id
from integrations.operations.sandbox import seed_sandbox
from orchestrator_site.lib.errors import Conflict, Forbidden
from tests.personas import persona
from tests.workflows.engine.conftest import until
from tests.workflows.engine.test_dry import REPO, github, gmail, ran, step
from workflows.models import Effect, Run, Undo
from workflows.operations.undoing import undo_effect, undo_offers, undo_run

WEEKLY, REFUND = known_id("weekly"), known_id("row-refund")
FILES = [{"path": "docs/new.md", "content": "# New\n"}, {"path": "README.md", "content": "# Other {{ braces }}\n"}]


@pytest.fixture
def world(workspace):
    """A sandbox."""
    seed_sandbox(workspace)
    return workspace


def held(workspace) -> dict[str, Any]:
    """What people see of the sandbox: without what only grows (commits, times, revisions)."""
    grows = {"updated_at", "closed_at", "last_edited_time", "commits", "heads", "blocks", "state_reason"}
    things = SandboxObject.objects.of(workspace).exclude(kind__in=("commit", "gitcommit", "gittree"))
    found = {f"{row.service} {row.kind} {row.external_id}": [row.parent, *_shown(row.data, grows)] for row in things}
    kept = StoredValue.objects.of(workspace).values_list("key", "value")
    return {**found, **{f"store {key}": value for key, value in kept}}


def _shown(data: dict[str, Any], grows: set[str]) -> list[Any]:
    """The data, with lists of words in one order."""
    words = {n: sorted(v) if isinstance(v, list) and all(isinstance(o, str) for o in v) else v for n, v in data.items()}
    return sorted((name, str(value)) for name, value in words.items() if name not in grows and value is not False)


def ended(workspace, undo: Undo) -> Run:
    """The run of an undo at its end."""
    return until(lambda: Run.objects.of(workspace).filter(pk=undo.run_id, finished_at__isnull=False).first(), 30)


def undone(workspace, run: Run) -> list[Any]:
    """Take everything back; what stays."""
    undos, stays = undo_run(Actor.system(workspace, "test"), run)
    over = ended(workspace, undos[0])
    states = {offer.words: offer.state for offer in undo_offers(Actor.system(workspace, "test"), run) if offer.undo}
    assert over.status == "succeeded" and set(states.values()) == {"undone"}, (over.error, over.warnings, states)
    return stays


def first_mail(workspace) -> str:
    rows = SandboxObject.objects.of(workspace).filter(service="gmail", kind="message").order_by("created_at", "pk")
    return str(rows.values_list("external_id", flat=True)[0])


EXACT = {
    "github": lambda mail: [
        github("change", "update_issue", number=1, title="Another title", labels=["later"]),
        github("tag", "add_labels", number=1, labels=["urgent"]),
        github("who", "assign", number=1, assignees=["grace"]),
        github("close", "close_issue", number=1),
        github("talk", "comment", number=1, body="Seen."),
        github("file", "commit_file", path="docs/handbook.md", content="Other\n", message="Change"),
        github("gone", "delete_file", path="src/export.py"),
        github("many", "commit_files", files="{{ inputs.files }}", message="Several"),
        github("branch", "create_branch", branch="topic"),
        github("release", "create_release", tag="v9", name="Nine", body="All new."),
    ],
    "notion": lambda mail: [
        step("set", "notion.update_page", page=REFUND, title="Other", properties={"Topic": "Team", "Status": "New"}),
        step("other", "notion.replace_content", page=WEEKLY, content="All new."),
        step("more", "notion.append", page=WEEKLY, content="More."),
        step("move", "notion.move_page", page=WEEKLY, parent=known_id("procedures")),
        step("out", "notion.archive_page", page=WEEKLY),
    ],
    "gmail": lambda mail: [
        gmail("add_labels", mail, labels=["Billing"]),
        gmail("mark_read", mail),
        gmail("star", mail),
        gmail("archive", mail),
        gmail("trash", mail),
        step("draft", "gmail.create_draft", to=["ada@example.com"], subject="Later", text="Not yet."),
    ],
    "store": lambda mail: [
        step("set", "store.set", key="a", value=[1]),
        step("again", "store.set", key="a", value=[2]),
        step("count", "store.increment", key="n", by=3),
        step("forget", "store.delete", key="a"),
    ],
}


@pytest.mark.parametrize("service", EXACT)
def test_apply_and_undo_leaves_everything_as_it_was(world, engine, service):
    engine()
    if service == "store":
        StoredValue.objects.create(workspace=world, key="unrelated", value=1)
    before = held(world)
    files = [{"name": "files", "type": "json", "default": FILES}]
    run = ran(world, {"inputs": files, "steps": EXACT[service](first_mail(world))}, "live")
    assert run.status == "succeeded" and held(world) != before, run.error
    assert undone(world, run) == []
    now = held(world)
    if service == "store":
        assert now.pop("store n", 0) == 0
    differ = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
    assert not differ, [(before.get(name), now.get(name)) for name in differ]


def test_what_was_made_is_put_away_and_what_was_sent_stays_with_the_reason(world, engine):
    engine()
    steps = [
        github("issue", "create_issue", title="A bug", body="It is broken."),
        step("page", "notion.create_page", parent=known_id("inbox"), title="Planned", content="Hello."),
        step("send", "gmail.send", to=["ada@example.com"], subject="Now", text="At once."),
    ]
    run = ran(world, {"steps": steps}, "live")
    stays = undone(world, run)
    things = SandboxObject.objects.of(world)
    assert things.filter(kind="issue").order_by("-created_at").first().data["state"] == "closed"
    assert things.get(kind="page", title="Planned").data["in_trash"] is True
    assert {stay.effect.op for stay in stays} >= {"send_draft"}
    assert "cannot be called back" in next(stay.why for stay in stays if stay.effect.op == "send_draft")


def test_what_somebody_changed_since_is_left_alone(world, engine):
    engine()
    run = ran(world, {"steps": [github("issue", "create_issue", title="A bug", body="Broken.")]}, "live")
    effect = Effect.objects.of(world).get(run=run)
    row = SandboxObject.objects.of(world).filter(kind="issue").order_by("-created_at").first()
    row.data = {**row.data, "title": "A person's words"}
    row.save()
    with pytest.raises(Conflict) as refused:
        undo_effect(Actor.system(world, "test"), effect)
    assert refused.value.code == "E_CHANGED" and not Undo.objects.of(world).exists()


def test_a_change_is_taken_back_once_and_only_by_somebody_who_may_run(world, engine):
    engine()
    run = ran(world, {"steps": [github("file", "commit_file", path="a.md", content="A", message="A")]}, "live")
    effect = Effect.objects.of(world).get(run=run)
    with pytest.raises(Forbidden):
        undo_effect(persona(world, "viewer").actor, effect)
    undo = undo_effect(Actor.system(world, "test"), effect)
    with pytest.raises(Conflict) as refused:
        undo_effect(Actor.system(world, "test"), effect)
    assert refused.value.code == "E_UNDONE"
    assert ended(world, undo).status == "succeeded"
    with pytest.raises(Conflict):
        undo_effect(Actor.system(world, "test"), effect)
    done = Effect.objects.of(world).filter(run=undo.run_id, state="confirmed")
    assert [one.op for one in done] == ["delete_file"] and REPO in str(done[0].target)
