"""Actions on single files: write, read, delete, list."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import quote

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.github import INTEGRATION as github
from integrations.github import plans
from integrations.github.common import LOOK_BACK, Data, need, number, page, place, repository_field, said
from integrations.github.interface import (
    CommitRecord,
    GithubClient,
    blob_sha,
    clean_path,
    clean_repository,
    with_trailer,
)
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text


def branch_field(**more: Any) -> Any:
    """The input that says on which branch."""
    words = {"help": "Empty: the repository's default branch.", **more}
    return target("Branch", default="", choices="branches", depends=["repository"], max_length=250, **words)


def path_field(label: str = "File", example: str = "docs/guide.md") -> Any:
    """The input that says which file."""
    return target(label, help="Path in the repository.", example=example, min_length=1, max_length=1000)


class CommitFileInput(Model):
    """A file to write."""

    repository: str = repository_field()
    path: str = target("File", help="Path in the repository.", example="docs/guide.md", min_length=1, max_length=1000)
    content: str = text("Content", widget="long", help="The whole file.")
    message: str = text("Commit message", example="Update the guide", min_length=1, max_length=10_000)
    branch: str = branch_field()


class CommittedFile(Model):
    """The file as it stands now; `changed` is false where it said the same already."""

    commit_sha: str
    url: str
    path: str
    branch: str
    created: bool
    changed: bool


@github.action(
    "commit_file",
    kind=Kind.EFFECT,
    input=CommitFileInput,
    output=CommittedFile,
    title="Commit a file",
    phrase="commits a file",
    changes=[Change("commit_file", look=True, undo="Revert the commit", thing="file", weight=40)],
    keywords=("save", "write", "upload", "markdown"),
    foretell={"commit_file": plans.committed_file},
)
async def commit_file(context: Context[GithubClient], values: CommitFileInput) -> CommittedFile:
    """Create or replace a file by one commit. The same content again makes no commit."""
    client, repository, path = context.client, clean_repository(values.repository), clean_path(values.path)
    data = values.content.encode()
    branch = values.branch.strip() or await client.default_branch(repository)
    before = await client.read_file(repository, path, branch)
    same = before is not None and before.sha == blob_sha(data)
    if before is not None and same and not context.earlier_change:
        sha = await client.last_commit(repository, path, branch)
        return CommittedFile(commit_sha=sha, url=before.url, path=path, branch=branch, created=False, changed=False)

    async def send(key: str) -> Outcome:
        if before is not None and same:
            sha = await client.last_commit(repository, path, branch)
            return _file_outcome(CommitRecord(sha, before.url), created=False, changed=False)
        made = await client.put_file(
            repository, path, branch, data, with_trailer(values.message, key), before.sha if before else None
        )
        return _file_outcome(made, created=before is None, changed=True)

    async def look(what: LookFor) -> Found | None:
        made = await client.find_commit(repository, path, branch, what.key, what.sent_at - LOOK_BACK)
        return Found(made.sha, made.url, {"created": made.created, "changed": True}) if made else None

    outcome = await context.change(
        Order(
            op="commit_file",
            target={"repository": repository, "path": path, "branch": branch},
            request={"repository": repository, "path": path, "branch": branch, "message": values.message}
            | {"content": values.content},
            send=send,
            look=look,
            search_url=page(client, f"{repository}/commits/{quote(branch)}/{quote(path)}"),
        )
    )
    return CommittedFile(
        commit_sha=outcome.external_id,
        url=outcome.external_url,
        path=path,
        branch=branch,
        created=bool(outcome.data.get("created", False)),
        changed=bool(outcome.data.get("changed", True)),
    )


def _file_outcome(made: CommitRecord, *, created: bool, changed: bool) -> Outcome:
    return Outcome(made.sha, made.url, {"created": created, "changed": changed})


class FileInput(Model):
    """Which file."""

    repository: str = repository_field()
    path: str = path_field()
    branch: str = branch_field(help="A branch, tag or sha. Empty: the default branch.")


class ReadFile(Model):
    """A file as it stands; `text` is empty for one that is not text."""

    path: str
    branch: str
    text: str
    is_text: bool
    size: int
    sha: str
    url: str


@github.action(
    "get_file", kind=Kind.READ, input=FileInput, output=ReadFile, title="Read a file", phrase="reads a file",
    keywords=("content", "load"),
)  # fmt: skip
async def get_file(context: Context[GithubClient], values: FileInput) -> ReadFile:
    """Read a file of a repository, up to 1 MB of text."""
    name, root = place(values.repository)
    path, branch = clean_path(values.path), values.branch.strip() or await context.client.default_branch(name)
    about = {"repository": name, "branch": branch}
    data = await context.client.rest("GET", f"{root}/contents/{quote(path)}", query={"ref": branch}, about=about)
    if not isinstance(data, dict) or data.get("type", "file") != "file":
        raise Rejected(f"{path} in {name} is not a file.", refused=True, hint="Name a file, such as docs/guide.md.")
    content = _decoded(data)
    return ReadFile(
        path=path,
        branch=branch,
        text=content or "",
        is_text=content is not None,
        size=number(data, "size"),
        sha=said(data, "sha"),
        url=said(data, "html_url"),
    )


def _decoded(data: Data) -> str | None:
    if said(data, "encoding") not in ("base64", ""):
        raise Rejected(
            "The file is larger than 1 MB; GitHub gives its content by other means only.",
            refused=True,
            hint="Use a smaller file.",
        )
    try:
        return base64.b64decode(said(data, "content")).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


class DeleteFileInput(FileInput):
    """Which file, and why."""

    branch: str = branch_field()
    message: str = text("Commit message", default="", help="Empty: Delete and the path.", max_length=10_000)


class DeletedFile(Model):
    """What was done; `changed` is false where the file was not there."""

    commit_sha: str
    path: str
    branch: str
    changed: bool


@github.action(
    "delete_file",
    kind=Kind.EFFECT,
    input=DeleteFileInput,
    output=DeletedFile,
    title="Delete a file",
    phrase="deletes a file",
    changes=[Change("delete_file", look=True, undo="Revert the commit", thing="file", weight=35)],
    keywords=("remove",),
    foretell={"delete_file": plans.committed_file},
)
async def delete_file(context: Context[GithubClient], values: DeleteFileInput) -> DeletedFile:
    """Delete a file by one commit. A file that is not there is no error."""
    client = context.client
    name, root = place(values.repository)
    path, branch = clean_path(values.path), values.branch.strip() or await client.default_branch(name)
    before = await client.read_file(name, path, branch)
    if before is None and not context.earlier_change:
        return DeletedFile(commit_sha="", path=path, branch=branch, changed=False)
    about = {"repository": name, "branch": branch, "path": path}
    message = values.message or f"Delete {path}"

    async def send(key: str) -> Outcome:
        body = {"message": with_trailer(message, key), "sha": before.sha if before else "", "branch": branch}
        data: Data = await client.rest("DELETE", f"{root}/contents/{quote(path)}", body=body, about=about)
        return Outcome(str(need(data.get("commit"), "sha", "a commit")))

    async def look(what: LookFor) -> Found | None:
        made = await client.find_commit(name, path, branch, what.key, what.sent_at - LOOK_BACK)
        return Found(made.sha) if made else None

    outcome = await context.change(
        Order(
            op="delete_file",
            target={"repository": name, "branch": branch, "path": path},
            request={"message": message},
            send=send,
            look=look,
            search_url=page(client, f"{name}/commits/{quote(branch)}/{quote(path)}"),
        )
    )
    return DeletedFile(commit_sha=outcome.external_id, path=path, branch=branch, changed=True)


class ListFilesInput(Model):
    """Where to look."""

    repository: str = repository_field()
    folder: str = text("Folder", default="", help="Empty: the whole repository.", max_length=1000)
    branch: str = branch_field(help="A branch, tag or sha. Empty: the default branch.")
    suffix: str = text("Ending in", default="", example=".md", max_length=40)
    limit: int = setting("At most", default=1000, ge=1, le=10_000)


class Entry(Model):
    """One file."""

    path: str
    size: int
    sha: str


class Files(Model):
    """The files; `truncated` when GitHub could not list them all."""

    files: list[Entry]
    count: int
    truncated: bool


@github.action(
    "list_files", kind=Kind.READ, input=ListFilesInput, output=Files, title="List files", phrase="lists files",
    keywords=("tree", "folder"),
)  # fmt: skip
async def list_files(context: Context[GithubClient], values: ListFilesInput) -> Files:
    """List the files of a repository or one of its folders, with those in its subfolders."""
    name, root = place(values.repository)
    branch = values.branch.strip() or await context.client.default_branch(name)
    where = f"{root}/git/trees/{quote(branch, safe='')}"
    data: Data = await context.client.rest(
        "GET", where, query={"recursive": "1"}, about={"repository": name, "branch": branch}
    )
    inside = f"{values.folder.strip().strip('/')}/" if values.folder.strip("/ ") else ""
    found = [
        Entry(path=said(item, "path"), size=number(item, "size"), sha=said(item, "sha"))
        for item in data.get("tree") or []
        if item.get("type") == "blob"
    ]
    wanted = [entry for entry in found if entry.path.startswith(inside) and entry.path.endswith(values.suffix)]
    cut = bool(data.get("truncated")) or len(wanted) > values.limit
    return Files(files=wanted[: values.limit], count=len(wanted), truncated=cut)
