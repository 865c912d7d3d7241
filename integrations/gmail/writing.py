"""Actions that write mail: drafts, answers, forwards, and sending in two phases.

Sending is two changes: the draft is made (it carries the key in a header, so a lost answer is found among the drafts),
then exactly that draft is sent (when its answer is lost: the draft is gone and the mail lies in Sent). A draft that
somebody deleted by hand is told to a person; it is never made and sent again in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected, ServiceError, Unavailable
from integrations.files import File
from integrations.gmail import INTEGRATION as gmail
from integrations.gmail import plans
from integrations.gmail.compose import (
    Enclosed,
    Letter,
    answer_subject,
    answer_to,
    forward_subject,
    forwarded,
    one_line,
    people,
    raw_of,
    references_of,
)
from integrations.gmail.failures import no_mail
from integrations.gmail.interface import MAIL, Draft, GmailClient, Message, Sent
from integrations.spec import Change, Kind, Model, content, setting, target

DRAFT = Change("create_draft", look=True, undo="Delete the draft", thing="draft", weight=80)
ON_THE_WAY = replace(DRAFT, thing="", weight=100)
LARGE = 256 * 1024
SEND = Change("send_draft", look=True, thing="mail", weight=0)
DRAFTED = {"create_draft": plans.new_draft}
LEAVES = {**DRAFTED, "send_draft": plans.sent_mail}


class DraftInput(Model):
    """A mail to write."""

    to: list[str] = target("To", help="Addresses.", example=["ada@example.com"], max_length=500, min_length=1)
    subject: str = content("Subject", max_length=900)
    text: str = content("Text", default="", widget="long", max_length=1_000_000)
    html: str = content("HTML", default="", widget="code", help="Beside the text, if wanted.", max_length=1_000_000)
    cc: list[str] = target("Cc", default=[], max_length=500)
    bcc: list[str] = target("Bcc", default=[], max_length=500)
    reply_to: list[str] = target("Answers go to", default=[], max_length=20)
    attachments: list[File] = content("Files", default=[], help="Files of earlier steps.", max_length=50)


class DraftMade(Model):
    """The draft; nothing has been sent."""

    draft_id: str
    message_id: str
    thread_id: str
    subject: str
    to: list[str]
    url: str


class MailSent(Model):
    """The mail that has left."""

    id: str
    thread_id: str
    subject: str
    to: list[str]
    url: str


async def _enclosed(context: Context[GmailClient], files: Sequence[File]) -> tuple[Enclosed, ...]:
    return tuple([Enclosed(one.name or "file", one.mime_type, await context.read_file(one)) for one in files])


async def _letter(context: Context[GmailClient], values: DraftInput) -> Letter:
    if not (values.text.strip() or values.html.strip()):
        raise Rejected("The mail has no text.", code="E_REQUIRED", refused=True, hint="Write a text.")
    return Letter(
        to=people(values.to, "To"),
        subject=one_line(values.subject),
        text=values.text,
        html=values.html,
        cc=people(values.cc, "Cc"),
        bcc=people(values.bcc, "Bcc"),
        reply_to=people(values.reply_to, "Answers go to"),
        files=await _enclosed(context, values.attachments),
    )


async def _check(context: Context[GmailClient], letter: Letter) -> None:
    """A mail that cannot be written is refused before anything leaves; a large one is written beside the loop."""
    if sum(len(one.content) for one in letter.files) > LARGE:
        await context.calls.blocking(lambda: raw_of(letter, "0" * 64))
    else:
        raw_of(letter, "0" * 64)


async def make_draft(context: Context[GmailClient], letter: Letter) -> Outcome:
    """The first change: the draft. A lost answer is found among the drafts by the key in its header."""
    client = context.client
    if not letter.to:
        raise Rejected("The mail goes to nobody.", code="E_REQUIRED", refused=True, hint="Give an address.")
    await _check(context, letter)

    async def send(key: str) -> Outcome:
        return _draft_outcome(await client.create_draft(lambda: raw_of(letter, key), letter.thread), key)

    async def look(what: LookFor) -> Found | None:
        found = await client.find_draft(what.key)
        made = _draft_outcome(found, what.key) if found else None
        return Found(made.external_id, made.external_url, made.data) if made else None

    return await context.change(
        Order(
            op="create_draft",
            target={"to": [one.email for one in letter.to]},
            request=letter.shown(),
            send=send,
            look=look,
            search_url=f"{MAIL}#drafts",
        )
    )


def _draft_outcome(draft: Draft, key: str) -> Outcome:
    about = {"message": draft.message, "thread": draft.thread, "key": key}
    return Outcome(draft.id, f"{MAIL}#drafts/{draft.message}", about)


async def send_draft(context: Context[GmailClient], draft: str, letter_key: str, shown: dict[str, object]) -> Outcome:
    """The second change: that draft leaves. `letter_key` is the key in the header of the mail, if it is ours."""
    client = context.client
    asked_again = False

    async def send(key: str) -> Outcome:
        nonlocal asked_again
        try:
            return _sent_outcome(await client.send_draft(draft))
        except ServiceError as problem:
            if problem.status != 404 or asked_again:
                raise
            asked_again = True
            raise Unavailable(
                "The draft is not there any more: it was sent, or somebody deleted it.",
                code="E_DRAFT_GONE",
                hint="Look into Sent, then say whether it happened.",
            ) from problem

    async def look(what: LookFor) -> Found | None:
        if await client.draft_stands(draft):
            return None
        found = await client.find_sent(letter_key, what.sent_at) if letter_key else None
        if found is None:
            raise Unavailable("The draft is gone and the mail is not found in Sent.", hint="Look into Sent.")
        made = _sent_outcome(found)
        return Found(made.external_id, made.external_url, made.data)

    return await context.change(
        Order(
            op="send_draft",
            target={"to": shown.get("to", []), "draft": draft},
            request=shown,
            send=send,
            look=look,
            search_url=f"{MAIL}#sent",
        )
    )


def _sent_outcome(sent: Sent) -> Outcome:
    return Outcome(sent.id, f"{MAIL}#sent/{sent.id}", {"thread": sent.thread})


async def _drafted(context: Context[GmailClient], letter: Letter) -> DraftMade:
    made = await make_draft(context, letter)
    return DraftMade(
        draft_id=made.external_id,
        message_id=str(made.data.get("message", "")),
        thread_id=str(made.data.get("thread", "")),
        subject=letter.subject,
        to=[one.email for one in letter.to],
        url=made.external_url,
    )


async def _sent(context: Context[GmailClient], letter: Letter) -> MailSent:
    made = await make_draft(context, letter)
    key = str(made.data.get("key") or "") or await context.client.draft_key(made.external_id)
    left = await send_draft(context, made.external_id, key, letter.shown())
    return MailSent(
        id=left.external_id,
        thread_id=str(left.data.get("thread", "")),
        subject=letter.subject,
        to=[one.email for one in letter.to],
        url=left.external_url,
    )


@gmail.action(
    "create_draft",
    kind=Kind.EFFECT,
    input=DraftInput,
    output=DraftMade,
    title="Write a draft",
    phrase="writes a draft",
    changes=[DRAFT],
    keywords=("mail", "compose", "prepare"),
    foretell=DRAFTED,
)
async def create_draft(context: Context[GmailClient], values: DraftInput) -> DraftMade:
    """Write a mail and leave it among the drafts. Nothing is sent."""
    return await _drafted(context, await _letter(context, values))


@gmail.action(
    "send",
    kind=Kind.EFFECT,
    input=DraftInput,
    output=MailSent,
    title="Send a mail",
    phrase="sends a mail",
    changes=[ON_THE_WAY, SEND],
    timeout=120,
    keywords=("mail", "email", "notify"),
    foretell=LEAVES,
)
async def send_mail(context: Context[GmailClient], values: DraftInput) -> MailSent:
    """Write a mail and send it: first the draft, then exactly that draft, so that it never leaves twice."""
    return await _sent(context, await _letter(context, values))


class DraftReplyInput(Model):
    """What to answer, and to which mail."""

    message: str = content("Mail", help="The id of the mail that is answered.", min_length=1, max_length=200)
    text: str = content("Text", widget="long", min_length=1, max_length=1_000_000)
    html: str = content("HTML", default="", widget="code", max_length=1_000_000)
    everyone: bool = setting("To everyone", default=False, help="Those in To and Cc too.")
    attachments: list[File] = content("Files", default=[], max_length=50)


class ReplyInput(DraftReplyInput):
    """The same; text from outside may not choose which mail is answered."""

    message: str = target("Mail", help="The id of the mail that is answered.", min_length=1, max_length=200)


async def _answer(context: Context[GmailClient], values: DraftReplyInput) -> Letter:
    client = context.client
    mail = await _read(client, values.message.strip())
    headers = await client.headers(mail.id, ("Message-ID", "References", "In-Reply-To"))
    to, cc = answer_to(mail, everyone=values.everyone, me=await client.address())
    return Letter(
        to=to,
        cc=cc,
        subject=answer_subject(mail.subject),
        text=values.text,
        html=values.html,
        answers=headers.get("message-id", ""),
        references=references_of(headers),
        thread=mail.thread_id,
        files=await _enclosed(context, values.attachments),
    )


async def _read(client: GmailClient, identifier: str) -> Message:
    found = (await client.messages([identifier]))[0]
    if found is None:
        raise no_mail(identifier)
    return found


@gmail.action(
    "draft_reply",
    kind=Kind.EFFECT,
    input=DraftReplyInput,
    output=DraftMade,
    title="Draft an answer",
    phrase="drafts an answer",
    changes=[DRAFT],
    keywords=("reply", "respond"),
    foretell=DRAFTED,
)
async def draft_reply(context: Context[GmailClient], values: DraftReplyInput) -> DraftMade:
    """Write an answer into the conversation and leave it among the drafts, for a person to send."""
    return await _drafted(context, await _answer(context, values))


@gmail.action(
    "reply",
    kind=Kind.EFFECT,
    input=ReplyInput,
    output=MailSent,
    title="Answer a mail",
    phrase="answers a mail",
    changes=[ON_THE_WAY, SEND],
    timeout=120,
    keywords=("respond",),
    foretell=LEAVES,
)
async def reply(context: Context[GmailClient], values: ReplyInput) -> MailSent:
    """Answer a mail within its conversation, to where it asks for answers (Reply-To before From)."""
    return await _sent(context, await _answer(context, values))


class ForwardInput(Model):
    """What to send on, and to whom."""

    message: str = content("Mail", help="The id of the mail that is sent on.", min_length=1, max_length=200)
    to: list[str] = target("To", min_length=1, max_length=500)
    text: str = content("Text above it", default="", widget="long", max_length=100_000)
    attachments: bool = setting("With its files", default=True)


@gmail.action(
    "forward",
    kind=Kind.EFFECT,
    input=ForwardInput,
    output=MailSent,
    title="Forward a mail",
    phrase="forwards a mail",
    changes=[ON_THE_WAY, SEND],
    timeout=120,
    keywords=("send on", "pass on"),
    foretell=LEAVES,
)
async def forward(context: Context[GmailClient], values: ForwardInput) -> MailSent:
    """Send a mail on to somebody else, with its files."""
    client = context.client
    mail = await _read(client, values.message.strip())
    files = mail.attachments if values.attachments else []
    enclosed = [Enclosed(one.filename, one.mime_type, await client.attachment(mail.id, one.id)) for one in files]
    letter = Letter(
        to=people(values.to, "To"),
        subject=forward_subject(mail.subject),
        text=forwarded(mail, values.text),
        files=tuple(enclosed),
    )
    return await _sent(context, letter)


class SendDraftInput(Model):
    """Which draft."""

    draft: str = target("Draft", help="The id of a draft, as a draft step gives it.", min_length=1, max_length=200)


class DraftSent(Model):
    """The mail that has left."""

    id: str
    thread_id: str
    url: str


@gmail.action(
    "send_draft",
    kind=Kind.EFFECT,
    input=SendDraftInput,
    output=DraftSent,
    title="Send a draft",
    phrase="sends a draft",
    changes=[SEND],
    keywords=("mail",),
    foretell=LEAVES,
)
async def send_a_draft(context: Context[GmailClient], values: SendDraftInput) -> DraftSent:
    """Send a draft that is there already, for example one that a person has looked at."""
    draft = values.draft.strip()
    key = await context.client.draft_key(draft)
    left = await send_draft(context, draft, key, {"draft": draft})
    return DraftSent(id=left.external_id, thread_id=str(left.data.get("thread", "")), url=left.external_url)


class DraftDeleted(Model):
    """The draft that is gone."""

    draft_id: str


@gmail.action(
    "delete_draft",
    kind=Kind.EFFECT,
    input=SendDraftInput,
    output=DraftDeleted,
    title="Delete a draft",
    phrase="deletes a draft",
    changes=[Change("delete_draft", look=True, thing="draft", weight=60)],
    keywords=("mail", "discard"),
    foretell={"delete_draft": plans.gone_draft},
)
async def delete_draft(context: Context[GmailClient], values: SendDraftInput) -> DraftDeleted:
    """Delete a draft for good. One that is not there any more is no error."""
    client, draft = context.client, values.draft.strip()
    planned = context.foreseen is not None
    if not planned and not context.earlier_change and not await client.draft_stands(draft):
        return DraftDeleted(draft_id=draft)

    async def send(key: str) -> Outcome:
        await client.delete_draft(draft)
        return Outcome(draft)

    async def look(what: LookFor) -> Found | None:
        return None if await client.draft_stands(draft) else Found(draft)

    await context.change(Order("delete_draft", {"draft": draft}, {}, send, look, search_url=f"{MAIL}#drafts"))
    return DraftDeleted(draft_id=draft)
