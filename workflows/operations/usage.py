"""What the runs of the last days have used, by workflow. Each run counts its own; nothing is counted twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Sum

from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from workflows.models import Run
from workflows.models.run import WITH_CHILDREN

NAMES = ("input_tokens", "output_tokens", "cost_usd")


def usage_by_workflow(actor: Actor, days: int) -> list[dict[str, Any]]:
    """Runs, tokens and cost by workflow, in the order of their slugs, of the runs made in the last days.

    A run's totals include those of the runs that its steps have started; here these count for their own workflow.
    """
    actor.require("read")
    since = now() - timedelta(days=days)
    runs = Run.objects.of(actor.workspace)
    rows = runs.filter(created_at__gte=since).values("workflow__slug")
    found = rows.annotate(runs=Count("id"), **{f"all_{name}": Sum(name) for name in NAMES})
    below = _below(runs, since)
    return [
        {
            "workflow": row["workflow__slug"],
            "runs": row["runs"],
            **{name: _own(dict(row), below.get(row["workflow__slug"], {}), name) for name in NAMES},
        }
        for row in found.order_by("workflow__slug")
    ]


def _below(runs: Any, since: Any) -> dict[str, dict[str, Any]]:
    """What of these totals came from runs below, by the workflow of the run above: it stands in the steps."""
    children = runs.filter(
        parent_step__isnull=False, parent_step__run__created_at__gte=since, parent_step__run__abi__gte=WITH_CHILDREN
    )
    rows = children.order_by().values("parent_step__run__workflow__slug")
    sums = rows.annotate(**{f"all_{name}": Sum(f"parent_step__{name}") for name in NAMES})
    return {row["parent_step__run__workflow__slug"]: dict(row) for row in sums}


def _own(row: dict[str, Any], below: dict[str, Any], name: str) -> Any:
    own = (row[f"all_{name}"] or 0) - (below.get(f"all_{name}") or 0)
    return float(own) if name == "cost_usd" else own
