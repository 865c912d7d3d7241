"""Encrypts the secrets of all connections anew under the current key; the old key may then be taken away."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.operations.rotation import rotate_all


class Command(BaseCommand):
    """`manage.py rotate_credentials`."""

    help = "Encrypt all stored secrets under the first key of FIELD_KEY. Run it after putting a new key in front."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, say how many, and fail when some could not be read."""
        done, kept, unreadable = rotate_all()
        self.stdout.write(f"{done} secrets encrypted under the current key; {kept} already were.")
        if unreadable:
            raise CommandError(
                f"{len(unreadable)} could not be read and were left as they are: {', '.join(unreadable)}. "
                "Put the old key back after the new one in FIELD_KEY, or enter these secrets again."
            )
