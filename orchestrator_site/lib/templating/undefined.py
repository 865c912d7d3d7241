"""What stands for a name or path that leads nowhere."""

from __future__ import annotations

from typing import Any

from liquid.undefined import Undefined

from orchestrator_site.lib.templating.problems import TemplateProblem


class Missing(Undefined):
    """A name or path that leads nowhere. It may reach a `default` filter; any other use raises its problem."""

    __slots__ = ("problem",)

    def __init__(self, name: str, *, problem: TemplateProblem | None = None, **_: Any) -> None:
        super().__init__(name)
        self.problem = problem or TemplateProblem("E_TPL_UNDEFINED", f"There is no “{name}” here.")

    def _refuse(self, *_: Any) -> Any:
        raise self.problem

    __contains__ = __eq__ = __getitem__ = __len__ = __iter__ = __str__ = __bool__ = __int__ = __hash__ = _refuse
    __reversed__ = _refuse


def found(value: Any) -> Any:
    """The value itself; a missing one raises its problem."""
    if isinstance(value, Missing):
        raise value.problem
    return value
