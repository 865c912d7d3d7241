"""Values that steps keep from run to run: read and changed one at a time, exactly once, and looked after by people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts import audit
from accounts.actor import Actor
from accounts.models import Workspace
from integrations.models import StoredValue, StoreWrite
from orchestrator_site.lib.clock import moment, now
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.json import clean_value, dumps

T = TypeVar("T")
MAX_VALUE = 64 * 1024
MAX_KEYS = 10_000
TRIES = 5
KEEP_PROOFS = timedelta(days=90)
SWEEP = 50
_KEY = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")


@dataclass(frozen=True)
class Shelf:
    """Whose values: those of one workflow, or of the whole workspace (`owner` is "")."""

    workspace_id: UUID
    owner: str = ""
    workflow: str = ""
    run_id: UUID | None = None


def check_key(key: str) -> str:
    """The name of a value. Raises UserError."""
    if not _KEY.fullmatch(key):
        raise UserError(
            "E_KEY", "The name of a stored value has 1 to 200 characters on one line.", field="with.key", limit=200
        )
    return key


def check_value(value: Any) -> Any:
    """A value as it is kept. Raises UserError E_TOO_LARGE above 64 KiB."""
    clean = clean_value(value, repair=True, field="value")
    if len(dumps(clean).encode("utf-8", "replace")) > MAX_VALUE:
        raise UserError(
            "E_TOO_LARGE",
            f"A stored value may have {MAX_VALUE // 1024} KiB.",
            field="with.value",
            limit=MAX_VALUE,
            hint="Keep only what is needed, or keep a file.",
        )
    return clean


# ---- For the actions, on a thread that may use the database --------------------------------------------------------


def values_of(shelf: Shelf) -> QuerySet[StoredValue]:
    """What lies there now; what has expired does not."""
    there = StoredValue.objects.of(shelf.workspace_id).filter(owner=shelf.owner)
    return there.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now()))


def read(shelf: Shelf, key: str) -> StoredValue | None:
    """One value."""
    return values_of(shelf).filter(key=key).first()


def with_prefix(shelf: Shelf, prefix: str, limit: int) -> list[StoredValue]:
    """The values whose names begin so, by name."""
    return list(values_of(shelf).filter(key__startswith=prefix).order_by("key")[:limit])


class Held(Protocol):
    """A stored value, or one that a dry run only plans."""

    @property
    def value(self) -> Any:
        """What it holds."""
        ...


Decide = Callable[["Held | None"], tuple[Any, Mapping[str, Any]]]
GONE: Any = object()
AS_IT_WAS: Any = object()


def change(shelf: Shelf, key: str, effect_key: str, decide: Decide, expires_at: datetime | None = None) -> Any:
    """Change one value and keep the proof of it, in one transaction; the answer of the first time where it was done.

    `decide(row)` gives the new value (or GONE, AS_IT_WAS) and the answer. Two at once take turns.
    """
    return _whole(lambda: _changed(shelf, key, effect_key, decide, expires_at))


def proof(shelf: Shelf, effect_key: str) -> Any | None:
    """The answer of a change that was made under this key, or None: it was certainly not made (yet)."""
    found = StoreWrite.objects.of(shelf.workspace_id).filter(effect_key=effect_key).first()
    return None if found is None else found.answer


def _whole(function: Callable[[], T]) -> T:
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                return function()
        except IntegrityError:  # somebody made the same value, or the same proof, at the same moment
            if not tries_left:
                raise
    raise AssertionError("unreachable")


def _changed(shelf: Shelf, key: str, effect_key: str, decide: Decide, expires_at: datetime | None) -> Any:
    rows = StoredValue.objects.of(shelf.workspace_id).filter(owner=shelf.owner)
    row = rows.select_for_update().filter(key=key).first()
    done = proof(shelf, effect_key)
    if done is not None:
        return done
    fresh = row if row and (row.expires_at is None or row.expires_at > now()) else None
    value, answer = decide(fresh)
    if value is GONE and row is not None:
        row.delete()
    elif value is not GONE and value is not AS_IT_WAS:
        _put(shelf, key, row, value, expires_at)
    StoreWrite.objects.create(
        workspace_id=shelf.workspace_id, effect_key=effect_key, owner=shelf.owner, answer=dict(answer)
    )
    _sweep(shelf)
    return dict(answer)


def _put(shelf: Shelf, key: str, row: StoredValue | None, value: Any, expires_at: datetime | None) -> None:
    clean = check_value(value)
    said = {
        "value": clean,
        "size": len(dumps(clean)),
        "expires_at": expires_at,
        "updated_at": now(),
        "run_id": shelf.run_id,
        "workflow": shelf.workflow[:48],
    }
    if row is not None:
        for name, one in said.items():
            setattr(row, name, one)
        row.save(update_fields=list(said))
        return
    if StoredValue.objects.of(shelf.workspace_id).filter(owner=shelf.owner).count() >= MAX_KEYS:
        raise UserError(
            "E_LIMIT",
            f"There are {MAX_KEYS:,} stored values here already.",
            limit=MAX_KEYS,
            hint="Let them expire, delete what is not needed, or keep several things in one value.",
        )
    StoredValue.objects.create(workspace_id=shelf.workspace_id, owner=shelf.owner, key=key, **said)


def _sweep(shelf: Shelf) -> None:
    """Throw a few things away that nobody can see any more."""
    old = StoredValue.objects.of(shelf.workspace_id).filter(expires_at__lte=now()).values("pk")[:SWEEP]
    StoredValue.objects.of(shelf.workspace_id).filter(pk__in=[row["pk"] for row in old]).delete()
    proofs = StoreWrite.objects.of(shelf.workspace_id).filter(created_at__lt=now() - KEEP_PROOFS).values("pk")[:SWEEP]
    StoreWrite.objects.of(shelf.workspace_id).filter(pk__in=[row["pk"] for row in proofs]).delete()


# ---- For people ----------------------------------------------------------------------------------------------------


def list_stored(actor: Actor, *, workflow: str | None = None, q: str = "") -> QuerySet[StoredValue]:
    """What is stored in the workspace, the newest change first; `workflow` is a slug, or "" for the workspace's own."""
    actor.require("read")
    found = StoredValue.objects.of(actor.workspace).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now()))
    if workflow is not None:
        found = found.exclude(owner="").filter(workflow=workflow) if workflow else found.filter(owner="")
    return (found.filter(key__icontains=q) if q else found).order_by("-updated_at", "-id")


