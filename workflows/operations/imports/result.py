"""What reading one workflow out of a file gives. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workflows.engine.findings import Problem


@dataclass(frozen=True)
class Line:
    """What became of one part of the file: mapped, changed (see `note`), off (switched off) or left out."""

    name: str
    kind: str
    became: str
    step: str = ""
    note: str = ""


@dataclass
class Converted:
    """A workflow as a definition, with what its reader should know.

    `problems` are what could not be mapped: each belongs to a step that is switched off, and keeps the workflow from
    being published until that step is mended or removed. `inputs` and `steps` say what the original's names became.
    """

    dialect: str
    identifier: str
    definition: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)
    report: list[Line] = field(default_factory=list)
