"""`manage.py up`: what `make run` ends in: database, sandbox world, web and workers, and one address to open."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from accounts.operations.login_links import make_login_link
from orchestrator_site.lib import supervise
from workflows.operations.quickstart import quickstart


class Command(BaseCommand):
    """Prepare everything, then become the small process that keeps web and workers running until Ctrl+C."""

    help = "Migrate, prepare the sandbox workspace, start web and workers, print a one-time login address."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, then hand over."""
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
        base = f"http://127.0.0.1:{settings.PORT}"
        os.environ[supervise.WELCOME] = _welcome(base, make_login_link(quickstart().owner))
        os.chdir(settings.BASE_DIR)
        command = [sys.executable, "-m", "orchestrator_site.lib.supervise", f"{base}/healthz", "web", "worker"]
        os.execv(sys.executable, command)  # noqa: S606 - our own program, no shell


def _welcome(base: str, path: str) -> str:
    return (
        f"\n  AI Workflow Orchestrator is running.\n\n"
        f"  Open this address once to sign in:\n  {base}{path}\n\n"
        f"  Everything works offline in the sandbox workspace. Stop with Ctrl+C; a new address: manage.py login_link\n"
    )
