"""Names for rows, made by the process: uuid7 (they sort by time) and short random tokens."""

from __future__ import annotations

import os
import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_random = b""  # bytes not yet used; asking the kernel for each id costs more than all the rest of it
_last = 0  # the last 60 bits handed out: 48 of milliseconds, 12 of a counter
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def uuid7() -> UUID:
    """A version 7 UUID, strictly growing within this process (also when the clock steps back)."""
    global _last, _random
    with _lock:
        if len(_random) < 10:
            _random = os.urandom(4000)
        drawn, _random = int.from_bytes(_random[:10], "big"), _random[10:]
        fresh = (int(time.time() * 1000) << 12) | (drawn & 0x3FF)
        _last = fresh if fresh > _last else _last + 1
        stamp = _last
    milliseconds, counter = stamp >> 12, stamp & 0xFFF
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80
    value |= 0x7 << 76 | counter << 64
    value |= 0b10 << 62 | (drawn >> 18 & 0x3FFFFFFFFFFFFFFF)
    return UUID(int=value)


def short_token(n: int = 12) -> str:
    """`n` random characters that a person can read aloud (no 0, o, 1, l, i)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(n))


def _after_fork() -> None:
    global _lock, _random
    _lock, _random = threading.Lock(), b""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
