"""How PyGithub reaches the network: its connection replaced by ours, so that one call is one guarded request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from github import Auth, Github
from github.Requester import Requester, RequestsResponse

from orchestrator_site.lib.outbound import Call, guarded_session

USER_AGENT = "ai-workflow-orchestrator"


class Moved(Exception):
    """GitHub points a change to another address: the repository was renamed, and nothing was done."""

    def __init__(self, status: int) -> None:
        super().__init__(f"moved ({status})")
        self.status = status


@contextmanager
def open_github(base_url: str, auth: Auth.Auth, call: Call) -> Iterator[Github]:
    """A PyGithub client for one call, without retries or pauses; nothing is asked before a method is called."""
    github = Github(
        base_url=base_url,
        auth=auth,
        user_agent=USER_AGENT,
        per_page=100,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
        lazy=True,
    )
    scheme = base_url.partition("://")[0]
    # PyGithub has no public way to give one client its own transport (injectConnectionClasses is for the process).
    inside: Any = github.requester
    inside._Requester__connectionClass = lambda host, port, **_: Connection(scheme, host, port, call)
    try:
        yield github
    finally:
        github.close()


class Connection:
    """What PyGithub asks of a connection: `request`, `getresponse`, `close`."""

    def __init__(self, scheme: str, host: str, port: int | None, call: Call) -> None:
        self.host = host
        self._root = f"{scheme}://{host}" + (f":{port}" if port else "")
        self._session = guarded_session(call)
        self._session.auth = Requester.noopAuth

    def request(self, verb: str, url: str, input: Any, headers: dict[str, str], stream: bool = False) -> None:
        """Keep what is to be sent."""
        self._next = (verb, url, input, headers)

    def getresponse(self) -> RequestsResponse:
        """Send it, once."""
        verb, url, data, headers = self._next
        answer = self._session.request(verb, f"{self._root}{url}", data=data, headers=headers, allow_redirects=False)
        if verb != "GET" and 300 <= answer.status_code < 400:
            raise Moved(answer.status_code)
        return RequestsResponse(answer)

    def close(self) -> None:
        """Give the sockets back."""
        self._session.close()
