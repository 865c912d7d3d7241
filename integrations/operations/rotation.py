"""Rotation of the key that connections are encrypted with."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from accounts import audit
from integrations.models import Connection
from integrations.operations.secrets import binding_of
from orchestrator_site.lib import crypto

Rotate = Callable[[], tuple[int, int, list[str]]]
_others: list[Rotate] = []


def also(rotate: Rotate) -> None:
    """Turn over what another app keeps encrypted, too."""
    if rotate not in _others:
        _others.append(rotate)


def rotate_all() -> tuple[int, int, list[str]]:
    """Encrypt every secret under the current key: how many were, how many already are, the names of unreadable ones."""
    current, done, kept, unreadable = crypto.current_key_id(), 0, 0, list[str]()
    everyone = Connection.objects.unscoped("the keys of the instance are turned over")
    for pk in list(everyone.exclude(secret="").values_list("pk", flat=True)):
        with transaction.atomic():
            row = everyone.select_for_update().select_related("workspace").get(pk=pk)
            if row.key_id == current:
                kept += 1
                continue
            try:
                row.secret = crypto.rotate(row.secret, binding=binding_of(row))
            except crypto.SecretUnreadable:
                unreadable.append(f"{row.workspace.slug}/{row.name}")
                continue
            row.key_id = current
            row.save(update_fields=["secret", "key_id"])
            done += 1
    for rotate in _others:
        more = rotate()
        done, kept, unreadable = done + more[0], kept + more[1], unreadable + more[2]
    if done:
        audit.record_instance("connections.rotate", by="system: rotate_credentials", details={"secrets": done})
    return done, kept, unreadable
