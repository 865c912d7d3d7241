"""manage.py export_workflow SLUG --workspace W [--format json|yaml|seed]: the draft as a file, on standard output."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.errors import UserError
from workflows.operations.exports import FORMATS, export_folder, export_workflow
from workflows.operations.workflows import get_workflow


class Command(BaseCommand):
    """Writes a workflow to standard output."""

    help = "Export a workflow as our JSON or YAML, or in the original's form."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """SLUG, --workspace, --format."""
        parser.add_argument("slug", nargs="?", default="")
        parser.add_argument("--all", default="", metavar="FILE.zip", help="every workflow, into this file")
        parser.add_argument("--workspace", required=True, help="slug of the workspace")
        parser.add_argument("--format", choices=FORMATS, default="json")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file; nothing is added to it."""
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace “{options['workspace']}”.")
        actor = Actor.system(workspace, "export_workflow")
        if bool(options["slug"]) == bool(options["all"]):
            raise CommandError("Name a workflow, or a file with --all.")
        if options["all"]:
            Path(options["all"]).write_bytes(export_folder(actor))
            return
        try:
            text = export_workflow(get_workflow(actor, options["slug"]), options["format"])
        except UserError as problem:
            raise CommandError(f"{problem.code}: {problem.message} {problem.hint or ''}".strip()) from None
        self.stdout.write(text, ending="")
