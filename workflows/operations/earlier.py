"""What an earlier run has: its steps, what differs from it now, and the changes that stand behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from workflows.engine.definition import parse
from workflows.engine.frames import place_of
from workflows.engine.plan import Path, value_at
from workflows.engine.reuse import Place, covers
from workflows.models import Effect, Run, StepRun
from workflows.operations.blobs import with_outputs

MADE = ("confirmed", "unknown", "sent")
DEEPEST = 20


@dataclass
class Read:
    """The steps of a run and the changes it made (or may have made), read together with those of other runs."""

    steps: list[StepRun] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    values: dict[UUID, StepRun] = field(default_factory=dict)

    @property
    def calls(self) -> bool:
        """Whether a step of it has run another workflow."""
        return any(step.action == "run_workflow" for step in self.steps)


def read_together(workspace_id: Any, runs: Collection[UUID]) -> dict[UUID, Read]:
    """What running these again needs to know of each, in two queries."""
    found = {run: Read() for run in runs}
    for step in StepRun.objects.of(workspace_id).filter(run__in=runs).defer("input", "output", "error"):
        found[step.run_id].steps.append(step)
    made = Effect.objects.of(workspace_id).filter(run__in=runs, state__in=MADE)
    for effect in made.select_related("step_run", "connection").order_by("id"):
        found[effect.run_id].effects.append(effect)
    return found


class Earlier:
    """The steps of a run that has ended, read once, without their values."""

    def __init__(self, run: Run, depth: int = 0, read: Read | None = None) -> None:
        self.run, self._depth, self.read = run, depth, read

    @cached_property
    def steps(self) -> dict[Place, StepRun]:
        """Every step by its place; the rounds of a loop that stands are those of the run that walked it."""
        rows: Iterable[StepRun] = self.read.steps if self.read else []
        if self.read is None:
            rows = StepRun.objects.of(self.run.workspace_id).filter(run=self.run).defer("input", "output", "error")
        found = {Place(step.key, step.path): step for step in rows}
        if self.run.replay_of_id is None or self._depth >= DEEPEST:
            return found
        blocks = {place for place, step in found.items() if step.kind == "control"}
        origins = _origins((place, found[place].decision) for place in blocks)
        for run in Run.objects.of(self.run.workspace_id).filter(pk__in=origins):
            heads = tuple(f"{place_of(place.path, place.key)}[" for place in origins[run.pk])
            then = Earlier(run, self._depth + 1).steps
            found |= {p: step for p, step in then.items() if p not in found and p.path.startswith(heads)}
        return found

    def whole(self, places: Collection[Place]) -> dict[Place, StepRun]:
        """The steps at these places with their values; a large output stays a reference."""
        ids = [self.steps[place].pk for place in places if place in self.steps]
        found: dict[Place, StepRun] = {}
        if self.read is not None and all(id in self.read.values for id in ids):
            return {Place(step.key, step.path): step for step in (self.read.values[id] for id in ids)}
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


@dataclass(frozen=True)
class Change:
    """A change made outside, and the step of the run in question that it came from (or whose subworkflow made it)."""

    place: Place
    action: str
    effect: Effect


def changes_behind(run: Run, depth: int = 0, read: Read | None = None) -> list[Change]:
    """The changes a run made or may have made, its subworkflows' too, and those that its kept steps stand for."""
    if depth >= DEEPEST:
        return []
    own: Iterable[Effect] = read.effects if read else []
    if read is None:
        rows = Effect.objects.of(run.workspace_id).filter(run=run, state__in=MADE)
        own = rows.select_related("step_run", "connection").order_by("id")
    found = [Change(Place(effect.step_run.key, effect.step_run.path), effect.step_run.action, effect) for effect in own]
    calls = read.calls if read else StepRun.objects.of(run.workspace_id).filter(run=run, action="run_workflow").exists()
    if not calls:
        return [*found, *kept_changes(run, depth + 1)]
    children = Run.objects.of(run.workspace_id).filter(parent_step__run=run).select_related("parent_step")
    for child in children:
        step = child.parent_step
        assert step is not None
        inside = changes_behind(child, depth + 1)
        found += [Change(Place(step.key, step.path), step.action, change.effect) for change in inside]
    return [*found, *kept_changes(run, depth + 1)]


def kept_changes(run: Run, depth: int = 0) -> list[Change]:
    """The changes that earlier runs made and that this run did not make again."""
    if depth >= DEEPEST or run.replay_of_id is None:
        return []
    rows = StepRun.objects.of(run.workspace_id).filter(run=run, decision__contains='"reused"')
    kept = rows.values_list("key", "path", "decision")
    origins = _origins((Place(key, path), decision) for key, path, decision in kept)
    found: list[Change] = []
    for earlier in Run.objects.of(run.workspace_id).select_related("version").filter(pk__in=origins):
        covered = covers(parse(earlier.version.definition, trusted=True), origins[earlier.pk])
        found += [change for change in changes_behind(earlier, depth + 1) if covered(*change.place)]
    return found


def _origins(rows: Iterable[tuple[Place, Any]]) -> dict[UUID, set[Place]]:
    """Which places stand for which earlier run; outputs that were given stand for none."""
    found: dict[UUID, set[Place]] = {}
    for place, decision in rows:
        origin = (decision.get("reused") or {}) if isinstance(decision, dict) else {}
        if origin.get("run") and not origin.get("edited"):
            found.setdefault(UUID(origin["run"]), set()).add(place)
    return found
