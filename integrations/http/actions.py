"""HTTP requests: reading, and sending with what it takes to send once."""

from __future__ import annotations

from typing import Any, Literal

from integrations.context import Context, Found, LookFor, Order, Outcome, Plan
from integrations.errors import ServiceError
from integrations.expressions import Path
from integrations.files import MAX_FILE, File
from integrations.http import INTEGRATION, answers
from integrations.http.bodies import Body, files_in, is_file, make_body
from integrations.http.interface import (
    ANSWER_LIMIT,
    READ_LIMIT,
    Answer,
    HttpClient,
    Request,
    clean_headers,
    full_address,
)
from integrations.http.looking import Check, check_of
from integrations.spec import Change, Kind, Model, content, setting, target

ADDRESS_HELP = "https://… or, with a connection, a path below its address."
ACCEPT = {"json": "application/json", "text": "text/*, */*;q=0.5", "auto": "application/json, */*;q=0.8", "file": "*/*"}


def the_url() -> Any:
    """Where a request goes."""
    return target("Address", help=ADDRESS_HELP, example="https://api.example.com/items", min_length=1, max_length=2048)


def the_query() -> Any:
    """Parameters of the address."""
    return content(
        "Parameters", default={}, help="Added to the address; a list gives one for each item.",
        example={"page": 1, "tag": ["a", "b"]}, widget="json",
    )  # fmt: skip


def the_headers() -> Any:
    """Headers of a request."""
    return setting(
        "Headers", default={}, help="Name to value. Keys belong into a connection.",
        example={"Accept-Language": "en"}, widget="json", max_length=50,
    )  # fmt: skip


class Response(Model):
    """The answer. `body` is the parsed JSON, or the text; `text` its first 256 KiB; `file` where one was expected."""

    status: int
    ok: bool
    headers: dict[str, str]
    body: Any
    text: str
    url: str
    truncated: bool
    file: File | None = None


class GetInput(Model):
    """What is asked for."""

    url: str = the_url()
    query: dict[str, Any] = the_query()
    headers: dict[str, str] = the_headers()
    method: Literal["GET", "HEAD"] = setting("Method", default="GET", help="HEAD asks for the headers only.")
    expect: Literal["auto", "json", "text", "file"] = setting(
        "Expect", default="auto", help="auto: JSON where the answer says so, else text. file: kept as a file."
    )
    fail_on_status: bool = setting(
        "Fail on an error status",
        default=True,
        help="No: a status of 400 to 499 is a result, to be looked at in `status`.",
    )


@INTEGRATION.action(
    "get",
    kind=Kind.READ,
    input=GetInput,
    output=Response,
    title="HTTP request (read)",
    phrase="asks a web service",
    timeout=30,
    keywords=("fetch", "download", "rest", "api", "url"),
)
async def get(context: Context[HttpClient], values: GetInput) -> Response:
    """Ask any web service: JSON, text or a file. Up to three redirects are followed, each checked like the first."""
    client = context.client
    url = full_address(client.base_url, values.url, values.query)
    headers = clean_headers({"Accept": ACCEPT[values.expect], **values.headers})
    limit = MAX_FILE if values.expect == "file" else READ_LIMIT
    answer = await client.ask(Request(values.method, url, headers, limit=limit))
    if answer.status >= 500 or answer.status in (408, 429) or (answer.status >= 400 and values.fail_on_status):
        raise answers.failure(answer)
    if values.expect == "file" and answer.status < 300 and values.method == "GET":
        kept = await context.write_file(
            answer.content, name=answers.file_name(answer), mime_type=answer.headers.get("content-type", "")
        )
        return Response(**answers.fields(_emptied(answer), "text"), file=kept)
    expect = "auto" if values.method == "HEAD" or answer.status >= 300 else values.expect
    return Response(**answers.fields(answer, "text" if expect == "file" else expect))


def _emptied(answer: Answer) -> Answer:
    return Answer(answer.status, answer.headers, b"", answer.url)


