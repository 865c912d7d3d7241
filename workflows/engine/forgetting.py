"""What triggers keep for a time only: deliveries 14 days, due times that were dealt with 400."""

from __future__ import annotations

from datetime import datetime, timedelta

from workflows.engine.crashpoints import crashpoint
from workflows.models import InboundEvent, ScheduleTick, TriggerDay

KEEP_DELIVERIES = timedelta(days=14)
KEEP_TICKS = timedelta(days=400)
KEEP_DAYS = timedelta(days=60)
AT_ONCE = 500


def forget(at: datetime) -> int:
    """Delete some of what is older; how many rows. What still waits is kept, however old it is."""
    everywhere = "the engine serves every workspace"
    old = InboundEvent.objects.unscoped(everywhere).filter(received_at__lt=at - KEEP_DELIVERIES)
    ids = list(old.exclude(status="waiting").values_list("pk", flat=True)[:AT_ONCE])
    count = InboundEvent.objects.unscoped(everywhere).filter(pk__in=ids).delete()[0] if ids else 0
    crashpoint("P26")
    ticks = ScheduleTick.objects.unscoped(everywhere).filter(created_at__lt=at - KEEP_TICKS)
    ids = list(ticks.values_list("pk", flat=True)[:AT_ONCE])
    count += ScheduleTick.objects.unscoped(everywhere).filter(pk__in=ids).delete()[0] if ids else 0
    TriggerDay.objects.unscoped(everywhere).filter(day__lt=(at - KEEP_DAYS).date()).delete()
    return count
