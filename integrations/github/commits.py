"""Many files in one commit, with or without a branch and pull request of their own.

The commit is made of git objects that nobody sees until a branch points at them: a tree, a commit, then the branch.
Reference: https://docs.github.com/rest/git.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.github import INTEGRATION as github
from integrations.github import plans
from integrations.github.common import Data, need, page, part, place, repository_field, said
from integrations.github.files import branch_field
from integrations.github.interface import GithubClient, clean_path, items_of, with_trailer
from integrations.github.pulls import open_pull
from integrations.github.shapes import PullDetails
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text

MOST_MOVES = 4
OBJECTS = [
    Change("create_tree", look=False, set_semantics=True, thing="", weight=100),
    Change("create_commit", look=False, set_semantics=True, thing="", weight=100),
]
FORETOLD = {"create_tree": plans.new_tree, "create_commit": plans.new_commit}


class FileChange(Model):
    """One file of the commit."""

    path: str
    content: str = ""
    delete: bool = False


class CommitFilesInput(Model):
    """What to commit."""

    repository: str = repository_field()
    files: list[FileChange] = target(
        "Files",
        help="Each with a path and its whole content, or delete: true.",
        example=[{"path": "docs/guide.md", "content": "# Guide"}, {"path": "docs/old.md", "delete": True}],
        min_length=1,
        max_length=300,
    )
    message: str = text("Commit message", example="Update the guide", min_length=1, max_length=10_000)
    branch: str = branch_field()


class CommittedFiles(Model):
    """The commit."""

    commit_sha: str
    url: str
    branch: str
    files: list[str]


@github.action(
    "commit_files",
    kind=Kind.EFFECT,
    input=CommitFilesInput,
    output=CommittedFiles,
    title="Commit several files",
    phrase="commits several files",
    changes=[
        *OBJECTS,
        Change("update_branch", look=True, undo="Revert the commit", thing="commit", weight=40),
    ],
    timeout=120,
    keywords=("atomic", "many", "bulk"),
    foretell={**FORETOLD, "update_branch": plans.moved_branch},
)
async def commit_files(context: Context[GithubClient], values: CommitFilesInput) -> CommittedFiles:
    """Write and delete several files in one commit: all or none. A branch that moves meanwhile is read anew."""
    client = context.client
    name, root = place(values.repository)
    branch = values.branch.strip() or await client.default_branch(name)
    for _ in range(MOST_MOVES):
        head = await _head(client, name, root, branch)
        sha = await _commit(context, name, root, head, values)
        outcome = await _move(context, name, root, branch, sha, values)
        if not outcome.refused:
            paths = [one.path for one in values.files]
            return CommittedFiles(commit_sha=sha, url=outcome.external_url, branch=branch, files=paths)
    raise Rejected(
        f"{branch} moved {MOST_MOVES} times while this step wanted to commit to it; nothing was committed.",
        code="E_CONFLICT",
        refused=True,
        hint="Run the step again when fewer others write to the branch, or propose the files in a pull request.",
    )


async def _move(
    context: Context[GithubClient], name: str, root: str, branch: str, sha: str, values: CommitFilesInput
) -> Outcome:
    """The branch moves on to our commit; refused when it has moved meanwhile, so that nobody's commit is lost."""
    client = context.client

    async def send(key: str) -> Outcome:
        about = {"repository": name, "branch": branch, "path": f"the branch {branch}"}
        body = {"sha": sha, "force": False}
        await client.rest("PATCH", f"{root}/git/refs/heads/{quote(branch)}", body=body, about=about)
        return Outcome(sha, page(client, f"{name}/commit/{sha}"))

    async def look(what: LookFor) -> Found | None:
        listed = await client.rest_pages(f"{root}/commits", {"sha": branch}, 100, about={"repository": name})
        there = any(said(data, "sha") == sha for data in listed)
        return Found(sha, page(client, f"{name}/commit/{sha}")) if there else None

    return await context.change(
        Order(
            op="update_branch",
            target={"repository": name, "branch": branch},
            request={"sha": sha, "message": values.message, "files": [one.path for one in values.files]},
            send=send,
            look=look,
            search_url=page(client, f"{name}/commits/{quote(branch)}"),
            expects=frozenset({"E_CONFLICT"}),
        )
    )


async def _head(client: GithubClient, name: str, root: str, branch: str) -> str:
    about = {"repository": name, "branch": branch}
    data: Data = await client.rest("GET", f"{root}/git/ref/heads/{quote(branch)}", about=about)
    return said(part(data, "object"), "sha")


