"""Workspace variables: values that workflows share. Runs in flight keep the value they started with."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.actor import Actor
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, TooLarge, UserError
from orchestrator_site.lib.json import clean_text, clean_value, dumps
from orchestrator_site.lib.names import KEY_PATTERN, is_key
from workflows.models import Variable

MAX_VALUE = 64 * 1024
MAX_VARIABLES = 500


def list_variables(actor: Actor) -> QuerySet[Variable]:
    """The variables of the workspace, by name."""
    actor.require("read")
    return Variable.objects.of(actor.workspace).order_by("name")


def get_variable(actor: Actor, name: str) -> Variable:
    """One variable. Raises NotFound."""
    found = list_variables(actor).filter(name=name).first() if is_key(name) else None
    if found is None:
        raise NotFound(f"There is no variable “{name[:60]}” here.".replace("\x00", ""))
    return found


def set_variable(actor: Actor, name: str, value: Any, *, help: str = "") -> Variable:
    """Make a variable or give it a new value (any JSON but null, at most 64 KiB)."""
    actor.require("edit")
    if not is_key(name):
        text = "A variable's name has 1 to 48 lower-case letters, digits and underscores."
        raise UserError("E_KEY", text, field="name", limit=KEY_PATTERN, hint=f"It must match {KEY_PATTERN}.")
    value, help = clean_value(value, field="value"), clean_text(help.strip(), field="help", max_length=200)
    if len(dumps(value)) > MAX_VALUE:
        raise TooLarge("A variable may hold 64 KiB.", field="value", limit=MAX_VALUE)
    if value is None:
        raise UserError("E_REQUIRED", "A variable needs a value; null is none.", field="value", hint="Or delete it.")
    with transaction.atomic():
        rows = Variable.objects.of(actor.workspace)
        before = rows.select_for_update().filter(name=name).first()
        if before is None and rows.count() >= MAX_VARIABLES:
            raise UserError("E_LIMIT", f"A workspace may have {MAX_VARIABLES} variables.", limit=MAX_VARIABLES)
        row, _ = Variable.objects.of(actor.workspace).update_or_create(
            workspace=actor.workspace,
            name=name,
            defaults={"value": value, "help": help, "updated_at": now(), "updated_by": actor.label[:200]},
        )
        details = {"before": None if before is None else before.value, "after": value}
        audit.record(actor, "variable.set", row, details=details)
    return row


def delete_variable(actor: Actor, variable: Variable) -> None:
    """Delete a variable; workflows that name it show a problem."""
    actor.require("edit")
    with transaction.atomic():
        row = Variable.objects.of(actor.workspace).filter(pk=variable.pk).first()
        if row is None:
            raise NotFound("That variable is not here.")
        audit.record(actor, "variable.delete", row, details={"before": row.value})
        row.delete()
