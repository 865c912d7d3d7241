"""GET /metrics: the numbers of a workspace for Prometheus, to a token with the scope read."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from accounts.actor import actor_of
from workflows.operations.metrics import metrics_text


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Runs by status, changes by state, open waits, the age of the queue, and the workers that beat."""
    return HttpResponse(
        metrics_text(actor_of(request)), content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"}
    )
