"""`manage.py test_workflow SLUG --workspace W`: runs a workflow's tests; the exit status tells; JUnit XML for a CI."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.errors import UserError
from workflows.engine.engine import Engine
from workflows.models import Workflow
from workflows.operations.health import alive_workers
from workflows.operations.imports import import_workflow
from workflows.operations.imports.folders import TESTS
from workflows.operations.imports.reading import read_file
from workflows.operations.testing import keeping, running
from workflows.operations.testing.results import Result
from workflows.operations.workflows import get_workflow

GREEN, RED, USAGE = 0, 1, 2


class Command(BaseCommand):
    """Runs the tests of a workflow."""

    help = "Run a workflow's tests as dry runs over the sandbox. Exit status: 0 all green, 1 a red one, 2 wrong use."

    def add_arguments(self, parser: CommandParser) -> None:
        """What can be said."""
        parser.add_argument("slug", nargs="?", default="", help="a workflow of the workspace")
        parser.add_argument("--from", dest="file", default="", metavar="FILE",
                            help="import this file first, and FILE's .tests.json beside it")  # fmt: skip
        parser.add_argument("--workspace", required=True, help="the workspace's slug")
        parser.add_argument("--junit", default="", metavar="FILE", help="write the results as JUnit XML")
        parser.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print, perhaps write the file."""
        try:
            results = self._results(options)
        except UserError as problem:
            self.stderr.write(f"{problem.code}: {problem.message} {problem.hint or ''}".rstrip())
            sys.exit(USAGE)
        for result in results:
            self.stdout.write(f"{result.state:8} {result.test.name}")
            for failure in result.failures:
                self.stdout.write(f"         {failure}")
        if options["junit"]:
            Path(options["junit"]).write_text(junit(results), encoding="utf-8")
        sys.exit(GREEN if all(result.state == "green" for result in results) else RED)

    def _results(self, options: dict[str, Any]) -> list[Result]:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise UserError("E_NOT_FOUND", f"There is no workspace “{options['workspace']}”.", field="--workspace")
        if bool(options["slug"]) == bool(options["file"]):
            raise UserError("E_REQUIRED", "Name a workflow, or a file with --from.", field="slug")
        actor = Actor.system(workspace, "test_workflow")
        workflow = _imported(actor, Path(options["file"])) if options["file"] else get_workflow(actor, options["slug"])
        with somebody_works():
            tests = running.start_tests(actor, workflow)
            return running.wait_for_tests(actor, workflow, tests, options["timeout"])


def _imported(actor: Actor, path: Path) -> Workflow:
    """The workflow of a file, in place of the one that has its name, with the tests beside it."""
    beside = path.with_name(f"{path.name.removesuffix(path.suffix)}{TESTS}")
    try:
        text, tests = path.read_bytes(), beside.read_bytes()
    except OSError as error:
        raise UserError("E_FILE", f"{error.filename} cannot be read: {error.strerror}.", field="--from") from None
    workflow = import_workflow(actor, text, overwrite=True).workflow
    keeping.keep_tests(actor, workflow, read_file(tests))
    return workflow


@contextmanager
def somebody_works() -> Iterator[None]:
    """Where no worker is running, this process walks the runs itself."""
    if alive_workers():
        yield
        return
    engine = Engine(deadly=False).start()
    engine.wait_started()
    try:
        yield
    finally:
        engine.drain()
        engine.join(30)


def junit(results: list[Result]) -> str:
    """The results as JUnit XML, as CI servers read it."""
    slug = results[0].test.workflow.slug if results else "workflow"
    failed = sum(result.state != "green" for result in results)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="{attribute(slug)}" tests="{len(results)}" failures="{failed}">',
    ]
    for result in results:
        name, seconds = attribute(result.test.name), f"{result.seconds:.3f}"
        head = f'<testcase classname="{attribute(slug)}" name="{name}" time="{seconds}"'
        said = "\n".join(result.failures) or f"It is {result.state}."
        green = result.state == "green"
        lines.append(f"  {head}/>" if green else f'  {head}><failure message="{attribute(said)}"/></testcase>')
    return "\n".join([*lines, "</testsuite>", ""])


def attribute(text: str) -> str:
    """A text for an attribute of XML."""
    plain = "".join(character for character in text if character.isprintable() or character == "\n")
    return escape(plain).replace("\n", "&#10;")
