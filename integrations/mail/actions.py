"""Sending mail."""

from __future__ import annotations

from typing import Any

from integrations.context import Context, Order, Outcome, Plan
from integrations.errors import Rejected
from integrations.files import File
from integrations.mail import INTEGRATION
from integrations.mail.interface import MailClient
from integrations.mail.letters import Enclosure, Letter, message_id, one_line, people, sender_of, written
from integrations.spec import Change, Kind, Model, content, target
from orchestrator_site.lib.clock import now

ADA = "Ada Lovelace <ada@example.com>"


class SendInput(Model):
    """A mail."""

    to: list[str] = target("To", help="Addresses, one a line.", example=[ADA], min_length=1, max_length=100)
    subject: str = content("Subject", example="Summary of the week", min_length=1, max_length=500)
    text: str = content("Text", widget="long", help="Plain text.", max_length=1_000_000)
    html: str = content(
        "HTML", default="", widget="code", help="The same as HTML, for programs that show it.", max_length=1_000_000
    )
    cc: list[str] = target("Cc", default=[], help="Get a copy; everyone sees them.", max_length=100)
    bcc: list[str] = target("Bcc", default=[], help="Get a copy; nobody sees them.", max_length=100)
    reply_to: list[str] = target("Answers go to", default=[], help="Empty: to the sender.", max_length=10)
    attachments: list[File] = content(
        "Files", default=[], help="Files from earlier steps.", example=["{{ steps.report.file }}"], max_length=20
    )


class Sent(Model):
    """The mail that was sent; `message_id` is its name in the world."""

    message_id: str
    sender: str
    recipients: list[str]
    subject: str
    size: int


async def _letter(context: Context[MailClient], values: SendInput) -> Letter:
    """The mail. Raises Rejected before anything leaves."""
    sender = sender_of(context.client.sender)
    to = people(values.to, "To")
    if not to:
        raise Rejected("To names nobody.", code="E_ADDRESS", refused=True, hint="Name at least one address.")
    files = [Enclosure(one.name, one.mime_type, await context.read_file(one)) for one in values.attachments]
    return Letter(
        sender=sender,
        to=to,
        subject=one_line(values.subject),
        text=values.text,
        html=values.html,
        cc=people(values.cc, "Cc"),
        bcc=people(values.bcc, "Bcc"),
        reply_to=people(values.reply_to, "Answers go to"),
        files=tuple(files),
    )


def _target(letter: Letter) -> dict[str, Any]:
    named = {"to": letter.to, "cc": letter.cc, "bcc": letter.bcc}
    return {name: [one.addr_spec for one in found] for name, found in named.items() if found}


async def plan_send(context: Context[MailClient], values: SendInput) -> list[Plan]:
    """The mail as it would leave."""
    letter = await _letter(context, values)
    size = len(written(letter, "0" * 32, now()))
    summary = f"Sends “{letter.subject}” to {', '.join(letter.receivers)}."
    output = {
        "sender": letter.sender.addr_spec,
        "recipients": letter.receivers,
        "subject": letter.subject,
        "size": size,
    }
    return [Plan("send_mail", _target(letter), summary, None, letter.shown(), output)]


@INTEGRATION.action(
    "send",
    kind=Kind.EFFECT,
    input=SendInput,
    output=Sent,
    title="Send a mail",
    phrase="sends a mail",
    changes=[Change("send_mail", look=False, thing="mail", weight=0)],
    keywords=("email", "notify", "smtp", "message", "attachment"),
    plan=plan_send,
)
async def send(context: Context[MailClient], values: SendInput) -> Sent:
    """Send a mail in one transaction: everybody gets it, or nobody. A mail whose answer was lost is asked about."""
    letter, at = await _letter(context, values), now()
    written(letter, "0" * 32, at)

    async def once(key: str) -> Outcome:
        raw = written(letter, key, at)
        await context.client.send(letter, key, raw)
        return Outcome(message_id(letter, key), "", {"size": len(raw)})

    outcome = await context.change(Order("send_mail", _target(letter), letter.shown(), once))
    return Sent(
        message_id=outcome.external_id,
        sender=letter.sender.addr_spec,
        recipients=letter.receivers,
        subject=letter.subject,
        size=int(outcome.data.get("size", 0)),
    )
