"""GitHub's refusals, told in words that say what to do. Pure: it sees statuses, headers and bodies, never the SDK."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from integrations.errors import CERTAIN_NO, Rejected, ServiceError, SignInAgain, Unavailable
from integrations.github.interface import no_branch, no_repository
from integrations.http_failures import from_status, rate_limited, retry_after

SERVICE = "GitHub"
SECONDARY_WAIT = 60.0


def failure(
    status: int, data: Any, headers: Mapping[str, str], *, repository: str = "", branch: str = "", path: str = ""
) -> ServiceError:
    """The failure for GitHub's answer to a call about this repository, branch and path."""
    said = _said(data) or f"status {status}"
    if _is_limit(status, said, headers):
        return rate_limited(SERVICE, _wait(said, headers), status)
    if status == 401:
        return SignInAgain(
            f"GitHub does not accept this token: {said}.",
            status=status,
            refused=True,
            hint="It may have expired or been revoked. Make a new one at github.com → Settings → Developer settings, "
            "and put it into the connection.",
        )
    if status == 403:
        return _forbidden(said, headers, repository)
    if status in (409, 422) and path and _moved(said):
        return Unavailable(
            f"{path} was changed on {branch} while this step wanted to write it.",
            code="E_CONFLICT",
            status=status,
            refused=True,
            hint="The step reads it again and tries once more by itself.",
        )
    if repository and status in (301, 307, 308, 404, 410):
        return _missing(status, said, repository, branch)
    return from_status(SERVICE, status, said, headers=headers)


def _missing(status: int, said: str, repository: str, branch: str) -> Rejected:
    words, hint = no_repository(repository)
    if "ranch" in said or "No commit found" in said:
        words, hint = no_branch(repository, branch)
    elif status == 410:
        words, hint = f"{repository} takes no issues: {said}", "Switch issues on in the repository's settings."
    elif status < 400:
        words = f"The repository {repository} has moved or was renamed"
        hint = "Open it in the browser and put its new name into the step."
    return Rejected(f"{words}.", status=status, hint=hint, refused=status in CERTAIN_NO or status < 400)


def _forbidden(said: str, headers: Mapping[str, str], repository: str) -> SignInAgain:
    where = f" in {repository}" if repository else ""
    return SignInAgain(
        f"The token may not do this{where}: {said}.", status=403, refused=True, hint=_what_to_grant(said, headers)
    )


def _what_to_grant(said: str, headers: Mapping[str, str]) -> str:
    """Name the permission or scope that is missing, as GitHub's own headers do."""
    if wanted := headers.get("x-accepted-github-permissions", ""):
        return f"Give the token the permission {wanted.replace('=', ': ')} for this repository."
    accepted = [scope.strip() for scope in headers.get("x-accepted-oauth-scopes", "").split(",") if scope.strip()]
    held = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")}
    if accepted and not held & set(accepted):
        return f"The token lacks the scope {' or '.join(accepted)}: add it in GitHub's settings."
    if "archived" in said.lower():
        return "The repository is archived: nothing can be changed in it until it is taken out of the archive."
    if "SAML" in said or "SSO" in said:
        return "The organisation asks for single sign-on: authorise the token for it in GitHub's settings."
    return (
        "A fine-grained token needs the permissions Issues and Contents (read and write) for this repository, a "
        "classic one the scope repo; a protected branch may need an exception."
    )


def _said(data: Any) -> str:
    """GitHub's own sentence, with the details it lists."""
    if not isinstance(data, Mapping):
        return ""
    words = [" ".join(str(data.get("message") or "").split()).rstrip(".")]
    for error in data.get("errors") or ():
        if isinstance(error, Mapping):
            words.append(
                str(error.get("message") or f"{error.get('field', 'a field')}: {error.get('code', 'invalid')}")
            )
        else:
            words.append(str(error))
    return "; ".join(word for word in words if word)[:500]


def _is_limit(status: int, said: str, headers: Mapping[str, str]) -> bool:
    if status == 429:
        return True
    told = headers.get("retry-after") or headers.get("x-ratelimit-remaining") == "0" or "rate limit" in said.lower()
    return status == 403 and bool(told)


def _wait(said: str, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: as told, until the hour's limit is full again, or a minute for the secondary limit."""
    if (told := retry_after(headers)) is not None:
        return told
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
        return max(1.0, int(headers["x-ratelimit-reset"]) - time.time())
    return SECONDARY_WAIT if "secondary" in said.lower() else None


def _moved(said: str) -> bool:
    return any(words in said for words in ("does not match", "wasn't supplied", "is at", "not a fast forward"))
