"""How a run reads: its steps in the order of the outline, its changes, its timeline. Builds values for templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integrations.registry import get_action
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.look import duration, money
from workflows.engine.control import CONTROLS
from workflows.engine.definition import Definition, StepSpec, parse
from workflows.models import Effect, Run, RunEvent, StepRun, Wait

ITEMS_SHOWN = 20
TONES = {"succeeded": "ok", "failed": "bad", "running": "run", "waiting": "need", "cancelled": "idle"}


@dataclass
class StepRow:
    """One line of the run's step list; `inner` holds the items of a loop."""

    number: int
    spec: StepSpec
    depth: int
    name: str
    status: str
    why: str = ""
    cost: str = ""
    record: StepRun | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    inner: list[ItemRow] = field(default_factory=list)
    more: int = 0
    open: bool = False

    @property
    def anchor(self) -> str:
        """The id of the line, for links from the error."""
        return f"step-{self.spec.key}"


@dataclass
class ItemRow:
    """What happened for one item of a loop."""

    label: str
    status: str
    rows: list[StepRow]
    why: str = ""


@dataclass(frozen=True)
class RunPage:
    """Everything the run page shows."""

    run: Run
    rows: list[StepRow]
    done: int
    total: int
    effects: list[EffectLine]
    lanes: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    events: list[RunEvent]
    tokens: int

    @property
    def confirmed(self) -> int:
        """How many changes are certain."""
        return sum(line.effect.state == "confirmed" for line in self.effects)

    @property
    def changes(self) -> int:
        """How many changes were tried, however often each was sent."""
        return len({line.effect.key for line in self.effects})


@dataclass(frozen=True)
class EffectLine:
    """One change of the ledger in words; `asks` when a person must say what happened."""

    effect: Effect
    asks: bool = False

    @property
    def service(self) -> str:
        """The service it went to."""
        return self.effect.op.partition(".")[0]

    @property
    def words(self) -> str:
        """What kind of change it was: "Create an issue"."""
        return effect_words(self.effect)


def effect_words(effect: Effect) -> str:
    """A change in words: the title of its action, with what it was called where the request says so."""
    title = action_title(effect.step_run.action)
    request = effect.request if isinstance(effect.request, dict) else {}
    name = next((request[field] for field in ("title", "subject", "path") if isinstance(request.get(field), str)), "")
    return f"{title}: {name}" if name else title


def build(run: Run) -> RunPage:
    """Read the record of a run and put it in the order of its version's outline."""
    workspace = run.workspace_id
    definition = parse(run.version.definition, trusted=True)
    steps = list(
        StepRun.objects.of(workspace).filter(run=run).select_related("connection").prefetch_related("attempts").order_by("id")
    )
    waits = {wait.effect_id: wait for wait in Wait.objects.of(workspace).filter(run=run, decided_at__isnull=True)}
    effects = [
        EffectLine(effect, effect.pk in waits)
        for effect in Effect.objects.of(workspace).filter(run=run).select_related("step_run", "connection").order_by("id")
    ]
    rows = _rows(definition, steps, run)
    flat = [row for row in rows if row.depth == 0]
    return RunPage(
        run=run,
        rows=rows,
        done=sum(row.status in ("succeeded", "skipped") for row in flat),
        total=len(flat),
        effects=effects,
        lanes=_lanes(rows, run),
        costs=_costs(rows, steps),
        events=list(RunEvent.objects.of(workspace).filter(run=run).order_by("id")),
        tokens=run.input_tokens + run.output_tokens,
    )


def _rows(definition: Definition, steps: Iterable[StepRun], run: Run) -> list[StepRow]:
    places: dict[tuple[str, str], StepRun] = {(step.key, step.path): step for step in steps}
    by_key: dict[str, list[StepRun]] = defaultdict(list)
    for step in places.values():
        by_key[step.key].append(step)
    numbers = {spec.key: number for number, (spec, _) in enumerate(definition.walk(), start=1)}
    return _list(definition.steps, "", 0, places, by_key, numbers, run)


def _list(
    specs: Iterable[StepSpec],
    path: str,
    depth: int,
    places: dict[tuple[str, str], StepRun],
    by_key: dict[str, list[StepRun]],
    numbers: dict[str, int],
    run: Run,
) -> list[StepRow]:
    rows: list[StepRow] = []
    for spec in specs:
        row = _row(spec, places.get((spec.key, path)), depth, numbers, run)
        rows.append(row)
        if spec.action == "for_each":
            _add_items(row, spec, path, depth, places, by_key, numbers, run)
            continue
        for children in spec.branches.values():
            rows += _list(children, path, depth + 1, places, by_key, numbers, run)
    return rows


def _add_items(
    row: StepRow,
    spec: StepSpec,
    path: str,
    depth: int,
    places: dict[tuple[str, str], StepRun],
    by_key: dict[str, list[StepRun]],
    numbers: dict[str, int],
    run: Run,
) -> None:
    """The items of a loop that have begun: the first twenty, then how many more."""
    children = [child for steps in spec.branches.values() for child in steps]
    prefix = f"{path}/{spec.key}[" if path else f"{spec.key}["
    seen: dict[int, str] = {}
    for child in children:
        for record in by_key[child.key]:
            if record.path.startswith(prefix):
                index, _, rest = record.path[len(prefix) :].partition("]")
                if index.isdigit() and not rest:
                    seen[int(index)] = record.path
    for index in sorted(seen)[:ITEMS_SHOWN]:
        inner = _list(children, seen[index], depth + 1, places, by_key, numbers, run)
        row.inner.append(ItemRow(f"Item {index + 1}", _worst(inner), inner, _first_error(inner)))
    row.more = max(0, len(seen) - ITEMS_SHOWN)


