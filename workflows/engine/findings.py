"""What is wrong with a definition: one finding, and the error that carries all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from orchestrator_site.lib.errors import Problems

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Problem:
    """One finding. With a `step`, `field` is a path inside that step (`with.parent`), else inside the definition."""

    code: str
    message: str
    severity: str = ERROR
    step: str | None = None
    field: str | None = None
    hint: str | None = None
    limit: str | int | float | None = None

    @property
    def is_error(self) -> bool:
        """Whether it keeps the workflow from being published and run."""
        return self.severity == ERROR

    @property
    def input(self) -> str | None:
        """The name of the step's input it is about, if it is about one."""
        if self.step is None or not (self.field or "").startswith("with."):
            return None
        return str(self.field).removeprefix("with.").split(".")[0].split("[")[0]

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {
            "code": self.code,
            "message": self.message,
            "severity": self.severity,
            "step": self.step,
            "field": self.field,
            "hint": self.hint,
            "limit": self.limit,
        }


class DefinitionProblems(Problems):
    """A definition that cannot be taken: all findings in `errors`, the code of the first one as its own."""

    def __init__(self, found: Iterable[Problem], *, message: str | None = None, status: int = 400) -> None:
        self.found = list(found)
        first = self.found[0]
        many = len(self.found) > 1
        super().__init__(
            [problem.as_dict() for problem in self.found],
            code=first.code,
            message=message or (f"{first.message} ({len(self.found) - 1} more below.)" if many else first.message),
            field=_full_field(first),
            hint=first.hint,
            status=status,
        )
        self.limit = first.limit


def _full_field(problem: Problem) -> str | None:
    if problem.step is None:
        return problem.field
    return f"steps.{problem.step}" + (f".{problem.field}" if problem.field else "")


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """Those of severity error."""
    return [problem for problem in problems if problem.is_error]
