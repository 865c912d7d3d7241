"""`manage.py up`: what `make run` ends in: database, sandbox world, web and workers, and one address to open."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from accounts.operations.login_links import make_login_link
from orchestrator_site.checks import refuse_unsafe_start
from orchestrator_site.lib import supervise
from workflows.engine.queue import load_once
from workflows.operations.quickstart import quickstart


class Command(BaseCommand):
    """Prepare everything, then become the small process that keeps web and workers running until Ctrl+C.

    Worker and web are forked from this process, which has everything loaded: work goes on within seconds of a start.
    """

    requires_system_checks = []
    help = "Migrate, prepare the sandbox workspace, start web and workers, print a one-time login address."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, start, then hand over."""
        refuse_unsafe_start()
        base = f"http://127.0.0.1:{settings.PORT}"
        address = f"{base}/healthz"
        if supervise.taken(address):
            raise CommandError(supervise.taken_words(address))
        os.chdir(settings.BASE_DIR)
        _prepare_database()
        load_once()
        forked: dict[str, int] = {}
        try:
            forked["worker"] = _fork("worker")
            welcome = _welcome(base, make_login_link(quickstart().owner))
            forked["web"] = _fork("web")
            connections.close_all()
            supervise.become(address, forked, welcome)
        except BaseException:
            for pid in forked.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            raise


def _prepare_database() -> None:
    """Migrate where something is missing; looking costs a tenth of it."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


def _fork(name: str) -> int:
    connections.close_all()
    return supervise.fork(lambda: call_command(name))


def _welcome(base: str, path: str) -> str:
    return (
        f"\n  AI Workflow Orchestrator is running.\n\n"
        f"  Open this address once to sign in:\n  {base}{path}\n\n"
        f"  Everything works offline in the sandbox workspace. Stop with Ctrl+C; a new address: manage.py login_link\n"
    )
