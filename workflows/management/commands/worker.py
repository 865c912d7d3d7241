"""`manage.py worker`: the processes that walk runs, kept alive by a supervisor."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from orchestrator_site.checks import refuse_unsafe_start
from orchestrator_site.lib.errors import UserError
from workflows.engine.refusals import refuse_old_runs, refuse_second_host
from workflows.engine.supervisor import Supervisor
from workflows.engine.times import from_environment


class Command(BaseCommand):
    """Run the workers until SIGTERM; steps in flight are finished within 25 seconds or handed back."""

    requires_system_checks = []
    help = "Walk the runs of every workspace. WORKERS (2) sets the number of processes."

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve, and end with the supervisor's status."""
        refuse_unsafe_start()
        try:
            refuse_old_runs()
            refuse_second_host(from_environment(settings.LEASE_SECONDS))
        except UserError as problem:
            raise CommandError(f"{problem.message} {problem.hint}") from problem
        sys.exit(Supervisor().serve())
