"""Any other call of GitHub's REST API, for what has no action of its own."""

from __future__ import annotations

from typing import Any, Literal

from integrations.context import Context, Order, Outcome
from integrations.errors import Rejected
from integrations.github import INTEGRATION as github
from integrations.github import plans
from integrations.github.common import said
from integrations.github.interface import GithubClient
from integrations.spec import Change, Kind, Model, setting, target
from integrations.spec import content as text


def path_field() -> Any:
    """The input that says which address of the API."""
    return target(
        "Path", help="Below the API's root.", example="/repos/octocat/hello/topics", min_length=2, max_length=500
    )


def clean(path: str) -> str:
    """A path below the API's root. Raises Rejected for anything that could lead elsewhere."""
    found = path.strip()
    if (
        not found.startswith("/")
        or found.startswith("//")
        or "://" in found
        or "\\" in found
        or any(p in ("..", ".") for p in found.split("/"))
    ):
        raise Rejected(
            f"“{path[:100]}” is not a path of GitHub's API.", refused=True, hint="Begin with /, such as /user/repos."
        )
    return found


class GetInput(Model):
    """What to read."""

    path: str = path_field()
    query: dict[str, Any] = text("Query", default={}, help="Names and values after the question mark.")
    pages: bool = setting("All pages", default=False, help="For lists: read on, up to 1,000 items.")


class Answer(Model):
    """GitHub's answer as it came."""

    data: Any


@github.action(
    "rest_get",
    kind=Kind.READ,
    input=GetInput,
    output=Answer,
    title="REST call (read)",
    phrase="reads from the REST API",
)
async def rest_get(context: Context[GithubClient], values: GetInput) -> Answer:
    """Read from any address of GitHub's REST API."""
    path = clean(values.path)
    if values.pages:
        return Answer(data=await context.client.rest_pages(path, values.query, 1000))
    return Answer(data=await context.client.rest("GET", path, query=values.query))


class SendInput(Model):
    """What to change."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = setting("Method", default="POST")
    path: str = path_field()
    body: dict[str, Any] = text("Body", default={}, help="As GitHub's documentation describes it.")


@github.action(
    "rest_send",
    kind=Kind.EFFECT,
    input=SendInput,
    output=Answer,
    title="REST call (change)",
    phrase="changes something through the REST API",
    changes=[Change("rest_send", look=False, thing="call", weight=5)],
    foretell={"rest_send": plans.any_call},
)
async def rest_send(context: Context[GithubClient], values: SendInput) -> Answer:
    """Change something through any address of GitHub's REST API. Where an answer to POST is lost, you are asked."""
    client, path = context.client, clean(values.path)

    async def send(key: str) -> Outcome:
        data = await client.rest(values.method, path, body=values.body or None)
        shown = data if isinstance(data, dict) else {}
        return Outcome(str(shown.get("id") or ""), said(shown, "html_url"), {"answer": data})

    outcome = await context.change(
        Order(
            op="rest_send",
            target={"method": values.method, "path": path},
            request=values.body,
            send=send,
            set_semantics=values.method in ("PUT", "PATCH", "DELETE"),
        )
    )
    return Answer(data=outcome.data.get("answer"))
