"""Named places where a test may kill, stop or fail this process: AWO_CRASH=P07:3:kill (security.md §3).

Several are told apart by commas: AWO_CRASH=P09:1:kill,P17:1:stop.
Off in production and without the variable: then `crashpoint` is a function that does nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

NAMES = frozenset(f"P{n:02d}" for n in range(1, 29))


class Crash(RuntimeError):
    """Raised at a crash point in mode `raise`."""


class _Plan:
    """One planned crash: at the `at`-th passage of `name` within this process tree (counted in a file if given)."""

    def __init__(self, text: str) -> None:
        parts = text.split(":")
        self.name, self.at, self.mode = parts[0], int(parts[1]), parts[2]
        if self.name not in NAMES or self.mode not in ("kill", "stop", "raise"):
            raise ValueError(f"AWO_CRASH={text!r}: use P07:3:kill|stop|raise")
        once = os.environ.get("AWO_CRASH_ONCE", "")
        self.once = f"{once}.{self.name}" if once else ""
        self.seen = 0
        self.lock = threading.Lock()

    def passed(self, name: str) -> None:
        if name != self.name:
            return
        with self.lock:
            self.seen += 1
            due = self.seen == self.at
        if due and self._first():
            self._strike()

    def _first(self) -> bool:
        """With AWO_CRASH_ONCE=path only one process ever strikes at each place; it leaves the file path.P07."""
        if not self.once:
            return True
        try:
            Path(self.once).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _strike(self) -> None:
        if self.mode == "raise":
            raise Crash(f"crash point {self.name}")
        os.kill(os.getpid(), signal.SIGKILL if self.mode == "kill" else signal.SIGSTOP)


def _read() -> tuple[_Plan, ...]:
    text = os.environ.get("AWO_CRASH", "")
    production = os.environ.get("PRODUCTION", "").lower() in ("1", "true", "yes", "on")
    return () if production or not text else tuple(_Plan(part) for part in text.split(","))


_plans = _read()


_OUTBOUND = {"connected": "P10", "half": "P11", "sent": "P12", "headers": "P13"}


def _listen_outbound() -> None:
    from orchestrator_site.lib.outbound import hooks

    hooks.listen(lambda moment: crashpoint(_OUTBOUND[moment]))


def crashpoint(name: str) -> None:
    """A place with a name; does nothing unless a test planned a crash here."""
    for plan in _plans:
        plan.passed(name)


if any(plan.name in _OUTBOUND.values() for plan in _plans):
    _listen_outbound()
