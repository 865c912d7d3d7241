"""`manage.py doctor`: checks settings, database, broker, worker, clock, disk and keys, and says what to do."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from integrations.models import Connection
from integrations.operations.opening import open_connection
from integrations.tables import tables
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError
from workflows.engine.refusals import refuse_old_runs
from workflows.operations.health import Check, no, readiness, yes

SOON = timedelta(days=30)


class Command(BaseCommand):
    """Look at everything an installation needs."""

    help = "Check settings, database, broker, worker, clock, disk and keys."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per check; the exit status is 1 when one is not well."""
        checks = {
            "settings": _settings(),
            **readiness(),
            "release": _release(),
            "broker": _broker(),
            "clock": _clock(),
            "keys": _keys(),
            "prices": _prices(),
        }
        for name, check in checks.items():
            mark = "ok  " if check["ok"] else "FAIL"
            self.stdout.write(f"{mark} {name:11} {check['text']}")
            if not check["ok"]:
                self.stdout.write(f"     {'':11} What to do: {check['hint']}")
        wrong = [name for name, check in checks.items() if not check["ok"]]
        if wrong:
            raise CommandError(f"Not well: {', '.join(wrong)}.")


def _settings() -> Check:
    found = [message for message in run_checks() if message.level >= ERROR]
    if found:
        return no("; ".join(message.msg for message in found), found[0].hint or "Correct the environment.")
    return yes("No contradiction.")


def _release() -> Check:
    try:
        refuse_old_runs()
    except UserError as problem:
        return no(problem.message, problem.hint or "")
    except DatabaseError:
        return no("The runs cannot be read.", "Run: manage.py migrate")
    return yes("This release can go on with every run that has not ended.")


def _broker() -> Check:
    if not settings.REDIS_URL:
        return yes("Wake-ups go through the database; Redis is not used.")
    import redis

    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2).ping()
    except redis.RedisError as problem:
        return no(f"Redis does not answer: {problem}.", "Check REDIS_URL; work goes on without it, a little later.")
    return yes("Redis answers.")


def _clock() -> Check:
    """The database's clock against this machine's; due times are judged by the database's."""
    if connection.vendor != "postgresql":
        return yes("The database uses this machine's clock.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        apart = abs(float(cursor.fetchone()[0]) - time.time())
    if apart > 5:
        return no(f"This machine and the database are {apart:.0f} s apart.", "Set both by NTP.")
    return yes(f"This machine and the database agree ({datetime.now(UTC):%H:%M:%S} UTC).")


def _keys() -> Check:
    unreadable = []
    for each in Connection.objects.unscoped("doctor reads every connection").filter(deleted_at__isnull=True):
        try:
            open_connection(each)
        except (UserError, ValueError):
            unreadable.append(each.name)
    if unreadable:
        names = ", ".join(unreadable[:5])
        return no(f"FIELD_KEY does not open: {names}.", "Put the key back that wrote them, as a further FIELD_KEY.")
    folder = settings.DATA_DIR / "keys"
    if folder.exists() and folder.stat().st_mode & 0o077 and hasattr(os, "geteuid"):
        return no("DATA_DIR/keys can be read by others.", f"chmod 700 {folder}")
    return yes("Every connection opens.")


def _prices() -> Check:
    """Prices are read by people; those that are old are still used, so this only says how many there are."""
    known = tables()
    ending = [
        f"{name} on {facts.ends:%Y-%m-%d}"
        for table in known.values()
        for name, facts in table.models.items()
        if facts.ends and now().date() <= facts.ends <= now().date() + SOON
    ]
    count = sum(len(table.models) for table in known.values())
    soon = f"; soon end {', '.join(ending[:6])}" if ending else ""
    return yes(f"Prices of {count} models are known{soon}. All of them: manage.py model_prices.")
