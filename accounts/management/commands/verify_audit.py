"""`manage.py verify_audit`: walks every chain of the audit trail; exit status 1 when one does not hold."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit


class Command(BaseCommand):
    """Says for every workspace whether its trail was touched."""

    help = "Check the hash chains of the audit trail."

    def handle(self, *args: Any, **options: Any) -> None:
        """Walk the chains."""
        broken = 0
        for chain in audit.chains():
            places = list(audit.verify(chain))
            broken += len(places)
            self.stdout.write(f"{chain}: {'holds' if not places else 'BROKEN'}")
            for place in places:
                self.stdout.write(f"  entry {place.seq}: {place.why}")
        if broken:
            raise CommandError(f"The audit trail was changed in {broken} places.")
        self.stdout.write("Every chain holds.")
