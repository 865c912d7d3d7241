"""A mail server whose first caller meets a fault; all others are served."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from tests.fakes.post import Script


class MailFake(Script):
    """`wrong` are the answers that the first connection gets."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        self._wrong, self._callers = dict(wrong), 0
        super().__init__()

    def _talk(self, peer: socket.socket) -> None:
        self._callers += 1
        usual = self.answers
        if self._callers == 1:
            self.answers = {**usual, **self._wrong}
        try:
            super()._talk(peer)
        finally:
            self.answers = usual
