"""The fake service as an integration: an effect that can be looked up, one that cannot, a read and a model."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from integrations.context import ConnectionReport, Context, Found, LookFor, Order, Outcome
from integrations.errors import RateLimited, Rejected, SignInAgain, Unavailable, Unreadable
from integrations.spec import Change, Integration, Kind, Model, SecretField, content, setting, target

PROCESS = f"{socket.gethostname()}:%d"
INTEGRATION = Integration(
    slug="fake",
    title="Fake",
    description="A service of the tests.",
    secrets=(SecretField("token", "Token"),),
    client="tests.fakes.integration.connect",
)


class Client:
    """One HTTP request for each call."""

    def __init__(self, info: Any, calls: Any) -> None:
        self.base, self.calls, self.token = info.base_url, calls, info.secret["token"]

    async def ask(self, method: str, path: str, body: dict | None = None, key: str = "") -> dict:
        left = self.calls.deadline - time.monotonic()  # on the loop, as integrations.blocking does
        return await self.calls.blocking(lambda: self._ask(method, path, body, key, left))

    async def describe(self) -> ConnectionReport:
        """What the token can do."""
        await self.ask("GET", "/things?key=test")
        return ConnectionReport(ok=True, summary="The token is taken.", can=("make things",))

    def _ask(self, method: str, path: str, body: dict | None, key: str, left: float) -> dict:
        if left <= 0:
            raise Unavailable("There is no time left for a call.", refused=True)
        parts = urlsplit(self.base)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.connect()
        except OSError as problem:
            raise Unavailable("The service cannot be reached.", refused=True) from problem
        try:
            headers = {"X-Token": self.token, "Content-Type": "application/json", **headers_of(key)}
            connection.request(method, path, json.dumps(body or {}), headers)
            answer = connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise Unavailable("The connection broke.") from problem
        finally:
            connection.close()
        return _read(answer.status, raw, answer.headers)


def headers_of(key: str) -> dict[str, str]:
    """What the service's journal is told of a request: its key, and the process that sends it."""
    return {"X-Key": key, "X-Process": PROCESS % os.getpid()}


def _read(status: int, raw: bytes, headers: Any) -> dict:
    if status == 429:
        raise RateLimited("Too many.", status=429, refused=True, retry_after=float(headers.get("Retry-After", 1)))
    if status == 401:
        raise SignInAgain("The service does not take this token.", status=status, refused=True, hint="Get another.")
    if 400 <= status < 500:
        raise Rejected(f"The service said no ({status}).", status=status, refused=True)
    if status >= 500:
        raise Unavailable(f"The service failed ({status}).", status=status)
    try:
        return json.loads(raw)
    except ValueError as problem:
        raise Unreadable("The answer is not JSON.", status=status) from problem


def connect(info: Any, calls: Any) -> Client:
    """FAKE_TRANSPORT=blocking|async: over the product's guarded transports."""
    transport = os.environ.get("FAKE_TRANSPORT", "")
    if not transport:
        return Client(info, calls)
    from tests.fakes.guarded import CLIENTS

    return CLIENTS[transport](info, calls)


class ThingInput(Model):
    place: str = target("Place", default="shelf")
    title: str = content("Title")


class Thing(Model):
    id: str
    url: str
    title: str


def _order(context: Context[Client], values: ThingInput, look: bool) -> Order:
    async def send(key: str) -> Outcome:
        made = await context.client.ask("POST", "/things", {"title": values.title, "place": values.place}, key)
        return Outcome(made["id"], made["url"], {"title": made["title"]})

    async def find(what: LookFor) -> Found | None:
        found = (await context.client.ask("GET", f"/things?key={quote(what.key)}"))["things"]
        return Found(found[0]["id"], found[0]["url"], {"title": found[0]["title"]}) if found else None

    return Order("fake.thing", {"place": values.place}, {"title": values.title}, send, find if look else None)


@INTEGRATION.action(
    "make",
    kind=Kind.EFFECT,
    input=ThingInput,
    output=Thing,
    title="Make a thing",
    timeout=5,
    changes=[Change("fake.thing", look=True)],
)
async def make(context: Context[Client], values: ThingInput) -> Thing:
    """Make a thing that can be looked up."""
    done = await context.change(_order(context, values, True))
    return Thing(id=done.external_id, url=done.external_url, title=done.data["title"])


@INTEGRATION.action(
    "blind",
    kind=Kind.EFFECT,
    input=ThingInput,
    output=Thing,
    title="Make a thing blindly",
    timeout=5,
    changes=[Change("fake.thing", look=False)],
)
async def blind(context: Context[Client], values: ThingInput) -> Thing:
    """Make a thing that nobody can look up."""
    done = await context.change(_order(context, values, False))
    return Thing(id=done.external_id, url=done.external_url, title=done.data["title"])


@INTEGRATION.action(
    "make_somewhere",
    kind=Kind.EFFECT,
    input=ThingInput,
    output=Thing,
    title="Make a thing where it is taken",
    timeout=5,
    changes=[Change("fake.thing", look=True)],
)
async def make_somewhere(context: Context[Client], values: ThingInput) -> Thing:
    """Make a thing; where it is refused, make it on another floor, up to the third."""
    for floor in range(3):
        order = _order(context, values.model_copy(update={"place": f"{values.place} {floor}"}), True)
        done = await context.change(replace(order, expects=frozenset({"E_REJECTED"})))
        if not done.refused:
            return Thing(id=done.external_id, url=done.external_url, title=done.data["title"])
    raise Rejected("Nobody takes it.", refused=True)


class ReadInput(Model):
    q: str = content("Query", default="")


class Text(Model):
    text: str


@INTEGRATION.action("read", kind=Kind.READ, input=ReadInput, output=Text, title="Read", timeout=5)
async def read(context: Context[Client], values: ReadInput) -> Text:
    """Read a text."""
    return Text(**await context.client.ask("GET", f"/read?q={quote(values.q)}"))


class ModelInput(Model):
    text: str = content("Text", default="")
    seconds: float = setting("Seconds", default=0.0)


@INTEGRATION.action("model", kind=Kind.MODEL, input=ModelInput, output=Text, title="Ask", timeout=20)
async def model(context: Context[Client], values: ModelInput) -> Text:
    """Ask a slow model."""
    answer = await context.client.ask("POST", "/model", {"text": values.text, "seconds": values.seconds})
    context.book({"input_tokens": answer["input_tokens"], "output_tokens": answer["output_tokens"], "cost_usd": 0.25})
    return Text(text=answer["text"])


class Nothing(Model):
    pass


@INTEGRATION.action("die", kind=Kind.READ, input=Nothing, output=Text, title="Die", timeout=5)
async def die(context: Context[Client], values: Nothing) -> Text:
    """Take the worker's process along."""
    import os

    os.kill(os.getpid(), signal.SIGKILL)
    return Text(text="")


class EatInput(Model):
    megabytes: int = setting("Megabytes", default=100)


@INTEGRATION.action("eat", kind=Kind.READ, input=EatInput, output=Text, title="Eat", timeout=20)
async def eat(context: Context[Client], values: EatInput) -> Text:
    """Take so much memory at once; where there is not so much, the kernel's way of saying so: the process is killed."""
    import os

    try:
        taken = bytearray(values.megabytes * 1024 * 1024)
    except MemoryError:
        os.kill(os.getpid(), signal.SIGKILL)
    return Text(text=str(len(taken)))
