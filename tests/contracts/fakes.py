"""What the contract server does not simulate, played by the project itself from the services' own descriptions.

Requests to the operations of GitHub and Notion are still held to the description that the contract server has; the two
of OpenAI are described here as its reference has them.

References: https://docs.github.com/rest/pulls/reviews, https://docs.github.com/rest/commits/commits#compare-two-commits,
https://docs.github.com/rest/search/search#search-code, https://developers.notion.com/reference/file-object,
https://platform.openai.com/docs/api-reference/images/create, https://platform.openai.com/docs/api-reference/audio.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any, ClassVar

from contract_server.services.base import Refusal, Service, operation
from contract_server.services.github_app import GitHubWithApps
from contract_server.services.notion import Notion
from contract_server.services.openai import OpenAI
from contract_server.spec import Description, Operation, _compile, load
from contract_server.wire import Reply, Request

from integrations.mcp.wire import STATELESS
from integrations.sandbox_media import stripes

Body = dict[str, Any]
PNG = stripes("contracts")


class GitHubWithReviews(GitHubWithApps):
    """GitHub with reviews, reviewers, comparison and code search."""

    def reset(self) -> None:
        """Nobody has reviewed anything."""
        super().reset()
        self.reviews: dict[tuple[str, int], list[Body]] = {}

    @operation("pulls/create-review")
    def create_review(self, request: Request) -> Reply:
        """A review that is submitted at once; without an event it would be a draft."""
        r, number = self._find_pull(request)
        event = request.body.get("event")
        if event in ("COMMENT", "REQUEST_CHANGES") and not request.body.get("body"):
            raise Refusal(422, "invalid", "Unprocessable Entity", errors=["Body is required"])
        made = self._example("pulls/create-review", request, repository=r)
        made |= {"id": 80 + self.number(), "body": request.body.get("body", ""), "state": _REVIEWED[event]}
        self.reviews.setdefault((r.full_name, number), []).append(made)
        return self._ok(request, made)

    @operation("pulls/list-reviews")
    def list_reviews(self, request: Request) -> Reply:
        """The reviews of a pull request."""
        r, number = self._find_pull(request)
        return self._page(request, self.reviews.get((r.full_name, number), []))

    @operation("pulls/request-reviewers")
    def request_reviewers(self, request: Request) -> Reply:
        """The pull request with those who are asked; asking somebody again changes nothing."""
        r, number = self._find_pull(request)
        pull = self._pull(request, r, number, simple=True)
        asked = r.pulls[number].setdefault("asked", [])
        asked += [name for name in request.body.get("reviewers", []) if name not in asked]
        pull["requested_reviewers"] = [self._user(request, name) for name in asked]
        return self._ok(request, pull, 201)

    @operation("repos/compare-commits-with-basehead")
    def compare(self, request: Request) -> Reply:
        """How far two branches are apart."""
        r = self._repository(request)
        base, _, head = request.variables["basehead"].partition("...")
        ends = r.resolve(base), r.resolve(head)
        if None in ends:
            raise Refusal(404, "not_found", "Not Found")
        example = self._example("repos/compare-commits-with-basehead", request, repository=r)
        ahead = int(ends[0] is not ends[1])
        example |= {"status": "ahead" if ahead else "identical", "ahead_by": ahead, "behind_by": 0}
        example |= {"commits": example["commits"][:ahead], "files": example["files"][:ahead]}
        return self._ok(request, example)

    @operation("search/code")
    def search_code(self, request: Request) -> Reply:
        """Files whose path holds the words (the real one looks into them)."""
        words = str(request.arguments["q"]).split()
        example = self._example("search/code", request)
        names = [w for w in words if ":" not in w]
        found = []
        for r in self.repositories.values():
            commit = r.resolve(None)
            for path, sha in commit.tree.items() if commit else ():
                if all(name in path for name in names):
                    item = {**example["items"][0], "name": path.rpartition("/")[2], "path": path, "sha": sha}
                    found.append({**item, "repository": {**item["repository"], "full_name": r.full_name}})
        wrap = lambda items, total: {"total_count": total, "incomplete_results": False, "items": items}  # noqa: E731
        return self._page(request, found, wrap=wrap)


_REVIEWED = {None: "PENDING", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


class NotionWithFiles(Notion):
    """Notion with blocks that show an uploaded file."""

    @operation("appendBlockChildren")
    def append_with_files(self, request: Request) -> Reply:
        """A block that names an upload becomes one with Notion's own address of the file."""
        for block in request.body["children"]:
            kind = block.get("type", "")
            shown = block.get(kind)
            if isinstance(shown, dict) and shown.get("type") == "file_upload":
                block[kind] = self._as_file(shown["file_upload"]["id"], shown)
        return self.append_children(request)

    def _as_file(self, identifier: str, shown: Body) -> Body:
        upload = self._find("file upload", self.uploads, identifier)
        if upload["status"] != "uploaded":
            raise Refusal(400, "validation_error", "The file upload is not uploaded yet.")
        file = {"url": f"https://files.example/{identifier}", "expiry_time": upload["expiry_time"]}
        name = {"name": shown["name"]} if "name" in shown else {}
        return {"type": "file", "file": file, "caption": [], **name}


