"""What GitHub offers while a step is edited: repositories, branches, labels, people and workflows."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.context import Choice
from integrations.github.common import place, said
from integrations.github.interface import GithubClient

MOST = 300
LISTS = {"branches": "name", "labels": "name", "people": "login"}


async def choices_of(client: GithubClient, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
    """The list called `name` that contains `q`; all but the repositories are those of the chosen repository."""
    found = await _all(client, name, given.get("repository", ""))
    wanted = q.strip().lower()
    return [choice for choice in found if wanted in f"{choice.value} {choice.label}".lower()]


async def _all(client: GithubClient, name: str, repository: str) -> list[Choice]:
    if name == "repositories":
        return [Choice(one.full_name, one.full_name) for one in await client.list_repositories(MOST)]
    if not repository:
        return []
    about, path = place(repository)
    if name == "workflow_files":
        listed = await client.rest_pages(f"{path}/actions/workflows", {}, MOST, about={"repository": about})
        return [Choice(said(data, "path").rpartition("/")[2], said(data, "name")) for data in listed]
    if name not in LISTS:
        return []
    where = {"people": "assignees"}.get(name, name)
    listed = await client.rest_pages(f"{path}/{where}", {}, MOST, about={"repository": about})
    return [Choice(value, value) for value in (said(data, LISTS[name]) for data in listed)]
