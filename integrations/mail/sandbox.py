"""A mail server that is not there: what is sent lies in the outbox, and no one gets it."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import default

from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected
from integrations.mail.letters import Letter, message_id
from integrations.sandboxes import Sandbox
from integrations.world import Collection, Column, Thing
from orchestrator_site.lib.clock import moment, now

SENDER = "Sandbox <you@sandbox.example>"
REFUSED = "refused.example"
WORLD = (
    Collection(
        kind="mail",
        title="Outbox",
        columns=(Column("title", "Subject"), Column("to", "To"), Column("sent_at", "Sent")),
        body="text",
        facts=(
            Column("sender", "From"),
            Column("cc", "Cc"),
            Column("bcc", "Bcc"),
            Column("reply_to", "Answers go to"),
            Column("attachments", "Files"),
            Column("message_id", "Message-ID"),
        ),
        empty="Nothing was sent yet. A step “Send a mail” over this connection shows here.",
    ),
)


def seed_objects() -> list[Thing]:
    """An empty outbox."""
    return []


def connect(info: ConnectionInfo, calls: Calls) -> SandboxMail:
    """The sandbox client of a workspace."""
    return SandboxMail(info, calls)


class SandboxMail:
    """`interface.MailClient` without a network. Addresses at refused.example are refused, to try that too."""

    sender = SENDER

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._world = Sandbox(info, calls, "mail")

    async def send(self, letter: Letter, key: str, content: bytes) -> None:
        """Put the mail, as it was read back from its bytes, into the outbox."""
        for receiver in letter.receivers:
            if receiver.endswith(f"@{REFUSED}"):
                raise Rejected(
                    f"The mail server does not take {receiver} (550 no such mailbox).",
                    code="E_MAIL_REFUSED",
                    refused=True,
                    hint="Check the address.",
                )
        mail = email.message_from_bytes(content, policy=default)
        await self._world.run(lambda: self._world.add(_thing(letter, key, mail), marker=key))

    async def describe(self) -> ConnectionReport:
        """What one can try."""
        return ConnectionReport(
            ok=True, summary="The sandbox takes mail and delivers none.", can=("send mail into the outbox",)
        )


def _thing(letter: Letter, key: str, mail: EmailMessage) -> Thing:
    plain = mail.get_body(("plain",))
    named = {"to": letter.to, "cc": letter.cc, "bcc": letter.bcc, "reply_to": letter.reply_to}
    data = {
        "sender": str(mail["From"]),
        **{name: [str(one) for one in people] for name, people in named.items()},
        "text": plain.get_content() if plain else "",
        "html": letter.html,
        "attachments": [one.name for one in letter.files],
        "message_id": message_id(letter, key),
        "sent_at": moment(now()),
    }
    return Thing("mail", key, str(mail["Subject"]), "", data)