def get_stored(actor: Actor, pk: UUID) -> StoredValue:
    """One value. Raises NotFound."""
    found = list_stored(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such stored value here.", hint="It may have expired or been deleted.")
    return found


def delete_stored(actor: Actor, value: StoredValue) -> None:
    """Delete one value: the next run finds nothing there."""
    actor.require("edit")
    with transaction.atomic():
        audit.record(actor, "stored.delete", value, details={"key": value.key, "workflow": value.workflow})
        value.delete()


def clear_stored(actor: Actor, *, workflow: str) -> int:
    """Delete all values of a workflow (or, for "", of the workspace); returns how many."""
    actor.require("edit")
    with transaction.atomic():
        count, _ = list_stored(actor, workflow=workflow).order_by().delete()
        audit.record(actor, "stored.clear", details={"workflow": workflow, "count": count})
    return count


def forget_workflow(workspace: Workspace, workflow_id: UUID) -> None:
    """What a workflow stored goes with it."""
    StoredValue.objects.of(workspace).filter(owner=str(workflow_id)).delete()


def stored_json(row: StoredValue) -> dict[str, Any]:
    """A stored value as the API shows it."""
    return {
        "id": str(row.pk),
        "scope": "workflow" if row.owner else "workspace",
        "workflow": row.workflow if row.owner else None,
        "key": row.key,
        "value": row.value,
        "size": row.size,
        "expires_at": moment(row.expires_at),
        "updated_at": moment(row.updated_at),
        "run": str(row.run_id) if row.run_id else None,
    }
