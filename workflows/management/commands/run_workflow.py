"""`manage.py run_workflow SLUG --workspace W`: start a run; prints it as JSON; the exit status tells how it went."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json
from workflows.engine.newrun import facts_of
from workflows.models import Run
from workflows.operations.plans import list_plans
from workflows.operations.runs import start_run, wait_for
from workflows.operations.starting import choose_version
from workflows.operations.workflows import get_workflow

SUCCEEDED, FAILED, USAGE = 0, 1, 2
PATIENCE = 24 * 3600


class Command(BaseCommand):
    """Start a workflow from the command line."""

    help = "Start a workflow. Exit status: 0 succeeded (or started, without --wait), 1 did not succeed, 2 wrong use."

    def add_arguments(self, parser: CommandParser) -> None:
        """What can be said."""
        parser.add_argument("slug")
        parser.add_argument("--workspace", required=True, help="the workspace's slug")
        parser.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
        parser.add_argument("--inputs", default="", metavar="JSON", help="all inputs as one JSON object")
        parser.add_argument("--workflow-version", dest="version_number", default="", help="a version number, or draft")
        parser.add_argument("--wait", nargs="?", type=float, const=float(PATIENCE), default=None, metavar="SECONDS")
        parser.add_argument("--dry-run", action="store_true", help="show what would be changed outside, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, perhaps wait, print."""
        try:
            run = self._start(options)
        except UserError as problem:
            self.stderr.write(json.dumps(problem.as_dict(), ensure_ascii=False))
            sys.exit(USAGE)
        if options["wait"]:
            run = patiently(run, options["wait"])
        self.stdout.write(json.dumps(_shape(run), ensure_ascii=False, indent=2))
        if run.is_terminal or options["wait"]:
            sys.exit(SUCCEEDED if run.status == "succeeded" else FAILED)

    def _start(self, options: dict[str, Any]) -> Run:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise UserError("E_NOT_FOUND", f"There is no workspace “{options['workspace']}”.", field="--workspace")
        actor = Actor.system(workspace, "command line")
        number = options["version_number"]
        version: int | str | None = int(number) if number.isdigit() else (number or None)
        mode = "dry" if options["dry_run"] else "live"
        inputs = _inputs(actor, options, version)
        return start_run(actor, options["slug"], inputs, mode=mode, version=version, trigger_kind="command")


def _inputs(actor: Actor, options: dict[str, Any], version: int | str | None) -> dict[str, Any]:
    """The inputs; those that are not text are read as JSON."""
    found = clean_json(options["inputs"], field="--inputs") if options["inputs"] else {}
    if not isinstance(found, dict):
        raise UserError("E_TYPE", "--inputs must be a JSON object.", field="--inputs")
    if not options["input"]:
        return found
    workflow = get_workflow(actor, options["slug"])
    types = {spec.name: spec.type for spec in facts_of(choose_version(actor, workflow, version)).inputs}
    for pair in options["input"]:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UserError("E_INPUT", f"--input {pair!r} must be NAME=VALUE.", field="--input")
        found[name] = _value(name, text, types.get(name, "text"))
    return found


def _value(name: str, text: str, kind: str) -> Any:
    if kind in ("text", "long_text", "choice", "date", "datetime"):
        return text
    try:
        return clean_json(text, field=name)
    except UserError:
        if kind == "json":
            return text
        raise UserError("E_TYPE", f"The input “{name}” must be {kind}; {text[:40]!r} is not.", field=name) from None


def patiently(run: Run, seconds: float) -> Run:
    """The run at its end, or as it is after so many seconds."""
    while not run.is_terminal and seconds > 0:
        run = wait_for(run, min(seconds, 60.0))
        seconds -= 60.0
    return run


def _shape(run: Run) -> dict[str, Any]:
    from workflows.api.shapes import plan_json, run_json

    if run.mode != "dry":
        return run_json(run)
    plans = list_plans(Actor.system(run.workspace, "command line"), run)
    return {**run_json(run), "effects": [plan_json(plan) for plan in plans]}