async def _commit(context: Context[GithubClient], name: str, root: str, head: str, values: CommitFilesInput) -> str:
    """The commit on top of `head`; no branch points at it yet."""
    client = context.client
    base: Data = await client.rest("GET", f"{root}/git/commits/{head}", about={"repository": name})
    entries = await _entries(context, name, root, head, values.files)

    async def send_tree(key: str) -> Outcome:
        body = {"base_tree": said(part(base, "tree"), "sha"), "tree": entries}
        data: Data = await client.rest("POST", f"{root}/git/trees", body=body, about={"repository": name})
        return Outcome(str(need(data, "sha", "a tree")), "", {"parent": head})

    tree = await context.change(
        Order(
            op="create_tree",
            target={"repository": name},
            request={"base": head, "files": entries},
            send=send_tree,
            set_semantics=True,
        )
    )
    parent = str(tree.data.get("parent") or head)
    message = values.message

    async def send_commit(key: str) -> Outcome:
        body = {"message": with_trailer(message, key), "tree": tree.external_id, "parents": [parent]}
        data: Data = await client.rest("POST", f"{root}/git/commits", body=body, about={"repository": name})
        return Outcome(str(need(data, "sha", "a commit")))

    made = await context.change(
        Order(
            op="create_commit",
            target={"repository": name},
            request={"message": message, "tree": tree.external_id, "parent": parent},
            send=send_commit,
            set_semantics=True,  # a second object that no branch points at is nothing anybody can see
        )
    )
    return made.external_id


async def _entries(
    context: Context[GithubClient], name: str, root: str, head: str, files: list[FileChange]
) -> list[dict[str, Any]]:
    paths = [clean_path(one.path) for one in files]
    if twice := sorted({path for path in paths if paths.count(path) > 1}):
        raise Rejected(f"{twice[0]} is named twice.", refused=True, hint="Name each file once.")
    there: set[str] = set()
    if any(one.delete for one in files):
        query = {"recursive": "1"}
        data: Data = await context.client.rest(
            "GET", f"{root}/git/trees/{head}", query=query, about={"repository": name}
        )
        there = {said(item, "path") for item in data.get("tree") or []}
    entries: list[dict[str, Any]] = []
    for path, one in zip(paths, files, strict=True):
        about = {"path": path, "mode": "100644", "type": "blob"}
        if not one.delete:
            entries.append({**about, "content": one.content})
        elif path in there:
            entries.append({**about, "sha": None})
    if not entries and not context.earlier_change:
        raise Rejected("None of the files to delete is there.", refused=True, hint="Check their paths.")
    return entries


class ProposeFilesInput(CommitFilesInput):
    """What to commit, and the pull request that proposes it."""

    branch: str = target(
        "New branch", help="It must not exist yet.", example="docs/guide", max_length=250, min_length=1
    )
    base: str = branch_field(help="What it is proposed for. Empty: the default branch.")
    title: str = text("Title of the pull request", default="", help="Empty: the commit message.", max_length=256)
    body: str = text("Text of the pull request", default="", widget="markdown", max_length=60_000)
    draft: bool = setting("As a draft", default=False)


@github.action(
    "propose_files",
    kind=Kind.EFFECT,
    input=ProposeFilesInput,
    output=PullDetails,
    title="Propose files in a pull request",
    phrase="opens a pull request with files",
    changes=[
        *OBJECTS,
        Change("create_branch", look=True, undo="Delete the branch", thing="branch", weight=55),
        Change("create_pull", look=True, undo="Close the pull request", thing="pull request", weight=45),
    ],
    timeout=120,
    keywords=("branch", "commit", "pull request", "pr"),
    foretell={**FORETOLD, "create_branch": plans.new_branch, "create_pull": plans.new_pull},
)
async def propose_files(context: Context[GithubClient], values: ProposeFilesInput) -> PullDetails:
    """Commit files on a new branch and open a pull request, so that a person looks before anything changes."""
    client = context.client
    name, root = place(values.repository)
    base = values.base.strip() or await client.default_branch(name)
    head = await _head(client, name, root, base)
    sha = await _commit(context, name, root, head, values)
    await point(context, name, root, values.branch.strip(), sha)
    title = values.title.strip() or values.message.partition("\n")[0][:256]
    return await open_pull(context, name, root, values.branch.strip(), base, title, values.body, draft=values.draft)


async def point(context: Context[GithubClient], name: str, root: str, branch: str, sha: str) -> Outcome:
    """A new branch at a commit."""
    client = context.client

    async def send(key: str) -> Outcome:
        body = {"ref": f"refs/heads/{branch}", "sha": sha}
        await client.rest("POST", f"{root}/git/refs", body=body, about={"repository": name, "branch": branch})
        return Outcome(branch, page(client, f"{name}/tree/{quote(branch)}"), {"sha": sha})

    async def look(what: LookFor) -> Found | None:
        if await _stands(client, name, root, branch) != sha:
            return None
        return Found(branch, page(client, f"{name}/tree/{quote(branch)}"), {"sha": sha})

    return await context.change(
        Order(
            op="create_branch",
            target={"repository": name, "branch": branch},
            request={"sha": sha},
            send=send,
            look=look,
            search_url=page(client, f"{name}/branches"),
        )
    )


