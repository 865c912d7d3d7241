"""Figures to tables: medians of repetitions, a table for the terminal, and the same as Markdown."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.workloads import WORKLOADS, Target

DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
Row = list[str]


def medians(found: list[dict[str, float]]) -> dict[str, Any]:
    """The median of each figure, the repetitions, and how far they lie apart: the spread of the wall clock and load."""
    figures: dict[str, Any] = {name: _short(median(one[name] for one in found)) for name in found[0]}
    figures["repetitions"] = len(found)
    if "wall_s" in figures:
        walls = [one["wall_s"] for one in found]
        figures["wall_s_range"] = [min(walls), max(walls)]
    return figures


def _short(value: float) -> float:
    return round(value, 3)


def printed(sitting: dict[str, Any]) -> str:
    """The table for the terminal."""
    head, *rows = table(sitting)
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
    return "\n".join([said(sitting), "", lines[0], "-" * len(lines[0]), *lines[1:]])


def markdown(sitting: dict[str, Any]) -> str:
    """The same as Markdown."""
    head, *rows = table(sitting)
    lines = [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
    words = [f"- {name}: {workload.words}." for name, workload in WORKLOADS.items() if _measured(sitting, name)]
    return "\n".join([said(sitting), "", *lines, "", *words, ""])


def said(sitting: dict[str, Any]) -> str:
    """What to know of the sitting."""
    machine = sitting["machine"]
    return (
        f"{sitting['at']}: {machine['cores']} cores, Python {machine['python']} (a million squares in "
        f"{machine['python_ms']} ms), load {machine['load_before']} before and {sitting['load_after']} after. "
        "Medians; CPU and PSS of the product's whole process tree."
    )


def _measured(sitting: dict[str, Any], name: str) -> bool:
    return any(name in figures for figures in sitting["figures"].values())


def table(sitting: dict[str, Any]) -> list[Row]:
    """Head and rows: each workload's targets first, then its other figures."""
    kinds = [kind for kind in DATABASES if kind in sitting["figures"]]
    rows = [["", "figure", "target", *[DATABASES[kind] for kind in kinds]]]
    for name, workload in WORKLOADS.items():
        if not _measured(sitting, name):
            continue
        targets: list[Target | str] = [*workload.targets, *workload.shown]
        for at, target in enumerate(targets):
            rows.append(_row(name if at == 0 else "", name, target, kinds, sitting["figures"]))
    return rows


def _row(label: str, name: str, target: Target | str, kinds: list[str], figures: dict[str, Any]) -> Row:
    figure = target.figure if isinstance(target, Target) else target
    cells = [_cell(figures[kind].get(name, {}), figure, target, kind) for kind in kinds]
    wanted = f"{target.sense} {_bounds(target)}" if isinstance(target, Target) else ""
    return [label, figure, wanted, *cells]


def _bounds(target: Target) -> str:
    own = target.postgres
    return f"{target.sqlite:g}" if own is None else f"{target.sqlite:g} / {own:g}"


def _cell(found: dict[str, Any], figure: str, target: Target | str, kind: str) -> str:
    if "failed" in found:
        return "failed"
    value = found.get(figure)
    if value is None:
        return "–"
    missed = isinstance(target, Target) and not target.met(kind, value)
    return f"{value:,g}" + (" (missed)" if missed else "")
