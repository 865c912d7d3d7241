"""How a service can fail, in four kinds; the kind decides what the engine does next.

`client.py` of each service turns the SDK's exceptions into these. Whether a change happened is a second
question: `sent` says if the request may have reached the service (engine.md §9).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_site.lib.redact import redact

MOST_DETAIL = 20_000


class ServiceError(Exception):
    """A service call that did not give a usable answer.

    `message` is a plain sentence for a person, `hint` what to do next, `status` the HTTP status if there was one.
    `refused` is True only on a certain no: nothing was changed (a status of engine.md §9's list, or the request
    never left). Everything else is of unknown outcome when the call was a change.
    `detail` is what was said, for a person to read beside the error (a model's answer that fits no schema).
    """

    kind = "unavailable"
    permanent = False
    broken = False

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        hint: str = "",
        status: int | None = None,
        refused: bool = False,
        retry_after: float | None = None,
        usage: Mapping[str, Any] | None = None,
        detail: str = "",
    ) -> None:
        message, hint = redact(message), redact(hint)  # services like to repeat the key that they refuse
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.status = status
        self.refused = refused
        self.retry_after = retry_after
        self.usage: dict[str, Any] = dict(usage or {})
        self.detail = redact(detail)[:MOST_DETAIL]

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
    """The credentials are missing, expired or may not do this (401, 403): a person must repair the connection.

    `broken`: the credential itself is not accepted (401, a sign-in that cannot be renewed), so no other call can
    succeed either; what needs the connection waits until it is repaired. A 403 speaks of this one thing only.
    """

    kind = "sign_in"
    permanent = True
    default_code = "E_SIGN_IN"

    def __init__(self, message: str, *, broken: bool | None = None, **told: Any) -> None:
        super().__init__(message, **told)
        self.broken = self.status in (None, 401) if broken is None else broken


class Unreadable(Unavailable):
    """A 2xx whose body is not what the service promises: for a change, unknown, never success."""

    default_code = "E_UNREADABLE"


CERTAIN_NO = frozenset({400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429})

# What to do next, where nobody knew better.
ADVICE = {
    401: "Check the key of the connection; it may have expired.",
    403: "Check what the key of the connection may do.",
    404: "Check that what the step names is there, and that the connection may see it.",
    409: "Look at what is there now, then run the step again.",
    410: "It is gone for good; name another one in the step.",
    413: "Send less at once.",
}
REJECTED_ADVICE = "Check what the step sends; the service's own words say what it does not take."
OTHER_ADVICE = "Try again later; if it goes on, look at the connection's page."


def advice(error: ServiceError) -> str:
    """What a person may do next: the error's own hint, or the best that its status allows. Never empty."""
    if error.hint:
        return error.hint
    return ADVICE.get(error.status or 0, REJECTED_ADVICE if error.permanent else OTHER_ADVICE)
