"""What the stories found: one row each, one table, one JSON file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.eyes import Recovery, percentile
from tests.faults.judge import HONEST, KINDS
from tests.faults.stage import Stage

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
COLUMNS = ("runs", "kills", *KINDS, "pure50", "pure95", "effect50", "effect95", "settled")
SHOWN_DETAILS = 6
# Ended runs are looked after every ten seconds.
LOOKED_AFTER = 45.0


@dataclass
class Row:
    """One story's result; recoveries in seconds."""

    story: str
    database: str
    runs: int = 0
    kills: int = 0
    lost: int = 0
    doubled: int = 0
    phantom: int = 0
    stuck: int = 0
    lying: int = 0
    late: int = 0
    pure: list[float] = field(default_factory=list)
    effect: list[float] = field(default_factory=list)
    unknown_settled: int = 0
    unknown_asked: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    left_out: str = ""

    @property
    def clean(self) -> bool:
        """Zeros everywhere."""
        return not any(getattr(self, kind) for kind in KINDS)

    def cells(self) -> dict[str, Any]:
        """The numbers of the table."""
        unknown = self.unknown_settled + self.unknown_asked
        return {
            **{name: getattr(self, name) for name in COLUMNS[:8]},
            "pure50": percentile(self.pure, 0.5),
            "pure95": percentile(self.pure, 0.95),
            "effect50": percentile(self.effect, 0.5),
            "effect95": percentile(self.effect, 0.95),
            "settled": f"{self.unknown_settled}/{unknown}" if unknown else None,
        }


def row(
    story: str,
    stage: Stage,
    recovery: Recovery | None = None,
    *,
    honest: Iterable[str] = HONEST,
    deleted: Iterable[str] = (),
    said: Sequence[str] = (),
    wrong: Sequence[str] = (),
) -> Row:
    """The verdict of a story. `wrong`: what it expected besides and did not see; it counts as stuck."""
    stage.until(lambda: stage.eyes.unknown() == 0, LOOKED_AFTER)
    verdict = stage.check(honest, deleted)
    for text in wrong:
        verdict.note("stuck", text)
    if not verdict.clean:
        stage.keep = True
        verdict.details.append(f"what it left behind: {stage.kept}")
    return Row(
        story, stage.database, verdict.runs, stage.kills, *(getattr(verdict, kind) for kind in KINDS),
        list(recovery.pure) if recovery else [], list(recovery.effect) if recovery else [],
        verdict.unknown_settled, verdict.unknown_asked, verdict.ended, [*said, *verdict.details],
    )  # fmt: skip


def left_out(story: str, database: str, why: str) -> Row:
    """A story that this machine cannot play, with the reason."""
    return Row(story, database, left_out=why)


def together(name: str, rows: Sequence[Row]) -> Row:
    """The sum of rows."""
    total = Row(name, rows[0].database if rows else "")
    for one in rows:
        for kind in ("runs", "kills", *KINDS, "unknown_settled", "unknown_asked"):
            setattr(total, kind, getattr(total, kind) + getattr(one, kind))
        total.said += [f"{one.story}: {text}" for text in one.said if not one.clean]
        total.pure += one.pure
        total.effect += one.effect
    return total


def head() -> None:
    """The table's first line."""
    print(f"{'story':<34}{'db':<9}" + "".join(f"{name:>9}" for name in COLUMNS), flush=True)


def show(one: Row) -> None:
    """One line of the table, and what it has to say."""
    if one.left_out:
        print(f"{one.story:<34}{one.database:<9} left out: {one.left_out}", flush=True)
        return
    cells = ["–" if cell is None else str(cell) for cell in one.cells().values()]
    print(f"{one.story:<34}{one.database:<9}" + "".join(f"{cell:>9}" for cell in cells), flush=True)
    for text in one.said[:SHOWN_DETAILS]:
        print(f"    {text}", flush=True)


def write(rows: Sequence[Row], path: Path | None = None) -> Path:
    """Everything as JSON."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = path or RESULTS / f"faults-{time.strftime('%Y%m%d-%H%M%S')}.json"
    found = [{**asdict(one), **one.cells()} for one in rows]
    path.write_text(json.dumps(found, indent=1, default=str) + "\n")
    return path
