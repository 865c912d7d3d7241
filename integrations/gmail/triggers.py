"""What Gmail starts runs with: mails that arrive, answers, files, labels. Asked by the mailbox's history.

Three things keep a mail from being missed or taken twice: the point of the history that was read last, a search over an
overlap where the history does not reach back (Gmail keeps about a week), and the key of each event, the mail's own id.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

from integrations.context import Context
from integrations.errors import Rejected
from integrations.gmail import INTEGRATION as gmail
from integrations.gmail.interface import MailWatch, Message
from integrations.gmail.watching import Changes
from integrations.spec import Event, Model, Polled, content, setting
from orchestrator_site.lib.json import JSONValue

_EITHER = re.compile(r"\bOR\b|\|")
OVERLAP = 15 * 60
MOST_MAILS = 100
MOST_FOUND = 5000
UNREAD_BY_US = ("SENT", "DRAFT", "TRASH", "SPAM", "CHAT")
SAMPLE: dict[str, Any] = {
    "id": "18f0c2",
    "thread_id": "18f0c2",
    "sender": {"name": "Anna Keller", "email": "anna@example.com"},
    "to": [{"name": "", "email": "support@example.com"}],
    "subject": "Order 4471 has not arrived",
    "date": "2026-11-02T09:12:00+00:00",
    "snippet": "Good morning, I ordered …",
    "text": "Good morning, I ordered two lamps and they have not arrived. Anna Keller",
    "labels": ["INBOX", "UNREAD"],
    "attachments": [],
    "url": "https://mail.google.com/mail/#all/18f0c2",
}


class NewMail(Model):
    """Which mails."""

    query: str = content(
        "Only mails that match",
        default="",
        help="In the words of Gmail's search, like label:invoices or has:attachment. Empty: every mail.",
        example="from:@example.com",
        max_length=500,
    )


class Labelled(Model):
    """Which label."""

    label: str = content("Label", help="Its name, like Invoices, or STARRED.", example="STARRED", min_length=1)


class OnlyOthers(NewMail):
    """Which answers."""

    own: bool = setting("Also answers that you wrote", default=False)


@gmail.trigger("new_mail", config=NewMail, event=Message, title="A new mail", every=30, sample=SAMPLE)
async def new_mail(context: Context[MailWatch], config: NewMail, cursor: JSONValue) -> Polled:
    """A mail has arrived."""
    return await _arrivals(context.client, config.query, cursor)


@gmail.trigger(
    "new_attachment", config=NewMail, event=Message, title="A new mail with files", every=30,
    sample={**SAMPLE, "attachments": [{"id": "a1", "filename": "bill.pdf", "mime_type": "application/pdf", "size": 9}]},
)  # fmt: skip
async def new_attachment(context: Context[MailWatch], config: NewMail, cursor: JSONValue) -> Polled:
    """A mail with at least one file has arrived."""
    polled = await _arrivals(context.client, config.query, cursor)
    kept = [event for event in polled.events if event.data.get("attachments")]
    return Polled(kept, polled.cursor, polled.more)


@gmail.trigger(
    "new_reply", config=OnlyOthers, event=Message, title="An answer in a conversation", every=30, sample=SAMPLE
)
async def new_reply(context: Context[MailWatch], config: OnlyOthers, cursor: JSONValue) -> Polled:
    """A mail has arrived in a conversation that had one before."""
    polled = await _arrivals(context.client, config.query, cursor, own=config.own)
    kept = [event for event in polled.events if await _is_reply(context.client, event)]
    return Polled(kept, polled.cursor, polled.more)


@gmail.trigger("labelled", config=Labelled, event=Message, title="A mail gets a label", every=30, sample=SAMPLE)
async def labelled(context: Context[MailWatch], config: Labelled, cursor: JSONValue) -> Polled:
    """Somebody, or a filter, has put a label on a mail; STARRED is the star."""
    wanted = await _label_id(context.client, config.label)
    changes, after = await _since(context.client, cursor)
    if changes is None:
        return Polled([], after)
    if changes.lost:
        query = f"label:{config.label.replace(' ', '-')} after:{_reach(cursor)}"
        found = await context.client.search(query, MOST_FOUND)
    else:
        found = [message for message, label in changes.labelled if label == wanted]
    mails = await _mails(context.client, found)
    # Told by mail and label alone: a search cannot say when the label was put on, and no mail may count twice.
    events = [Event(f"{identifier}:{wanted}", _data(mail)) for identifier, mail in mails.items()]
    return Polled(events, after, changes.more)


# ---- How the mailbox is asked ----------------------------------------------------------------------------------------


async def _arrivals(client: MailWatch, query: str, cursor: JSONValue, *, own: bool = False) -> Polled:
    """The mails that came since the cursor. More than a look can read stand in the cursor as `todo`, oldest first."""
    todo = cursor.get("todo") if isinstance(cursor, dict) else None
    if isinstance(cursor, dict) and isinstance(todo, list) and todo:
        found, after, more = [str(identifier) for identifier in todo], {**cursor}, bool(cursor.get("more"))
    else:
        changes, after = await _since(client, cursor)
        if changes is None:
            return Polled([], after)
        found, more = await _matching(client, query, changes, cursor), changes.more
    now, later = found[:MOST_MAILS], found[MOST_MAILS:]
    after = {**after, "todo": list(later), "more": more and bool(later)}
    mails = await _mails(client, now)
    left_out = set(UNREAD_BY_US) - ({"SENT"} if own else set())
    events = [Event(mail.id, _data(mail)) for mail in mails.values() if not left_out & set(mail.labels)]
    return Polled(events, after, more or bool(later))


async def _matching(client: MailWatch, query: str, changes: Changes, cursor: JSONValue) -> list[str]:
    """The mails that arrived and match, oldest first."""
    asked = f"({query})" if _EITHER.search(query) else query.strip()
    reach = f"{asked} after:{_reach(cursor)}".strip()
    if changes.lost:
        return list(reversed(await client.search(reach, MOST_FOUND)))
    if not query.strip() or not changes.arrived:
        return changes.arrived
    matching = set(await client.search(reach, MOST_FOUND))
    return [identifier for identifier in changes.arrived if identifier in matching]


async def _since(client: MailWatch, cursor: JSONValue) -> tuple[Changes | None, dict[str, JSONValue]]:
    """What changed since the cursor (None: it was just switched on), and the cursor that follows."""
    at = int(time.time())
    if not isinstance(cursor, dict) or not cursor.get("point"):
        return None, {"point": await client.newest_point(), "at": at}
    changes = await client.changes(str(cursor["point"]))
    point = await client.newest_point() if changes.lost else changes.point
    return changes, {"point": point, "at": at}


def _reach(cursor: JSONValue) -> int:
    """From when a search has to look: some time before the last look."""
    at = cursor.get("at") if isinstance(cursor, dict) else None
    return max(0, (at if isinstance(at, int) else int(time.time())) - OVERLAP)


async def _mails(client: MailWatch, ids: Sequence[str]) -> dict[str, Message]:
    """These mails, as far as they are still there, in the order of their ids."""
    wanted, found = list(dict.fromkeys(ids)), dict[str, Message]()
    for i in range(0, len(wanted), MOST_MAILS):
        part = wanted[i : i + MOST_MAILS]
        mails = await client.messages(part)
        found |= {identifier: mail for identifier, mail in zip(part, mails, strict=True) if mail is not None}
    return found


async def _is_reply(client: MailWatch, event: Event) -> bool:
    mails = await client.thread(str(event.data["thread_id"]))
    return any(mail.id != event.data["id"] and mail.date <= str(event.data["date"]) for mail in mails)


async def _label_id(client: MailWatch, name: str) -> str:
    for label in await client.labels():
        if name.casefold() in (label.id.casefold(), label.name.casefold()):
            return label.id
    raise Rejected(
        f"There is no label “{name[:60]}” in this mailbox.",
        code="E_NOT_FOUND",
        hint="Make it in Gmail, or choose another.",
    )


def _data(mail: Message) -> dict[str, JSONValue]:
    data: dict[str, JSONValue] = mail.model_dump(mode="json")
    return data
