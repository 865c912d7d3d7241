"""Notion's refusals, told in words that say what to do. Pure: it sees statuses, codes and headers, never the SDK."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.errors import Rejected, ServiceError, SignInAgain, Unavailable
from integrations.http_failures import from_status
from integrations.notion.interface import not_shared

SERVICE = "Notion"
CAPABILITIES = (
    "In notion.so/profile/integrations open the integration and switch on the capabilities Read, Update and Insert "
    "content."
)


def failure(
    status: int, code: str, said: str, headers: Mapping[str, str] | None = None, *, reference: str = ""
) -> ServiceError:
    """The failure for Notion's answer to a call about what the user named `reference`."""
    words = " ".join(said.split()).rstrip(".")[:500] or f"status {status}"
    if status == 401:
        return SignInAgain(
            f"Notion does not accept this token: {words}.",
            status=status,
            refused=True,
            hint="Copy the Internal integration secret again from notion.so/profile/integrations into the connection.",
        )
    if status == 403:
        return SignInAgain(f"The integration may not do this: {words}.", status=status, refused=True, hint=CAPABILITIES)
    if status == 404 and code in ("object_not_found", ""):
        missing, hint = not_shared(reference or "this id")
        return Rejected(f"{missing}.", status=status, refused=True, hint=hint)
    if status == 409:
        return Unavailable(
            f"Notion was busy with the same page: {words}.",
            code="E_CONFLICT",
            status=status,
            refused=True,
            hint="The step tries once more by itself.",
        )
    return from_status(SERVICE, status, words, headers=headers)
