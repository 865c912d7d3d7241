"""Numbers for Prometheus, read from the database when asked: no process has to be asked for its own.

Runs, changes and waits are those of the actor's workspace; the workers serve the whole installation.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.clock import now
from workflows.models import Effect, Run, RunStatus, Wait
from workflows.operations.health import alive_workers

EFFECT_STATES = ("sent", "confirmed", "refused", "unknown", "absent")


def metrics_text(actor: Actor) -> bytes:
    """The numbers in Prometheus' text format."""
    actor.require("read")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(actor.workspace))
    return generate_latest(registry)


class _Numbers(Collector):
    """Reads each number at the moment of the question."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def describe(self) -> list[Metric]:
        """Nothing beforehand: the names come with the numbers."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every number, once."""
        runs = Run.objects.of(self.workspace).exclude(trigger_kind="try").order_by()
        by_status = dict(runs.values_list("status").annotate(Count("pk")))
        yield _family("orchestrator_runs", "Runs by status.", "status", RunStatus.values, by_status)
        effects = Effect.objects.of(self.workspace).order_by()
        by_state = dict(effects.values_list("state").annotate(Count("pk")))
        yield _family("orchestrator_effects", "Changes made outside, by state.", "state", EFFECT_STATES, by_state)
        open_waits = Wait.objects.of(self.workspace).filter(decided_at__isnull=True).count()
        yield GaugeMetricFamily("orchestrator_waits_open", "What runs wait for.", value=open_waits)
        yield GaugeMetricFamily(
            "orchestrator_queue_age_seconds", "How long the run due longest has waited.", value=self._queue_age()
        )
        yield GaugeMetricFamily("orchestrator_workers_alive", "Workers of the installation.", value=alive_workers())

    def _queue_age(self) -> float:
        due = Run.objects.of(self.workspace).filter(status=RunStatus.QUEUED, due_at__lte=now()).order_by("due_at")
        first = due.values_list("due_at", flat=True).first()
        return max(0.0, (now() - first).total_seconds()) if first else 0.0


def _family(name: str, help: str, label: str, values: list[str] | tuple[str, ...], found: dict[str, int]) -> Metric:
    """One number a value; 0 is said too, so that an alert can tell "none" from "not asked"."""
    family = GaugeMetricFamily(name, help, labels=[label])
    for value in values:
        family.add_metric([value], found.get(value, 0))
    return family
