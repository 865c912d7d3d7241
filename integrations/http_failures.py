"""Turns an HTTP status, or what a transport raised, into one of the four kinds of failure. Pure; knows no service."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

from integrations.errors import CERTAIN_NO, RateLimited, Rejected, ServiceError, SignInAgain, Unavailable, Unreadable

NEVER_SENT = frozenset(
    {
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
        "ConnectTimeout",
        "ConnectError",
        "ServerNotFoundError",
        "gaierror",
        "ConnectionRefusedError",
        "SSLCertVerificationError",
    }
)
TIMEOUTS = frozenset(
    {"TimeoutError", "Timeout", "ReadTimeout", "ReadTimeoutError", "RequestTimeoutError", "WriteTimeout", "PoolTimeout"}
)


def from_status(
    service: str, status: int, said: str, *, headers: Mapping[str, str] | None = None, hint: str = ""
) -> ServiceError:
    """The failure for a status of 400 and more; `said` is the service's own sentence, shown to a person.

    Services sort out what only they know (403 as a limit, names of scopes) before they come here.
    """
    wait = retry_after(headers or {})
    words = said.strip().rstrip(".")[:500] or f"status {status}"
    refused = status in CERTAIN_NO
    if status == 429:
        return rate_limited(service, wait, status)
    if status in (401, 403):
        return SignInAgain(f"{service} did not let us in: {words}.", status=status, hint=hint, refused=refused)
    if status == 408 or status >= 500:
        return Unavailable(
            f"{service} has trouble answering: {words}.",
            status=status,
            retry_after=wait,
            hint=hint or "Try again later.",
        )
    return Rejected(f"{service} said no: {words}.", status=status, hint=hint, refused=refused)


def rate_limited(service: str, wait: float | None, status: int) -> RateLimited:
    """The service asks us to slow down; nothing was done."""
    when = f" It asks to wait {wait:.0f} seconds." if wait else ""
    return RateLimited(
        f"{service} asks us to slow down.{when}",
        status=status,
        retry_after=wait,
        refused=True,
        hint="The step is tried again by itself; run fewer at once if this happens often.",
    )


def from_transport(service: str, problem: BaseException) -> ServiceError:
    """The failure for an exception of a connection: before the first byte it is certain that nothing was done."""
    if isinstance(problem, ServiceError):
        return problem
    links = list(_chain(problem))
    names = {type(link).__name__ for link in links}
    if "WouldChange" in names:
        return would_change(service)
    if "UrlBlocked" in names:
        return _blocked(service, next(link for link in links if type(link).__name__ == "UrlBlocked"))
    told = [left for link in links if isinstance(left := getattr(link, "sent", None), bool)]
    unsent = not told[0] if told else bool(names & NEVER_SENT)
    if unsent:
        why = f"{service} could not be reached: {_reason(problem)}."
        return Unavailable(why, refused=True, hint="Check the address of the connection and the network.")
    late = any(getattr(link, "timeout", None) is True or isinstance(link, TimeoutError) for link in links)
    if names & TIMEOUTS or late:
        return Unavailable(f"{service} did not answer in time.", code="E_TIMEOUT", hint="Try again later.")
    return Unavailable(f"The connection to {service} broke: {_reason(problem)}.", hint="Try again later.")


def would_change(what: str) -> Rejected:
    """A change that a dry run stopped below the action; nothing left."""
    return Rejected(
        f"{what} would be changed; a dry run stopped the request before it left.",
        code="E_DRY",
        refused=True,
        hint="Nothing was sent. The action has to tell what it would change by a plan.",
    )


def _blocked(service: str, problem: BaseException) -> Rejected:
    why = str(getattr(problem, "message", problem)).rstrip(".")
    return Rejected(
        f"{service} is not called at this address: {why}.",
        code="E_URL_BLOCKED",
        refused=True,
        hint=str(getattr(problem, "hint", "") or "Check the address of the connection."),
    )


def unreadable(service: str, what: str) -> Unreadable:
    """A good status with an answer that is not what the service promises."""
    return Unreadable(
        f"{service} answered with something that is not {what}.",
        hint="A proxy or a sign-in page may stand between; check the address of the connection.",
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as `Retry-After` says, in either of its forms; None without one."""
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """An exception and all that it was made of: causes, contexts, and the reasons urllib3 wraps."""
    seen: set[int] = set()
    queue: list[object] = [problem]
    while queue:
        link = queue.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        queue += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]


def _reason(problem: BaseException) -> str:
    if message := getattr(problem, "message", ""):
        return str(message).rstrip(".")[:200]
    deepest = list(_chain(problem))[-1]
    return (str(deepest) or type(deepest).__name__).rstrip(".")[:200]
