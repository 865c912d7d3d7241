"""GitHub as the sandbox plays it: the same interface over the tables of one workspace, with GitHub's own refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from integrations.context import Calls, Choice, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected, ServiceError
from integrations.github.choices import choices_of
from integrations.github.failures import failure
from integrations.github.interface import (
    CommitRecord,
    FileRecord,
    IssueRecord,
    RepositoryRecord,
    blob_sha,
    items_of,
    marker_of,
    trailer_of,
)
from integrations.github.sandbox_rest import answer
from integrations.github.world import WORLD, commit_thing, file_id, file_thing, issue_thing, seed_objects
from integrations.models import SandboxObject
from integrations.sandboxes import Sandbox
from orchestrator_site.lib.clock import now

__all__ = ["WORLD", "SandboxGithub", "connect", "seed_objects"]


def connect(info: ConnectionInfo, calls: Calls) -> SandboxGithub:
    """The client of a sandbox connection."""
    return SandboxGithub(info, calls)


class SandboxGithub:
    """`interface.GithubClient` over SandboxObject rows."""

    web_url = ""  # there is nothing on github.com to search

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._world = Sandbox(info, calls, "github")

    async def default_branch(self, repository: str) -> str:
        """The branch the repository names as its own."""
        return await self._world.run(lambda: str(self._repository(repository).data["default_branch"]))

    async def create_issue(
        self, repository: str, title: str, body: str, labels: list[str], assignees: list[str]
    ) -> IssueRecord:
        """Open an issue with the next number."""

        def write() -> IssueRecord:
            place = self._repository(repository).external_id
            if not title.strip():
                raise _refused(422, "Validation Failed; title: missing_field")
            number = 1 + max((row.data["number"] for row in self._world.things("issue", parent=place)), default=0)
            opened = now().isoformat(timespec="seconds")
            thing = issue_thing(
                place, number, title, body, labels=labels, assignees=assignees, author="sandbox", created_at=opened
            )
            return self._issue(self._world.add(thing, marker_of(body)))

        return await self._world.run(write)

    async def find_issue(self, repository: str, key: str, since: datetime) -> IssueRecord | None:
        """The issue with this marker."""

        def look() -> IssueRecord | None:
            place = self._repository(repository).external_id
            found = self._world.things("issue", parent=place, marker=key[:64], created_at__gte=since).first()
            return self._issue(found) if found else None

        return await self._world.run(look)

    async def read_file(self, repository: str, path: str, branch: str) -> FileRecord | None:
        """The file, or None; a missing branch is a refusal."""

        def read() -> FileRecord | None:
            place = self._repository(repository)
            if branch not in place.data["branches"] and self._files(place):
                raise _refused(404, f"No commit found for the ref {branch}", repository=repository, branch=branch)
            found = self._file(place, branch, path)
            if found is None and self._is_folder(place, branch, path):
                raise Rejected(
                    f"{path} in {repository} is not a file.", refused=True, hint="Name a file, such as docs/guide.md."
                )
            return FileRecord(found.data["sha"], self._world.url(found)) if found else None

        return await self._world.run(read)

    async def put_file(
        self, repository: str, path: str, branch: str, content: bytes, message: str, sha: str | None
    ) -> CommitRecord:
        """Write the file if it still is what it was read as; add the commit."""

        def write() -> CommitRecord:
            place = self._repository(repository)
            if branch not in place.data["branches"]:
                raise _refused(404, f"Branch {branch} not found", repository=repository, branch=branch)
            before = self._file(place, branch, path)
            before = self._world.lock(before) if before else None
            about = {"repository": repository, "branch": branch, "path": path}
            if before is not None and not sha:
                raise _refused(422, 'Invalid request. "sha" wasn\'t supplied.', **about)
            if sha and (before is None or before.data["sha"] != sha):
                raise _refused(409, f"{path} does not match {sha}", **about)
            file = self._write(place, branch, path, content, before)
            thing = commit_thing(
                place.external_id,
                branch,
                path,
                message,
                seed=str(uuid4()),
                created=before is None,
                author="sandbox",
                date=now().isoformat(timespec="seconds"),
            )
            made = self._world.add(thing, trailer_of(message))
            place = self._world.lock(place)
            self._world.change(place, {"heads": {**place.data.get("heads", {}), branch: made.external_id}})
            return CommitRecord(made.external_id, self._world.url(file), created=before is None)

        return await self._world.run(write)

    async def find_commit(
        self, repository: str, path: str, branch: str, key: str, since: datetime
    ) -> CommitRecord | None:
        """The commit with this trailer."""

        def look() -> CommitRecord | None:
            place = self._repository(repository)
            found = self._world.things("commit", parent=place.external_id, marker=key[:64]).first()
            file = self._file(place, branch, path)
            if found is None or found.data["path"] != path:
                return None
            page = self._world.url(file) if file else ""
            return CommitRecord(found.external_id, page, created=bool(found.data["created"]))

        return await self._world.run(look)

    async def last_commit(self, repository: str, path: str, branch: str) -> str:
        """The newest commit of the file."""

        def read() -> str:
            place = self._repository(repository)
            mine = [
                row
                for row in self._world.things("commit", parent=place.external_id)
                if row.data["path"] == path and row.data["branch"] == branch
            ]
            return mine[-1].external_id if mine else ""

        return await self._world.run(read)

    async def list_repositories(self, limit: int | None) -> list[RepositoryRecord]:
        """The repositories of the sandbox."""

        def read() -> list[RepositoryRecord]:
            return [self._shown(row) for row in self._world.things("repository")[:limit]]

        return await self._world.run(read)

    async def rest(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        about: Mapping[str, str] | None = None,
    ) -> Any:
        """The same addresses as GitHub's, as far as the actions use them."""
        return await self._world.run(lambda: answer(self._world, verb, path, query or {}, body))

    async def rest_pages(
        self,
        path: str,
        query: Mapping[str, Any],
        limit: int | None,
        *,
        keep: Callable[[Mapping[str, Any]], bool] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> list[Mapping[str, Any]]:
        """A list, which in the sandbox has one page."""
        found = items_of(await self.rest("GET", path, query=query))
        return [item for item in found if keep is None or keep(item)][:limit]

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """What inputs with `choices=` are offered."""
        return await choices_of(self, name, q, given)

    async def describe(self) -> ConnectionReport:
        """What there is to play with."""
        count = len(await self.list_repositories(None))
        return ConnectionReport(
            ok=True,
            summary=f"The sandbox: {count} repositories on this machine, nothing leaves it.",
            can=(f"read {count} repositories", "create issues and commit files in them"),
        )

    # ---- On the database's thread ------------------------------------------------------------------------------

    def _repository(self, name: str) -> SandboxObject:
        found = self._world.things("repository", external_id__iexact=name).first()
        if found is None:
            known = ", ".join(row.external_id for row in self._world.things("repository")[:5])
            refusal = _refused(404, "Not Found", repository=name)
            refusal.hint = f"The sandbox holds {known}. {refusal.hint}"
            raise refusal
        return found

    def _file(self, place: SandboxObject, branch: str, path: str) -> SandboxObject | None:
        return self._world.find("file", file_id(place.external_id, branch, path))

    def _files(self, place: SandboxObject) -> list[SandboxObject]:
        return list(self._world.things("file", parent=place.external_id))

    def _is_folder(self, place: SandboxObject, branch: str, path: str) -> bool:
        inside = f"{path}/"
        return any(row.data["branch"] == branch and row.data["path"].startswith(inside) for row in self._files(place))

    def _write(
        self, place: SandboxObject, branch: str, path: str, content: bytes, before: SandboxObject | None
    ) -> SandboxObject:
        text, sha = content.decode("utf-8", "replace"), blob_sha(content)
        if before is not None:
            return self._world.change(before, {"content": text, "sha": sha})
        return self._world.add(file_thing(place.external_id, branch, path, text, sha))

    def _issue(self, row: SandboxObject) -> IssueRecord:
        return IssueRecord(
            id=int(blob_sha(f"{row.pk}".encode())[:12], 16),
            number=row.data["number"],
            url=self._world.url(row),
            title=row.data["title"],
            labels=tuple(row.data["labels"]),
            assignees=tuple(row.data["assignees"]),
        )

    def _shown(self, row: SandboxObject) -> RepositoryRecord:
        return RepositoryRecord(
            full_name=row.external_id,
            name=row.external_id.partition("/")[2],
            description=row.data["description"],
            url=self._world.url(row),
            private=row.data["private"],
            default_branch=row.data["default_branch"],
        )


def _refused(status: int, said: str, *, repository: str = "", branch: str = "", path: str = "") -> ServiceError:
    return failure(status, {"message": said}, {}, repository=repository, branch=branch, path=path)
