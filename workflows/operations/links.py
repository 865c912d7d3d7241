"""A link or an id as a person copies it, and the names under which the ledger may know the thing."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHORTEST_ID = 8
"""Shorter parts of an address (the number of an issue) are names in their own repository only."""


def names_of(text: str) -> list[str]:
    """What to look for: the text itself, the address without its query, fragment and last slash, and ids in it.

    Addresses of the same thing differ by how one came there (`?v=…`, `#…`, a title before the id).
    """
    text = text.strip()
    found = [text]
    parts = _address(text)
    if parts is not None:
        bare = text.partition("#")[0]
        plain = bare.partition("?")[0]
        found += [bare, plain, plain.rstrip("/"), f"{plain.rstrip('/')}/"]
        words = [*parts.path.split("/"), *re.split(r"[/?&=]", parts.fragment)]
        words += [value for _, value in parse_qsl(parts.query)]
        found += [unquote(word) for word in words if len(word) >= SHORTEST_ID and re.search(r"\d", word)]
    for bare in _HEX.findall(text.lower()):
        found += [bare, f"{bare[:8]}-{bare[8:12]}-{bare[12:16]}-{bare[16:20]}-{bare[20:]}"]
    for dashed in _UUID.findall(text.lower()):
        found += [dashed, dashed.replace("-", "")]
    return list(dict.fromkeys(name[:1000] for name in found if name))[:20]


def _address(text: str) -> SplitResult | None:
    """The parts of a web address; None for anything else."""
    try:
        return urlsplit(text) if re.match(r"https?://", text) else None
    except ValueError:
        return None