def _worst(rows: list[StepRow]) -> str:
    found = {row.status for row in rows}
    return next((s for s in ("failed", "waiting", "running", "cancelled", "succeeded") if s in found), "pending")


def _first_error(rows: list[StepRow]) -> str:
    return next((row.why for row in rows if row.status == "failed"), "")


def _row(spec: StepSpec, record: StepRun | None, depth: int, numbers: dict[str, int], run: Run) -> StepRow:
    status = record.status if record else ("skipped" if run.is_terminal and not spec.disabled else "pending")
    row = StepRow(numbers[spec.key], spec, depth, spec.title, status, record=record)
    if record is None:
        row.why = "Switched off" if spec.disabled else ("Not reached" if run.is_terminal else "")
        return row
    row.why = why(record)
    row.cost = cost(record)
    row.attempts = _attempts(record)
    row.open = record.status == "failed"
    return row


def why(step: StepRun) -> str:
    """The line beside a step's name: its error, its decision, or the beginning of its output."""
    if step.error:
        return str(step.error.get("message", ""))
    if step.status == "skipped":
        return "Not taken"
    if step.kind == "control" and isinstance(step.decision, dict):
        return _decision(step)
    text = _gist(step.output)
    tries = f"{step.attempts_count} attempts" if step.attempts_count > 1 else ""
    return " · ".join(part for part in (text, tries) if part)


def _decision(step: StepRun) -> str:
    decision, output = step.decision, step.output if isinstance(step.output, dict) else {}
    if step.action == "if":
        return "Yes" if decision.get("branch", decision.get("taken")) in ("then", True) else "Otherwise"
    if "count" in output:
        failed = int(output.get("failed") or 0)
        return f"{output['count']} items" + (f", {failed} failed" if failed else "")
    count = decision.get("count")
    return f"{count} items" if count is not None else ""


def _gist(output: Any) -> str:
    if not isinstance(output, dict):
        return ""
    for name in ("title", "text", "url", "summary", "value", "count", "path"):
        value = output.get(name)
        if isinstance(value, str) and value.strip():
            line = value.strip().splitlines()[0]
            return line if len(line) <= 80 else f"{line[:79]}…"
        if isinstance(value, int) and not isinstance(value, bool):
            return f"{value} found" if name == "count" else str(value)
    return ""


def cost(step: StepRun) -> str:
    """Tokens and money of a model step, or how long a step took."""
    if step.kind == "model" and step.status == "succeeded":
        return f"{step.input_tokens + step.output_tokens:,} tokens · {money(step.cost_usd)}"
    seconds = took(step.started_at, step.finished_at)
    return duration(seconds) if seconds is not None else ""


def took(started: datetime | None, finished: datetime | None) -> float | None:
    """Seconds from start to end, or up to now."""
    return None if started is None else max(0.0, ((finished or now()) - started).total_seconds())


def _attempts(step: StepRun) -> list[dict[str, Any]]:
    return [
        {
            "n": attempt.n,
            "status": attempt.status,
            "message": (attempt.error or {}).get("message", ""),
            "hint": (attempt.error or {}).get("hint", ""),
            "started_at": attempt.started_at,
            "took": took(attempt.started_at, attempt.finished_at),
        }
        for attempt in sorted(step.attempts.all(), key=lambda attempt: attempt.n)
    ]


def _lanes(rows: list[StepRow], run: Run) -> list[dict[str, Any]]:
    """The bars of the timeline, x and width in percent of the run's length."""
    began = run.started_at or run.created_at
    whole = max(0.001, took(began, run.finished_at) or 0.001)
    lanes = []
    for row in rows:
        record = row.record
        if record is None or record.started_at is None:
            continue
        bars = [
            _bar(began, whole, attempt.started_at, attempt.finished_at, "bad")
            for attempt in record.attempts.all()
            if attempt.status in ("failed", "unknown")
        ]
        if record.status != "failed" or not bars:
            begin = max([record.started_at, *(a.finished_at for a in record.attempts.all() if a.finished_at)])
            bars.append(_bar(began, whole, begin, record.finished_at, TONES.get(record.status, "idle")))
        seconds = duration(took(record.started_at, record.finished_at))
        lanes.append(
            {
                "no": row.number,
                "name": row.name,
                "took": seconds,
                "bars": bars,
                "say": f"{row.name}: {row.status}, {seconds}",
                "service": record.action.partition(".")[0],
            }
        )
    return lanes


def _bar(began: datetime, whole: float, start: datetime, end: datetime | None, tone: str) -> dict[str, Any]:
    x = max(0.0, min(99.0, (start - began).total_seconds() / whole * 100))
    width = max(0.6, min(100 - x, ((end or now()) - start).total_seconds() / whole * 100))
    return {"x": x, "width": width, "end": x + width, "tone": tone}


def _costs(rows: list[StepRow], steps: Iterable[StepRun]) -> list[dict[str, Any]]:
    names = {row.spec.key: row.name for row in rows}
    for row in rows:
        for item in row.inner:
            names |= {inner.spec.key: inner.name for inner in item.rows}
    sums: dict[str, list[Any]] = {}
    for step in steps:
        if step.kind == "model":
            total = sums.setdefault(step.key, [0, 0])
            total[0] += step.input_tokens + step.output_tokens
            total[1] += step.cost_usd
    most = max([total[0] for total in sums.values()], default=0) or 1
    return [
        {"name": names.get(key, key), "tokens": tokens, "cost": spent, "share": round(tokens / most * 100)}
        for key, (tokens, spent) in sums.items()
    ]


def action_title(name: str) -> str:
    """An action in words, for people."""
    action = get_action(name)
    if action is not None:
        return action.title
    control = CONTROLS.get(name)
    return control.title if control else name
