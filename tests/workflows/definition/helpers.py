"""Short ways to write definitions in tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.workflows.definition.catalogue import CATALOGUE, KNOWN
from workflows.engine.definition import parse
from workflows.engine.findings import Problem
from workflows.engine.problems import check

EXAMPLE = json.loads((Path(__file__).parent / "mail_to_notion.json").read_text())

FETCH = {"key": "fetch", "action": "gmail.search", "with": {"query": "is:unread"}}
PAGE = {"key": "page", "action": "notion.create_page", "with": {"parent": "abc", "title": "x"}}


def text_step(key: str, template: str = "x", **more: Any) -> dict[str, Any]:
    """A pure step."""
    return {"key": key, "action": "data.format", "with": {"template": template}, **more}


def workflow(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A definition around some steps."""
    return {"format": 1, "name": "Test", "inputs": [], "steps": list(steps), "outputs": {}, **more}


def problems(*steps: dict[str, Any], **more: Any) -> list[Problem]:
    """What the checks find in these steps."""
    return check(parse(workflow(*steps, **more)), CATALOGUE, KNOWN)


def codes(*steps: dict[str, Any], **more: Any) -> list[str]:
    """Only the codes."""
    return [problem.code for problem in problems(*steps, **more)]


def only(*steps: dict[str, Any], **more: Any) -> Problem:
    """The one problem there is."""
    found = problems(*steps, **more)
    assert len(found) == 1, found
    return found[0]
