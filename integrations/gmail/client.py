"""Gmail through google-api-python-client: its description from the package, its retries off; imported late."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from integrations.blocking import in_thread
from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.errors import ServiceError
from integrations.gmail.compose import KEY_HEADER
from integrations.gmail.failures import SERVICE, failure
from integrations.gmail.interface import Draft, Label, Message, Sent
from integrations.gmail.mime import message_of, parts_left_out, walk
from integrations.gmail.tokens import Tokens
from integrations.gmail.watching import Changes, newest_point, read_history
from integrations.http_failures import from_transport, unreadable
from integrations.learning import replace_token

if TYPE_CHECKING:
    from integrations.gmail.wire import GmailApi
    from orchestrator_site.lib.outbound import Call

log = logging.getLogger(__name__)
T = TypeVar("T")
Body = dict[str, Any]
HOST = "https://gmail.googleapis.com/"
PAGE_SIZE = 500
NEWEST = 50
MOST_INLINE = 4 * 1024 * 1024
"""Larger mails are uploaded: inside JSON Gmail takes about 5 MB."""
LARGEST_ANSWER = 36 * 1024 * 1024
"""A file of 25 MiB, as it comes in base64."""
LOOK_BACK = timedelta(minutes=2)


def connect(info: ConnectionInfo, calls: Calls) -> RealGmail:
    """The client of a connection."""
    return RealGmail(info, calls)


class RealGmail:
    """`interface.GmailClient` over google-api-python-client. Each change is exactly one request."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._base_url = (info.base_url or HOST).rstrip("/") + "/"
        self._calls = calls
        self._info = info
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

    async def proof(self) -> list[str]:
        """The subjects of the three newest mails, for whoever has just connected the mailbox."""
        found = await self.messages(await self.search("", 3))
        return [mail.subject or "(no subject)" for mail in found if mail is not None]

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

    async def address(self) -> str:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile."""
        return await self._call(lambda api: str(api.get(api.users.getProfile(userId="me")).get("emailAddress") or ""))

    async def thread(self, identifier: str) -> list[Message]:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.threads/get."""

        def read(api: GmailApi) -> list[Message]:
            try:
                data = api.get(api.users.threads().get(userId="me", id=identifier, format="minimal"))
            except Exception as problem:
                if _failure(problem, identifier).status == 404:
                    return []
                raise
            found = [self._message(api, str(item["id"])) for item in data.get("messages") or ()]
            return [message for message in found if message is not None]

        return await self._call(read, identifier)

    async def attachment(self, message: str, attachment: str) -> bytes:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments."""

        def read(api: GmailApi) -> bytes:
            ask = api.messages.attachments().get(userId="me", messageId=message, id=attachment)
            data = str(api.get(ask).get("data") or "")
            return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))

        return await self._call(read, message, max_bytes=LARGEST_ANSWER)

    async def headers(self, message: str, names: Sequence[str]) -> dict[str, str]:
        """Headers of one mail."""

        def read(api: GmailApi) -> dict[str, str]:
            return _headers(api.get(_metadata(api, message, names)))

        return await self._call(read, message)

    async def labels(self) -> list[Label]:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels/list."""

        def read(api: GmailApi) -> list[Label]:
            answer = api.get(api.users.labels().list(userId="me"))
            return [_label(data) for data in answer.get("labels") or ()]

        return await self._call(read)

    async def create_label(self, name: str) -> Label:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels/create."""
        body = {"name": name, "labelListVisibility": "labelShow", "messageListVisibility": "show"}
        return await self._call(lambda api: _label(api.get(api.users.labels().create(userId="me", body=body))))

    async def modify(self, message: str, add: Sequence[str], remove: Sequence[str]) -> list[str]:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/modify."""
        body = {"addLabelIds": list(add), "removeLabelIds": list(remove)}

        def write(api: GmailApi) -> list[str]:
            answer = api.get(api.messages.modify(userId="me", id=message, body=body))
            _need(answer, "id", "a mail")
            return [str(label) for label in answer.get("labelIds") or ()]

        return await self._call(write, message)

    async def trash(self, message: str, *, back: bool) -> None:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/trash."""

        def write(api: GmailApi) -> None:
            ask = api.messages.untrash if back else api.messages.trash
            _need(api.get(ask(userId="me", id=message)), "id", "a mail")

        await self._call(write, message)

    async def create_draft(self, write: Callable[[], bytes], thread: str) -> Draft:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/create."""
        place: Body = {"threadId": thread} if thread else {}

        def made(api: GmailApi) -> Draft:
            raw, create = write(), api.users.drafts().create
            if len(raw) > MOST_INLINE:
                return _draft(api.upload(create, raw, {"message": place} if place else {}))
            message = {"raw": base64.urlsafe_b64encode(raw).decode(), **place}
            return _draft(api.get(create(userId="me", body={"message": message})))

        return await self._call(made, thread)

    async def find_draft(self, key: str) -> Draft | None:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/list."""

        def look(api: GmailApi) -> Draft | None:
            answer = api.get(api.users.drafts().list(userId="me", maxResults=NEWEST))
            for data in answer.get("drafts") or ():
                found = _draft(data)
                if _key(api, found.message) == key:
                    return found
            return None

        return await self._call(look)

    async def draft_stands(self, draft: str) -> bool:
        """Whether the draft is still there."""
        return await self._call(lambda api: _standing(api, draft) is not None, draft)

    async def draft_key(self, draft: str) -> str:
        """The key in the header of a draft."""

        def read(api: GmailApi) -> str:
            found = _standing(api, draft)
            return _key(api, found.message) if found else ""

        return await self._call(read, draft)

    async def send_draft(self, draft: str) -> Sent:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/send."""

        def write(api: GmailApi) -> Sent:
            answer = api.get(api.users.drafts().send(userId="me", body={"id": draft}))
            return Sent(str(_need(answer, "id", "a mail")), str(answer.get("threadId") or ""))

        return await self._call(write, draft)

    async def delete_draft(self, draft: str) -> None:
        """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/delete."""

        def write(api: GmailApi) -> None:
            if api.users.drafts().delete(userId="me", id=draft).execute(num_retries=0):
                raise unreadable(SERVICE, "the empty answer that Gmail promises")

        await self._call(write, draft)

    async def find_sent(self, key: str, since: datetime) -> Sent | None:
        """The newest mails in Sent, by the key in their header (Gmail may replace a Message-ID, never this)."""
        query = f"in:sent after:{int((since - LOOK_BACK).timestamp())}"

        def look(api: GmailApi) -> Sent | None:
            answer = api.get(api.messages.list(userId="me", q=query, maxResults=NEWEST))
            found = [data for data in answer.get("messages") or () if _key(api, str(data["id"])) == key]
            return Sent(str(found[0]["id"]), str(found[0].get("threadId") or "")) if found else None

        return await self._call(look)

    async def newest_point(self) -> str:
        """Where the history stands."""
        return await self._call(newest_point)

    async def changes(self, since: str) -> Changes:
        """What came since; Gmail keeps its history for about a week."""

        def read(api: GmailApi) -> Changes:
            try:
                return read_history(api, since)
            except Exception as problem:
                if _failure(problem, since).status == 404:
                    return Changes(since, lost=True)
                raise

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

    async def _call(self, function: Callable[[GmailApi], T], about: str = "", max_bytes: int | None = None) -> T:
        def guarded(call: Call) -> T:
            token = self._tokens.current(call)
            try:
                return self._once(function, call, token, about)
            except ServiceError as problem:
                if problem.status != 401 or not self._tokens.renewable:
                    raise
                self._tokens.forget(token)
                return self._once(function, call, self._tokens.current(call), about)

        try:
            return await in_thread(self._calls, SERVICE, guarded, max_bytes=max_bytes)
        finally:
            await self._keep_rotated()

    async def _keep_rotated(self) -> None:
        """Store a refresh token that Google has replaced; what was asked for is answered in any case."""
        rotated = self._tokens.rotated()
        if rotated is None:
            return
        try:
            await replace_token(self._info, self._calls, "refresh_token", *rotated)
        except Exception:
            log.exception("a new refresh token could not be stored; it is tried again with the next call")
        else:
            self._tokens.is_stored(rotated[1])

    def _once(self, function: Callable[[GmailApi], T], call: Call, token: str, about: str) -> T:
        from integrations.gmail.wire import open_gmail

        try:
            with open_gmail(self._base_url, token, call) as api:
                return function(api)
        except Exception as problem:
            raise _failure(problem, about) from problem


