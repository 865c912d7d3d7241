"""Writes docs/actions.md from the declarations of all actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from integrations.docs import page


class Command(BaseCommand):
    """`manage.py action_docs`."""

    help = "Write docs/actions.md from the declarations of all actions."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file and say where."""
        path = Path(settings.BASE_DIR) / "docs" / "actions.md"
        path.write_text(page())
        self.stdout.write(f"Written: {path.relative_to(settings.BASE_DIR)}")
