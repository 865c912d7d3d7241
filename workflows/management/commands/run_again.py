"""`manage.py run_again RUN --workspace W`: run a run again, from any step; prints the new one as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json
from workflows.api.shapes import run_json
from workflows.management.commands.run_workflow import FAILED, PATIENCE, SUCCEEDED, USAGE, patiently
from workflows.operations.again import Again, Wanted, run_again
from workflows.operations.runs import get_run


class Command(BaseCommand):
    """Run again from the command line."""

    help = "Run a run again. Exit status: 0 succeeded (or started, without --wait), 1 did not succeed, 2 wrong use."

    def add_arguments(self, parser: CommandParser) -> None:
        """What can be said."""
        parser.add_argument("run", help="the id of the run")
        parser.add_argument("--workspace", required=True, help="the workspace's slug")
        parser.add_argument("--from", dest="start", default="", help="a step, loop[3]/step, or @failed")
        parser.add_argument("--inputs", default="", metavar="JSON", help="other inputs, as one JSON object")
        parser.add_argument(
            "--output", action="append", default=[], metavar="STEP=JSON", help="what an earlier step shall have given"
        )
        parser.add_argument(
            "--workflow-version", dest="version_number", default="", help="a version number, newest, or draft"
        )
        parser.add_argument("--wait", nargs="?", type=float, const=float(PATIENCE), default=None, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, perhaps wait, print; what is made again goes to the error stream."""
        try:
            again = _start(options)
        except UserError as problem:
            self.stderr.write(json.dumps(problem.as_dict(), ensure_ascii=False))
            sys.exit(USAGE)
        for warning in again.warnings:
            self.stderr.write(warning)
        run = patiently(again.run, options["wait"]) if options["wait"] else again.run
        self.stdout.write(json.dumps(run_json(run), ensure_ascii=False, indent=2))
        if options["wait"]:
            sys.exit(SUCCEEDED if run.status == "succeeded" else FAILED)


def _start(options: dict[str, Any]) -> Again:
    workspace = Workspace.objects.filter(slug=options["workspace"]).first()
    if workspace is None:
        raise UserError("E_NOT_FOUND", f"There is no workspace “{options['workspace']}”.", field="--workspace")
    actor = Actor.system(workspace, "command line")
    number = options["version_number"]
    version: int | str | None = int(number) if number.isdigit() else (number or None)
    inputs = clean_json(options["inputs"], field="--inputs") if options["inputs"] else None
    if inputs is not None and not isinstance(inputs, dict):
        raise UserError("E_TYPE", "--inputs must be a JSON object.", field="--inputs")
    wanted = Wanted(options["start"], inputs, _outputs(options["output"]), version)
    return run_again(actor, get_run(actor, options["run"]), wanted)


def _outputs(pairs: list[str]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UserError("E_INPUT", f"--output {pair!r} must be STEP=JSON.", field="--output")
        found[name] = clean_json(text, field=f"--output {name}")
    return found
