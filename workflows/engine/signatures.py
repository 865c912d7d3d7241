"""Whether a delivery comes from who knows the secret: HMAC over the raw bytes, a bearer token, a password. Pure.

Everything is compared in constant time. A time that is there must be at most five minutes away; where it is part of
what was signed, an old delivery cannot be sent again.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from integrations.trigger_spec import Signature
from orchestrator_site.lib.errors import UserError

TOLERANCE = 300
GENERIC = Signature("A signature of your own program", "X-Signature-256", timestamp="X-Timestamp")
STRIPE = Signature("Stripe and what signs like it", "Stripe-Signature", prefix="", id_path="id")
_MOST_SIGNATURES = 10


@dataclass(frozen=True)
class Checked:
    """A delivery that was let in; `stamp` is the signed time of sending, where there was one."""

    stamp: str = ""


def check_signature(
    auth: str, scheme: Signature | None, secrets: Iterable[str], headers: Mapping[str, str], body: bytes, at: datetime,
    user: str = "",
) -> Checked:  # fmt: skip
    """Let a delivery in, or raise UserError 401: E_SIGNATURE, E_REPLAY. `headers` have lower-case names."""
    known = [secret.encode() for secret in secrets if secret]
    if auth == "none":
        return Checked()
    if not known:
        raise refused("This trigger has no secret yet.")
    if auth == "bearer":
        return _bearer(known, headers)
    if auth == "basic":
        return _basic(known, headers, user)
    if auth == "stripe":
        return _stripe(known, headers, body, at)
    assert scheme is not None
    return _hmac(scheme, known, headers, body, at)


def refused(why: str, code: str = "E_SIGNATURE") -> UserError:
    """The refusal of a delivery."""
    return UserError(code, why, status=401, hint="Look at the secret and the way of signing on the trigger's page.")


def _hmac(scheme: Signature, known: list[bytes], headers: Mapping[str, str], body: bytes, at: datetime) -> Checked:
    given = headers.get(scheme.header.lower(), "")
    if not given:
        raise refused(f"The header {scheme.header} is missing.")
    stamp = headers.get(scheme.timestamp.lower(), "") if scheme.timestamp else ""
    wanted = given.strip().removeprefix(scheme.prefix).lower().encode("utf-8", "replace")
    plain = any(_same(_digest(secret, body), wanted) for secret in known)
    dated = bool(stamp) and any(_same(_digest(secret, f"{stamp}.".encode() + body), wanted) for secret in known)
    if not plain and not dated:
        raise refused("The signature is not that of this body.")
    if stamp:
        _in_time(_moment(stamp), at)
    return Checked(stamp if dated else "")


def _stripe(known: list[bytes], headers: Mapping[str, str], body: bytes, at: datetime) -> Checked:
    """t=TIME,v1=HEX[,v1=HEX] over "TIME.body" (docs.stripe.com/webhooks/signature)."""
    given = headers.get(STRIPE.header.lower(), "")
    if not given:
        raise refused(f"The header {STRIPE.header} is missing.")
    parts = [part.strip().partition("=") for part in given.split(",")[: _MOST_SIGNATURES + 1]]
    stamp = next((value for name, _, value in parts if name == "t"), "")
    found = [value.encode("utf-8", "replace") for name, _, value in parts if name == "v1"]
    signed = [_digest(secret, f"{stamp}.".encode("utf-8", "replace") + body) for secret in known]
    if not stamp or not any(_same(one, other) for one in signed for other in found):
        raise refused("The signature is not that of this body.")
    _in_time(_moment(stamp), at)
    return Checked(stamp)


def _bearer(known: list[bytes], headers: Mapping[str, str]) -> Checked:
    kind, _, token = headers.get("authorization", "").partition(" ")
    given = token.strip().encode("utf-8", "replace")
    if kind.lower() != "bearer" or not any(_same(secret, given) for secret in known):
        raise refused("The bearer token is missing or wrong.")
    return Checked()


def _basic(known: list[bytes], headers: Mapping[str, str], user: str) -> Checked:
    kind, _, packed = headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(packed.strip().encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    wanted = [user.encode() + b":" + secret for secret in known]
    if kind.lower() != "basic" or not any(_same(one, given) for one in wanted):
        raise refused("The user name or password is missing or wrong.")
    return Checked()


def _digest(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, body, "sha256").hexdigest().encode()


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def _moment(stamp: str) -> datetime | None:
    text = stamp.strip()
    try:
        if text.replace(".", "", 1).isdigit() and text.isascii() and len(text) <= 17:
            seconds = float(text)
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        found = datetime.fromisoformat(text[:40])
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _in_time(moment: datetime | None, at: datetime) -> None:
    if moment is None:
        raise refused("The time of sending cannot be read.", "E_REPLAY")
    if abs((at - moment).total_seconds()) > TOLERANCE:
        raise refused("The time of sending is more than five minutes away.", "E_REPLAY")
