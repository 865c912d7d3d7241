"""The prompts that a definition uses, as they stood at publishing and stand now, and what differs in their texts."""

from __future__ import annotations

from typing import Any

from accounts.models import Workspace
from prompts.models import PromptLabel, PromptVersion
from prompts.operations.library import frozen
from workflows.engine.comparing import FieldChange, StepChange
from workflows.engine.definition import Definition
from workflows.engine.newrun import prompts_named

JSON = dict[str, Any]
Standing = dict[str, dict[str, int]]
FIELDS = ("system", "user_template", "model", "temperature", "max_tokens")


def prompts_now(workspace: Workspace, definition: Definition) -> Standing:
    """{slug: {version or label: number}} of the prompts that the steps name, as far as they are there."""
    named = [(slug, wanted) for slug, wanted in prompts_named(definition) if "{{" not in slug + wanted]
    if not named:
        return {}
    slugs = {slug for slug, _ in named}
    labels = PromptLabel.objects.of(workspace).filter(prompt__slug__in=slugs)
    standing = {(slug, label): number for slug, label, number in labels.values_list(*_LABEL)}
    found: Standing = {}
    for slug, wanted in named:
        number = int(wanted) if wanted.isascii() and wanted.isdigit() else standing.get((slug, wanted))
        if number is not None:
            found.setdefault(slug, {})[wanted] = number
    return found


_LABEL = ("prompt__slug", "name", "version__number")


def prompt_changes(workspace: Workspace, before: Standing, after: Standing) -> tuple[StepChange, ...]:
    """What the prompts that both sides use say otherwise now. What only one side uses is seen at its step."""
    pairs = [
        (slug, label, was, after[slug][label])
        for slug, labels in before.items()
        for label, was in labels.items()
        if after.get(slug, {}).get(label, was) != was
    ]
    return tuple(_change(workspace, *pair) for pair in pairs)


def _change(workspace: Workspace, slug: str, label: str, was: int, now: int) -> StepChange:
    old, new = _text(workspace, slug, was), _text(workspace, slug, now)
    fields = [FieldChange(name, old.get(name), new.get(name)) for name in FIELDS if old.get(name) != new.get(name)]
    numbers = FieldChange("version", was, now)
    return StepChange(slug, "changed", f"Prompt “{slug}” ({label})", "", (numbers, *fields))


def _text(workspace: Workspace, slug: str, number: int) -> JSON:
    rows = PromptVersion.objects.of(workspace).filter(prompt__slug=slug, number=number).select_related("prompt")
    row = rows.first()
    return {name: value or None for name, value in frozen(row).items()} if row else {}
