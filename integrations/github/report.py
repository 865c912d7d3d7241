"""What a GitHub token can do, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from integrations.context import ConnectionReport

EXPIRY = "github-authentication-token-expiration"


def report(
    login: str,
    scopes: Sequence[str],
    sample: Sequence[Mapping[str, Any]],
    count: int,
    *,
    classic: bool,
    end: datetime | None = None,
) -> ConnectionReport:
    """The report for a token of `login` that ends at `end`; `sample` are the first repositories it reaches, `count` is
    all of them."""
    writable = [r for r in sample if (r.get("permissions") or {}).get("push")]
    can = [f"read {_repositories(count)}"] if count else []
    missing = []
    if not count:
        missing.append("no repository is reached: give the token access to at least one")
    if classic and not {"repo", "public_repo"} & set(scopes):
        missing.append("scope repo: needed to create issues and commit files")
    elif classic and "repo" not in scopes:
        can.append("create issues and commit files in public repositories")
        missing.append("scope repo: needed for private repositories")
    elif writable or classic:
        can.append("create issues and commit files where the account may write")
    elif count:
        missing.append("permissions Issues and Contents (read and write): needed to create issues and commit files")
    return ConnectionReport(
        ok=bool(count),
        summary=f"Signed in as {login}; {_repositories(count)} reached.",
        can=tuple(can),
        missing=tuple(missing),
        expires_at=end,
        expires_text="GitHub says when its tokens end." if end else "",
        lasts=end is None,
    )


def token_end(headers: Mapping[str, Any]) -> datetime | None:
    """When a token ends, as GitHub says beside every answer; None for one without an end.

    Reference: https://docs.github.com/authentication/keeping-your-account-and-data-secure/token-expiration-and-revocation
    """
    said = str(next((v for k, v in headers.items() if k.lower() == EXPIRY), "")).strip()
    for form in ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S %z"):
        with suppress(ValueError):
            found = datetime.strptime(said, form)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _repositories(count: int) -> str:
    return "1 repository" if count == 1 else f"{count:,} repositories"
