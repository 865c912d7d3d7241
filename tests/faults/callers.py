"""Callers of the API under faults: each asks for a run under a key of its own until it has a promise.

A promise is kept in memory before it is counted; whatever was answered is counted by its status.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

from tests.faults.stage import Stage

CALLERS = 3


class Callers:
    """A few threads that ask for runs until told to stop; then they only finish what they began."""

    def __init__(self, stage: Stage, base: str, slug: str = "effects", apart: float = 0.3) -> None:
        self.stage, self.base, self.slug, self.apart = stage, base, slug, apart
        self.answers: Counter[str] = Counter()
        self.broken: list[str] = []
        self.longest = 0.0
        self._stop = threading.Event()
        self._token = stage.act("make_token")
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, args=(n,), daemon=True) for n in range(CALLERS)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def said(self) -> str:
        """What was answered."""
        counts = ", ".join(f"{count} × {name}" for name, count in sorted(self.answers.items()))
        return f"{counts}; longest wait for a promise {self.longest:.1f} s"

    def _call(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            self._until_promised(f"caller-{number}-{turn}")
            time.sleep(self.apart)

    def _until_promised(self, key: str) -> None:
        began = time.monotonic()
        while time.monotonic() - began < 90:
            status, run = self._ask(key)
            with self._lock:
                self.answers[status] += 1
                if run:
                    self.stage.acked.append(run)
                    self.longest = max(self.longest, time.monotonic() - began)
                    return
            time.sleep(0.3)

    def _ask(self, key: str) -> tuple[str, str]:
        request = urllib.request.Request(
            f"{self.base}/api/v1/workflows/{self.slug}/runs",
            json.dumps({"inputs": {}}).encode(),
            {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self._token}",
                "Idempotency-Key": key,
                "Prefer": "respond-async",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return str(answer.status), str(json.loads(answer.read())["id"])
        except urllib.error.HTTPError as error:
            if error.code == 503 and not error.headers.get("Retry-After"):
                self.broken.append("503 without Retry-After")
            if error.code not in (503, 429):
                self.broken.append(f"{error.code}: {error.read()[:120]!r}")
            return str(error.code), ""
        except (OSError, ValueError) as error:
            return type(error).__name__, ""
