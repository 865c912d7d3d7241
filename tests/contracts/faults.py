"""The faults that every action is tried with, and what each must come to. docs/contracts.md has it in words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.contracts.server import CaseServer

HUGE = 1_300_000
"""Bytes of a huge body; the stage lets an answer have a MiB, so that hundreds of them fit into memory."""
MOST_ANSWER = 1024 * 1024
BUSY = max(1.0, os.getloadavg()[0] / (2 * (os.cpu_count() or 1)))
"""On a machine that is busy with other things everything may take so many times as long."""
QUICK = min(60, round(8 * BUSY))
"""Seconds that a step whose service never ends may take."""
PATIENT = min(300, round(60 * BUSY))
"""Seconds that any other step may take."""


@dataclass(frozen=True)
class Fault:
    """One way to be let down. `done`: a change was carried out all the same; `said`: the service answered clearly.

    `smtp` are the words of a mail server that come nearest.
    """

    name: str
    kind: str
    comes_to: str
    options: Mapping[str, Any] = field(default_factory=dict)
    smtp: Mapping[str, str] = field(default_factory=dict)
    timeout: int = PATIENT

    @property
    def done(self) -> bool:
        """Whether a change happens in spite of it."""
        return self.comes_to == "lost" and self.name != "500, not done"

    def plan(self, server: CaseServer, key: str, operation: str, skip: int) -> None:
        """Let the case with this key down, once."""
        server.plan(key, self.kind, operation, skip=skip, **self.options)


FAULTS: tuple[Fault, ...] = (
    Fault("429, Retry-After", "rate_limited", "again", {"retry_after": 1}, {"MAIL": "451 4.7.1 Slow down"}),
    Fault("429", "rate_limited", "again", {}, {"RCPT": "450 4.7.0 Too many"}),
    Fault("403, limit", "secondary_rate_limit", "limit", {"retry_after": 1}, {"MAIL": "421 4.7.0 Too many"}),
    Fault("401", "unauthorized", "held", {}, {"MAIL": "530 5.7.0 Authentication required"}),
    Fault("404", "not_found", "rejected", {}, {"RCPT": "550 5.1.1 No such user"}),
    Fault("409", "conflict", "rejected", {}, {"DATA": "554 5.5.1 Error"}),
    Fault("422", "status", "rejected", {"status": 422}, {"END": "554 5.7.1 Refused"}),
    Fault("500, not done", "server_error", "lost", {}, {"MAIL": "drop"}, timeout=QUICK),
    Fault("500, done", "server_error", "lost", {"after_effect": True}, {"END": "drop"}),
    Fault("no answer", "hang", "lost", {"after_effect": True, "seconds": 400}, {"END": "hang"}, timeout=QUICK),
    Fault("reset in the body", "cut", "lost", {"at_byte": 1}, {"END": "drop"}),
    Fault("truncated JSON", "malformed_json", "lost", {}, {"END": "2"}),
    Fault("HTML with 200", "wrong_content_type", "lost", {}, {"END": "<html>"}),
    Fault("huge body", "huge_body", "lost", {"size": HUGE}, {"END": "250 " + "x" * 100_000}),
    Fault("slow body", "slow_drip", "lost", {"seconds": 6000}, {"END": "drip"}, timeout=QUICK),
)
