"""Actions that only read: search that gives whole mails, one mail, a conversation, a file in a mail, labels."""

from __future__ import annotations

from typing import Literal

from integrations.context import Context
from integrations.errors import Rejected
from integrations.files import File
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


class ThreadInput(Model):
    """Which conversation."""

    id: str = content("Conversation", help="The thread_id of a mail.", min_length=1, max_length=200)


class Thread(Model):
    """A conversation, the oldest mail first; `text` is all of it, readable."""

    id: str
    subject: str
    messages: list[Message]
    count: int
    text: str


@gmail.action(
    "get_thread",
    kind=Kind.READ,
    input=ThreadInput,
    output=Thread,
    title="Read a conversation",
    phrase="reads a conversation",
    timeout=120,
    keywords=("thread", "history"),
)
async def get_thread(context: Context[GmailClient], values: ThreadInput) -> Thread:
    """Read every mail of a conversation, in its order."""
    found = await context.client.thread(values.id.strip())
    if not found:
        raise Rejected(
            f"There is no conversation {values.id[:100]}.",
            code="E_NOT_FOUND",
            refused=True,
            hint="Take the thread_id of a mail that a search gives.",
        )
    return Thread(
        id=values.id.strip(), subject=found[0].subject, messages=found, count=len(found), text=readable(found)
    )


class AttachmentInput(Model):
    """Which file of which mail."""

    message: str = content("Mail", help="The id of the mail.", min_length=1, max_length=200)
    attachment: str = content("File", help="The id or the name of the file in it.", min_length=1, max_length=2000)


class AttachmentFile(Model):
    """The file, as steps hand it on."""

    file: File
    name: str
    mime_type: str
    size: int


@gmail.action(
    "get_attachment",
    kind=Kind.READ,
    input=AttachmentInput,
    output=AttachmentFile,
    title="Get a file from a mail",
    phrase="gets a file from a mail",
    timeout=120,
    keywords=("attachment", "download", "pdf", "invoice"),
)
async def get_attachment(context: Context[GmailClient], values: AttachmentInput) -> AttachmentFile:
    """Take a file out of a mail, up to 25 MiB, for later steps."""
    message = (await context.client.messages([values.message.strip()]))[0]
    if message is None:
        raise no_mail(values.message.strip())
    wanted = values.attachment.strip()
    card = next((one for one in message.attachments if wanted in (one.id, one.filename)), None)
    if card is None:
        names = ", ".join(one.filename for one in message.attachments) or "none"
        raise Rejected(
            f"The mail has no file “{wanted[:100]}”.", code="E_NOT_FOUND", refused=True, hint=f"Its files: {names}."
        )
    bytes_ = await context.client.attachment(message.id, card.id)
    kept = await context.write_file(bytes_, name=card.filename, mime_type=card.mime_type)
    return AttachmentFile(file=kept, name=kept.name, mime_type=kept.mime_type, size=kept.size)


class NoInput(Model):
    """Nothing to say."""


class LabelName(Model):
    """A label."""

    id: str
    name: str


class LabelNames(Model):
    """Every label of the mailbox."""

    labels: list[LabelName]
    count: int


@gmail.action(
    "list_labels", kind=Kind.READ, input=NoInput, output=LabelNames, title="List labels", phrase="lists labels"
)
async def list_labels(context: Context[GmailClient], values: NoInput) -> LabelNames:
    """List the labels of the mailbox, Gmail's own among them."""
    found = [LabelName(id=one.id, name=one.name) for one in await context.client.labels()]
    return LabelNames(labels=found, count=len(found))


class Profile(Model):
    """Whose mailbox it is."""

    email: str


@gmail.action(
    "profile", kind=Kind.READ, input=NoInput, output=Profile, title="Whose mailbox", phrase="reads the profile"
)
async def profile(context: Context[GmailClient], values: NoInput) -> Profile:
    """Read the address of the mailbox."""
    return Profile(email=await context.client.address())
