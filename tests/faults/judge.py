"""The checker: what was promised and what really happened outside, against what the database says. Pure.

Five counts must be zero (security.md §3): *lost*, *doubled*, *phantom*, *stuck*, *lying*. A sixth, *late*, counts
changes that a worker made after another had taken its runs over (engine.md I8).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.engine.poison import FATAL

ENDED = ("succeeded", "failed", "cancelled", "timed_out")
# Codes with which a run may fail when its service refuses, is away or did not do what was asked.
HONEST = frozenset({"E_REJECTED", "E_SERVICE_UNAVAILABLE", "E_ABSENT", "E_RATE_LIMITED", "E_TIMEOUT", "E_POISON"})
# … when a test makes our own code raise …
OURS = frozenset({"E_ENGINE", "E_ACTION"})
# … and when somebody takes away what the run needs.
TAKEN_AWAY = frozenset({"E_NO_CONNECTION"})
# What left before its worker died may arrive a moment after the worker was declared dead.
LATE_MARGIN = 2.0

KINDS = ("lost", "doubled", "phantom", "stuck", "lying", "late")


@dataclass
class Verdict:
    """What the checker found; all counts must be zero."""

    runs: int = 0
    lost: int = 0
    doubled: int = 0
    phantom: int = 0
    stuck: int = 0
    lying: int = 0
    late: int = 0
    details: list[str] = field(default_factory=list)
    unknown_settled: int = 0
    unknown_asked: int = 0
    ended: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Zeros everywhere."""
        return not any(getattr(self, kind) for kind in KINDS)

    def note(self, kind: str, text: str) -> None:
        """One finding."""
        setattr(self, kind, getattr(self, kind) + 1)
        self.details.append(f"{kind}: {text}")


def judge(
    acked: Sequence[str],
    lines: Sequence[Mapping[str, Any]],
    found: Mapping[str, Any],
    honest: Iterable[str] = HONEST,
    deleted: Iterable[str] = (),
) -> Verdict:
    """Compare promises (`acked`), the service's journal (`lines`) and the database (`found`).

    `honest`: codes with which a run of this story may fail. `deleted`: promised runs that a person took away since.
    """
    verdict = Verdict(runs=len(acked))
    happened = Counter(line["key"] for line in lines)
    _promises(verdict, acked, found["runs"], set(deleted))
    _effects(verdict, happened, found["effects"], bool(list(deleted)))
    for run in found["runs"]:
        _run(verdict, run, frozenset(honest))
    _late(verdict, lines, found.get("workers", ()))
    verdict.ended = dict(Counter(run["status"] + (f" {run['code']}" if run["code"] else "") for run in found["runs"]))
    return verdict


def _promises(verdict: Verdict, acked: Sequence[str], runs: Sequence[Mapping[str, Any]], deleted: set[str]) -> None:
    there = {run["id"] for run in runs}
    for run in sorted(set(acked) - there - deleted):
        verdict.note("lost", f"run {run} was promised and is gone")
    children = Counter(run["parent"] for run in runs if run.get("parent"))
    for step in sorted(step for step, count in children.items() if count > 1):
        verdict.note("doubled", f"step {step} started {children[step]} runs")
    for run in sorted({run["id"] for run in runs if not run.get("parent")} - set(acked)):
        verdict.note("doubled", f"run {run} was promised to nobody")


def _effects(verdict: Verdict, happened: Counter[str], rows: Sequence[Mapping[str, Any]], deleted: bool) -> None:
    """Each key's last word in the database against the service's own journal."""
    states: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        states[row["key"]].append(row)
    for key in sorted(key for key, count in happened.items() if count > 1):
        verdict.note("doubled", f"{key} happened {happened[key]} times")
    if not deleted:
        for key in sorted(set(happened) - set(states)):
            verdict.note("phantom", f"{key} happened without a row")
    for key, attempts in states.items():
        last = {row["state"] for row in attempts}
        if "confirmed" in last and not happened[key]:
            verdict.note("lost", f"effect {key} is confirmed and never happened")
        if last <= {"absent", "refused"} and happened[key]:
            verdict.note("lying", f"effect {key} is {'/'.join(sorted(last))} and happened")
        _count_unknown(verdict, attempts)


def _count_unknown(verdict: Verdict, attempts: Sequence[Mapping[str, Any]]) -> None:
    """Of the unknown outcomes that can be looked up: settled by a look, or left to a person."""
    for row in attempts:
        if row.get("look", True) and row["state"] in ("confirmed", "absent", "unknown"):
            how = row.get("resolution", "answer")
            verdict.unknown_settled += how in ("found", "absent")
            verdict.unknown_asked += row["state"] == "unknown" or how in ("happened", "repeat", "stop")


def _run(verdict: Verdict, run: Mapping[str, Any], honest: frozenset[str]) -> None:
    name, status = f"run {run['id']} ({run.get('slug', '')})", run["status"]
    asks = status == "attention" and run.get("asks", 1)
    if status not in ENDED and not asks:
        verdict.note("stuck", f"{name} is {status}")
    if status == "succeeded" and run["finished_steps"] != run["wanted_steps"]:
        verdict.note("lying", f"{name} succeeded with {run['finished_steps']} of {run['wanted_steps']} steps")
    if status == "succeeded" and run["confirmed"] != run["effects"]:
        verdict.note("lying", f"{name} succeeded with {run['confirmed']} of {run['effects']} effects")
    if status == "succeeded" and run.get("children", 0) != run.get("wanted_children", 0):
        verdict.note("lying", f"{name} succeeded with {run['children']} of {run['wanted_children']} runs of its own")
    if status in ENDED and run.get("sent"):
        verdict.note("lying", f"{name} is {status} with {run['sent']} changes still on their way")
    if status == "failed" and run["code"] not in honest:
        verdict.note("lying", f"{name} failed with {run['code']}")
    if status == "failed" and run["code"] == "E_POISON" and run["deaths"] < FATAL:
        verdict.note("lying", f"{name} failed as poison after {run['deaths']} deaths")


def _late(verdict: Verdict, lines: Sequence[Mapping[str, Any]], workers: Sequence[Mapping[str, Any]]) -> None:
    """Changes made by a process none of whose leases held then."""
    leases: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for worker in workers:
        leases[worker["process"]].append(worker)
    for line in lines:
        mine = leases.get(line.get("process", ""), [])
        if mine and not any(_held(lease, line["at"]) for lease in mine):
            verdict.note("late", f"{line['key']} was made by {line['process']} after it was taken over")


def _held(lease: Mapping[str, Any], at: float) -> bool:
    taken = lease["ended_at"] if lease["state"] == "dead" else None
    return lease["started_at"] - LATE_MARGIN <= at and (taken is None or at <= taken + LATE_MARGIN)
