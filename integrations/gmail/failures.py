"""Gmail's refusals, told in words that say what to do. Pure: it sees statuses, bodies and headers, never the SDK."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from integrations.errors import Rejected, ServiceError, SignInAgain
from integrations.http_failures import from_status, rate_limited, retry_after

SERVICE = "Gmail"
LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "quotaExceeded"})
AGAIN = "Open the connection and choose “Connect with Google” again."


def failure(status: int, content: bytes, headers: Mapping[str, str], *, about: str = "") -> ServiceError:
    """The failure for Gmail's answer to a call about `about` (a mail's id)."""
    told, reasons = _said(content)
    said = told or f"status {status}"
    if status == 429 or (status == 403 and (reasons & LIMITS or retry_after(headers) is not None)):
        return rate_limited(SERVICE, retry_after(headers), status)
    if status == 401:
        return SignInAgain(f"Gmail does not accept this sign-in: {said}.", status=status, refused=True, hint=AGAIN)
    if status == 403:
        return SignInAgain(
            f"Gmail did not allow this: {said}.", status=status, refused=True, hint=_grant(said, reasons)
        )
    if status == 404 or (status == 400 and "nvalid id" in said):
        return no_mail(about, status)
    return from_status(SERVICE, status, said, headers=headers)


def no_mail(about: str, status: int = 404) -> Rejected:
    """No mail has this id."""
    return Rejected(
        f"There is no mail {about[:100] or 'like this'}.",
        code="E_NOT_FOUND",
        status=status,
        refused=True,
        hint="It may have been deleted; take the id from a search.",
    )


def _grant(said: str, reasons: set[str]) -> str:
    if "accessNotConfigured" in reasons or "has not been used" in said:
        return "Switch on the Gmail API for the Google Cloud project of this client, and wait a few minutes."
    if "insufficientPermissions" in reasons or "scope" in said.lower():
        return (
            f"The sign-in lacks the permission for this. {AGAIN} Choose what this step needs (writing and sending, or "
            "putting mail in order), and leave every box ticked."
        )
    return AGAIN


def _said(content: bytes) -> tuple[str, set[str]]:
    """Google's own sentence and its reasons."""
    try:
        error: Any = json.loads(content)["error"]
        message = str(error["message"])
    except (ValueError, KeyError, TypeError):
        return "", set()
    details = [item for item in error.get("errors") or () if isinstance(item, Mapping)]
    return " ".join(message.split()).rstrip(".")[:500], {str(item.get("reason", "")) for item in details}
