"""manage.py import_workflow FILE --workspace W [--publish] [--overwrite]: every dialect, prompt files too."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.errors import UserError
from prompts.operations.files import Imported
from workflows.operations.imports import ImportResult, import_file
from workflows.operations.imports.folders import MAX_ZIP


class Command(BaseCommand):
    """Imports a file of workflows or prompts into a workspace."""

    help = "Import a workflow or prompt file (our JSON or YAML, or any dialect of the original)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FILE, --workspace, --publish, --overwrite."""
        parser.add_argument("file", help="the file, or - for standard input")
        parser.add_argument("--workspace", required=True, help="slug of the workspace")
        parser.add_argument("--publish", action="store_true", help="publish what has no errors")
        parser.add_argument("--overwrite", action="store_true", help="replace what has the same name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and say what was made; the exit status is 1 when something keeps it from being published."""
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace “{options['workspace']}”.")
        actor = Actor.system(workspace, "import_workflow")
        try:
            made = import_file(
                actor, self._read(options["file"]), publish=options["publish"], overwrite=options["overwrite"]
            )
        except UserError as problem:
            raise CommandError(f"{problem.code}: {problem.message} {problem.hint or ''}".strip()) from None
        if isinstance(made, Imported):
            self._say_prompts(made)
        elif not all([self._say(result, publish=options["publish"]) for result in made]):
            raise CommandError("Not everything could be published; see above.")

    def _read(self, name: str) -> bytes:
        if name == "-":
            return sys.stdin.buffer.read(MAX_ZIP + 1)
        path = Path(name)
        try:
            with path.open("rb") as file:
                return file.read(MAX_ZIP + 1)
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}.") from None

    def _say(self, result: ImportResult, *, publish: bool) -> bool:
        state = "published" if result.published else "draft"
        self.stdout.write(f"{result.workflow.slug}  ({result.dialect}, {state})")
        for warning in result.warnings:
            self.stdout.write(f"  warning: {warning}")
        for problem in result.problems:
            step = f" [{problem.step}]" if problem.step else ""
            self.stdout.write(
                f"  {problem.severity}: {problem.code}{step} {problem.message} {problem.hint or ''}".rstrip()
            )
        return result.published or not publish

    def _say_prompts(self, made: Imported) -> None:
        for prompt in made.prompts:
            self.stdout.write(f"{prompt.slug}  (prompt)")
        for warning in made.warnings:
            self.stdout.write(f"  warning: {warning}")
