"""What an earlier run has: its steps, what differs from it now, and the changes that stand behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from workflows.engine.definition import parse
from workflows.engine.plan import Path, value_at
from workflows.engine.reuse import Place, covers
from workflows.models import Effect, Run, StepRun
from workflows.operations.blobs import with_outputs

MADE = ("confirmed", "unknown", "sent")
DEEPEST = 20


class Earlier:
    """The steps of a run that has ended, read once, without their values."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @cached_property
    def steps(self) -> dict[Place, StepRun]:
        """Every step by its place."""
        rows = StepRun.objects.of(self.run.workspace_id).filter(run=self.run).defer("input", "output", "error")
        return {Place(step.key, step.path): step for step in rows}

    def whole(self, places: Collection[Place]) -> dict[Place, StepRun]:
        """The steps at these places with their values; a large output stays a reference."""
        ids = [self.steps[place].pk for place in places if place in self.steps]
        found: dict[Place, StepRun] = {}
        for start in range(0, len(ids), 500):
            rows = StepRun.objects.of(self.run.workspace_id).filter(pk__in=ids[start : start + 500])
            found |= {Place(step.key, step.path): step for step in rows}
        return found

    def changed(
        self, inputs: Mapping[str, Any], variables: Mapping[str, Any], given: Mapping[Place, Any]
    ) -> Callable[[Path], bool]:
        """Whether what is at a path is another value than in that run."""
        now = {"inputs": inputs, "variables": variables}
        then = {"inputs": self.run.inputs, "variables": (self.run.frozen or {}).get("variables") or {}}
        steps = with_outputs(self.whole(list(given)).values()) if given else []
        outputs = {Place(step.key, step.path): step.output for step in steps}

        def differs(path: Path) -> bool:
            root, rest = path[0], path[1:]
            if root == "inputs":
                return bool(value_at(now, path) != value_at(then, path))
            if root == "workspace":
                return bool(value_at(now, rest) != value_at(then, rest))
            if root == "steps":
                return any(
                    value_at(value, path[2:]) != value_at(outputs.get(place), path[2:])
                    for place, value in given.items()
                    if not rest or place.key == rest[0]
                )
            return root == "run" and rest[:1] != ("workflow",)

        return differs


def changes_behind(run: Run, depth: int = 0) -> list[Effect]:
    """The changes a run made or may have made, and those of earlier runs that its kept steps stand for."""
    own = Effect.objects.of(run.workspace_id).filter(run=run, state__in=MADE)
    return [*own.select_related("step_run", "connection").order_by("id"), *kept_changes(run, depth)]


def kept_changes(run: Run, depth: int = 0) -> list[Effect]:
    """The changes that earlier runs made and that this run did not make again."""
    if depth >= DEEPEST or run.replay_of_id is None:
        return []
    rows = StepRun.objects.of(run.workspace_id).filter(run=run, decision__contains='"reused"')
    origins: dict[UUID, set[Place]] = {}
    for key, path, decision in rows.values_list("key", "path", "decision"):
        origin = (decision.get("reused") or {}) if isinstance(decision, dict) else {}
        if origin.get("run") and not origin.get("edited"):
            origins.setdefault(UUID(origin["run"]), set()).add(Place(key, path))
    found = []
    runs = Run.objects.of(run.workspace_id).select_related("version").filter(pk__in=origins)
    for earlier in runs:
        covered = covers(parse(earlier.version.definition, trusted=True), origins[earlier.pk])
        behind = changes_behind(earlier, depth + 1)
        found += [effect for effect in behind if covered(effect.step_run.key, effect.step_run.path)]
    return found
