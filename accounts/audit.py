"""The audit trail: one entry per operation, append-only, each chained to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.core.cache import caches
from django.db import IntegrityError, connection, models, transaction

from accounts.actor import Actor
from accounts.models import AuditEntry
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.redact import redact

INSTANCE = "instance"
_ATTEMPTS = 50
_SECRET_NAME = re.compile(r"secret|password|passphrase|private_?key|api_?key|credential|authorization|^token$", re.I)
_DENIALS_EVERY = 60  # seconds: the same refusal is written once in that time, so that nobody can flood the trail

_MOST_PENDING = 50
# Refusals met inside a transaction that is about to be rolled back; the middleware writes them afterwards.
_pending: ContextVar[tuple[tuple[Actor, str], ...]] = ContextVar("pending_denials", default=())


def record(
    actor: Actor,
    action: str,
    obj: models.Model | None = None,
    *,
    details: Mapping[str, Any] | None = None,
    outcome: str = "done",
) -> AuditEntry:
    """Write what `actor` did to `obj`, in the transaction of the change itself.

    `details` may hold before and after; secrets in it are blotted out. Raises ValueError when `obj` belongs to another
    workspace than the actor acts in: that is a bug of the caller, never a record.
    """
    owner = getattr(obj, "workspace_id", None)
    if owner is not None and owner != actor.workspace.pk:
        raise ValueError(f"{action}: the {type(obj).__name__} belongs to another workspace than the actor acts in")
    return _append(
        AuditEntry(
            workspace=actor.workspace,
            chain=str(actor.workspace.pk),
            actor=actor.label[:200],
            user=actor.user,
            token_prefix=actor.token.prefix if actor.token else "",
            action=action,
            outcome=outcome,
            object_type=str(obj._meta.model_name) if obj is not None else "",
            object_id=str(obj.pk) if obj is not None else "",
            object_name=redact(str(obj))[:200] if obj is not None else "",
            details=_blotted(dict(details or {})),
            ip=actor.ip,
        )
    )


def record_instance(
    action: str,
    *,
    by: str,
    user: Any = None,
    ip: str | None = None,
    details: Mapping[str, Any] | None = None,
    outcome: str = "done",
) -> AuditEntry:
    """Write what happened outside every workspace: a sign-in, a new user, an edit in the admin."""
    return _append(
        AuditEntry(
            chain=INSTANCE, actor=redact(by)[:200], user=user, action=action, outcome=outcome, ip=ip,
            object_type="user" if user is not None else "", object_id=str(user.pk) if user is not None else "",
            details=_blotted(dict(details or {})),
        )
    )  # fmt: skip


def record_denial(actor: Actor, permission: str) -> None:
    """Write that `actor` was refused; inside a transaction it waits until that one is rolled back."""
    if _in_a_transaction():
        _pending.set((*_pending.get(), (actor, permission))[-_MOST_PENDING:])
        return
    _write_denial(actor, permission)


def write_pending_denials() -> None:
    """Write the refusals that had to wait; called when the request is over."""
    waiting = _pending.get()
    if waiting and not _in_a_transaction():
        _pending.set(())
        for actor, permission in waiting:
            _write_denial(actor, permission)


def _write_denial(actor: Actor, permission: str) -> None:
    who = actor.token.prefix if actor.token else str(actor.user.pk if actor.user else actor.name)
    if caches["shared"].add(f"denied:{actor.workspace.pk}:{who}:{permission}", 1, _DENIALS_EVERY):
        record(actor, f"denied.{permission}", details={"permission": permission}, outcome="denied")


def _in_a_transaction() -> bool:
    """Whether a transaction is open, not counting the one a test case wraps around everything."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


# ---- The chain -----------------------------------------------------------------------------------------------


def _append(entry: AuditEntry) -> AuditEntry:
    """Give the entry the next place of its chain.

    1. On PostgreSQL an advisory lock lets one transaction at a time append to a chain; on SQLite there is one writer.
    2. Should two still meet, the unique position refuses the second, which tries the next place.
    """
    entry.at = now()
    for _ in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                _lock_chain(entry.chain)
                last = _entries(entry.chain).order_by("-seq").values_list("seq", "hash").first()
                entry.seq, entry.previous_hash = (last[0] + 1, last[1]) if last else (1, "")
                entry.hash = entry_hash(entry)
                entry.save(force_insert=True)
            return entry
        except IntegrityError:
            continue
    raise RuntimeError(f"The audit chain {entry.chain} gave no free place in {_ATTEMPTS} attempts")


def _lock_chain(chain: str) -> None:
    if connection.vendor == "postgresql":
        key = int.from_bytes(hashlib.sha256(f"audit:{chain}".encode()).digest()[:8], "big", signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def _entries(chain: str) -> models.QuerySet[AuditEntry]:
    return AuditEntry.objects.unscoped("a chain goes by its own name").filter(chain=chain)


def entry_hash(entry: AuditEntry) -> str:
    """The SHA-256 over everything an entry says, and over the hash of the one before."""
    said = {
        "previous": entry.previous_hash,
        "chain": entry.chain,
        "seq": entry.seq,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "token": entry.token_prefix,
        "action": entry.action,
        "outcome": entry.outcome,
        "object": [entry.object_type, entry.object_id, entry.object_name],
        "details": entry.details,
        "ip": entry.ip,
    }
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Broken:
    """A place where a chain does not hold."""

    chain: str
    seq: int
    why: str


def verify(chain: str) -> Iterator[Broken]:
    """Walk one chain from its start and yield every place that was changed, removed or put in."""
    expected, previous = 1, ""
    for entry in _entries(chain).order_by("seq").iterator(chunk_size=500):
        if entry.seq != expected:
            yield Broken(chain, entry.seq, f"entry {expected} is missing")
        elif entry.previous_hash != previous:
            yield Broken(chain, entry.seq, "it does not follow the entry before it")
        if entry.hash != entry_hash(entry):
            yield Broken(chain, entry.seq, "its content was changed after it was written")
        expected, previous = entry.seq + 1, entry.hash


def chains() -> list[str]:
    """The names of all chains of this instance."""
    entries = AuditEntry.objects.unscoped("all chains are verified together")
    return list(entries.order_by("chain").values_list("chain", flat=True).distinct())


def _blotted(value: Any, name: str = "") -> Any:
    """The value as it may be kept: JSON types only, secrets by name or by look replaced."""
    if name and _SECRET_NAME.search(name) and value not in (None, "", [], {}):
        return "[redacted]"
    if isinstance(value, Mapping):
        return {str(key): _blotted(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_blotted(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))
