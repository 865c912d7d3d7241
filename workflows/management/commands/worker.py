"""`manage.py worker`: the processes that walk runs, kept alive by a supervisor."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from orchestrator_site.checks import refuse_unsafe_start
from workflows.engine.supervisor import Supervisor


class Command(BaseCommand):
    """Run the workers until SIGTERM; steps in flight are finished within 25 seconds or handed back."""

    requires_system_checks = []
    help = "Walk the runs of every workspace. WORKERS (2) sets the number of processes."

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve, and end with the supervisor's status."""
        refuse_unsafe_start()
        sys.exit(Supervisor().serve())
