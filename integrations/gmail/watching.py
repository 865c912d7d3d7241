"""What is new in the mailbox since a point of its history, as Gmail lists it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from integrations.gmail.failures import SERVICE
from integrations.http_failures import unreadable

PAGE = 500
MOST_PAGES = 10


@dataclass
class Changes:
    """What came since: mails that arrived, labels that were put on mails, and the point to go on from.

    `more`: there is more behind this point than one look reads. `lost`: the history does not reach back so far.
    """

    point: str
    arrived: list[str] = field(default_factory=list)
    labelled: list[tuple[str, str]] = field(default_factory=list)
    more: bool = False
    lost: bool = False


def newest_point(api: Any) -> str:
    """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile."""
    point = api.get(api.users.getProfile(userId="me")).get("historyId")
    if not point:
        raise unreadable(SERVICE, "a mailbox with a history")
    return str(point)


def read_history(api: Any, since: str) -> Changes:
    """Reference: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list.

    A mail that was put away or deleted again is among them; who reads it finds out. Raises what the API raises; a 404
    means that `since` is too old.
    """
    found = Changes(since)
    ask: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        types = ["messageAdded", "labelAdded"]
        answer = api.get(
            api.users.history().list(userId="me", startHistoryId=since, maxResults=PAGE, historyTypes=types, **ask)
        )
        for record in answer.get("history") or ():
            _take(found, record)
        token = answer.get("nextPageToken")
        if not token:
            found.point, found.more = str(answer.get("historyId") or found.point), False
            return found
        found.more = True
        ask["pageToken"] = token
    return found


def _take(found: Changes, record: dict[str, Any]) -> None:
    identifier = str(record.get("id") or "")
    for added in record.get("messagesAdded") or ():
        card = added.get("message") or {}
        message = str(card.get("id") or "")
        if message and message not in found.arrived:
            found.arrived.append(message)
            found.labelled += [(message, str(label)) for label in card.get("labelIds") or ()]
    for labelled in record.get("labelsAdded") or ():
        message = str((labelled.get("message") or {}).get("id") or "")
        found.labelled += [(message, str(label)) for label in labelled.get("labelIds") or () if message]
    if identifier:
        found.point = identifier
