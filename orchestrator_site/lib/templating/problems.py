"""What can be wrong with a template, with its place in the text."""

from __future__ import annotations

from orchestrator_site.lib.errors import UserError


class TemplateProblem(UserError):
    """A template that cannot be accepted or rendered; `line` and `column` count from 1."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
        limit: int | None = None,
        field: str | None = None,
    ) -> None:
        place = {"line": line, "column": column} if line else {}
        super().__init__(code, message, field=field, hint=hint, limit=limit, extra=place)
        self.line = line
        self.column = column

    def at(self, source: str, index: int) -> TemplateProblem:
        """The same problem with a place, unless it has one."""
        if self.line is None:
            self.line, self.column = position(source, index)
            self.extra.update(line=self.line, column=self.column)
        return self


def position(source: str, index: int) -> tuple[int, int]:
    """Line and column of a character, from 1; an index before the start means the end of the text."""
    if index < 0 or index > len(source):
        index = len(source)
    return source.count("\n", 0, index) + 1, index - (source.rfind("\n", 0, index) + 1) + 1


def budget(message: str, hint: str | None = None, limit: int | None = None) -> TemplateProblem:
    """Too much work."""
    return TemplateProblem("E_TPL_BUDGET", message, hint=hint or "Make the template or its data smaller.", limit=limit)


def too_big(what: str, limit: int) -> TemplateProblem:
    """Too much text."""
    return TemplateProblem(
        "E_TPL_SIZE", f"{what} is larger than {limit // 1024} KiB.", limit=limit, hint="Use truncate."
    )


def bad_value(filter_name: str, message: str, hint: str | None = None) -> TemplateProblem:
    """A filter got something it cannot work on."""
    return TemplateProblem("E_TPL_VALUE", f"The filter {filter_name} {message}.", hint=hint)
