"""Errors that have a reader: what happened, and what to do next. Knows nothing of HTTP beyond a status number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Limit = str | int | float | None


class UserError(Exception):
    """Something a person or a calling program can understand and act upon.

    `code` is stable (E_…), `message` one plain sentence, `hint` the next thing to do, `limit` the bound passed.
    """

    default_code = "E_INVALID"
    default_status = 400

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        status: int = 400,
        limit: Limit = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint
        self.status = status
        self.limit = limit
        self.extra: dict[str, Any] = dict(extra or {})

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.__dict__.copy()))

    def as_dict(self) -> dict[str, Any]:
        """The error as it is shown; the handler adds the request id."""
        shown = {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "hint": self.hint,
            "limit": self.limit,
        }
        return {**self.extra, **shown}


def _rebuild(kind: type[UserError], state: dict[str, Any]) -> UserError:
    error = kind.__new__(kind)
    Exception.__init__(error, state["message"])
    error.__dict__.update(state)
    return error


class _Fixed(UserError):
    """A UserError whose code and status are known: `NotFound("That workflow is not here.")`."""

    default_message = "This cannot be done."
    default_hint: str | None = None

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        field: str | None = None,
        hint: str | None = None,
        limit: Limit = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            code or self.default_code,
            message or self.default_message,
            field=field,
            hint=hint or self.default_hint,
            status=self.default_status,
            limit=limit,
            extra=extra,
        )


class NotFound(_Fixed):
    """Absent, or somebody else's: the two are never told apart."""

    default_code = "E_NOT_FOUND"
    default_status = 404
    default_message = "There is nothing here by that name."


class NotSignedIn(_Fixed):
    """The caller is not known."""

    default_code = "E_AUTH"
    default_status = 401
    default_message = "Sign in, or send a token."
    default_hint = "Authorization: Bearer awo_…"


class Forbidden(_Fixed):
    """The actor is known and may not."""

    default_code = "E_FORBIDDEN"
    default_status = 403
    default_message = "You may not do this."


class Conflict(_Fixed):
    """Somebody changed it in the meantime."""

    default_code = "E_CONFLICT"
    default_status = 409
    default_message = "This was changed in the meantime."


class TooLarge(_Fixed):
    """More bytes than we take."""

    default_code = "E_TOO_LARGE"
    default_status = 413
    default_message = "This is too large."


class RateLimited(_Fixed):
    """Too many in too short a time; `retry_after` says how many seconds to wait."""

    default_code = "E_RATE_LIMIT"
    default_status = 429
    default_message = "Too many requests in a short time."

    def __init__(
        self, message: str | None = None, *, retry_after: float = 1, limit: Limit = None, hint: str | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, hint=hint or f"Try again in {max(1, round(retry_after))} seconds.", limit=limit)


class Problems(UserError):
    """Several things are wrong at once: each is an error of its own, in `errors`."""

    def __init__(
        self,
        problems: Iterable[UserError | Mapping[str, Any]],
        *,
        code: str = "E_PROBLEMS",
        message: str | None = None,
        field: str | None = None,
        hint: str | None = None,
        status: int = 400,
    ) -> None:
        self.problems = list(problems)
        shown = [p.as_dict() if isinstance(p, UserError) else dict(p) for p in self.problems]
        first = shown[0] if shown else {}
        single = len(shown) == 1
        super().__init__(
            str(first.get("code", code)) if single else code,
            message or (str(first.get("message")) if single else f"{len(shown)} things need your attention."),
            field=field if field is not None else (first.get("field") if single else None),
            hint=hint if hint is not None else (first.get("hint") if single else None),
            limit=first.get("limit") if single else None,
            status=status,
            extra={"errors": shown},
        )
