"""Gmail through google-api-python-client: its description from the package, its retries off; imported late."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from integrations.blocking import in_thread
from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.errors import ServiceError
from integrations.gmail.failures import SERVICE, failure
from integrations.gmail.interface import Message
from integrations.gmail.mime import message_of, parts_left_out, walk
from integrations.gmail.tokens import Tokens
from integrations.http_failures import from_transport, unreadable

if TYPE_CHECKING:
    from integrations.gmail.wire import GmailApi
    from orchestrator_site.lib.outbound import Call

T = TypeVar("T")
Body = dict[str, Any]
HOST = "https://gmail.googleapis.com/"
PAGE_SIZE = 500


def connect(info: ConnectionInfo, calls: Calls) -> RealGmail:
    """The client of a connection."""
    return RealGmail(info, calls)


class RealGmail:
    """`interface.GmailClient` over google-api-python-client. It only reads, so a call may be made again."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._base_url = (info.base_url or HOST).rstrip("/") + "/"
        self._calls = calls
        self._tokens = Tokens(info)
        self._label_names: dict[str, str] = {}

    async def search(self, query: str, limit: int) -> list[str]:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list."""

        def read(api: GmailApi) -> list[str]:
            found: list[str] = []
            ask: Body = {"q": query} if query else {}
            while True:
                answer = api.get(api.messages.list(userId="me", maxResults=min(PAGE_SIZE, limit - len(found)), **ask))
                found += [str(item["id"]) for item in answer.get("messages") or ()]
                if len(found) >= limit or not answer.get("nextPageToken"):
                    return found[:limit]
                ask["pageToken"] = answer["nextPageToken"]

        return await self._call(read)

    async def messages(self, ids: Sequence[str]) -> list[Message | None]:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/get."""
        return await self._call(lambda api: [self._message(api, identifier) for identifier in ids])

    async def describe(self) -> ConnectionReport:
        """Whose mailbox it is and how much is in it."""

        def read(api: GmailApi) -> ConnectionReport:
            profile = api.get(api.users.getProfile(userId="me"))
            address, count = str(profile.get("emailAddress") or "a mailbox"), int(profile.get("messagesTotal") or 0)
            lasting = () if self._tokens.renewable else ("a refresh token: this sign-in ends within an hour",)
            return ConnectionReport(
                ok=True,
                summary=f"Signed in as {address}; {count:,} mails.",
                can=(f"search and read {count:,} mails of {address}",),
                missing=lasting,
            )

        return await self._call(read)

    # ---- On a pool thread ----------------------------------------------------------------------------------------

    def _message(self, api: GmailApi, identifier: str) -> Message | None:
        ask = api.messages.get(userId="me", id=identifier, format="full")
        try:
            data = api.get(ask)
        except Exception as problem:
            refusal = _failure(problem, identifier)
            if refusal.status == 404:
                return None
            raise refusal from problem
        if not data.get("id") or not isinstance(data.get("payload"), dict):
            raise unreadable(SERVICE, "a mail")
        self._fetch_left_out(api, data)
        return message_of(data, self._labels(api, data.get("labelIds") or []))

    def _fetch_left_out(self, api: GmailApi, data: Body) -> None:
        """Text too large for the answer is fetched like an attachment and put in its place."""
        left_out = dict(parts_left_out(data["payload"]))
        for part in walk(data["payload"]) if left_out else ():
            if attachment := left_out.get(str(part.get("partId", ""))):
                ask = api.messages.attachments().get(userId="me", messageId=data["id"], id=attachment)
                part["body"]["data"] = api.get(ask).get("data", "")

    def _labels(self, api: GmailApi, used: list[Any]) -> Mapping[str, str]:
        """Names of the labels that people made; Gmail's own are named by their ids."""
        if any(str(label).startswith("Label_") and str(label) not in self._label_names for label in used):
            answer = api.get(api.users.labels().list(userId="me"))
            labels = [label for label in answer.get("labels") or () if label.get("type") == "user"]
            self._label_names = {str(label["id"]): str(label["name"]) for label in labels}
        return self._label_names

    # ---- The one way out -----------------------------------------------------------------------------------------

    async def _call(self, function: Callable[[GmailApi], T], about: str = "") -> T:
        def guarded(call: Call) -> T:
            token = self._tokens.current(call)
            try:
                return self._once(function, call, token, about)
            except ServiceError as problem:
                if problem.status != 401 or not self._tokens.renewable:
                    raise
                self._tokens.forget(token)
                return self._once(function, call, self._tokens.current(call), about)

        return await in_thread(self._calls, SERVICE, guarded)

    def _once(self, function: Callable[[GmailApi], T], call: Call, token: str, about: str) -> T:
        from integrations.gmail.wire import open_gmail

        try:
            with open_gmail(self._base_url, token, call) as api:
                return function(api)
        except Exception as problem:
            raise _failure(problem, about) from problem


def _failure(problem: Exception, about: str) -> ServiceError:
    from googleapiclient.errors import HttpError

    if isinstance(problem, ServiceError):
        return problem
    if isinstance(problem, HttpError):
        headers = {str(name).lower(): str(value) for name, value in problem.resp.items()}
        content = problem.content if isinstance(problem.content, bytes) else str(problem.content).encode()
        return failure(int(problem.resp.status), content, headers, about=about)
    if isinstance(problem, (KeyError, TypeError, AttributeError, ValueError)):
        return unreadable(SERVICE, "what Gmail promises")
    return from_transport(SERVICE, problem)
