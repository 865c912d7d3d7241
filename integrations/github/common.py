"""What the actions of GitHub share: the input that names a repository, pages to look at, and text out of its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from integrations.errors import Rejected
from integrations.github.interface import MAX_BODY, GithubClient, clean_repository, with_marker
from integrations.http_failures import unreadable
from integrations.spec import target

LOOK_BACK = timedelta(minutes=2)
Data = Mapping[str, Any]


def repository_field(**more: Any) -> Any:
    """The input that says in which repository."""
    return target(
        "Repository",
        help="owner/name",
        example="octocat/hello",
        choices="repositories",
        **{"min_length": 1, "max_length": 200, **more},
    )


def place(repository: str) -> tuple[str, str]:
    """`owner/name` as it is meant, and its path in the API. Raises Rejected for what is no repository."""
    name = clean_repository(repository)
    return name, f"/repos/{name}"


def page(client: GithubClient, path: str) -> str:
    """Where a person can look for a change; nowhere in the sandbox."""
    return f"{client.web_url}/{path}" if client.web_url else ""


def check_length(body: str) -> None:
    """Raise Rejected when a text does not fit beside the marker."""
    longest = MAX_BODY - len(with_marker("x", "k" * 64)) + 1
    if len(body) > longest:
        raise Rejected(
            f"The text has {len(body):,} characters; GitHub takes {longest:,}.",
            code="E_LENGTH",
            refused=True,
            hint="Shorten it, or commit it as a file and link to it.",
        )


def since(moment: datetime) -> str:
    """A moment for GitHub's `since`, two minutes earlier."""
    return (moment - LOOK_BACK).strftime("%Y-%m-%dT%H:%M:%SZ")


def said(data: Data, name: str) -> str:
    """A text of an answer; empty where there is none."""
    value = data.get(name)
    return value if isinstance(value, str) else ""


def need(data: Any, name: str, what: str) -> Any:
    """What an answer must hold. Raises Unreadable without it: then nobody knows what happened."""
    if not isinstance(data, Mapping) or not data.get(name):
        raise unreadable("GitHub", what)
    return data[name]


def number(data: Data, name: str) -> int:
    """A number of an answer; 0 where there is none."""
    value = data.get(name)
    return value if isinstance(value, int) else 0


def part(data: Data, name: str) -> Data:
    """An object inside an answer; empty where there is none."""
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def login(data: Data, name: str = "user") -> str:
    """Who: the name somebody has on GitHub."""
    return said(part(data, name), "login")


def names(data: Data, field: str, name: str) -> list[str]:
    """One text of each object in a list (labels, assignees)."""
    found = data.get(field)
    items = found if isinstance(found, list) else []
    return [item if isinstance(item, str) else said(item, name) for item in items if isinstance(item, (str, Mapping))]
