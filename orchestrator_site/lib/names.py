"""Names: what a key may look like, the nearest known name ("did you mean"), a key out of a title."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable

KEY_PATTERN = r"^[a-z][a-z0-9_]{0,47}$"
KEY = re.compile(r"[a-z][a-z0-9_]{0,47}")
MAX_KEY = 48


def is_key(text: str) -> bool:
    """Whether `text` may be a key or slug."""
    return KEY.fullmatch(text) is not None


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant, or None."""
    known = {candidate.lower(): candidate for candidate in candidates if len(candidate) <= 200}
    wanted = name[:100].lower()
    if wanted in known:
        return known[wanted]
    found = difflib.get_close_matches(wanted, list(known)[:2000], n=1, cutoff=0.6)
    return known[found[0]] if found else None


def did_you_mean(name: str, candidates: Collection[str], *, show: int = 12) -> str:
    """A hint: the nearest name, else the names there are, else that there are none."""
    close = nearest(name, candidates)
    if close is not None:
        return f"Did you mean {close}?"
    known = sorted(candidates)
    if not known:
        return "There is nothing to choose from here."
    rest = f" and {len(known) - show} more" if len(known) > show else ""
    return f"Known here: {', '.join(known[:show])}{rest}."


def slugify_key(text: str, taken: Collection[str] = (), *, fallback: str = "step") -> str:
    """A key made from any text, different from all that are `taken`."""
    plain = unicodedata.normalize("NFKD", text[:200].casefold()).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not key or not key[0].isalpha():
        key = f"{fallback}_{key}".rstrip("_")
    key = key[:MAX_KEY].rstrip("_")
    if key not in taken:
        return key
    number = 2
    while (candidate := f"{key[: MAX_KEY - len(str(number)) - 1]}_{number}") in taken:
        number += 1
    return candidate
