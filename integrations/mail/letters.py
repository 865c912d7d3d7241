"""A mail as bytes: addresses read strictly, headers that nobody breaks out of, parts in a fixed order. Pure.

References: RFC 5322 (message), RFC 2047 (words in headers), RFC 5321 §4.5.3 (limits).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import idna

from integrations.errors import Rejected
from integrations.files import clean_name, clean_type
from orchestrator_site.lib.json import MIB

MAX_MAIL = 25 * MIB
MAX_PEOPLE = 100
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PARTS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+')
_NAMED = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<>@,;:"]*?))\s*<([^<>\s]+)>\s*')
_BARE = re.compile(r'\s*([^\s<>,;:"]+)\s*')
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True)
class Enclosure:
    """A file that goes along."""

    name: str
    mime_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Letter:
    """A mail to be sent."""

    sender: Address
    to: tuple[Address, ...]
    subject: str
    text: str
    html: str = ""
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    files: tuple[Enclosure, ...] = ()

    @property
    def receivers(self) -> list[str]:
        """Every address that gets it, once."""
        return list(dict.fromkeys(one.addr_spec for one in (*self.to, *self.cc, *self.bcc)))

    def shown(self) -> dict[str, object]:
        """What a person sees who must decide, and what a plan shows."""
        named = {"to": self.to, "cc": self.cc, "bcc": self.bcc, "reply_to": self.reply_to}
        shown: dict[str, object] = {"from": str(self.sender)}
        shown |= {name: [str(one) for one in people] for name, people in named.items() if people}
        shown |= {"subject": self.subject, "text": self.text}
        shown |= {"html": self.html} if self.html else {}
        files = [{"name": one.name, "mime_type": one.mime_type, "size": len(one.content)} for one in self.files]
        return shown | ({"attachments": files} if files else {})


def people(given: Sequence[str], what: str) -> tuple[Address, ...]:
    """Addresses such as `Ada <ada@example.com>`, each once. Raises Rejected E_ADDRESS for a wrong one."""
    found: dict[str, Address] = {}
    for text in given:
        if not text.strip():
            continue
        if _BREAKS.search(text) or len(text) > 10_000:
            raise _wrong(text, what)
        for part in _PARTS.findall(text):
            one = _address(part, what)
            found.setdefault(one.addr_spec.lower(), one)
    if len(found) > MAX_PEOPLE:
        raise Rejected(
            f"{what} has {len(found)} addresses; a mail takes {MAX_PEOPLE}.",
            code="E_LENGTH",
            refused=True,
            hint="Send several mails, for example with a for each step.",
        )
    return tuple(found.values())


def sender_of(text: str) -> Address:
    """The one address that mail comes from. Raises Rejected."""
    found = people([text], "From")
    if len(found) != 1:
        raise Rejected(
            "From names no single address.", code="E_ADDRESS", refused=True, hint="Fill in From in the connection."
        )
    return found[0]


def _address(text: str, what: str) -> Address:
    shape = _NAMED.fullmatch(text) or _BARE.fullmatch(text)
    if shape is None:
        raise _wrong(text, what)
    quoted, plain, address = (*shape.groups(), "")[:3] if shape.re is _NAMED else (None, "", shape[1])
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (plain or "")
    local, _, domain = address.rpartition("@")
    try:
        domain = idna.encode(domain.lower(), uts46=True).decode() if not domain.isascii() else domain.lower()
    except (idna.IDNAError, UnicodeError):
        raise _wrong(text, what) from None
    if not _LOCAL.fullmatch(local) or len(local) > 64 or not _DOMAIN.fullmatch(domain) or domain.isdecimal():
        raise _wrong(text, what)
    return Address(display_name=name.strip(), username=local, domain=domain)


def _wrong(text: str, what: str) -> Rejected:
    return Rejected(
        f"{what}: “{text[:80]}” is not a mail address.",
        code="E_ADDRESS",
        refused=True,
        hint="Write name@example.com or Name <name@example.com>.",
    )


def one_line(text: str) -> str:
    """A text that may stand in a header: line breaks and control characters become spaces."""
    return " ".join(_BREAKS.sub(" ", text).split())


def message_id(letter: Letter, key: str) -> str:
    """The name of the mail in the world, made of our key: the same on every attempt."""
    return f"<workflow.{key}@{letter.sender.domain}>"


def written(letter: Letter, key: str, at: datetime) -> bytes:
    """The bytes that leave, the same for the same key and time; Bcc is not in them. Raises Rejected."""
    head = {
        "From": _named([letter.sender]),
        "To": _named(letter.to),
        "Cc": _named(letter.cc),
        "Reply-To": _named(letter.reply_to),
        "Subject": _words(one_line(letter.subject)),
        "Date": format_datetime(at),
        "Message-ID": message_id(letter, key),
        "Auto-Submitted": "auto-generated",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
    content = lines.encode("ascii") + _body(letter, key)
    if len(content) > MAX_MAIL:
        raise Rejected(
            f"The mail has {len(content) / MIB:.1f} MiB; at most {MAX_MAIL // MIB} are sent.",
            code="E_TOO_LARGE",
            refused=True,
            hint="Leave files out, or send links to them.",
        )
    return content


def _body(letter: Letter, key: str) -> bytes:
    """Text, HTML and files as MIME; nothing that people wrote stands in its headers but the cleaned names of files."""
    mail = EmailMessage(policy=SMTP)
    mail.set_content(letter.text, cte="quoted-printable")
    if letter.html:
        mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for one in letter.files:
        kind, _, subtype = clean_type(one.mime_type, one.name).partition("/")
        if kind in ("message", "multipart"):
            kind, subtype = "application", "octet-stream"
        mail.add_attachment(one.content, maintype=kind, subtype=subtype, filename=clean_name(one.name))
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_{key[:32]}_{number}")
    return mail.as_bytes()


def _named(people: Sequence[Address]) -> str:
    """Addresses for a header, one a line."""
    return ",\r\n ".join(_one(person) for person in people)


def _one(person: Address) -> str:
    name = person.display_name
    if not name:
        return person.addr_spec
    plain = name.isascii() and "=?" not in name
    if plain and not _ATOMS.fullmatch(name):
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return f"{name if plain else _words(name)} <{person.addr_spec}>"


def _words(text: str) -> str:
    """Text for a header: as it is where it is plain, else as encoded words (RFC 2047).

    Not by `EmailMessage`: it decodes encoded words that it is given, line breaks included, into headers of their own.
    """
    if text.isascii() and "=?" not in text:
        return text
    words, taken = [], ""
    for char in text:
        if len((taken + char).encode()) > 42:
            words.append(taken)
            taken = ""
        taken += char
    words.append(taken)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word.encode()).decode()}?=" for word in words)
