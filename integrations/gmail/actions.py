"""The actions of Gmail: search that gives whole mails, and one mail by its id. All of them only read."""

from __future__ import annotations

from typing import Literal

from integrations.context import Context
from integrations.errors import Rejected
from integrations.gmail import INTEGRATION as gmail
from integrations.gmail.failures import no_mail
from integrations.gmail.interface import GmailClient, Message
from integrations.gmail.readable import readable
from integrations.spec import Kind, Model, content, setting


class SearchInput(Model):
    """What to search for."""

    query: str = content(
        "Search", default="", help="As typed into Gmail.", example="is:unread newer_than:7d", max_length=1000
    )
    limit: int = setting("At most", default=10, help="The newest first.", ge=1, le=500)
    when_empty: Literal["continue", "finish", "fail"] = setting(
        "When nothing is found", default="continue", widget="choice", help="finish: the run ends well, with a warning."
    )


class Messages(Model):
    """The mails that were found; `text` is all of them, readable."""

    messages: list[Message]
    count: int
    text: str


@gmail.action(
    "search",
    kind=Kind.READ,
    input=SearchInput,
    output=Messages,
    title="Search mail",
    phrase="searches mail",
    timeout=120,
    keywords=("find", "inbox", "unread", "list"),
)
async def search(context: Context[GmailClient], values: SearchInput) -> Messages:
    """Find mail as in Gmail's search box, and read it: decoded text, people, labels and attachments."""
    read = await context.client.messages(await context.client.search(values.query, values.limit))
    found = [message for message in read if message is not None]
    if len(found) < len(read):
        gone = len(read) - len(found)
        context.warn(f"{gone} of the mails {'was' if gone == 1 else 'were'} deleted while they were being read.")
    if not found:
        _nothing(context, values)
    return Messages(messages=found, count=len(found), text=readable(found))


def _nothing(context: Context[GmailClient], values: SearchInput) -> None:
    said = f"No mail matches “{values.query}”." if values.query else "There is no mail."
    if values.when_empty == "fail":
        raise Rejected(said, code="E_EMPTY", hint="Change the search, or let the step continue or finish when empty.")
    if values.when_empty == "finish":
        context.finish(said)


class GetMessageInput(Model):
    """Which mail."""

    id: str = content("Message", help="The id of a mail, as a search gives it.", min_length=1, max_length=200)


@gmail.action(
    "get_message",
    kind=Kind.READ,
    input=GetMessageInput,
    output=Message,
    title="Read a mail",
    phrase="reads a mail",
    keywords=("get", "mail", "fetch"),
)
async def get_message(context: Context[GmailClient], values: GetMessageInput) -> Message:
    """Read one mail: decoded text, people, labels and attachments."""
    message = (await context.client.messages([values.id.strip()]))[0]
    if message is None:
        raise no_mail(values.id.strip())
    return message
