"""`manage.py quickstart`: the sandbox workspace `demo` with its owner, prompts and the gallery; idempotent."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from workflows.operations.quickstart import quickstart


class Command(BaseCommand):
    """Make what is missing and say what that was."""

    help = "Make the sandbox workspace `demo`, its owner owner@localhost, the prompts and the gallery. Idempotent."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        done = quickstart()
        made = ", ".join(done.made) or "nothing was missing"
        self.stdout.write(f"Workspace {done.workspace.slug}, owner {done.owner.email}: {made}.")
