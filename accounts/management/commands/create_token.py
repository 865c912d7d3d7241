"""`manage.py create_token --workspace W --user U [--scope S…]`: prints a new API token, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actor import Actor
from accounts.models import Member
from accounts.operations.tokens import DEFAULT_DAYS, create_token
from accounts.roles import SCOPES
from orchestrator_site.lib.errors import UserError


class Command(BaseCommand):
    """Makes a token for a member; only the token goes to standard output."""

    help = "Print a new API token of a member. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, for which workspace, what it may do, how long."""
        parser.add_argument("--workspace", required=True, help="slug of the workspace")
        parser.add_argument("--user", required=True, help="e-mail address of a member")
        parser.add_argument(
            "--scope",
            action="extend",
            nargs="+",
            choices=SCOPES,
            help="one or several; may be repeated; all when left out",
        )
        parser.add_argument("--name", default="command line")
        parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="1 to 365")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and print it."""
        everywhere = Member.objects.unscoped("the operator of this instance names the workspace")
        asked = everywhere.filter(workspace__slug=options["workspace"], user__email=options["user"].strip().lower())
        member = asked.select_related("workspace", "user").first()
        if member is None:
            raise CommandError(f"{options['user']} is not a member of a workspace {options['workspace']}.")
        try:
            _, text = create_token(
                Actor.of_member(member), options["name"], options["scope"] or SCOPES, options["days"]
            )
        except UserError as problem:
            raise CommandError(f"{problem.message} {problem.hint or ''}".strip()) from problem
        self.stdout.write(text)
