"""`manage.py purge_workspaces [--older-than DAYS]`: take away the rows of workspaces that were deleted."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from workflows.operations.leaving import KEPT, purge_workspaces


class Command(BaseCommand):
    """Take away the rows of workspaces that were deleted at least so many days ago; audit trails stay."""

    help = "Take away the rows of workspaces that were deleted; their audit trails stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How long ago."""
        parser.add_argument("--older-than", type=int, default=KEPT.days, metavar="DAYS", help="0: all deleted ones")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say which."""
        gone = purge_workspaces(timedelta(days=max(0, options["older_than"])))
        for name in gone:
            self.stdout.write(f"Purged: {name}")
        self.stdout.write(f"{len(gone)} workspaces were purged.")