def _metadata(api: GmailApi, message: str, names: Sequence[str]) -> Any:
    return api.messages.get(userId="me", id=message, format="metadata", metadataHeaders=list(names))


def _headers(data: Body) -> dict[str, str]:
    headers = (data.get("payload") or {}).get("headers") or ()
    return {str(one.get("name", "")).lower(): str(one.get("value", "")) for one in headers}


def _key(api: GmailApi, message: str) -> str:
    """The key in the header of a mail; empty for one that is gone."""
    try:
        found = _headers(api.get(_metadata(api, message, (KEY_HEADER,))))
    except Exception as problem:
        if _failure(problem, message).status == 404:
            return ""
        raise
    return found.get(KEY_HEADER.lower(), "").strip()


def _standing(api: GmailApi, draft: str) -> Draft | None:
    try:
        return _draft(api.get(api.users.drafts().get(userId="me", id=draft, format="minimal")))
    except Exception as problem:
        if _failure(problem, draft).status == 404:
            return None
        raise


def _draft(data: Body) -> Draft:
    message = data.get("message") or {}
    return Draft(str(_need(data, "id", "a draft")), str(message.get("id") or ""), str(message.get("threadId") or ""))


def _label(data: Body) -> Label:
    return Label(str(_need(data, "id", "a label")), str(data.get("name") or ""), data.get("type") == "user")


def _need(data: Body, name: str, what: str) -> Any:
    if not data.get(name):
        raise unreadable(SERVICE, what)
    return data[name]


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
