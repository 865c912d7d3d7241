"""How a run reads: its steps in the order of the outline, its changes, its timeline. Builds values for templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator_site.lib.look import duration, money
from orchestrator_site.lib.templating.values import as_text
from workflows.api.shapes import assumed, cached, reused
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, StepSpec, parse
from workflows.engine.holding import CONNECTION
from workflows.engine.lists import ON_ERROR
from workflows.engine.reading import LOOPS
from workflows.engine.reuse import Place
from workflows.models import Effect, Run, RunEvent, StepRun, Wait
from workflows.operations.blobs import with_outputs
from workflows.operations.earlier import kept_changes
from workflows.operations.live import writing
from workflows.operations.outline import list_title
from workflows.operations.turns import held_back
from workflows.views.effect_line import EffectLine
from workflows.views.run_agent import gist_of_agent, gist_of_turn, told, turns_of
from workflows.views.run_asks import Asks, asks_of, put_on
from workflows.views.run_timeline import timeline, took

ITEMS_SHOWN = 20
KEPT_SHOWN = 50
ASKING = {"attention": "No answer, and no way to look it up for certain", "unknown": "No answer, looking for it"}
EVENTS = {
    "attention": "Needs a person: an answer was lost",
    "cancel": "Somebody cancelled it",
    "pause": "Somebody paused it",
    "resume": "Somebody let it go on",
    "deadline": "Its deadline has passed",
    "settled": "A person said what happened",
    "timed_out": "Timed out",
    "resumed": "Went on after its worker had died",
    "requeued": "Handed to another worker",
}


@dataclass
class StepRow:
    """One line of the run's step list; `inner` holds the items of a loop; `made`: an agent made the step."""

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
    list_title: str = ""
    wait: Wait | None = None
    child: Run | None = None
    writes: bool = False
    preview: str = ""
    made: bool = False

    @property
    def place(self) -> str:
        """Where it stands, as running again asks for it."""
        return str(Place(self.spec.key, self.record.path if self.record else ""))

    @property
    def given(self) -> Any:
        """The input as it is shown: of an agent's turn, what its model had not been told before."""
        if self.record is None:
            return None
        return told(self.record) if self.made and self.spec.key == "turn" else self.record.input

    @property
    def reused(self) -> dict[str, Any] | None:
        """The earlier run it was taken from, and who edited its output."""
        return reused(self.record) if self.record else None

    @property
    def kept(self) -> dict[str, Any] | None:
        """The run that made its result and when, where it was answered from a kept one."""
        said = cached(self.record) if self.record else None
        return said and {**said, "at": datetime.fromisoformat(said["at"])}

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
class Record:
    """The rows of a run as the list of its steps asks for them."""

    run: Run
    places: dict[tuple[str, str], StepRun]
    by_key: dict[str, list[StepRun]]
    numbers: dict[str, int]
    signs: dict[Any, str]
    texts: dict[Any, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunPage:
    """Everything the run page shows."""

    run: Run
    asks: Asks
    rows: list[StepRow]
    done: int
    total: int
    effects: list[EffectLine]
    timeline: dict[str, Any]
    costs: list[dict[str, Any]]
    events: list[RunEvent]
    tokens: int
    numbers: dict[str, int]
    kept: list[EffectLine]
    steps: list[StepRun]

    @property
    def confirmed(self) -> int:
        """How many changes are certain."""
        return sum(line.effect.state == "confirmed" for line in self.effects)

    @property
    def stands(self) -> bool:
        """Whether anything is finished that a new run could go on from."""
        done = ("succeeded", "skipped")
        return any(row.status in done or any(item.status in done for item in row.inner) for row in self.rows)

    def number_of(self, key: str) -> int | None:
        """The number of a step in the outline."""
        return self.numbers.get(key)

    @property
    def tokens_text(self) -> str:
        """Tokens in and out, for people."""
        return f"{self.tokens:,}"

    @property
    def first_ask(self) -> Any:
        """The change a person must decide about first, while the run waits for it."""
        return None if self.run.is_terminal else next((line.effect.pk for line in self.effects if line.asks), None)

    @property
    def history(self) -> list[dict[str, Any]]:
        """What became of the run, in words."""
        return [{"words": _event_words(event), "at": event.at} for event in self.events]

    @property
    def changes(self) -> int:
        """How many changes were tried, however often each was sent."""
        return len({line.effect.key for line in self.effects})


def _event_words(event: RunEvent) -> str:
    data = event.data if isinstance(event.data, dict) else {}
    if event.kind != "again":
        return EVENTS.get(event.kind, event.kind.replace("_", " ").capitalize())
    start = {"": "the beginning", "@failed": "where it stopped"}.get(data.get("from", ""), f"“{data.get('from')}”")
    edited = ", with edits" if data.get("edited") or data.get("inputs_edited") else ""
    return f"Run again from {start}{edited}"


def build(run: Run) -> RunPage:
    """Read the record of a run and put it in the order of its version's outline."""
    workspace = run.workspace_id
    definition = parse(run.version.definition, trusted=True)
    steps = with_outputs(
        StepRun.objects.of(workspace)
        .filter(run=run)
        .select_related("connection")
        .prefetch_related("attempts")
        .order_by("id"),
        first_part=True,
    )
    waits = {wait.effect_id: wait for wait in Wait.objects.of(workspace).filter(run=run, decided_at__isnull=True)}
    effects = [
        EffectLine(effect, effect.pk in waits)
        for effect in Effect.objects.of(workspace)
        .filter(run=run)
        .select_related("step_run", "connection")
        .order_by("id")
    ]
    numbers = {spec.key: number for number, (spec, _) in enumerate(definition.walk(), start=1)}
    texts = {} if run.is_terminal else writing(run)
    rows = _rows(definition, steps, run, numbers, _signs(effects), texts)
    flat = [row for row in rows if row.depth == 0]
    asks = asks_of(run, steps)
    put_on(rows, asks)
    return RunPage(
        run=run,
        asks=asks,
        rows=rows,
        done=sum(row.status in ("succeeded", "skipped") for row in flat),
        total=len(flat),
        effects=effects,
        timeline=timeline(rows, run),
        costs=_costs(run, rows, steps),
        events=list(RunEvent.objects.of(workspace).filter(run=run).order_by("id")),
        tokens=run.input_tokens + run.output_tokens,
        numbers=numbers,
        kept=[EffectLine(change.effect) for change in kept_changes(run)[:KEPT_SHOWN]],
        steps=list(steps),
    )


def _signs(effects: Iterable[EffectLine]) -> dict[Any, str]:
    """Steps that stand for more than their status says: a person is asked, or an answer is being looked for."""
    found: dict[Any, str] = {}
    for line in effects:
        if line.asks:
            found[line.effect.step_run_id] = "attention"
        elif line.effect.state == "unknown" and line.effect.settled_at is None:
            found.setdefault(line.effect.step_run_id, "unknown")
    return found


def _rows(
    definition: Definition,
    steps: Iterable[StepRun],
    run: Run,
    numbers: dict[str, int],
    signs: dict[Any, str],
    texts: dict[Any, str],
) -> list[StepRow]:
    places: dict[tuple[str, str], StepRun] = {(step.key, step.path): step for step in steps}
    by_key: dict[str, list[StepRun]] = defaultdict(list)
    for step in places.values():
        by_key[step.key].append(step)
    return _list(definition.steps, "", 0, Record(run, places, by_key, numbers, signs, texts))


def _list(
    specs: Iterable[StepSpec],
    path: str,
    depth: int,
    all_of: Record,
) -> list[StepRow]:
    rows: list[StepRow] = []
    for spec in specs:
        row = _row(spec, all_of.places.get((spec.key, path)), depth, all_of)
        rows.append(row)
        if spec.action in LOOPS:
            _add_items(row, spec, path, depth, all_of)
        elif spec.action == "agent":
            _add_turns(row, spec, path, all_of)
        for name, children in spec.branches.items():
            if spec.action not in LOOPS or name == ON_ERROR:
                inner = _list(children, path, depth + 1, all_of)
                _name_list(inner, name, spec, row)
                rows += inner
    return rows


def _name_list(rows: list[StepRow], name: str, spec: StepSpec, row: StepRow) -> None:
    """The first of a list says which list it is; the steps after an error say that they were not needed."""
    if rows and (name == ON_ERROR or spec.action in ("switch", "parallel")):
        rows[0].list_title = list_title(name, spec, CATALOGUE.get(spec.action))
    if name == ON_ERROR and row.status in ("succeeded", "skipped"):
        for inner in rows:
            inner.why = inner.why.replace("Not taken", "Not needed")


def _add_items(
    row: StepRow,
    spec: StepSpec,
    path: str,
    depth: int,
    all_of: Record,
) -> None:
    """The items of a loop that have begun: the first twenty, then how many more."""
    children = [child for steps in spec.blocks.values() for child in steps]
    prefix = f"{path}/{spec.key}[" if path else f"{spec.key}["
    seen: dict[int, str] = {}
    for child in children:
        for record in all_of.by_key[child.key]:
            if record.path.startswith(prefix):
                index, _, rest = record.path[len(prefix) :].partition("]")
                if index.isdigit() and not rest:
                    seen[int(index)] = record.path
    for number in sorted(seen)[:ITEMS_SHOWN]:
        inner = _list(children, seen[number], 0, all_of)
        label = f"Pass {number + 1}" if spec.action == "repeat" else _item_name(row.record, number)
        row.inner.append(ItemRow(label, _worst(inner), inner, _first_error(inner)))
    row.more = max(0, len(seen) - ITEMS_SHOWN)


def _add_turns(row: StepRow, spec: StepSpec, path: str, all_of: Record) -> None:
    """The turns of an agent that have begun, each with the model and the tools that it asked for."""
    found = turns_of(spec, path, all_of.places, lambda made, record: _row(made, record, 0, all_of))
    for number, rows in list(found.items())[:ITEMS_SHOWN]:
        for inner in rows:
            inner.made = True
            if inner.spec.key == "turn" and inner.status == "succeeded":
                inner.why = gist_of_turn(inner.record.output if inner.record else None)
        row.inner.append(ItemRow(f"Turn {number + 1}", _worst(rows), rows, _first_error(rows)))
    row.more = max(0, len(found) - ITEMS_SHOWN)


def _item_name(loop: StepRun | None, index: int) -> str:
    """The number of an item, and what it is called where it has a subject, title or name."""
    given = loop.input if loop is not None and isinstance(loop.input, dict) else {}
    items = given.get("items")
    item = items[index] if isinstance(items, list) and index < len(items) else None
    named = item if isinstance(item, dict) else {"name": item}
    found = (named.get(name) for name in ("subject", "title", "name", "path"))
    name = next((text for text in found if isinstance(text, str) and text.strip()), "")
    return f"{index + 1} {name[:80]}" if name else f"Item {index + 1}"


def _worst(rows: list[StepRow]) -> str:
    found = {row.status for row in rows}
    return next(
        (s for s in ("attention", "failed", "unknown", "waiting", "running", "cancelled", "succeeded") if s in found),
        "pending",
    )


def _first_error(rows: list[StepRow]) -> str:
    return next((row.why for row in rows if row.status == "failed"), "")


def _row(spec: StepSpec, record: StepRun | None, depth: int, all_of: Record) -> StepRow:
    over = all_of.run.is_terminal
    status = record.status if record else ("skipped" if over else "pending")
    if record is not None and record.status in ("running", "waiting", "pending"):
        status = all_of.signs.get(record.pk, "pending" if record.status == "pending" else record.status)
    row = StepRow(all_of.numbers.get(spec.key, 0), spec, depth, spec.title, status, record=record)
    if record is None:
        row.why = "Switched off" if spec.disabled else ("Not taken" if over else "")
        return row
    row.why = ASKING.get(status) or why(record)
    row.cost = cost(record)
    row.writes = record.kind == "model" and record.status == "running"
    row.preview = all_of.texts.get(record.pk, "") if row.writes else ""
    if row.reused:
        row.cost = "edited" if row.reused["edited"] else "from an earlier run"
    if row.kept:
        row.cost = "from cache"
    row.attempts = _attempts(record)
    row.open = record.status == "failed"
    return row


def why(step: StepRun) -> str:
    """The line beside a step's name: what it waits for, its error, its decision, or the beginning of its output."""
    if (waits := held_back(step)) is not None:
        if waits["why"] == CONNECTION:
            return f"Waits for its connection until {waits['until']:%d %b %H:%M} UTC at most. {waits['text']}"
        return f"Waits: {waits['text']}; goes on at {waits['until']:%H:%M:%S} UTC"
    if step.error:
        return str(step.error.get("message", ""))
    if taken := assumed(step):
        return taken
    if step.status == "skipped":
        reason = step.decision.get("skipped") if isinstance(step.decision, dict) else ""
        return {"disabled": "Switched off", "when": "Its condition was not met"}.get(str(reason), "Not taken")
    if step.kind == "control" and isinstance(step.decision, dict):
        return _decision(step)
    text = _gist(step.output)
    tries = f"{step.attempts_count} attempts" if step.attempts_count > 1 else ""
    return " · ".join(part for part in (text, tries) if part)


def _decision(step: StepRun) -> str:
    decision, output = step.decision, step.output if isinstance(step.output, dict) else {}
    if step.action == "if":
        return "Yes" if decision.get("taken") == "then" else "Otherwise"
    if step.action in ("switch", "parallel"):
        return _way(step, output)
    if step.action == "repeat":
        return _passes(decision)
    if step.action == "agent":
        return gist_of_agent(output)
    if "count" in output:
        failed = int(output.get("failed") or 0)
        return _items(output["count"]) + (f", {failed} failed" if failed else "")
    count = decision.get("count")
    return _items(count) if count is not None else str(output.get("message", ""))


def _way(step: StepRun, output: dict[str, Any]) -> str:
    """Which way a switch went, or which branch was first."""
    decision = step.decision if isinstance(step.decision, dict) else {}
    if step.action == "parallel":
        winner = decision.get("winner")
        return f"“{winner}” was first" if winner else ""
    if decision.get("taken") == "else":
        return "Otherwise"
    return as_text(output.get("taken", (step.input or {}).get("value")))[:80]


def _passes(decision: dict[str, Any]) -> str:
    passes = int(decision.get("passes") or 0)
    return ("1 pass" if passes == 1 else f"{passes} passes") + (", its condition is met" if decision.get("met") else "")


def _items(count: Any) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _gist(output: Any) -> str:
    if not isinstance(output, dict):
        return ""
    for name in ("title", "count", "text", "url", "summary", "value", "path"):
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


def _costs(run: Run, rows: list[StepRow], steps: Iterable[StepRun]) -> list[dict[str, Any]]:
    """What each step of a model cost, and each subworkflow; together they are the total."""
    names = {row.spec.key: row.name for row in rows}
    for row in rows:
        for item in row.inner:
            names |= {inner.spec.key: inner.name for inner in item.rows if not inner.made}
    sums: dict[str, list[Any]] = {}
    for step in steps:
        used = step.kind == "model" or (run.counts_children and step.action == "run_workflow" and step.cost_usd)
        if used and not reused(step):
            agent = step.path.rpartition("/")[2].partition("[")[0]
            total = sums.setdefault(step.key if step.key in names else agent or step.key, [0, 0])
            total[0] += step.input_tokens + step.output_tokens
            total[1] += step.cost_usd
    most = max([total[0] for total in sums.values()], default=0) or 1
    return [
        {"name": names.get(key, key), "tokens_text": f"{tokens:,}", "cost": spent, "share": round(tokens / most * 100)}
        for key, (tokens, spent) in sums.items()
    ]
