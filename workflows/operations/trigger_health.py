"""How triggers are: what waits, what came, what is unusual."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count

from workflows.engine.inbound import waiting
from workflows.models import InboundEvent, Trigger


def waiting_of(triggers: Sequence[Trigger]) -> dict[UUID, int]:
    """How many events wait, by the triggers' ids; the triggers are of one workspace."""
    if not triggers:
        return {}
    rows = waiting(InboundEvent.objects.of(triggers[0].workspace_id)).filter(trigger__in=triggers)
    return dict(rows.values_list("trigger").annotate(count=Count("id")))