def _described(name: str, method: str, path: str, **more: Any) -> Operation:
    return Operation(id=name, method=method, path=path, pattern=_compile(path, set()), parameters=(), **more)


def _object(required: list[str], **properties: Any) -> Body:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


TEXT = {"type": "string"}
USED = {"type": "integer", "minimum": 0}
IMAGE_REQUEST = _object(
    ["prompt"],
    prompt={"type": "string", "maxLength": 32_000},
    model=TEXT,
    n={"type": "integer", "minimum": 1, "maximum": 10},
    size={"enum": ["auto", "1024x1024", "1536x1024", "1024x1536"]},
    quality={"enum": ["auto", "low", "medium", "high"]},
)
IMAGE_ANSWER = _object(
    ["created", "data"],
    created=USED,
    data={"type": "array", "items": _object([], b64_json=TEXT)},
    output_format={"enum": ["png", "webp", "jpeg"]},
    usage={"type": "object"},
)
WORDS_ANSWER = _object(["text"], text=TEXT, usage={"type": "object"})
MEDIA = (
    _described(
        "createImage", "POST", "/v1/images/generations", body_required=True,
        bodies={"application/json": IMAGE_REQUEST}, answers={"200": {"application/json": IMAGE_ANSWER}},
    ),
    _described(
        "createTranscription", "POST", "/v1/audio/transcriptions", body_required=True,
        bodies={"multipart/form-data": {}}, answers={"200": {"application/json": WORDS_ANSWER}},
    ),
)  # fmt: skip


@cache
def _openai() -> Description:
    known = load("openai")
    return Description("openai", [*known.operations.values(), *MEDIA], known.schemas)


class OpenAIWithMedia(OpenAI):
    """OpenAI with images and speech."""

    def describe(self) -> Description:
        """The official description, and two operations more."""
        return _openai()

    @operation("createImage")
    def create_image(self, request: Request) -> Reply:
        """One image, in base64, with what it used."""
        usage = {"input_tokens": 10, "output_tokens": 1000, "total_tokens": 1010}
        data = [{"b64_json": base64.b64encode(PNG).decode()}]
        answer = {"created": 1_790_000_000, "data": data, "output_format": "png", "usage": usage}
        return Reply(200, answer, self._headers())

    @operation("createTranscription")
    def create_transcription(self, request: Request) -> Reply:
        """The words of a recording; without a file or a model it is refused."""
        parts = request.form_parts()
        for name in ("file", "model"):
            if name not in parts or not parts[name][2]:
                raise Refusal(400, "invalid_request", f"you must provide a {name} parameter", param=name)
        usage = {"type": "duration", "seconds": 90}
        return Reply(200, {"text": "Hello there", "usage": usage}, self._headers())


ITEM = {"type": "object"}
ITEMS = (
    _described("items.read", "GET", "/items/{id}", answers={"200": {"application/json": ITEM}}),
    _described("items.list", "GET", "/items", answers={"200": {"application/json": ITEM}}),
    _described(
        "items.create", "POST", "/items", body_required=True,
        bodies={"application/json": ITEM}, answers={"201": {"application/json": ITEM}},
    ),
)  # fmt: skip


