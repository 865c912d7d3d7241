"""Tags of workflows, and the list narrowed down by them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_text
from workflows.models import Workflow
from workflows.operations.drafts import lock
from workflows.operations.workflows import list_workflows, workflows_of

MAX_TAGS, LONGEST = 20, 40
STATES = {"on": "Switched on", "off": "Switched off", "unpublished": "Not published"}
ORDERS = {"": "Changed last", "name": "By name"}


def set_tags(actor: Actor, workflow: Workflow, tags: Iterable[str]) -> Workflow:
    """Give a workflow these tags in place of those it has. They belong to the workflow, not to its draft.

    A tag is text of up to 40 characters; the same in another case is one tag, at most 20 stand at a workflow.
    """
    actor.require("edit")
    wanted = clean_tags(tags)
    with transaction.atomic():
        row = lock(actor, workflow)
        if row.tags != wanted:
            audit.record(actor, "workflow.tag", row, details={"before": row.tags, "after": wanted})
            row.tags = wanted
            row.save(update_fields=["tags"])
    return row


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags as they are kept: trimmed, each once, in the order they were given. Raises UserError."""
    found: dict[str, str] = {}
    for tag in tags:
        text = " ".join(clean_text(tag, field="tags", max_length=400).split())
        if len(text) > LONGEST:
            raise UserError("E_SIZE", f"A tag has at most {LONGEST} characters.", field="tags", limit=LONGEST)
        if "," in text:
            raise UserError("E_CHOICE", "A tag holds no comma.", field="tags", hint="Write two tags.")
        if text:
            found.setdefault(text.casefold(), text)
    if len(found) > MAX_TAGS:
        raise UserError("E_SIZE", f"A workflow has at most {MAX_TAGS} tags.", field="tags", limit=MAX_TAGS)
    return list(found.values())


def tags_in(workspace: Any) -> list[tuple[str, int]]:
    """Every tag of a workspace with how many workflows have it, by name."""
    counts = Counter(tag for tags in workflows_of(workspace).values_list("tags", flat=True) for tag in tags or ())
    return sorted(counts.items(), key=lambda pair: pair[0].casefold())


def find_workflows(actor: Actor, *, q: str = "", tag: str = "", state: str = "", order: str = "") -> QuerySet[Workflow]:
    """Workflows narrowed down: words, one tag, on, off or unpublished.

    Newest change first, or by name. Raises UserError for a state or order there is not.
    """
    rows = list_workflows(actor, q)
    if tag:
        rows = rows.filter(tags__contains=json.dumps(clean_text(tag, field="tag", max_length=400), ensure_ascii=False))
    if state:
        wanted = {"on": {"enabled": True}, "off": {"enabled": False}, "unpublished": {"published__isnull": True}}
        rows = rows.filter(**_choice(state, wanted, "state"))
    return rows.order_by(*_choice(order, {"": ("-updated_at", "-id"), "name": ("name", "id")}, "order"))


def _choice(value: str, known: dict[str, Any], field: str) -> Any:
    if value not in known:
        names = ", ".join(name for name in known if name)
        raise UserError("E_CHOICE", f"{value[:40]!r} is not a {field}.", field=field, hint=f"One of {names}.")
    return known[value]
