"""Which runs of a workflow may go on at the same time: concurrency keys (queue, drop, replace). Pure.

A run with a key waits for its turn before it is claimed for the first time, and keeps its turn until it has ended,
also while it waits or is paused. Nothing is kept beside the runs themselves, so a turn cannot be lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.templating import TemplateProblem
from workflows.engine.plan import Value, value_of

POLICIES = ("queue", "drop", "replace")
OLD_NAMES = {"skip": "drop", "cancel_running": "replace"}
MOST_KEY = 200
Policy = Literal["queue", "drop", "replace"]


@dataclass(frozen=True)
class TurnRule:
    """`settings.concurrency` of a version: at most `limit` runs with the same key at a time."""

    key: Value
    limit: int = 1
    policy: str = "queue"

    def key_of(self, inputs: Mapping[str, Any], trigger: Mapping[str, Any], now: Any) -> str:
        """The key of a run. Raises UserError when it cannot be made of these inputs."""
        try:
            made = self.key.over({"inputs": inputs, "trigger": trigger}, now)
        except TemplateProblem as problem:
            raise UserError(
                problem.code,
                f"The key of runs at the same time cannot be made: {problem.message}",
                field="settings.concurrency.key",
                hint=problem.hint or "Correct the key in the workflow's settings.",
            ) from None
        text = "" if made is None else made if isinstance(made, str) else str(made)
        text = " ".join(text.replace("\x00", "").split())
        if len(text) <= MOST_KEY:
            return text
        return f"{text[: MOST_KEY - 65]} {hashlib.sha256(text.encode()).hexdigest()}"


def rule_of(settings: Mapping[str, Any]) -> TurnRule | None:
    """The rule of a version's settings; None where runs may overlap freely. Without a key it is one for all runs."""
    said = settings.get("concurrency")
    if not isinstance(said, Mapping) or not said:
        return None
    return TurnRule(value_of(str(said.get("key") or "")), int(said.get("limit") or 1), str(said.get("policy", "queue")))


@dataclass(frozen=True)
class Contender:
    """A run of one key that has not ended; `holds`: it has its turn. `leaving`: it is ending already."""

    run: Any
    limit: int
    policy: str
    holds: bool
    leaving: bool = False


@dataclass
class Decisions:
    """What becomes of the runs of a key: (run, the run in its way) where one ends for another."""

    admitted: list[Any] = field(default_factory=list)
    dropped: list[tuple[Any, Any]] = field(default_factory=list)
    replaced: list[tuple[Any, Any]] = field(default_factory=list)
    let_end: list[Any] = field(default_factory=list)


def decide(contenders: Iterable[Contender]) -> Decisions:
    """Who of the runs of one key gets its turn now, oldest first; who ends without one; who has to make room.

    The contenders come in the order in which they were started.
    """
    runs, found = list(contenders), Decisions()
    holders = [run for run in runs if run.holds]
    waiting = [run for run in runs if not run.holds]
    found.let_end = [run.run for run in waiting if run.leaving]
    waiting = [run for run in waiting if not run.leaving]
    newest = waiting[-1] if waiting else None
    if newest is not None and any(run.policy == "replace" for run in waiting):
        stay = [run for run in runs if not run.leaving][-newest.limit :]
        gone = [run for run in runs if run not in stay and not run.leaving]
        found.replaced = [(run.run, newest.run) for run in gone]
        waiting = [run for run in waiting if run in stay]
    held = len(holders)
    for run in waiting:
        if held < run.limit:
            found.admitted.append(run.run)
            held += 1
        elif run.policy == "drop":
            found.dropped.append((run.run, (holders or waiting)[0].run))
    return found
