"""GitHub through PyGithub: one request for each change, the SDK's retries and pauses off; imported when first used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from integrations.blocking import in_thread
from integrations.context import Calls, Choice, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected, ServiceError
from integrations.github.choices import choices_of
from integrations.github.failures import SERVICE, failure
from integrations.github.interface import (
    CommitRecord,
    FileRecord,
    IssueRecord,
    RepositoryRecord,
    items_of,
    marker_of,
    trailer_of,
)
from integrations.github.report import report, token_end
from integrations.http_failures import from_transport, unreadable

if TYPE_CHECKING:
    from github import Auth, Github

    from integrations.github.app import AppTokens
    from orchestrator_site.lib.outbound import Call

T = TypeVar("T")
HOST = "https://api.github.com"
PER_PAGE = 100


def connect(info: ConnectionInfo, calls: Calls) -> RealGithub:
    """The client of a connection."""
    return RealGithub(info, calls)


class RealGithub:
    """`interface.GithubClient` over PyGithub."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._base_url = (info.base_url or HOST).rstrip("/")
        self._secret = info.secret
        self._app: AppTokens | None = None
        self._calls = calls
        self.web_url = _web_url(self._base_url)

    async def default_branch(self, repository: str) -> str:
        """Reference: https://docs.github.com/rest/repos/repos#get-a-repository."""

        def read(github: Github) -> str:
            data = _raw(github.get_repo(repository).complete())
            return str(_need(data, "default_branch", "a repository"))

        return await self._call(read, repository=repository)

    async def create_issue(
        self, repository: str, title: str, body: str, labels: list[str], assignees: list[str]
    ) -> IssueRecord:
        """Reference: https://docs.github.com/rest/issues/issues#create-an-issue."""

        def write(github: Github) -> IssueRecord:
            more: dict[str, Any] = {"labels": labels} if labels else {}
            more |= {"assignees": assignees} if assignees else {}
            return _issue(_raw(github.get_repo(repository).create_issue(title, body=body, **more)))

        return await self._call(write, repository=repository)

    async def find_issue(self, repository: str, key: str, since: datetime) -> IssueRecord | None:
        """Reference: https://docs.github.com/rest/issues/issues#list-repository-issues (search lags, this does not)."""

        def look(github: Github) -> IssueRecord | None:
            listed = github.get_repo(repository).get_issues(state="all", since=since, sort="created", direction="desc")
            found = (data for data in _raws(listed) if marker_of(data.get("body") or "") == key)
            return next((_issue(data) for data in found), None)

        return await self._call(look, repository=repository)

    async def read_file(self, repository: str, path: str, branch: str) -> FileRecord | None:
        """Reference: https://docs.github.com/rest/repos/contents#get-repository-content."""

        def read(github: Github) -> FileRecord | None:
            try:
                found = github.get_repo(repository).get_contents(path, ref=branch)
            except Exception as problem:
                if _status(problem) != 404 or ("No commit found" in str(problem) and not _is_empty(github, repository)):
                    raise
                return None
            data = {} if isinstance(found, list) else _raw(found)
            if isinstance(found, list) or data.get("type", "file") != "file":
                raise Rejected(
                    f"{path} in {repository} is not a file.", refused=True, hint="Name a file, such as docs/guide.md."
                )
            return FileRecord(str(_need(data, "sha", "a file")), str(data.get("html_url") or ""))

        return await self._call(read, repository=repository, branch=branch)

    async def put_file(
        self, repository: str, path: str, branch: str, content: bytes, message: str, sha: str | None
    ) -> CommitRecord:
        """Reference: https://docs.github.com/rest/repos/contents#create-or-update-file-contents."""

        def write(github: Github) -> CommitRecord:
            place = github.get_repo(repository)
            if sha:
                made = place.update_file(path, message, content, sha, branch=branch)
            else:
                made = place.create_file(path, message, content, branch=branch)
            page = str(_raw(made["content"]).get("html_url") or "")
            return CommitRecord(str(_need(_raw(made["commit"]), "sha", "a commit")), page, created=not sha)

        return await self._call(write, repository=repository, branch=branch, path=path)

    async def find_commit(
        self, repository: str, path: str, branch: str, key: str, since: datetime
    ) -> CommitRecord | None:
        """Reference: https://docs.github.com/rest/commits/commits#list-commits."""

        def look(github: Github) -> CommitRecord | None:
            place = github.get_repo(repository)
            try:
                listed = list(_raws(place.get_commits(sha=branch, path=path, since=since)))
            except Exception as problem:
                if _status(problem) == 409:  # "Git Repository is empty."
                    return None
                raise
            mine = next((c for c in listed if trailer_of((c.get("commit") or {}).get("message", "")) == key), None)
            return self._commit(place, repository, path, branch, mine) if mine else None

        return await self._call(look, repository=repository, branch=branch)

    def _commit(self, place: Any, repository: str, path: str, branch: str, commit: Mapping[str, Any]) -> CommitRecord:
        sha = str(_need(commit, "sha", "a commit"))
        files = _raw(place.get_commit(sha).complete()).get("files") or []
        added = any(file.get("filename") == path and file.get("status") == "added" for file in files)
        return CommitRecord(sha, f"{self.web_url}/{repository}/blob/{branch}/{path}", created=added)

    async def last_commit(self, repository: str, path: str, branch: str) -> str:
        """The newest commit of a file."""

        def read(github: Github) -> str:
            listed = github.get_repo(repository).get_commits(sha=branch, path=path)
            return next((str(data.get("sha") or "") for data in _raws(listed)), "")

        return await self._call(read, repository=repository, branch=branch)

    async def list_repositories(self, limit: int | None) -> list[RepositoryRecord]:
        """Reference: https://docs.github.com/rest/repos/repos#list-repositories-for-the-authenticated-user."""
        if self._is_app:
            listed = await self.rest_pages("/installation/repositories", {}, limit)
            return [_repository(data) for data in listed]

        def read(github: Github) -> list[RepositoryRecord]:
            return [_repository(data) for data in _raws(github.get_user().get_repos(), limit)]

        return await self._call(read)

    async def rest(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        about: Mapping[str, str] | None = None,
    ) -> Any:
        """Reference: https://docs.github.com/rest."""

        def ask(github: Github) -> Any:
            parameters = dict(query) if query else None
            return _told(*github.requester.requestJsonAndCheck(verb, path, parameters=parameters, input=body))

        return await self._call(ask, **(about or {}))

    async def rest_pages(
        self,
        path: str,
        query: Mapping[str, Any],
        limit: int | None,
        *,
        keep: Callable[[Mapping[str, Any]], bool] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> list[Mapping[str, Any]]:
        """Reference: https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api."""

        def read(github: Github) -> list[Mapping[str, Any]]:
            found: list[Mapping[str, Any]] = []
            number = 1
            while limit is None or len(found) < limit:
                parameters = {**query, "per_page": PER_PAGE, "page": number}
                headers, data = github.requester.requestJsonAndCheck("GET", path, parameters=parameters)
                found += [item for item in items_of(_told(headers, data)) if keep is None or keep(item)]
                if 'rel="next"' not in str(headers.get("link") or ""):
                    break
                number += 1
            return found[:limit]

        return await self._call(read, **(about or {}))

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """What inputs with `choices=` are offered."""
        return await choices_of(self, name, q, given)

    async def describe(self) -> ConnectionReport:
        """Who the token belongs to, what it reaches, and what it lacks."""
        if self._is_app:
            sample = await self.rest_pages("/installation/repositories", {}, PER_PAGE)
            return report("an installed GitHub App", [], sample, len(sample), classic=False)

        def read(github: Github) -> ConnectionReport:
            me = github.get_user().complete()
            user, end = _raw(me), token_end(me.raw_headers)
            repositories = github.get_user().get_repos()
            first = [data for data in _raws(repositories, 100)]
            scopes = [scope for scope in github.oauth_scopes or [] if scope]
            count = repositories.totalCount if len(first) == 100 else len(first)
            return report(str(_need(user, "login", "a user")), scopes, first, count, classic=bool(scopes), end=end)

        return await self._call(read)

    # ---- The one way out -----------------------------------------------------------------------------------------

    async def _call(self, function: Callable[[Github], T], **about: str) -> T:
        def guarded(call: Call) -> T:
            from integrations.github.wire import open_github

            try:
                with open_github(self._base_url, self._auth(call), call) as github:
                    return function(github)
            except Exception as problem:
                raise _failure(problem, about) from problem

        return await in_thread(self._calls, SERVICE, guarded)

    def _auth(self, call: Call) -> Auth.Auth:
        from github import Auth

        from integrations.github.app import AppTokens

        if not self._is_app:
            return Auth.Token(self._secret.get("token", ""))
        self._app = self._app or AppTokens(self._base_url, self._secret)
        return Auth.Token(self._app.get(call))

    @property
    def _is_app(self) -> bool:
        return not self._secret.get("token")


def _failure(problem: Exception, about: Mapping[str, str]) -> ServiceError:
    from github import GithubException

    from integrations.github.wire import Moved

    if isinstance(problem, ServiceError):
        return problem
    if isinstance(problem, GithubException):
        headers = {name.lower(): str(value) for name, value in (problem.headers or {}).items()}
        return failure(int(problem.status), problem.data, headers, **about)
    if isinstance(problem, Moved):
        return failure(problem.status, {"message": "moved"}, {}, **about)
    if isinstance(problem, (KeyError, TypeError, AttributeError, AssertionError, ValueError, IndexError)):
        return unreadable(SERVICE, "what GitHub promises")
    return from_transport(SERVICE, problem)


def _is_empty(github: Github, repository: str) -> bool:
    """Whether a repository has no commit at all; then its default branch comes with the first one."""
    try:
        return next(iter(github.get_repo(repository).get_commits()), None) is None
    except Exception as problem:
        if _status(problem) == 409:
            return True
        raise


def _status(problem: Exception) -> int:
    status = getattr(problem, "status", 0)
    return status if isinstance(status, int) else 0


def _told(headers: Mapping[str, Any], data: Any) -> Any:
    """What GitHub itself has answered. Raises Unreadable for the page of somebody between us (a sign-in, a proxy):
    GitHub's own answers are JSON, or carry the id of the request where they are text or nothing."""
    named = {name.lower(): str(value) for name, value in headers.items()}
    kind = named.get("content-type", "")
    if kind and "json" not in kind and "x-github-request-id" not in named:
        raise unreadable(SERVICE, "an answer of GitHub")
    return data


def _raw(thing: Any) -> dict[str, Any]:
    """What GitHub said of a thing; unlike `thing.raw_data` this never asks for more by itself."""
    from github.GithubObject import GithubObject

    data = GithubObject.raw_data.fget(thing)  # type: ignore[attr-defined]
    return data if isinstance(data, dict) else {}


def _raws(listed: Any, limit: int | None = None) -> Iterator[dict[str, Any]]:
    return (_raw(item) for item in islice(listed, limit))


def _need(data: Mapping[str, Any], name: str, what: str) -> Any:
    if not data.get(name):
        raise unreadable(SERVICE, what)
    return data[name]


def _issue(data: Mapping[str, Any]) -> IssueRecord:
    return IssueRecord(
        id=int(_need(data, "id", "an issue")),
        number=int(_need(data, "number", "an issue")),
        url=str(data.get("html_url") or ""),
        title=str(data.get("title") or ""),
        labels=tuple(str(label.get("name", "")) for label in data.get("labels") or () if isinstance(label, Mapping)),
        assignees=tuple(str(person.get("login", "")) for person in data.get("assignees") or ()),
    )


def _repository(data: Mapping[str, Any]) -> RepositoryRecord:
    return RepositoryRecord(
        full_name=str(_need(data, "full_name", "a repository")),
        name=str(data.get("name") or ""),
        description=str(data.get("description") or ""),
        url=str(data.get("html_url") or ""),
        private=bool(data.get("private")),
        default_branch=str(data.get("default_branch") or ""),
    )


def _web_url(base_url: str) -> str:
    """Where people see what the API at `base_url` holds."""
    parts = urlsplit(base_url)
    if parts.hostname == "api.github.com":
        return "https://github.com"
    return f"{parts.scheme}://{parts.netloc}"
