"""Reading and changing stored values. A change and its proof are one transaction, so that nothing is counted twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from integrations.context import Context, Found, LookFor, Order, Outcome, Plan
from integrations.errors import Rejected
from integrations.operations import stored
from integrations.operations.stored import Held
from integrations.spec import Change, Kind, Model, content, setting
from integrations.store import INTEGRATION
from integrations.store.client import StoreClient
from orchestrator_site.lib.clock import moment, now
from orchestrator_site.lib.templating.values import sort_key

Scope = Literal["workflow", "workspace"]
Store = Context[StoreClient]
YEAR = 366 * 86_400
GOES = ("store_delete",)


def the_key() -> Any:
    """The name of a value."""
    return content(
        "Name", help="Up to 200 characters; may hold values of the run.", example="seen {{ steps.fetch.id }}",
        min_length=1, max_length=200,
    )  # fmt: skip


def the_scope() -> Any:
    """Whose value."""
    return setting("Kept for", default="workflow", help="workspace: all workflows of the workspace see it.")


def the_lifetime() -> Any:
    """When it is forgotten."""
    return setting(
        "Forget after", default=None, help="Seconds; empty: never. 86400 is a day.", example=86_400, ge=1, le=10 * YEAR
    )


class GetInput(Model):
    """Which value."""

    key: str = the_key()
    scope: Scope = the_scope()
    default: Any = content("Otherwise", default=None, help="Used when nothing is stored.", widget="any")


class Got(Model):
    """The value, and whether there was one."""

    value: Any
    found: bool
    updated_at: str | None
    expires_at: str | None


@INTEGRATION.action(
    "get",
    kind=Kind.READ,
    input=GetInput,
    output=Got,
    title="Read a stored value",
    phrase="reads a stored value",
    keywords=("remember", "load", "last"),
)
async def get(context: Store, values: GetInput) -> Got:
    """Read what an earlier run has stored."""
    shelf, key = context.client.shelf(values.scope, context.place), stored.check_key(values.key)
    planned = _planned(context, values.scope).get(key)
    if planned is not None:
        return Got(value=planned.value, found=True, updated_at=None, expires_at=None)
    row = None if _is_gone(context, values.scope, key) else await context.client.run(lambda: stored.read(shelf, key))
    if row is None:
        return Got(value=values.default, found=False, updated_at=None, expires_at=None)
    return Got(value=row.value, found=True, updated_at=moment(row.updated_at), expires_at=moment(row.expires_at))


@dataclass(frozen=True)
class Planned:
    """A value that an earlier step of a dry run would have stored; `value` is GONE where it would have deleted it."""

    value: Any


def _told(context: Store, scope: str) -> dict[str, Planned]:
    changes = context.foreseen.changes if context.foreseen else []
    mine = [plan for plan in changes if plan.op.startswith("store_") and plan.target.get("scope") == scope]
    return {str(plan.target["key"]): Planned(stored.GONE if plan.op in GOES else plan.after) for plan in mine}


def _planned(context: Store, scope: str) -> dict[str, Planned]:
    """The values that this dry run would have stored: later steps read them as if they were there."""
    return {key: one for key, one in _told(context, scope).items() if one.value is not stored.GONE}


def _is_gone(context: Store, scope: str, key: str) -> bool:
    found = _told(context, scope).get(key)
    return found is not None and found.value is stored.GONE


class ListInput(Model):
    """Which values."""

    prefix: str = content("Names that begin with", default="", example="seen ", max_length=200)
    scope: Scope = the_scope()
    limit: int = setting("At most", default=100, ge=1, le=1000)


class Entry(Model):
    """One stored value."""

    key: str
    value: Any
    updated_at: str | None
    expires_at: str | None


class Entries(Model):
    """The values by name."""

    items: list[Entry]
    count: int


@INTEGRATION.action(
    "list",
    kind=Kind.READ,
    input=ListInput,
    output=Entries,
    title="List stored values",
    phrase="lists stored values",
    keywords=("keys", "all", "remember"),
)
async def list_(context: Store, values: ListInput) -> Entries:
    """List what is stored, by name."""
    shelf = context.client.shelf(values.scope, context.place)
    rows = await context.client.run(lambda: stored.with_prefix(shelf, values.prefix, values.limit))
    told, planned = _told(context, values.scope), _planned(context, values.scope)
    found = [
        Entry(key=row.key, value=row.value, updated_at=moment(row.updated_at), expires_at=moment(row.expires_at))
        for row in rows
        if row.key not in told
    ]
    found += [
        Entry(key=key, value=one.value, updated_at=None, expires_at=None)
        for key, one in planned.items()
        if key.startswith(values.prefix)
    ]
    found = sorted(found, key=lambda entry: entry.key)[: values.limit]
    return Entries(items=found, count=len(found))


async def _change(
    context: Store,
    op: str,
    values: SetInput | IncrementInput | AppendInput | DeleteInput,
    decide: stored.Decide,
    lifetime: int | None = None,
) -> Mapping[str, Any]:
    """One change through the ledger; the proof is committed with it, so that a look always knows."""
    client, key = context.client, stored.check_key(values.key)
    shelf = client.shelf(values.scope, context.place)

    async def send(effect_key: str) -> Outcome:
        until = _until(lifetime)
        answer = await client.run(lambda: stored.change(shelf, key, effect_key, decide, until))
        return Outcome(key, "", {"answer": answer})

    async def look(what: LookFor) -> Found | None:
        answer = await client.run(lambda: stored.proof(shelf, what.key))
        return None if answer is None else Found(key, "", {"answer": answer})

    target = {"scope": values.scope, "key": key}
    outcome = await context.change(Order(op, target, values.model_dump(mode="json"), send, look))
    answer: Mapping[str, Any] = outcome.data["answer"]
    return answer


def _until(lifetime: int | None) -> datetime | None:
    return None if lifetime is None else now() + timedelta(seconds=lifetime)


async def _plan(
    context: Store,
    op: str,
    values: SetInput | IncrementInput | AppendInput | DeleteInput,
    decide: stored.Decide,
    summary: str,
) -> list[Plan]:
    """What is stored now, and what would be."""
    key, shelf = stored.check_key(values.key), context.client.shelf(values.scope, context.place)
    row: Held | None = _planned(context, values.scope).get(key)
    if row is None and not _is_gone(context, values.scope, key):
        row = await context.client.run(lambda: stored.read(shelf, key))
    before = row.value if row else None
    value, answer = decide(row)
    after = None if value is stored.GONE else before if value is stored.AS_IT_WAS else value
    return [Plan(op, {"scope": values.scope, "key": key}, summary, before, after, answer)]


class SetInput(Model):
    """A value to store."""

    key: str = the_key()
    value: Any = content("Value", help="Any JSON of at most 64 KiB.", example="{{ steps.fetch.id }}", widget="any")
    only_new: bool = setting(
        "Only when there is none yet", default=False, help="Yes: look at `stored` to see whether you were the first."
    )
    scope: Scope = the_scope()
    lifetime: int | None = the_lifetime()


class Stored(Model):
    """`stored` is false where there was a value already and it was to be kept; `previous` is what was there."""

    key: str
    value: Any
    stored: bool
    existed: bool
    previous: Any


def _set(values: SetInput) -> stored.Decide:
    value = stored.check_value(values.value)

    def decide(row: Held | None) -> tuple[Any, dict[str, Any]]:
        kept = row is not None and values.only_new
        before = row.value if row else None
        answer = {"key": values.key, "value": before if kept else value, "stored": not kept}
        return stored.AS_IT_WAS if kept else value, {**answer, "existed": row is not None, "previous": before}

    return decide


async def plan_set(context: Store, values: SetInput) -> list[Plan]:
    """What is stored now, and what would be."""
    return await _plan(context, "store_set", values, _set(values), f"Stores “{values.key}”.")


@INTEGRATION.action(
    "set",
    kind=Kind.EFFECT,
    input=SetInput,
    output=Stored,
    title="Store a value",
    phrase="stores a value",
    changes=[Change("store_set", look=True, undo="Put the earlier value back", thing="stored value", weight=90)],
    keywords=("remember", "save", "once", "dedupe", "lock"),
    plan=plan_set,
)
async def set_(context: Store, values: SetInput) -> Stored:
    """Store a value for later runs; or only when there is none yet, to do something once for each mail or issue."""
    return Stored(**await _change(context, "store_set", values, _set(values), values.lifetime))


class IncrementInput(Model):
    """A counter, and by how much it grows."""

    key: str = the_key()
    by: int | float = setting("By", default=1, help="Negative: down.", ge=-1e15, le=1e15)
    scope: Scope = the_scope()
    lifetime: int | None = the_lifetime()


class Counted(Model):
    """The counter now, and before."""

    key: str
    value: int | float
    previous: int | float


def _increment(values: IncrementInput) -> stored.Decide:
    def decide(row: Held | None) -> tuple[Any, dict[str, Any]]:
        before = row.value if row else 0
        if isinstance(before, bool) or not isinstance(before, (int, float)):
            raise _no(values.key, "a number")
        after = before + values.by
        if abs(after) > 9e15:
            raise Rejected(f"“{values.key}” would be too large a number.", code="E_RANGE", refused=True)
        return after, {"key": values.key, "value": after, "previous": before}

    return decide


async def plan_increment(context: Store, values: IncrementInput) -> list[Plan]:
    """The counter now, and what it would be."""
    return await _plan(context, "store_increment", values, _increment(values), f"Counts “{values.key}”.")


@INTEGRATION.action(
    "increment",
    kind=Kind.EFFECT,
    input=IncrementInput,
    output=Counted,
    title="Count up",
    phrase="counts up",
    changes=[Change("store_increment", look=True, undo="Count down again", thing="stored value", weight=90)],
    keywords=("counter", "number", "add", "quota"),
    plan=plan_increment,
)
async def increment(context: Store, values: IncrementInput) -> Counted:
    """Add to a stored number, which begins at 0. Runs that count at the same time do not lose a step."""
    return Counted(**await _change(context, "store_increment", values, _increment(values), values.lifetime))


class AppendInput(Model):
    """A list, and what is put at its end."""

    key: str = the_key()
    item: Any = content("Item", help="Any JSON.", example="{{ steps.fetch.id }}", widget="any")
    unique: bool = setting("Only if it is not in the list", default=False)
    keep: int = setting("Keep the last", default=100, help="Older items fall out.", ge=1, le=1000)
    scope: Scope = the_scope()
    lifetime: int | None = the_lifetime()


class Appended(Model):
    """Whether it was added, and how long the list is."""

    key: str
    added: bool
    count: int


def _append(values: AppendInput) -> stored.Decide:
    item = stored.check_value(values.item)

    def decide(row: Held | None) -> tuple[Any, dict[str, Any]]:
        before = row.value if row else []
        if not isinstance(before, list):
            raise _no(values.key, "a list")
        if values.unique and sort_key(item) in {sort_key(one) for one in before}:
            return stored.AS_IT_WAS, {"key": values.key, "added": False, "count": len(before)}
        after = [*before, item][-values.keep :]
        stored.check_value(after)
        return after, {"key": values.key, "added": True, "count": len(after)}

    return decide


async def plan_append(context: Store, values: AppendInput) -> list[Plan]:
    """The list now, and what it would be."""
    return await _plan(context, "store_append", values, _append(values), f"Adds to “{values.key}”.")


@INTEGRATION.action(
    "append",
    kind=Kind.EFFECT,
    input=AppendInput,
    output=Appended,
    title="Add to a stored list",
    phrase="adds to a stored list",
    changes=[Change("store_append", look=True, undo="Take it out of the list", thing="stored value", weight=90)],
    keywords=("list", "push", "collect", "log", "digest"),
    plan=plan_append,
)
async def append(context: Store, values: AppendInput) -> Appended:
    """Put something at the end of a stored list, for example to collect what a later run sends in one mail."""
    return Appended(**await _change(context, "store_append", values, _append(values), values.lifetime))


class DeleteInput(Model):
    """Which value."""

    key: str = the_key()
    scope: Scope = the_scope()


class Deleted(Model):
    """What was there."""

    key: str
    existed: bool
    previous: Any


def _delete(values: DeleteInput) -> stored.Decide:
    def decide(row: Held | None) -> tuple[Any, dict[str, Any]]:
        before = row.value if row else None
        return stored.GONE, {"key": values.key, "existed": row is not None, "previous": before}

    return decide


async def plan_delete(context: Store, values: DeleteInput) -> list[Plan]:
    """What is stored now."""
    return await _plan(context, "store_delete", values, _delete(values), f"Deletes “{values.key}”.")


@INTEGRATION.action(
    "delete",
    kind=Kind.EFFECT,
    input=DeleteInput,
    output=Deleted,
    title="Delete a stored value",
    phrase="deletes a stored value",
    changes=[Change("store_delete", look=True, undo="Put the value back", thing="stored value", weight=90)],
    keywords=("forget", "clear", "remove", "take"),
    plan=plan_delete,
)
async def delete(context: Store, values: DeleteInput) -> Deleted:
    """Delete a stored value and give what it was, for example a list that was collected and is now sent."""
    return Deleted(**await _change(context, "store_delete", values, _delete(values)))


def _no(key: str, what: str) -> Rejected:
    return Rejected(
        f"What is stored as “{key}” is not {what}.",
        code="E_TYPE",
        refused=True,
        hint="Use another name, or delete the stored value first.",
    )
