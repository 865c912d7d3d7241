"""Encryption of what must be kept secret, bound to the row it belongs to; and the key that marks effects."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from orchestrator_site.lib.errors import UserError


class SecretUnreadable(UserError):
    """A stored secret that cannot be decrypted, or that belongs to another row."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__("E_SECRET_UNREADABLE", message, hint=hint, status=409)


def encrypt(plain: Mapping[str, Any], *, binding: Mapping[str, str]) -> str:
    """A token that only `decrypt` with the same binding opens. Fernet has no associated data, so it travels inside."""
    packed = json.dumps({"binding": dict(binding), "plain": dict(plain)}, ensure_ascii=False, separators=(",", ":"))
    return _fernet(_keys()).encrypt(packed.encode()).decode()


def decrypt(token: str, *, binding: Mapping[str, str]) -> dict[str, Any]:
    """What was encrypted. Raises SecretUnreadable when the key is gone or the token was moved to another row."""
    try:
        packed = json.loads(_fernet(_keys()).decrypt(token.encode()))
    except (InvalidToken, ValueError, TypeError):
        raise SecretUnreadable(
            "A stored secret cannot be read with the keys of this instance.",
            "Put the old key back after the new one in FIELD_KEY, or enter the secret again.",
        ) from None
    if not _same_binding(packed.get("binding"), binding):
        raise SecretUnreadable(
            "A stored secret belongs to another connection or workspace and was refused.",
            "Enter the secret again; somebody has changed rows in the database by hand.",
        )
    plain: dict[str, Any] = packed["plain"]
    return plain


def rotate(token: str, *, binding: Mapping[str, str]) -> str:
    """The same secret under the current key. Raises SecretUnreadable."""
    return encrypt(decrypt(token, binding=binding), binding=binding)


def current_key_id() -> str:
    """A fingerprint of the key that `encrypt` uses; kept beside the token so that rotation knows what is old."""
    return hashlib.sha256(b"key-id|" + _keys()[0].encode()).hexdigest()[:12]


def effect_hmac(text: str) -> str:
    """The key of an effect: 32 letters and digits, the same on every attempt, not to be guessed from outside."""
    digest = hmac.new(settings.INSTANCE_KEY.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:20]).decode().lower()


def _same_binding(found: Any, expected: Mapping[str, str]) -> bool:
    one, other = (json.dumps(value, sort_keys=True).encode() for value in (found, dict(expected)))
    return hmac.compare_digest(one, other)


def _keys() -> tuple[str, ...]:
    return tuple(settings.FIELD_KEYS)


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys])
