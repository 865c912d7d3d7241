"""What is kept of a secret that is looked up by its hash: tokens, invitations, sign-in links (256 random bits each)."""

from __future__ import annotations

import hashlib


def token_hash(text: str) -> str:
    """The SHA-256 as hex."""
    return hashlib.sha256(text.encode()).hexdigest()