async def _stands(client: GithubClient, name: str, root: str, branch: str) -> str:
    """The commit that a branch stands at; empty where it is not there. (The list has no pages.)"""
    where = f"{root}/git/matching-refs/heads/{quote(branch)}"
    listed = items_of(await client.rest("GET", where, about={"repository": name}))
    mine = [data for data in listed if said(data, "ref") == f"refs/heads/{branch}"]
    return said(part(mine[0], "object"), "sha") if mine else ""


class CreateBranchInput(Model):
    """Which branch, and where it begins."""

    repository: str = repository_field()
    branch: str = target("New branch", example="release/1.5", min_length=1, max_length=250)
    start: str = target(
        "From", default="", help="A branch. Empty: the default branch.", choices="branches", depends=["repository"]
    )


class Branch(Model):
    """A branch."""

    name: str
    sha: str
    url: str


@github.action(
    "create_branch",
    kind=Kind.EFFECT,
    input=CreateBranchInput,
    output=Branch,
    title="Create a branch",
    phrase="creates a branch",
    changes=[Change("create_branch", look=True, undo="Delete the branch", thing="branch", weight=55)],
    foretell={"create_branch": plans.new_branch},
)
async def create_branch(context: Context[GithubClient], values: CreateBranchInput) -> Branch:
    """Create a branch at the newest commit of another one."""
    name, root = place(values.repository)
    start = values.start.strip() or await context.client.default_branch(name)
    sha = await _head(context.client, name, root, start)
    outcome = await point(context, name, root, values.branch.strip(), sha)
    return Branch(name=values.branch.strip(), sha=str(outcome.data.get("sha", sha)), url=outcome.external_url)


class DeleteBranchInput(Model):
    """Which branch."""

    repository: str = repository_field()
    branch: str = target("Branch", min_length=1, max_length=250, choices="branches", depends=["repository"])


class DeletedBranch(Model):
    """What was done; `changed` is false where the branch was not there."""

    branch: str
    sha: str
    changed: bool


@github.action(
    "delete_branch",
    kind=Kind.EFFECT,
    input=DeleteBranchInput,
    output=DeletedBranch,
    title="Delete a branch",
    phrase="deletes a branch",
    changes=[Change("delete_branch", look=True, undo="Create it again at its last commit", thing="branch", weight=15)],
    foretell={"delete_branch": plans.gone_branch},
)
async def delete_branch(context: Context[GithubClient], values: DeleteBranchInput) -> DeletedBranch:
    """Delete a branch; one that is not there is no error. `sha` is where it stood."""
    client, branch = context.client, values.branch.strip()
    name, root = place(values.repository)

    before = await _stands(client, name, root, branch)
    if not before and not context.earlier_change:
        return DeletedBranch(branch=branch, sha="", changed=False)

    async def send(key: str) -> Outcome:
        await client.rest(
            "DELETE", f"{root}/git/refs/heads/{quote(branch)}", about={"repository": name, "branch": branch}
        )
        return Outcome(branch, "", {"sha": before})

    async def look(what: LookFor) -> Found | None:
        return None if await _stands(client, name, root, branch) else Found(branch, "", {"sha": before})

    outcome = await context.change(
        Order(
            op="delete_branch",
            target={"repository": name, "branch": branch},
            request={"sha": before},
            send=send,
            look=look,
            search_url=page(client, f"{name}/branches"),
        )
    )
    return DeletedBranch(branch=branch, sha=str(outcome.data.get("sha") or before), changed=True)


class ListBranchesInput(Model):
    """Which branches."""

    repository: str = repository_field()
    limit: int = setting("At most", default=100, ge=1, le=1000)


class Branches(Model):
    """The branches."""

    branches: list[Branch]
    count: int


@github.action(
    "list_branches",
    kind=Kind.READ,
    input=ListBranchesInput,
    output=Branches,
    title="List branches",
    phrase="lists branches",
)
async def list_branches(context: Context[GithubClient], values: ListBranchesInput) -> Branches:
    """List the branches of a repository with the commit each stands at."""
    name, root = place(values.repository)
    found = [
        Branch(
            name=said(data, "name"),
            sha=said(part(data, "commit"), "sha"),
            url=page(context.client, f"{name}/tree/{quote(said(data, 'name'))}"),
        )
        for data in await context.client.rest_pages(f"{root}/branches", {}, values.limit, about={"repository": name})
    ]
    return Branches(branches=found, count=len(found))
