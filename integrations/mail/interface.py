"""What the action asks of a mail client, and where a mail server may be. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from integrations.context import ConnectionReport
from integrations.mail.letters import Letter
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.outbound.urls import check_host

PORTS = frozenset({25, 465, 587, 2525})
TLS_PORT = 465
USUAL_PORT = 587
_PLACE = re.compile(r"(?:(smtps?)://)?([^/:@\s\[\]]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?/?", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A mail server; `tls`: from the first byte, else by STARTTLS."""

    host: str
    port: int
    tls: bool

    @classmethod
    def read(cls, text: str) -> Place:
        """`smtp.example.com:587`, `smtps://smtp.example.com`. Raises UserError E_URL."""
        found = _PLACE.fullmatch(text.strip())
        if not found:
            raise UserError(
                "E_URL",
                f"“{text[:80]}” is not the address of a mail server.",
                field="base_url",
                hint="Write the server and its port, such as smtp.example.com:587.",
            )
        scheme, host, port = (found[1] or "").lower(), found[2].strip("[]"), found[3]
        number = int(port) if port else TLS_PORT if scheme == "smtps" else USUAL_PORT
        return cls(host, number, tls=scheme == "smtps" or (not scheme and number == TLS_PORT))

    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'smtps' if self.tls else 'smtp'}://{shown}:{self.port}"


def clean_place(text: str) -> str:
    """The address of a mail server as it is kept. Raises UserError for one that is none, or may not be called."""
    place = Place.read(text)
    return str(Place(check_host(place.host, place.port, ports=PORTS, field="base_url"), place.port, place.tls))


class MailClient(Protocol):
    """One connection."""

    sender: str

    async def send(self, letter: Letter, key: str, content: bytes) -> None:
        """One transaction. Raises ServiceError; `refused` unless the server may have taken the mail."""
        ...

    async def describe(self) -> ConnectionReport:
        """Whether the server lets us in."""
        ...