class SendInput(Model):
    """What is sent, and how one finds out whether it arrived."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = setting(
        "Method", default="POST", help="PUT and DELETE may be repeated without harm; POST and PATCH are not."
    )
    url: str = the_url()
    query: dict[str, Any] = the_query()
    headers: dict[str, str] = the_headers()
    body_kind: Literal["json", "form", "multipart", "text", "none"] = setting(
        "Body is", default="json", help="multipart: for files. text: as it is, or one file."
    )
    body: Any = content("Body", default=None, example={"title": "{{ steps.fetch.subject }}"}, widget="any")
    expect: Literal["auto", "json", "text"] = setting(
        "Expect", default="auto", help="json: any other answer counts as lost, and is looked up or asked about."
    )
    allow_status: list[int] = setting(
        "Also a success", default=[], help="Statuses from 300 to 499 that are no failure here.", example=[409],
        max_length=20,
    )  # fmt: skip
    idempotency_header: str = setting(
        "Idempotency header", default="", example="Idempotency-Key", max_length=100,
        help="Where the service knows such a header: it gets our key, so that the request may be repeated.",
    )  # fmt: skip
    key_field: str = setting(
        "Key in the body", default="", example="external_reference", max_length=100,
        help="A field of a JSON or form body that gets our key, so that a check can find it.",
    )  # fmt: skip
    check_url: str = target(
        "Check address", default="", example="https://api.example.com/items?reference={key}", max_length=2048,
        help="Asked by GET when an answer was lost; {key} is our key. 404 means: it did not happen.",
    )  # fmt: skip
    check_path: Path = setting(
        "Found when this is in its answer", default="", example="items[0].id", max_length=500,
        help="Path in the JSON; empty: any answer with a status of success.",
    )  # fmt: skip
    check_equals: Any = content(
        "and equals", default=None, help="Empty: it only has to be there. {key} is our key.", widget="any"
    )


async def plan_send(context: Context[HttpClient], values: SendInput) -> list[Plan]:
    """PUT, PATCH and DELETE show what is there now, where a GET of the same address tells."""
    url, headers, _ = _prepared(context.client, values)
    before = None
    if values.method != "POST":
        try:
            answer = await context.client.ask(Request("GET", url, headers, limit=ANSWER_LIMIT))
            before = answers.body_of(answer, "auto") if answer.status < 300 else None
        except ServiceError:
            before = None
    after = None if values.method == "DELETE" else _shown(values, url).get("body")
    told = {"status": 200, "ok": True, "url": url, "headers": {}, "body": None, "text": "", "truncated": False}
    summary = f"Sends {values.method} to {url}."
    return [Plan("send", {"method": values.method, "url": url}, summary, before, after, told)]


@INTEGRATION.action(
    "send",
    kind=Kind.EFFECT,
    input=SendInput,
    output=Response,
    title="HTTP request (send)",
    phrase="sends a request",
    changes=[Change("send", look=True, thing="request", weight=5)],
    timeout=30,
    keywords=("post", "put", "patch", "delete", "rest", "api", "webhook"),
    plan=plan_send,
)
async def send(context: Context[HttpClient], values: SendInput) -> Response:
    """Send something to any web service, once. A redirect is not followed.

    When the answer is lost, PUT, DELETE and requests with an idempotency header are repeated; others are looked up by
    the check you name, and without one a person is asked.
    """
    client, method, sent = context.client, values.method, 0
    url, headers, check = _prepared(client, values)
    files = {file.id: await context.read_file(file) for file in _files(values)}
    _body(values, files, "")

    async def once(key: str) -> Outcome:
        nonlocal sent
        sent += 1
        body = _body(values, files, key)
        answer = await client.ask(_request(values, url, headers, body, key))
        repeated = sent > 1 or context.earlier_change
        gone = method == "DELETE" and repeated and answer.status in (404, 410)
        if not (200 <= answer.status < 300 or answer.status in (303, *values.allow_status) or gone):
            raise answers.failure(answer)
        shown = answers.fields(answer, values.expect if answer.status < 300 else "auto")
        name, page = answers.identity(answer, shown["body"])
        return Outcome(name, page, answers.kept(shown, len(answer.content)))

    async def look(what: LookFor) -> Found | None:
        assert check is not None
        return await check.look(client, what)

    outcome = await context.change(
        Order(
            op="send",
            target={"method": method, "url": url},
            request=_shown(values, url),
            send=once,
            look=look if check else None,
            set_semantics=check is None and (method in ("PUT", "DELETE") or bool(values.idempotency_header)),
        )
    )
    data = dict(outcome.data)
    if data.pop("checked", False):
        context.warn("The answer itself was lost; what is shown is the answer of the check.")
    return Response(**data)


def _prepared(client: HttpClient, values: SendInput) -> tuple[str, dict[str, str], Check | None]:
    """Everything that can be wrong before anything leaves. Raises Rejected."""
    url = full_address(client.base_url, values.url, values.query)
    headers = clean_headers({"Accept": ACCEPT[values.expect], **values.headers})
    if values.idempotency_header:
        clean_headers({values.idempotency_header: "x"})
    check = check_of(
        values.check_url, values.check_path, values.check_equals, given=values.check_equals not in (None, "")
    )
    if check is not None:
        check.address(client, "k" * 32)
    return url, headers, check


def _body(values: SendInput, files: dict[Any, bytes], key: str) -> Body:
    kind = "none" if values.body is None and not values.key_field and values.body_kind != "text" else values.body_kind
    return make_body(kind, values.body, files, key, values.key_field)


def _files(values: SendInput) -> list[File]:
    if values.body_kind == "text" and is_file(values.body):
        return [File.model_validate(values.body)]
    return files_in(values.body) if values.body_kind == "multipart" else []


def _request(values: SendInput, url: str, headers: dict[str, str], body: Body, key: str) -> Request:
    more = {values.idempotency_header: key} if values.idempotency_header else {}
    typed = {name.lower() for name in headers}
    kind = {"Content-Type": body.content_type} if body.content_type and "content-type" not in typed else {}
    return Request(values.method, url, {**headers, **kind, **more}, body.content, limit=ANSWER_LIMIT, cut=True, key=key)


def _shown(values: SendInput, url: str) -> dict[str, Any]:
    """What a person sees who must decide, and what is hashed."""
    more = values.model_dump(mode="json", include={"headers", "body_kind", "body", "idempotency_header", "key_field"})
    return {"method": values.method, "url": url, **{name: value for name, value in more.items() if value}}
