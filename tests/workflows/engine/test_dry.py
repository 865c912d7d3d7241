"""A dry run tells what the live run then does, and nothing leaves: for every action that changes something."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from accounts.actor import Actor
from integrations import registry
from integrations.context import is_planned
from integrations.models import SandboxObject, StoredValue
from integrations.notion.world import known_id
from integrations.operations.connections import create_connection
from integrations.operations.sandbox import seed_sandbox
from tests.fakes.post import mail_server
from tests.fakes.service import FakeService
from tests.workflows.engine.conftest import connect_fake, publish, steps_of, until
from workflows.api.shapes import assumed
from workflows.models import Effect, PlannedEffect, Run, Wait
from workflows.operations.plans import list_plans
from workflows.operations.runs import start_run

REPO = "your-username/your-repo"


def step(name: str, action: str, /, **given: Any) -> dict[str, Any]:
    """A step of a definition."""
    return {"key": name, "action": action, "with": given}


def github(name: str, verb: str, /, **given: Any) -> dict[str, Any]:
    """A step in the repository of the sandbox."""
    return step(name, f"github.{verb}", repository=REPO, **given)


def gmail(verb: str, message: str, /, **given: Any) -> dict[str, Any]:
    """A step that sorts a mail."""
    return step(f"g_{verb}", f"gmail.{verb}", message=message, **given)


FILES = [{"path": "docs/new.md", "content": "# New\n"}, {"path": "README.md", "content": "# Other\n"}]
IDEA = [{"path": "docs/idea.md", "content": "# Idea\n"}]
GITHUB = [
    github("issue", "create_issue", title="A bug", body="It is *broken*.", labels=["bug"], assignees=["ada"]),
    github("talk", "comment", number="{{ steps.issue.number }}", body="Seen."),
    github("change2", "update_issue", number=2, title="Second", assignees=["ada"]),
    github("change", "update_issue", number=1, title="Another title", labels=["later"]),
    github("tag", "add_labels", number=1, labels=["urgent"]),
    github("untag", "remove_label", number=1, label="later"),
    github("who", "assign", number=1, assignees=["grace"]),
    github("close", "close_issue", number=1, reason="not_planned"),
    github("file", "commit_file", path="docs/a.md", content="A\n", message="Add a", branch=""),
    github("file2", "commit_file", path="docs/a.md", content="A\nB\n", message="Change a", branch=""),
    github("gone", "delete_file", path="docs/a.md"),
    github("many", "commit_files", files=FILES, message="Several"),
    github("branch", "create_branch", branch="topic"),
    github("there", "commit_file", path="docs/b.md", content="B\n", message="Add b", branch="topic"),
    github("pull", "create_pull", title="Topic", head="topic", body="Look.", base=""),
    github("ask", "request_reviewers", number="{{ steps.pull.number }}", reviewers=["ada"]),
    github("review", "review_pull", number="{{ steps.pull.number }}", verdict="approve"),
    github("merge", "merge_pull", number="{{ steps.pull.number }}"),
    github("drop", "delete_branch", branch="topic"),
    github("propose", "propose_files", files=IDEA, message="Propose", branch="idea", title="Idea", base=""),
    github("release", "create_release", tag="v9", name="Nine", body="All new."),
    github("start", "dispatch_workflow", workflow="deploy.yml"),
    step("rest", "github.rest_send", method="PATCH", path=f"/repos/{REPO}/issues/1", body={"title": "By hand"}),
    github("see_issue", "get_issue", number=2),
    github("see_file", "get_file", path="README.md"),
    github("see_idea", "get_file", path="docs/idea.md", branch="idea"),
    github("see_files", "list_files"),
    github("see_pull", "get_pull", number="{{ steps.pull.number }}"),
]


def mails(ids: list[str]) -> list[dict[str, Any]]:
    """Everything one does with mails."""
    return [
        step("label", "gmail.create_label", name="Seen by us"),
        gmail("add_labels", ids[0], labels=["Seen by us"]),
        gmail("remove_labels", ids[0], labels=["INBOX"]),
        gmail("mark_read", ids[1]),
        gmail("mark_unread", ids[1]),
        gmail("star", ids[2]),
        gmail("unstar", ids[2]),
        gmail("archive", ids[3]),
        gmail("trash", ids[4]),
        gmail("untrash", ids[4]),
        step("draft", "gmail.create_draft", to=["ada@example.com"], subject="Later", text="Not yet."),
        step("other", "gmail.create_draft", to=["ada@example.com"], subject="Never", text="Not at all."),
        step("gone", "gmail.delete_draft", draft="{{ steps.other.draft_id }}"),
        step("leaves", "gmail.send_draft", draft="{{ steps.draft.draft_id }}"),
        step("send", "gmail.send", to=["ada@example.com"], subject="Now", text="At once."),
        step("answer", "gmail.draft_reply", message=ids[5], text="Thank you."),
        step("reply", "gmail.reply", message=ids[5], text="Thank you again."),
        step("on", "gmail.forward", message=ids[6], to=["bob@example.com"], text="See below."),
        *(step(f"see_{at}", "gmail.get_message", id=ids[at]) for at in range(5)),
    ]


INBOX, WEEKLY = known_id("inbox"), known_id("weekly")
NOTION = [
    step("page", "notion.create_page", parent=INBOX, title="Planned", content="Hello.", properties={"Topic": "Team"}),
    step("more", "notion.append", page="{{ steps.page.id }}", content="More."),
    step("set", "notion.update_page", page="{{ steps.page.id }}", properties={"Topic": "Billing"}),
    step("say", "notion.add_comment", page="{{ steps.page.id }}", text="A word."),
    step("other", "notion.replace_content", page=WEEKLY, content="All new."),
    step("out", "notion.archive_page", page=WEEKLY),
    step("back", "notion.restore_page", page=WEEKLY),
    step("move", "notion.move_page", page=WEEKLY, parent=known_id("procedures")),
    step("made", "http.get", url="https://sandbox.example/items/1", expect="file"),
    step("file", "notion.upload_file", page=known_id("procedures"), file="{{ steps.made.file }}"),
    step("upsert", "notion.upsert_page", parent=INBOX, key="Subject", title="Refund for order 10482",
         properties={"Topic": "Team"}),
    step("insert", "notion.upsert_page", parent=INBOX, key="Subject", title="Nothing like it", content="New."),
    step("see_new", "notion.get_page", page="{{ steps.page.id }}"),
    step("see_old", "notion.get_page", page=WEEKLY),
    step("see_row", "notion.get_page", page=known_id("row-refund")),
]  # fmt: skip
REST = [
    step("set", "store.set", key="seen", value=[1]),
    step("read", "store.get", key="seen"),
    step("add", "store.append", key="seen", item=2),
    step("see_all", "store.list"),
    step("count", "store.increment", key="n", by="{{ steps.read.value[0] }}"),
    step("forget", "store.delete", key="seen"),
    step("see_gone", "store.get", key="seen", default="nothing"),
    step("post", "http.send", method="POST", url="https://sandbox.example/items", body={"title": "New"}),
    step("put", "http.send", method="PUT", url="https://sandbox.example/items/1", body={"title": "Other"}),
    step("letter", "mail.send", to=["ada@example.com"], subject="Hi", text="Hello."),
]
for one in NOTION + REST:
    if one["action"].startswith("http."):
        one["connection"] = "http"


@pytest.fixture
def world(workspace):
    """A sandbox."""
    seed_sandbox(workspace)
    return workspace


def state_of(workspace) -> list[Any]:
    """All that the sandbox and the store hold."""
    things = SandboxObject.objects.of(workspace).order_by("pk")
    held = [(row.pk, row.parent, row.marker, row.updated_at, row.data) for row in things]
    return [*held, *StoredValue.objects.of(workspace).values_list("key", "value")]


def ran(workspace, definition: dict[str, Any], mode: str) -> Run:
    """A run of this that has ended."""
    actor = Actor.system(workspace, "test")
    run = start_run(actor, publish(workspace, definition).slug, {}, mode=mode)
    return until(lambda: Run.objects.of(workspace).filter(pk=run.pk, finished_at__isnull=False).first(), 30)


def changes(rows: Any) -> list[tuple[str, str, Any]]:
    """What was changed where, without the names that only the service gives."""
    return [(row.step_run.key, row.op, _without_ids(row.target)) for row in rows]


SHOWN = ("title", "body", "text", "state", "labels", "assignees", "merged", "in_trash", "value", "found")


def seen(run: Run) -> dict[str, Any]:
    """What the steps at the end read, as far as a plan can know it."""
    outputs = {key: row.output for key, row in steps_of(run).items() if key.startswith("see_")}
    found = {key: {name: output[name] for name in SHOWN if name in output} for key, output in outputs.items()}
    for key, output in outputs.items():
        if "files" in output:
            found[key]["files"] = sorted(entry["path"] for entry in output["files"])
        if "properties" in output:
            found[key]["set"] = {name: value for name, value in output["properties"].items() if value}
            found[key]["content"] = output["content"]
        if "items" in output:
            found[key]["items"] = [(entry["key"], entry["value"]) for entry in output["items"]]
    return found


def _without_ids(target: dict[str, Any]) -> dict[str, Any]:
    given = {"number", "page", "draft", "upload"}
    return {name: "an id" if name in given and not _is_ours(value) else value for name, value in target.items()}


def _is_ours(value: Any) -> bool:
    known = {"1", WEEKLY, *(known_id(name) for name in ("inbox", "procedures", "row-refund"))}
    return str(value) in known


@pytest.mark.parametrize("steps", [GITHUB, mails, NOTION, REST], ids=["github", "gmail", "notion", "rest"])
def test_what_a_dry_run_tells_is_what_the_live_run_then_does(world, engine, steps):
    engine()
    if steps is mails:
        inbox = SandboxObject.objects.of(world).filter(service="gmail", kind="message").order_by("created_at", "pk")
        steps = mails(list(inbox.values_list("external_id", flat=True)))
    before = state_of(world)
    dry = ran(world, {"steps": steps}, "dry")
    assert dry.status == "succeeded", (dry.error, [(k, s.error) for k, s in steps_of(dry).items() if s.error])
    assert state_of(world) == before and not Effect.objects.of(world).exists()
    live = ran(world, {"steps": steps}, "live")
    assert live.status == "succeeded", live.error
    told = PlannedEffect.objects.of(world).filter(run=dry).select_related("step_run").order_by("id")
    done = Effect.objects.of(world).filter(run=live).select_related("step_run").order_by("id")
    assert changes(told) == changes(done)
    assert seen(dry) == seen(live)
    assert all(plan.summary or registry.get_action(plan.action).change(plan.op).thing == "" for plan in told)


# What holds it


@pytest.fixture
def service(workspace, settings, monkeypatch):
    """A service that keeps count of what really arrived; its client goes over the guarded transports."""
    settings.EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
    found = FakeService().start()
    settings.ALLOW_PRIVATE_HOSTS = [found.url.removeprefix("http://")]
    connect_fake(workspace, found.url)
    yield found
    found.stop()


@pytest.mark.parametrize("transport", ["blocking", "async"])
def test_an_action_that_lies_about_its_kind_sends_nothing_all_the_same(
    workspace, engine, service, monkeypatch, transport
):
    monkeypatch.setenv("FAKE_TRANSPORT", transport)
    heard: list[bytes] = []
    monkeypatch.setattr(socket.socket, "connect", _listening(socket.socket.connect, heard))
    engine()
    steps = [step("look", "fake.read", q="hello"), step("lie", "fake.model", text="a POST that nobody declared")]
    run = ran(workspace, {"steps": steps}, "dry")
    assert steps_of(run)["look"].output == {"text": "hello"}
    assert (run.status, run.error["code"], run.error["step"]) == ("failed", "E_DRY", "lie")
    assert service.requests == 1 and service.done == [] and len(heard) == 1, "only the read has left"


def _listening(connect, heard):
    def listen(self, address):
        if isinstance(address, tuple) and address[0] == "127.0.0.1":
            heard.append(address)
        return connect(self, address)

    return listen


def test_an_effect_without_a_plan_stops_the_dry_run_and_says_so(workspace, engine, service):
    engine()
    steps = [step("make", "fake.make", title="A"), step("after", "data.format", template="{{ steps.make.id }}")]
    run = ran(workspace, {"steps": steps}, "dry")
    assert (run.status, run.error["code"], run.error["step"]) == ("failed", "E_NO_PLAN", "make")
    stopped = PlannedEffect.objects.of(workspace).get(run=run)
    assert stopped.state == "stopped" and "cannot tell" in stopped.summary and service.requests == 0


def test_a_mail_server_is_not_even_called(workspace, engine, settings):
    with mail_server() as (kept, port):
        settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{port}"]
        create_connection(
            Actor.system(workspace, "test"), service="mail", name="mail", base_url=f"smtp://127.0.0.1:{port}",
            secret={"sender": "us@example.com"},
        )  # fmt: skip
        engine()
        letter = step("letter", "mail.send", to=["ada@example.com"], subject="Hi", text="Hello.")
        run = ran(workspace, {"steps": [letter]}, "dry")
    assert run.status == "succeeded", run.error
    told = PlannedEffect.objects.of(workspace).get(run=run)
    assert (told.op, told.target, told.after["subject"]) == ("send_mail", {"to": ["ada@example.com"]}, "Hi")
    assert kept.taken == []


def test_the_database_refuses_what_a_sandbox_would_write(world, engine, monkeypatch):
    from integrations.github.sandbox import SandboxGithub

    async def writes(self, repository, number):
        await self._world.run(lambda: self._world.things("issue").first().delete())

    monkeypatch.setattr(SandboxGithub, "read_file", lambda self, *_: writes(self, "", 0))
    engine()
    before = state_of(world)
    run = ran(world, {"steps": [github("file", "commit_file", path="a.md", content="A", message="A")]}, "dry")
    assert run.status == "failed" and state_of(world) == before


# What it does not do


def test_nobody_is_asked_and_nothing_is_waited_for(world, engine):
    engine()
    child = publish(world, {"steps": [github("open", "create_issue", title="From below")]})
    steps = [
        step("rest", "wait", seconds=86_400),
        step("hear", "wait", event="paid"),
        step("ask", "approve", title="Send it?", fields=[{"name": "title", "value": "Draft"}]),
        {"key": "each", "action": "for_each", "with": {"items": [1, 2, 3], "parallelism": 2},
         "do": [github("open", "create_issue", title="{{ steps.ask.values.title }} {{ item }}")]},
        step("below", "run_workflow", workflow=child.slug, inputs={}),
    ]  # fmt: skip
    run = ran(world, {"steps": steps}, "dry")
    assert run.status == "succeeded", run.error
    assert not Wait.objects.of(world).exists() and not Effect.objects.of(world).exists()
    found = {key: assumed(row) for key, row in steps_of(run).items() if assumed(row)}
    assert found.keys() == {"rest", "hear", "ask"} and "nobody was asked" in found["ask"]
    told = list_plans(Actor.system(world, "test"), run)
    titles = [plan.after["title"] for plan in told]
    assert sorted(titles) == ["Draft 1", "Draft 2", "Draft 3", "From below"]
    assert {is_planned(plan.external_id) for plan in told} == {True}
    assert len({plan.external_id for plan in told.filter(run=run)}) == 3


def test_a_dry_run_takes_nobodys_turn(world, engine):
    once = {"concurrency": {"key": "one", "limit": 1, "policy": "replace"}}
    slug = publish(world, {"steps": [step("rest", "wait", seconds=86_400)], "settings": once}).slug
    actor = Actor.system(world, "test")
    engine()
    live = start_run(actor, slug)
    until(lambda: Run.objects.of(world).filter(pk=live.pk, status="waiting").exists())
    dry = start_run(actor, slug, mode="dry", wait=20)
    assert dry.status == "succeeded" and dry.concurrency_key is None
    assert Run.objects.of(world).get(pk=live.pk).status == "waiting"


def test_every_effect_has_a_plan():
    missing = [action.name for action in registry.actions() if action.is_effect and action.plan is None]
    assert missing == []
