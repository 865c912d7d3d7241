"""Mail servers for tests: a real one (aiosmtpd) that keeps what it takes, and one that follows a script of faults."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Keeper:
    """A handler that takes every mail, but for what `refuse` says: command or receiver to reply."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refuse: dict[str, str] = {}

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """The sender."""
        if "MAIL" in self.refuse:
            return self.refuse["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """One receiver."""
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """The mail."""
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        self.taken.append(envelope)
        return "250 taken"


def _allowed(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"ada", b"right"), handled=False)


@contextmanager
def mail_server(certificate: tuple[str, str] | None = None, **options: Any) -> Iterator[tuple[Keeper, int]]:
    """A conforming server on a free port; with a certificate it offers STARTTLS and asks for sign-in."""
    keeper = Keeper()
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        options |= {"tls_context": context, "authenticator": _allowed, "auth_required": True, "require_starttls": True}
    controller = Controller(keeper, hostname="127.0.0.1", port=_free_port(), **options)
    controller.start()
    try:
        yield keeper, controller.port
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Script:
    """A server that answers each command as told; `hang`, `drop` and `drip` stand for no answer."""

    def __init__(self, **answers: str) -> None:
        usual = {
            "greet": "220 hi",
            "EHLO": "250 hi",
            "MAIL": "250 ok",
            "RCPT": "250 ok",
            "DATA": "354 go",
            "END": "250 ok",
        }
        self.answers = {**usual, "QUIT": "221 bye", "RSET": "250 ok", **answers}
        self.contents: list[bytes] = []
        self.commands: list[str] = []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as lines:
            try:
                going = self._say(peer, "greet")
                while going and (line := lines.readline()):
                    word = line.decode("latin-1").split()[0].upper()
                    self.commands.append(word)
                    going = self._say(peer, word)
                    if word == "DATA" and going and self.answers["DATA"].startswith("354"):
                        self.contents.append(b"".join(iter(lines.readline, b".\r\n")))
                        going = self._say(peer, "END")
            except OSError:
                return

    def _say(self, peer: socket.socket, word: str) -> bool:
        answer = self.answers.get(word, "250 ok")
        if answer == "hang":
            time.sleep(4)
        elif answer == "drip":
            for _ in range(40):
                peer.sendall(b"2")
                time.sleep(0.1)
        elif answer != "drop":
            peer.sendall(answer.encode() + b"\r\n")
            return True
        return False

    def close(self) -> None:
        """Take no more callers."""
        self.sock.close()
