"""Actions on releases, GitHub Actions workflows and notifications."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.github import INTEGRATION as github
from integrations.github import plans
from integrations.github.common import Data, check_length, need, number, page, part, place, repository_field, said
from integrations.github.interface import GithubClient, marker_of, with_marker
from integrations.github.repositories import RepositoryInput
from integrations.github.shapes import Release, release_of
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text


class CreateReleaseInput(Model):
    """What to release."""

    repository: str = repository_field()
    tag: str = target("Tag", example="v1.5.0", min_length=1, max_length=250)
    name: str = text("Title", default="", help="Empty: the tag.", max_length=250)
    body: str = text("Notes", default="", widget="markdown", max_length=60_000)
    commit: str = target("Where the tag is made", default="", help="A branch or sha. Empty: the default branch.")
    draft: bool = setting("As a draft", default=False)
    prerelease: bool = setting("As a pre-release", default=False)


@github.action(
    "create_release",
    kind=Kind.EFFECT,
    input=CreateReleaseInput,
    output=Release,
    title="Create a release",
    phrase="creates a release",
    changes=[Change("create_release", look=True, undo="Delete the release and its tag", thing="release", weight=12)],
    keywords=("publish", "tag", "version"),
    foretell={"create_release": plans.new_release},
)
async def create_release(context: Context[GithubClient], values: CreateReleaseInput) -> Release:
    """Publish a release with its notes; the tag is made where it does not exist."""
    client = context.client
    name, root = place(values.repository)
    check_length(values.body)

    async def send(key: str) -> Outcome:
        body: dict[str, Any] = {
            "tag_name": values.tag,
            "name": values.name or values.tag,
            "body": with_marker(values.body, key),
            "draft": values.draft,
            "prerelease": values.prerelease,
        }
        body |= {"target_commitish": values.commit} if values.commit else {}
        data: Data = await client.rest("POST", f"{root}/releases", body=body, about={"repository": name})
        return _outcome(data)

    async def look(what: LookFor) -> Found | None:
        listed = await client.rest_pages(f"{root}/releases", {}, 100, about={"repository": name})
        mine = next((data for data in listed if marker_of(said(data, "body")) == what.key), None)
        made = _outcome(mine) if mine else None
        return Found(made.external_id, made.external_url, made.data) if made else None

    outcome = await context.change(
        Order(
            op="create_release",
            target={"repository": name, "tag": values.tag},
            request=values.model_dump(exclude={"repository"}),
            send=send,
            look=look,
            search_url=page(client, f"{name}/releases"),
        )
    )
    if "tag" in outcome.data:
        return Release.model_validate(dict(outcome.data))
    data: Data = await client.rest("GET", f"{root}/releases/tags/{quote(values.tag)}", about={"repository": name})
    return release_of(data)


def _outcome(data: Data) -> Outcome:
    need(data, "id", "a release")
    shown = release_of(data)
    return Outcome(str(shown.id), shown.url, shown.model_dump())


@github.action(
    "latest_release", kind=Kind.READ, input=RepositoryInput, output=Release, title="Get the latest release",
    phrase="reads the latest release", keywords=("version",),
)  # fmt: skip
async def latest_release(context: Context[GithubClient], values: RepositoryInput) -> Release:
    """Read the newest published release of a repository."""
    name, root = place(values.repository)
    data: Data = await context.client.rest("GET", f"{root}/releases/latest", about={"repository": name})
    return release_of(data)


class DispatchInput(Model):
    """What to start."""

    repository: str = repository_field()
    workflow: str = target(
        "Workflow",
        help="Its file.",
        example="deploy.yml",
        max_length=200,
        choices="workflow_files",
        depends=["repository"],
    )
    branch: str = target(
        "Branch or tag", default="", help="Empty: the default branch.", choices="branches", depends=["repository"]
    )
    inputs: dict[str, Any] = text("Inputs", default={}, help="As the workflow declares them.")


class Dispatched(Model):
    """What was started."""

    repository: str
    workflow: str
    branch: str
    url: str


@github.action(
    "dispatch_workflow",
    kind=Kind.EFFECT,
    input=DispatchInput,
    output=Dispatched,
    title="Start a GitHub Actions workflow",
    phrase="starts a GitHub Actions workflow",
    changes=[Change("dispatch_workflow", look=False, thing="start of a workflow", weight=5)],
    keywords=("actions", "ci", "deploy"),
    foretell={"dispatch_workflow": plans.started_workflow},
)
async def dispatch_workflow(context: Context[GithubClient], values: DispatchInput) -> Dispatched:
    """Start a workflow of GitHub Actions. GitHub does not say which run it becomes: a lost answer is asked of you."""
    client = context.client
    name, root = place(values.repository)
    branch = values.branch.strip() or await client.default_branch(name)
    seen = page(client, f"{name}/actions/workflows/{quote(values.workflow)}")

    async def send(key: str) -> Outcome:
        where = f"{root}/actions/workflows/{quote(values.workflow, safe='')}/dispatches"
        given = {key: value if isinstance(value, str) else str(value) for key, value in values.inputs.items()}
        body = {"ref": branch, **({"inputs": given} if given else {})}
        await client.rest("POST", where, body=body, about={"repository": name, "branch": branch})
        return Outcome(values.workflow, seen)

    await context.change(
        Order(
            op="dispatch_workflow",
            target={"repository": name, "workflow": values.workflow, "branch": branch},
            request={"inputs": values.inputs},
            send=send,
            search_url=seen,
        )
    )
    return Dispatched(repository=name, workflow=values.workflow, branch=branch, url=seen)


class ListRunsInput(Model):
    """Which runs of GitHub Actions."""

    repository: str = repository_field()
    branch: str = text("Branch", default="", max_length=250, choices="branches", depends=["repository"])
    status: str = setting("Status", default="", help="success, failure, in_progress, queued …", max_length=40)
    limit: int = setting("At most", default=20, ge=1, le=1000)


class ActionsRun(Model):
    """One run of GitHub Actions."""

    id: int
    name: str
    status: str
    conclusion: str
    branch: str
    sha: str
    url: str
    event: str
    created_at: str


class ActionsRuns(Model):
    """Runs, newest first."""

    runs: list[ActionsRun]
    count: int


@github.action(
    "list_workflow_runs", kind=Kind.READ, input=ListRunsInput, output=ActionsRuns, title="List GitHub Actions runs",
    phrase="lists GitHub Actions runs", keywords=("ci", "build", "status"),
)  # fmt: skip
async def list_workflow_runs(context: Context[GithubClient], values: ListRunsInput) -> ActionsRuns:
    """List the runs of GitHub Actions in a repository, newest first, with how they ended."""
    name, root = place(values.repository)
    query = {key: value for key, value in (("branch", values.branch), ("status", values.status)) if value}
    listed = await context.client.rest_pages(f"{root}/actions/runs", query, values.limit, about={"repository": name})
    found = [
        ActionsRun(
            id=number(data, "id"),
            name=said(data, "name"),
            status=said(data, "status"),
            conclusion=said(data, "conclusion"),
            branch=said(data, "head_branch"),
            sha=said(data, "head_sha"),
            url=said(data, "html_url"),
            event=said(data, "event"),
            created_at=said(data, "created_at"),
        )
        for data in listed
    ]
    return ActionsRuns(runs=found, count=len(found))


class NotificationsInput(Model):
    """Which notifications."""

    all: bool = setting("Those already read too", default=False)
    limit: int = setting("At most", default=50, ge=1, le=500)


class Notification(Model):
    """One notification."""

    id: str
    reason: str
    title: str
    kind: str
    repository: str
    unread: bool
    updated_at: str


class Notifications(Model):
    """Notifications, newest first."""

    notifications: list[Notification]
    count: int


@github.action(
    "list_notifications", kind=Kind.READ, input=NotificationsInput, output=Notifications, title="List notifications",
    phrase="lists notifications", keywords=("inbox", "mentions"),
)  # fmt: skip
async def list_notifications(context: Context[GithubClient], values: NotificationsInput) -> Notifications:
    """List what GitHub wants to tell the user of this connection (classic tokens only)."""
    query = {"all": "true"} if values.all else {}
    found = [
        Notification(
            id=said(data, "id"),
            reason=said(data, "reason"),
            title=said(part(data, "subject"), "title"),
            kind=said(part(data, "subject"), "type"),
            repository=said(part(data, "repository"), "full_name"),
            unread=bool(data.get("unread")),
            updated_at=said(data, "updated_at"),
        )
        for data in await context.client.rest_pages("/notifications", query, values.limit)
    ]
    return Notifications(notifications=found, count=len(found))
