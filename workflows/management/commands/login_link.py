"""`manage.py login_link EMAIL`: a one-time sign-in address, for who has no password and no mail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.operations.login_links import make_login_link
from workflows.operations.quickstart import OWNER


class Command(BaseCommand):
    """Print one address that signs in once."""

    help = "Print a one-time sign-in address (10 minutes)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("email", nargs="?", default=OWNER)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        user = User.objects.filter(email=options["email"].lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"There is no user {options['email']}.")
        base = settings.PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}"
        self.stdout.write(f"{base}{make_login_link(user)}")