class Web(Service):
    """Any service that speaks HTTP: items that are made, read and listed, for `http.get` and `http.send`."""

    name: ClassVar[str] = "web"
    prefix: ClassVar[str] = "web"
    unknown_query: ClassVar[str] = "warning"

    def describe(self) -> Description:
        """Three operations."""
        return Description("web", list(ITEMS), {})

    def reset(self) -> None:
        """One item."""
        self.items: dict[str, Body] = {"1": {"id": "1", "title": "First"}}

    def failure(self, status: int, code: str, message: str, **_: Any) -> Reply:
        """A plain error."""
        return Reply(status, {"message": message})

    @operation("items.read")
    def read(self, request: Request) -> Reply:
        """One of them."""
        if request.variables["id"] not in self.items:
            raise Refusal(404, "not_found", "There is no such item")
        return Reply(200, self.items[request.variables["id"]])

    @operation("items.list")
    def list(self, request: Request) -> Reply:
        """All of them, or those with one reference."""
        wanted = dict(request.query).get("reference")
        found = [one for one in self.items.values() if wanted in (None, one.get("reference"))]
        return Reply(200, {"items": found})

    @operation("items.create")
    def create(self, request: Request) -> Reply:
        """A new one."""
        made = {"id": str(len(self.items) + 1), **request.body}
        self.items[made["id"]] = made
        return Reply(201, made)


READ_ONLY, WRITING = {"readOnlyHint": True}, {"readOnlyHint": False}
TOOLS = [
    {"name": "total", "inputSchema": {"type": "object"}, "annotations": READ_ONLY},
    {"name": "write_note", "inputSchema": {"type": "object"}, "annotations": WRITING},
]
RPC = _object(["jsonrpc", "id", "method"], jsonrpc={"const": "2.0"}, id={"type": "integer"}, method=TEXT, params=ITEM)
METHODS = tuple(
    _described(
        name, "POST", f"/{name}", body_required=True,
        bodies={"application/json": RPC}, answers={"200": {"application/json": ITEM}},
    )
    for name in ("server/discover", "tools/list", "tools/call/total", "tools/call/write_note")
)  # fmt: skip


class Mcp(Service):
    """An MCP server with a tool that reads and one that writes; the server before it finds the method in the body.

    Reference: https://modelcontextprotocol.io/specification (JSON-RPC over HTTP, the era without sessions).
    """

    name: ClassVar[str] = "mcp"
    prefix: ClassVar[str] = "mcp"

    def describe(self) -> Description:
        """Its methods, each as an operation."""
        return Description("mcp", list(METHODS), {})

    def failure(self, status: int, code: str, message: str, **_: Any) -> Reply:
        """A plain error."""
        return Reply(status, {"message": message})

    def _said(self, request: Request, **result: Any) -> Reply:
        return Reply(200, {"jsonrpc": "2.0", "id": request.body["id"], "result": result})

    @operation("server/discover", effect=False)
    def discover(self, request: Request) -> Reply:
        """The revisions it speaks."""
        return self._said(request, supportedVersions=[STATELESS], serverInfo={"name": "Notebook", "version": "1"})

    @operation("tools/list", effect=False)
    def list_tools(self, request: Request) -> Reply:
        """Both tools."""
        return self._said(request, tools=TOOLS)

    @operation("tools/call/total", effect=False)
    def total(self, request: Request) -> Reply:
        """A sum."""
        total = sum(request.body["params"]["arguments"].values())
        return self._said(request, content=[{"type": "text", "text": str(total)}], structuredContent={"total": total})

    @operation("tools/call/write_note")
    def write_note(self, request: Request) -> Reply:
        """A note."""
        return self._said(request, content=[{"type": "text", "text": "Written."}])


def method_path(raw: bytes) -> str:
    """Where the operation of a JSON-RPC request would be."""
    asked = json.loads(raw)
    tool = (asked.get("params") or {}).get("name")
    return f"/{asked['method']}" + (f"/{tool}" if asked["method"] == "tools/call" else "")


OWN = {
    *(("mcp", one.id) for one in METHODS),
    *(("github", name) for name in (
        "pulls/create-review", "pulls/list-reviews", "pulls/request-reviewers",
        "repos/compare-commits-with-basehead", "search/code",
    )),
    ("notion", "appendBlockChildren"),
    *(("openai", one.id) for one in MEDIA),
    *(("web", one.id) for one in ITEMS),
}  # fmt: skip
"""(service, operation) that this module answers."""
