"""One SMTP transaction over a guarded socket. Reference: RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH).

Until the last byte of the content leaves, every failure is a certain no: a server delivers nothing without the final
dot. After it only the server's answer tells; without one the outcome is unknown.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from integrations.blocking import in_thread
from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.errors import Rejected, ServiceError, SignInAgain, Unavailable, Unreadable
from integrations.http_failures import from_transport
from integrations.mail.interface import PORTS, Place
from integrations.mail.letters import Letter, sender_of
from orchestrator_site.lib.outbound import Call, TransportError, UrlBlocked, check_change
from orchestrator_site.lib.outbound.raw import is_trusted, open_socket, tls_context

SERVICE = "The mail server"
_DOTS = re.compile(rb"(?m)^\.")
_TLS_WORDS = re.compile(r"starttls|tls|encrypt", re.IGNORECASE)
BYE_SECONDS = 2.0
MAX_LINE, MAX_LINES = 8192, 200


def connect(info: ConnectionInfo, calls: Calls) -> RealMail:
    """The client of a connection."""
    return RealMail(info, calls)


class RealMail:
    """`interface.MailClient` over smtplib, which is given our socket."""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self._place = Place.read(info.base_url)
        self._secret = dict(info.secret)
        self._calls = calls
        self.sender = self._secret.get("sender", "")

    async def send(self, letter: Letter, key: str, content: bytes) -> None:
        """One transaction. All receivers are taken, or nothing is sent."""
        await in_thread(self._calls, SERVICE, lambda call: self._within(call, lambda talk: talk.send(letter, content)))

    async def describe(self) -> ConnectionReport:
        """Greet, encrypt, sign in, say which address is the sender, and leave."""
        sender = sender_of(self.sender)
        await in_thread(self._calls, SERVICE, lambda call: self._within(call, lambda talk: talk.try_sender(sender)))
        return ConnectionReport(
            ok=True, summary=f"{self._place.host} lets us in.", can=(f"send mail as {sender.addr_spec}",)
        )

    def _within(self, call: Call, what: Callable[[_Talk], None]) -> None:
        talk = _Talk(self._place, self._secret, call)
        try:
            check_change("mail")
            talk.begin()
            what(talk)
        except (ServiceError, UrlBlocked) as problem:
            raise from_transport(SERVICE, problem) from problem
        except TransportError as problem:
            raise from_transport(SERVICE, problem) from problem
        except (smtplib.SMTPException, OSError, ValueError) as problem:
            raise _broken(problem, talk) from problem
        finally:
            talk.end()


class _Talk:
    """The words of one transaction, in order; `content_left` from the moment on which nobody can take it back."""

    def __init__(self, place: Place, secret: dict[str, str], call: Call) -> None:
        self.place, self.secret, self.call = place, secret, call
        self.content_left = False
        self._smtp = _Guarded(place, call, secret.get("sender", ""))

    def begin(self) -> None:
        """Connect, greet, encrypt and sign in."""
        smtp = self._smtp
        self._expect(smtp.connect(self.place.host, self.place.port), (220,), "its greeting")
        self._expect(smtp.ehlo(), (250,), "EHLO")
        if not self.place.tls:
            self._encrypt()
        name, password = self.secret.get("username", ""), self.secret.get("password", "")
        if name and password:
            self._sign_in(name, password)
        elif name or password:
            raise Rejected(
                "The connection has a user name or a password, and not both.",
                code="E_REQUIRED",
                refused=True,
                hint="Fill in both, or neither where the server asks for none.",
            )

    def _encrypt(self) -> None:
        smtp = self._smtp
        if smtp.has_extn("starttls"):
            self._expect(smtp.docmd("STARTTLS"), (220,), "STARTTLS")
            smtp.encrypt()
            self._expect(smtp.ehlo(), (250,), "EHLO")
        elif not is_trusted(self.place.host, self.place.port):
            raise Rejected(
                f"{self.place.host} offers no encryption on port {self.place.port}.",
                code="E_NO_TLS",
                refused=True,
                hint="Use port 587 (STARTTLS) or 465 (TLS). A server inside the house can be allowed by "
                f"ALLOW_PRIVATE_HOSTS={self.place.host}:{self.place.port}.",
            )

    def _sign_in(self, name: str, password: str) -> None:
        try:
            self._smtp.login(name, password)
        except smtplib.SMTPAuthenticationError as problem:
            raise _refused(problem.smtp_code, _words(problem.smtp_error), "the sign-in") from problem
        except smtplib.SMTPNotSupportedError as problem:
            raise Rejected(
                f"{self.place.host} takes no user name and password here.",
                code="E_SIGN_IN",
                refused=True,
                hint="Empty both in the connection, or use the port that the provider names for sending.",
            ) from problem

    def send(self, letter: Letter, content: bytes) -> None:
        """Envelope and content. Raises before the content when the server refuses one receiver."""
        smtp, receivers = self._smtp, letter.receivers
        largest = smtp.esmtp_features.get("size", "")
        if largest.isdigit() and 0 < int(largest) < len(content):
            raise Rejected(
                f"The mail has {len(content):,} bytes; {self.place.host} takes {int(largest):,}.",
                code="E_TOO_LARGE",
                refused=True,
                hint="Leave files out, or send links to them.",
            )
        self._expect(smtp.docmd("MAIL", f"FROM:<{letter.sender.addr_spec}>"), (250,), letter.sender.addr_spec)
        for receiver in receivers:
            self._expect(smtp.docmd("RCPT", f"TO:<{receiver}>"), (250, 251), receiver)
        self._expect(smtp.docmd("DATA"), (354,), "the mail")
        self.content_left = True
        smtp.send(_DOTS.sub(b"..", content) + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"))
        self._expect(smtp.getreply(), (250,), "the mail")

    def try_sender(self, sender: Any) -> None:
        """Whether mail may come from this address; the transaction is given up at once."""
        self._expect(self._smtp.docmd("MAIL", f"FROM:<{sender.addr_spec}>"), (250,), sender.addr_spec)
        self._smtp.docmd("RSET")

    def end(self) -> None:
        """Say good-bye and hang up; nothing that goes wrong here matters any more."""
        with suppress(Exception):
            if self._smtp.sock is not None:
                self._smtp.sock.settimeout(BYE_SECONDS)
                self._smtp.putcmd("QUIT")
        with suppress(Exception):
            self._smtp.close()

    def _expect(self, answer: tuple[int, bytes], good: tuple[int, ...], what: str) -> None:
        code, said = answer
        if code not in good and not 400 <= code <= 599:
            raise Unreadable(
                f"{SERVICE} answered with something that is not SMTP ({code} {_words(said)}).",
                refused=not self.content_left,
                hint="Check server and port.",
            )
        if code not in good:
            raise _refused(code, _words(said), what)


class _Guarded(smtplib.SMTP):
    """smtplib over our socket."""

    def __init__(self, place: Place, call: Call, sender: str) -> None:
        domain = sender.rpartition("@")[2].strip(" >") or "localhost"
        super().__init__(
            local_hostname=domain if domain.isascii() else "localhost", timeout=max(call.remaining(), 0.01)
        )
        self._place, self._call = place, call
        self._host = place.host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = open_socket(host, port, self._call, ports=PORTS)
        return tls_context().wrap_socket(sock, server_hostname=host) if self._place.tls else sock

    def getreply(self) -> tuple[int, bytes]:
        """One reply, whole: a line that was cut off is no answer (smtplib would take it for one)."""
        assert self.sock is not None
        if self.file is None:
            self.file = self.sock.makefile("rb")
        said: list[bytes] = []
        while True:
            line = self.file.readline(MAX_LINE)
            if not line.endswith(b"\n"):
                self.close()
                raise smtplib.SMTPServerDisconnected("the line broke off" if line else "")
            said.append(line[4:].strip(b" \t\r\n"))
            if line[3:4] != b"-" or len(said) > MAX_LINES:
                return int(line[:3]) if line[:3].isdigit() else -1, b"\n".join(said)

    def encrypt(self) -> None:
        """After the server has agreed to STARTTLS; what it said before is forgotten (RFC 3207 §4.2)."""
        assert self.sock is not None
        self.sock = tls_context().wrap_socket(self.sock, server_hostname=self._place.host)
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False


def _words(said: Any) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())[:300].rstrip(".")


def _refused(code: int, said: str, what: str) -> ServiceError:
    """The server's no, which is a certain one. 4xx: later; 5xx: never. (RFC 5321 §4.2.1)"""
    words = f"({code} {said})" if said else f"({code})"
    if code == 530 and _TLS_WORDS.search(said):
        return Rejected(f"{SERVICE} wants an encrypted connection {words}.", refused=True, hint="Use port 587 or 465.")
    if code in (530, 534, 535, 538):
        return SignInAgain(
            f"{SERVICE} did not let us in {words}.",
            refused=True,
            hint="Check user name and password in the connection; many providers want an app password.",
        )
    if 400 <= code < 500:
        return Unavailable(
            f"{SERVICE} does not take {what} now {words}.", code="E_MAIL_LATER", refused=True, hint="It is tried again."
        )
    hint = "Check the address." if "@" in what else "The server's own words say why."
    return Rejected(f"{SERVICE} does not take {what} {words}.", code="E_MAIL_REFUSED", refused=True, hint=hint)


def _broken(problem: Exception, talk: _Talk) -> ServiceError:
    """A connection that broke: a certain no before the content left, unknown after it."""
    if isinstance(problem, ssl.SSLError):
        return Unavailable(
            f"{talk.place.host} cannot be spoken to safely: {_words(problem)}.",
            code="E_TLS",
            refused=not talk.content_left,
            hint="Use the name that is in the server's certificate, and port 587 or 465.",
        )
    late = isinstance(problem, TimeoutError) or talk.call.aborted == "deadline" or talk.call.remaining() <= 0
    why = "did not answer in time" if late else f"hung up: {_words(problem)}" if _words(problem) else "hung up"
    refused = not talk.content_left
    code = "E_TIMEOUT" if late else ""
    return Unavailable(f"{SERVICE} {why}.", code=code, refused=refused, hint="Check server, port and network.")
