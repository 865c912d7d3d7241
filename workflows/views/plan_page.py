"""How a dry run reads: each change it would make before and after, what nobody can tell, and how it was run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accounts.actor import Actor
from integrations.context import is_planned
from integrations.spec import Change
from orchestrator_site.lib.json import dumps
from orchestrator_site.lib.look import Sign
from workflows.api.shapes import assumed
from workflows.engine.comparing import FieldChange
from workflows.models import PlannedEffect, Run, StepRun
from workflows.operations.plans import Against, change_of, compared, list_plans
from workflows.views.diff import field_lines

LONG = 160
MANY_WORDS = 60
SENT = 5
"""What weighs at most this much is sent, not made: nobody can take it back."""


@dataclass(frozen=True)
class PlanLine:
    """One planned change as it is shown."""

    plan: PlannedEffect
    change: Change
    number: int

    @property
    def service(self) -> str:
        """Whose tile stands beside it."""
        return self.plan.action.partition(".")[0]

    @property
    def stopped(self) -> bool:
        """Whether nobody can tell what it would do."""
        return self.plan.state == "stopped"

    @property
    def title(self) -> str:
        """What it would do, in a sentence."""
        return self.plan.summary.rstrip(".") or self.change.op

    @property
    def where(self) -> list[tuple[str, Any]]:
        """The target, whole."""
        target = self.plan.target if isinstance(self.plan.target, dict) else {}
        return [(name.replace("_", " "), _words(value)) for name, value in target.items() if _is_said(value)]

    @cached_property
    def fields(self) -> list[dict[str, Any]]:
        """The fields that would change: short ones as now and after, long ones line by line."""
        before, after = _fields(self.plan.before), _fields(self.plan.after)
        names = [*after, *(name for name in before if name not in after)]
        return [_field(name, before.get(name), after.get(name)) for name in names if self._is_shown(name)]

    def _is_shown(self, name: str) -> bool:
        before, after = _fields(self.plan.before).get(name), _fields(self.plan.after).get(name)
        return before != after and not (before in (None, "", [], {}) and after in (None, "", [], {}))

    @property
    def short(self) -> list[dict[str, Any]]:
        """Fields that fit into a row of the table."""
        return [field for field in self.fields if not field["lines"]]

    @property
    def long(self) -> list[dict[str, Any]]:
        """Fields that are shown line by line."""
        return [field for field in self.fields if field["lines"]]

    @property
    def is_new(self) -> bool:
        """Whether there is nothing to compare with."""
        return self.plan.before is None

    @property
    def sign(self) -> Sign:
        """The badge: would send, would create, would change 3 of 6 fields, would delete."""
        if self.stopped:
            return Sign("Not shown, not sent", "lock", "need")
        return Sign(self._would(), "flask", "dry")

    def _would(self) -> str:
        if self.plan.after is None and self.plan.before is not None:
            return "Would delete"
        if self.is_new:
            return "Would send" if self.change.weight <= SENT else "Would create"
        count = len({*_fields(self.plan.before), *_fields(self.plan.after)})
        if not self.fields:
            return "Would change nothing"
        if count == 1:
            return "Would change"
        return f"Would change {len(self.fields)} of {count} fields"


@dataclass(frozen=True)
class PlanPage:
    """Everything that the page of a dry run shows beside the steps."""

    lines: list[PlanLine]
    stopped: list[PlanLine]
    assumptions: list[str]
    against: Against | None

    @property
    def mails(self) -> list[PlanLine]:
        """What would leave and cannot be taken back."""
        return [line for line in self.lines if line.change.weight == 0]

    @property
    def receivers(self) -> int:
        """To how many addresses."""
        return len({str(one) for line in self.mails for one in _receivers(line.plan)})

    @property
    def written(self) -> list[PlanLine]:
        """All else that would be changed."""
        return [line for line in self.lines if line.change.weight > 0]

    @property
    def things(self) -> str:
        """1 page, 3 issues."""
        counted = Counter(line.change.thing for line in self.written)
        return ", ".join(f"{count} {thing if count == 1 else _many(thing)}" for thing, count in counted.items())


def plan_page(actor: Actor, run: Run, steps: Iterable[StepRun], numbers: Mapping[str, int]) -> PlanPage:
    """What this dry run would change, what is hardest to take back first."""
    lines = [PlanLine(plan, change_of(plan), numbers.get(plan.step_run.key, 0)) for plan in list_plans(actor, run)]
    told = [line for line in lines if not line.stopped and line.change.thing]
    told.sort(key=lambda line: line.change.weight)
    return PlanPage(
        lines=told,
        stopped=[line for line in lines if line.stopped],
        assumptions=[text for step in steps if (text := assumed(step))],
        against=compared(actor, run) if run.is_terminal else None,
    )


def _is_said(value: Any) -> bool:
    """Whether a part of a target says something: not what is empty, or only a name until the thing is made."""
    return value not in ("", None) and not is_planned(value)


def _fields(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"value": value}


def _field(name: str, before: Any, after: Any) -> dict[str, Any]:
    old, new = _words(before), _words(after)
    lines = None
    if "\n" in old + new or len(old) > LONG or len(new) > LONG:
        lines = field_lines(FieldChange(name, before, after))["lines"]
    shown = {"name": name.replace("_", " ").capitalize(), "before": old, "after": new, "lines": lines}
    return {
        **shown,
        "text": new if lines and not old else "",
        "words": len(new.split()),
        "folded": len(new.split()) > 60,
    }


def _words(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value):
        return ", ".join(str(one) for one in value)
    if isinstance(value, (dict, list)):
        return dumps(value)
    return str(value)


def _receivers(plan: PlannedEffect) -> list[Any]:
    after = plan.after if isinstance(plan.after, dict) else {}
    target = plan.target if isinstance(plan.target, dict) else {}
    return [one for name in ("to", "cc", "bcc") for one in (after.get(name) or target.get(name) or ())]


def _many(thing: str) -> str:
    if thing.endswith(("h", "s")) and not thing.endswith("th"):
        return f"{thing}es"
    return {"start of a workflow": "starts of workflows", "mail to sort": "mails to sort"}.get(thing, f"{thing}s")
