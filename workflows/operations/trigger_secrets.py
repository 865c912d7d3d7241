"""The address and secrets of triggers that are delivered to: made, encrypted and bound to their row, turned over."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from orchestrator_site.lib import crypto
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.redact import remember
from workflows.models import Trigger

SHORTEST, LONGEST = 12, 500
MOST_HOURS = 14 * 24


def make_address(trigger: Trigger) -> None:
    """Give the trigger an address that nobody can guess (192 bits); the caller saves."""
    token = secrets.token_urlsafe(24)
    trigger.token_sha256 = token_hash(token)
    seal(trigger, {**unseal(trigger), "token": token})


def token_hash(token: str) -> str:
    """What an address is found by."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def address_of(trigger: Trigger) -> str | None:
    """The address to deliver to; None for triggers without one."""
    token = unseal(trigger).get("token")
    return f"{settings.PUBLIC_URL}/hooks/{token}" if token else None


def give_secret(trigger: Trigger, given: str | None, *, keep: timedelta = timedelta(0)) -> str:
    """Set a secret (made here unless given) and return it; the old one stays good for `keep`. The caller saves."""
    secret = check_secret(given) if given else secrets.token_urlsafe(32)
    held = unseal(trigger)
    old = held.get("secret")
    if old and keep:
        held["previous"] = {"secret": old, "until": (now() + keep).isoformat()}
    else:
        held.pop("previous", None)
    seal(trigger, {**held, "secret": secret})
    return secret


def check_secret(text: str) -> str:
    """A secret that somebody brought along. Raises UserError."""
    if not SHORTEST <= len(text) <= LONGEST or not text.isascii() or any(letter.isspace() for letter in text):
        words = f"A secret has {SHORTEST} to {LONGEST} characters: letters, digits and marks, without spaces."
        raise UserError("E_LENGTH", words, field="secret", limit=LONGEST, hint="Leave it out and one is made for you.")
    return text


def good_secrets(trigger: Trigger, at: datetime) -> list[str]:
    """The secrets that let a delivery in now, newest first."""
    held = unseal(trigger)
    found = [held["secret"]] if held.get("secret") else []
    previous = held.get("previous")
    if previous and datetime.fromisoformat(previous["until"]) > at:
        found.append(previous["secret"])
    return found


def seal(trigger: Trigger, plain: dict[str, Any]) -> None:
    """Encrypt into the row; the caller saves."""
    for name in ("secret", "token"):
        if plain.get(name):
            remember(plain[name])
    trigger.secret = crypto.encrypt(plain, binding=binding_of(trigger))
    trigger.key_id = crypto.current_key_id()


def unseal(trigger: Trigger) -> dict[str, Any]:
    """What the row holds in clear. Raises SecretUnreadable."""
    return crypto.decrypt(trigger.secret, binding=binding_of(trigger)) if trigger.secret else {}


def binding_of(trigger: Trigger) -> dict[str, str]:
    """What the secret of a row is bound to."""
    return {"trigger": str(trigger.pk), "workspace": str(trigger.workspace_id)}


def rotate_triggers() -> tuple[int, int, list[str]]:
    """Encrypt every trigger's secret under the current key: how many were, already are, names of unreadable ones."""
    current, done, kept, unreadable = crypto.current_key_id(), 0, 0, list[str]()
    everyone = Trigger.objects.unscoped("the keys of the instance are turned over")
    for pk in list(everyone.exclude(secret="").values_list("pk", flat=True)):
        with transaction.atomic():
            row = everyone.select_for_update(of=("self",)).select_related("workspace").get(pk=pk)
            if row.key_id == current:
                kept += 1
                continue
            try:
                row.secret = crypto.rotate(row.secret, binding=binding_of(row))
            except crypto.SecretUnreadable:
                unreadable.append(f"{row.workspace.slug}/trigger {row.name}")
                continue
            row.key_id = current
            row.save(update_fields=["secret", "key_id"])
            done += 1
    return done, kept, unreadable
