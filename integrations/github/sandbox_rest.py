"""GitHub's REST API over the sandbox's tables: the addresses that the actions use, with GitHub's own refusals.

Everything here runs on the database's thread, inside one transaction of the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from integrations.errors import ServiceError
from integrations.github.failures import failure
from integrations.models import SandboxObject
from integrations.sandboxes import Sandbox

Handler = Callable[["Api"], Any]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def route(verb: str, pattern: str) -> Callable[[Handler], Handler]:
    """Declare what answers an address; `{repo}` is owner/name, `{x}` one part, `{x*}` the rest."""
    text = re.escape(pattern).replace(r"\{repo\}", r"(?P<repo>[^/]+/[^/]+)")
    text = re.sub(r"\\\{(\w+)\\\*\\\}", r"(?P<\1>.+)", text)
    text = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", text)

    def declare(handler: Handler) -> Handler:
        ROUTES.append((verb, re.compile(text), handler))
        return handler

    return declare


class Api:
    """One request: its parts by attribute, and the world."""

    def __init__(self, world: Sandbox, parts: Mapping[str, str], query: Mapping[str, Any], body: Any) -> None:
        self.world, self.query, self.body = world, query, body if isinstance(body, Mapping) else {}
        self.parts = {name: unquote(value) for name, value in parts.items()}
        self._repository: SandboxObject | None = None

    def __getattr__(self, name: str) -> str:
        try:
            return self.parts[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def repository(self) -> SandboxObject:
        """The repository the address names. Raises ServiceError 404."""
        if self._repository is None:
            wanted = self.parts["repo"]
            self._repository = self.world.things("repository", external_id__iexact=wanted).first()
            if self._repository is None:
                raise self.refused(404, "Not Found")
        return self._repository

    def things(self, kind: str) -> list[SandboxObject]:
        """The things of one kind in the repository."""
        return list(self.world.things(kind, parent=self.repository.external_id))

    def refused(self, status: int, said: str) -> ServiceError:
        """What GitHub says no with."""
        return failure(status, {"message": said}, {}, repository=self.parts.get("repo", ""))

    def asked(self, name: str, default: Any = "") -> Any:
        """A value of the query or the body."""
        return self.query.get(name, self.body.get(name, default))


def answer(world: Sandbox, verb: str, path: str, query: Mapping[str, Any], body: Any) -> Any:
    """The JSON of one request. Raises ServiceError: 404 for a thing, 501 for an address, that is not there."""
    from integrations.github import sandbox_code, sandbox_issues, sandbox_pulls

    assert sandbox_code and sandbox_issues and sandbox_pulls  # they declare the addresses
    for known, pattern, handler in ROUTES:
        found = pattern.fullmatch(path) if known == verb else None
        if found:
            return handler(Api(world, found.groupdict(), query, body))
    raise failure(404, {"message": f"The sandbox does not play {verb} {path}"}, {})
