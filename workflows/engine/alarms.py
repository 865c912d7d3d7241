"""Silence alarms in the engine: each hour's events are counted, what is usual is learned, unusual silences are told.

A silence is told once: on the trigger, and by one mail to who may edit the workspace; it ends with the next event.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from accounts.models import Member
from accounts.roles import ROLES, role_permissions
from orchestrator_site.lib.clock import moment
from workflows.engine.firing import OUR_OWN, firing_triggers
from workflows.engine.silence import Silence, is_silent, learn
from workflows.models import InboundEvent, Trigger, TriggerDay

log = logging.getLogger(__name__)

COUNTED_DAYS = 2
MOST_TRIGGERS = 1000
MAIL_APART = timedelta(days=1)
MOST_MAILS = 20
MAY_EDIT = tuple(role for role in ROLES if "edit" in role_permissions(role))
Mail = tuple[str, str, list[str]]


def look_for_silence(at: datetime) -> list[Mail]:
    """Count, learn, note; the mails that have to be sent, outside any transaction. On the reads thread."""
    rows = firing_triggers().exclude(kind__in=OUR_OWN).exclude(last_event_at__isnull=True)
    mails = []
    for trigger in rows.order_by("pk")[:MOST_TRIGGERS]:
        _count(trigger, at)
        found = _silence_of(trigger, at)
        if found is not None and trigger.silence is None and (mail := _tell(trigger, found, at)):
            mails.append(mail)
    return mails[:MOST_MAILS]


def send(mails: list[Mail]) -> None:
    """Send them; one that cannot be sent is told in the log, and holds up no other. In a thread of its own."""
    for subject, text, addresses in mails:
        try:
            send_mail(subject, text, None, addresses)
        except Exception:
            log.exception("a mail about a silent trigger could not be sent")


def _count(trigger: Trigger, at: datetime) -> None:
    """Count the events of today and yesterday anew, by the hour: again gives the same."""
    first = (at - timedelta(days=COUNTED_DAYS - 1)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = InboundEvent.objects.of(trigger.workspace_id).filter(
        trigger=trigger, received_at__gte=first, source__in=("delivery", "poll")
    )
    times = rows.exclude(status__in=("rejected", "before")).values_list("received_at", flat=True)
    counts = Counter((time.astimezone(UTC).date(), time.astimezone(UTC).hour) for time in times)
    for day in {first.date() + timedelta(days=n) for n in range(COUNTED_DAYS)}:
        hours = [counts[day, hour] for hour in range(24)]
        if any(hours):
            with transaction.atomic():
                TriggerDay.objects.of(trigger.workspace_id).update_or_create(
                    trigger=trigger, day=day, defaults={"hours": hours, "workspace": trigger.workspace}
                )


def _silence_of(trigger: Trigger, at: datetime) -> Silence | None:
    days = TriggerDay.objects.of(trigger.workspace_id).filter(trigger=trigger)
    usual = learn(dict(days.values_list("day", "hours")), at.astimezone(UTC).date())
    begun = max(filter(None, (trigger.last_event_at, trigger.enabled_at)))
    return is_silent(usual, begun, at) if usual is not None else None


def _tell(trigger: Trigger, found: Silence, at: datetime) -> Mail | None:
    """Note the silence; the mail about it, unless one was sent within a day or somebody else was faster."""
    said = {"since": moment(found.since), "words": found.words, "expected": round(found.expected, 1)}
    rows = Trigger.objects.of(trigger.workspace_id).filter(
        pk=trigger.pk, silence__isnull=True, last_event_at=trigger.last_event_at
    )
    mailed = trigger.alarmed_at is None or at - trigger.alarmed_at >= MAIL_APART
    changes: dict[str, Any] = {"silence": said, **({"alarmed_at": at} if mailed else {})}
    if rows.update(**changes) != 1 or not mailed:
        return None
    members = Member.objects.of(trigger.workspace_id).filter(
        role__in=("editor", "admin", "owner"), user__is_active=True
    )
    addresses = [address for address in members.values_list("user__email", flat=True) if address]
    if not addresses:
        return None
    page = f"{settings.PUBLIC_URL}/w/{trigger.workspace.slug}/triggers/{trigger.pk}"
    text = f"{found.words}\n\nThe trigger “{trigger.name}” of “{trigger.workflow.name}” is unusually quiet: {page}\n"
    return f"Unusually quiet: {trigger.name}", f"{text}\nThis is told once; the next event ends it.\n", addresses[:50]
