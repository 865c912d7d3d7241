"""A save that comes too late: refused with both sides, or joined with what was saved in the meantime."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from orchestrator_site.lib.errors import Conflict, UserError
from workflows.engine.definition import parse, to_json
from workflows.engine.merging import SIDES, Merge, merge
from workflows.models import DraftRevision, Workflow

JSON = dict[str, Any]
Change = Callable[[JSON], JSON]
TOO_LATE = "The workflow was changed in the meantime; nothing was saved."


@dataclass(frozen=True)
class Joining:
    """The tag of the draft that was seen, and: join my change with what was saved since.

    `choices` answers the parts that both changed, {clash id: "mine" | "theirs"}.
    """

    etag: str
    choices: Mapping[str, str] = field(default_factory=dict)


Match = str | Joining | None


def check_tag(workflow: Workflow, if_match: str | None) -> None:
    """Go on only with the tag of the draft as it stands. Raises UserError 428 or Conflict."""
    if if_match is None:
        raise _unsaid()
    if if_match not in (workflow.draft_etag, "*"):
        raise _conflict(workflow, {})


def after_change(workflow: Workflow, change: Change, if_match: Match, before: JSON) -> JSON:
    """The draft after a change: made on the draft as it stands, or joined with it when `if_match` asks for that.

    Raises UserError 428 without a tag, and Conflict with mine, theirs and the parts that both changed (`clashes`) when
    the tag is stale and nothing was joined.
    """
    if if_match is None:
        raise _unsaid()
    tag = if_match.etag if isinstance(if_match, Joining) else if_match
    if tag in (workflow.draft_etag, "*"):
        return change(copy.deepcopy(before))
    choices = _choices(if_match.choices) if isinstance(if_match, Joining) else {}
    mine, joined = _joined(workflow, change, tag, before, choices)
    if joined is not None and isinstance(if_match, Joining) and not joined.open:
        return to_json(parse(joined.definition, max_steps=settings.MAX_STEPS))
    clashes = None if joined is None else [clash.as_dict() for clash in joined.clashes]
    raise _conflict(workflow, {"mine": mine, "theirs": before, "clashes": clashes})


def _joined(
    workflow: Workflow, change: Change, tag: str, theirs: JSON, choices: Mapping[str, str]
) -> tuple[JSON | None, Merge | None]:
    """My side, and both sides joined; None where the change cannot be made or the draft that was seen is not known."""
    rows = DraftRevision.objects.of(workflow.workspace_id).filter(workflow=workflow, etag=tag)
    seen = rows.values_list("definition", flat=True).first()
    try:
        mine = change(copy.deepcopy(theirs if seen is None else seen))
    except UserError:
        return None, None
    return mine, None if seen is None else merge(seen, mine, theirs, choices)


def _choices(given: Mapping[str, str]) -> dict[str, str]:
    for name, side in given.items():
        if side not in SIDES:
            raise UserError("E_CHOICE", f"“{name[:80]}” is “mine” or “theirs”.", field="choices")
    return dict(given)


def _unsaid() -> UserError:
    return UserError(
        "E_PRECONDITION",
        "Say which draft you have changed: send its draft_etag as If-Match.",
        field="If-Match",
        status=428,
        hint="Read the workflow first.",
    )


def _conflict(workflow: Workflow, sides: JSON) -> Conflict:
    return Conflict(
        TOO_LATE,
        field="If-Match",
        hint="Compare both sides, then save again with the new draft_etag.",
        extra={**sides, "draft_etag": workflow.draft_etag},
    )
