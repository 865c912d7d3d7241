"""How a service can fail, in four kinds; the kind decides what the engine does next.

`client.py` of each service turns the SDK's exceptions into these. Whether a change happened is a second
question: `sent` says if the request may have reached the service (engine.md §9).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class ServiceError(Exception):
    """A service call that did not give a usable answer.

    `message` is a plain sentence for a person, `hint` what to do next, `status` the HTTP status if there was one.
    `refused` is True only on a certain no: nothing was changed (a status of engine.md §9's list, or the request
    never left). Everything else is of unknown outcome when the call was a change.
    """

    kind = "unavailable"
    permanent = False

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        hint: str = "",
        status: int | None = None,
        refused: bool = False,
        retry_after: float | None = None,
        usage: dict[str, float] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.status = status
        self.refused = refused
        self.retry_after = retry_after
        self.usage = usage or {}

    default_code = "E_SERVICE_UNAVAILABLE"


class RateLimited(ServiceError):
    """The service asks us to slow down (429, or 403 with a limit header); `retry_after` in seconds if it said."""

    kind = "rate_limited"
    default_code = "E_RATE_LIMITED"


class Unavailable(ServiceError):
    """Timeout, reset, 5xx, unreadable answer: may work later; for a change the outcome may be unknown."""

    kind = "unavailable"
    default_code = "E_SERVICE_UNAVAILABLE"


class Rejected(ServiceError):
    """The service understood and said no (400, 404, 409, 422 …): the same request will not work later."""

    kind = "rejected"
    permanent = True
    default_code = "E_REJECTED"


class SignInAgain(ServiceError):
    """The credentials are missing, expired or may not do this (401, 403): a person must repair the connection."""

    kind = "sign_in"
    permanent = True
    default_code = "E_SIGN_IN"


class Unreadable(Unavailable):
    """A 2xx whose body is not what the service promises: for a change, unknown, never success."""

    default_code = "E_UNREADABLE"


CERTAIN_NO = frozenset({400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429})


def from_status(
    service: str,
    status: int,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    code: str = "",
    hint: str = "",
) -> ServiceError:
    """The error for an HTTP status that is no success: its kind, whether it is a certain no, and what to do next.

    `detail` is the service's own sentence; `headers` tell when to come back. 403 with a limit header is a limit.
    """
    said = f" {service} says: {detail.strip()[:300]}" if detail.strip() else ""
    wait = retry_after(headers or {})
    refused = status in CERTAIN_NO
    if status == 429 or (status == 403 and _is_limit(headers or {})):
        return RateLimited(
            f"{service} asks us to slow down.{said}",
            code=code,
            hint=hint or "It is tried again when the service allows it.",
            status=status,
            refused=refused,
            retry_after=wait,
        )
    if status in _BY_STATUS:
        kind, words, advice = _BY_STATUS[status]
        return kind(f"{service} {words}{said}", code=code, hint=hint or advice, status=status, refused=refused)
    if 400 <= status < 500 and status != 408:
        advice = hint or "Check the values of this step."
        text = f"{service} refused the request ({status}).{said}"
        return Rejected(text, code=code, hint=advice, status=status, refused=refused)
    advice = hint or "It may work later; the step is tried again."
    text = f"{service} could not answer ({status}).{said}"
    return Unavailable(text, code=code, hint=advice, status=status, retry_after=wait)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait, from Retry-After (seconds or a date), retry-after-ms or x-ratelimit-reset; None if not said."""
    low = {name.lower(): value for name, value in headers.items()}
    try:
        if "retry-after-ms" in low:
            return max(0.0, float(low["retry-after-ms"]) / 1000)
        if "retry-after" in low:
            value = low["retry-after"]
            return max(0.0, float(value)) if _is_number(value) else _until(parsedate_to_datetime(value), now)
        if low.get("x-ratelimit-remaining") == "0" and "x-ratelimit-reset" in low:
            return _until(datetime.fromtimestamp(float(low["x-ratelimit-reset"]), UTC), now)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return None


def _until(moment: datetime, now: datetime | None) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit()


def _is_limit(headers: Mapping[str, str]) -> bool:
    low = {name.lower(): value for name, value in headers.items()}
    return "retry-after" in low or low.get("x-ratelimit-remaining") == "0"


_BY_STATUS: dict[int, tuple[type[ServiceError], str, str]] = {
    401: (SignInAgain, "did not accept the key of this connection.", "Open the connection and replace the key."),
    402: (Rejected, "wants to be paid first.", "Add credit to the account there, then run again."),
    403: (SignInAgain, "does not let this key do that.", "Give the key the permission, or use another connection."),
    404: (Rejected, "does not have what was asked for.", "Check the name, and that the key may see it."),
    409: (Rejected, "reports a conflict with what is there.", "Look at what is there, then run again."),
    413: (Rejected, "takes no request of this size.", "Send less at once."),
}
