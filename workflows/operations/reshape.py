"""Edits of the outline without a form: through blocks place by place, into a new block, out of one, on and off."""

from __future__ import annotations

from typing import Any

from accounts.actor import Actor
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.names import slugify_key
from workflows.engine import moves, tree
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.control import CONTROLS
from workflows.models import Workflow
from workflows.operations.drafts import Words, edit_draft, moved_words

JSON = dict[str, Any]
BLOCKS = {"if": "then", "for_each": "do", "parallel": "branch:a", "repeat": "do"}
"""The blocks that a step can be put into, and the list it then stands in."""


def travel_step(actor: Actor, workflow: Workflow, key: str, by: int, *, if_match: str | None) -> Workflow:
    """Move a step one place up (-1) or down (1) as one reads: past a step, into a block, out of one."""

    def travelled(definition: JSON) -> JSON:
        moves.travel(definition, key, by, lists_it_may_have)
        return definition

    details = {"step": key, "by": by}
    return edit_draft(actor, workflow, travelled, if_match, "workflow.step_move", details, what=moved_words(key))


def lists_it_may_have(step: JSON) -> list[str]:
    """The names of the lists that a step's action may hold, besides those it has."""
    info = CATALOGUE.get(str(step.get("action", "")))
    return list(info.branches) if info else []


def wrap_step(actor: Actor, workflow: Workflow, key: str, block: str, *, if_match: str | None) -> Workflow:
    """Put a step into a new block (if, for_each, parallel, repeat) at its place, to be filled in."""
    if block not in BLOCKS:
        raise UserError("E_CHOICE", f"A step can be put into one of {', '.join(BLOCKS)}.", field="in")

    def wrapped(definition: JSON) -> JSON:
        control = CONTROLS[block]
        fresh = slugify_key(block, tree.keys_of(definition))
        made = {"key": fresh, "name": control.title, "action": block, **control.begins}
        moves.wrap(definition, key, made, BLOCKS[block])
        return definition

    details = {"step": key, "in": block}
    title = CONTROLS[block].title
    return edit_draft(actor, workflow, wrapped, if_match, "workflow.step_wrap", details, what=_put_into(key, title))


def _put_into(key: str, title: str) -> Words:
    return lambda before, _: f"Put {moves.step_named(before, key)} into “{title}”"


def unwrap_step(actor: Actor, workflow: Workflow, key: str, *, if_match: str | None) -> Workflow:
    """Take a block away and leave its steps, list after list, where it stood."""

    def unwrapped(definition: JSON) -> JSON:
        moves.unwrap(definition, key)
        return definition

    def words(before: JSON, _: JSON) -> str:
        return f"Took {moves.step_named(before, key)} apart"

    return edit_draft(actor, workflow, unwrapped, if_match, "workflow.step_unwrap", {"step": key}, what=words)


def switch_step(actor: Actor, workflow: Workflow, key: str, *, off: bool, if_match: str | None) -> Workflow:
    """Switch a step off, so that runs skip it, or on again."""

    def switched(definition: JSON) -> JSON:
        step, _, _ = tree.find(definition, key)
        step.pop("disabled", None)
        if off:
            step["disabled"] = True
        return definition

    def words(before: JSON, _: JSON) -> str:
        return f"Switched {moves.step_named(before, key)} {'off' if off else 'on'}"

    details = {"step": key, "off": off}
    return edit_draft(actor, workflow, switched, if_match, "workflow.step_switch", details, what=words)
