"""Connections made, changed and deleted. The secret goes in and never comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from accounts import audit
from accounts.actor import Actor
from integrations import neighbours, oauth, registry
from integrations.models import Connection, tomorrow
from integrations.operations.checking import BROKEN, UNKNOWN
from integrations.operations.finding import connections_of
from integrations.operations.limits import check_limit
from integrations.operations.secrets import check_secret, get_service, seal, service_of, unseal
from integrations.operations.testing import asked, candidate
from integrations.spec import Integration
from orchestrator_site.lib import outbound
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict, UserError
from orchestrator_site.lib.json import clean_text

MAX_NAME = 48
CONSENTED = "_consented"
SANDBOX_WORDS = "The built-in sandbox: nothing leaves this machine."


def create_connection(
    actor: Actor,
    *,
    service: str,
    name: str,
    secret: Mapping[str, Any] | None = None,
    base_url: str = "",
    sandbox: bool = False,
    make_default: bool | None = None,
    consented: bool = False,
    requests_per_minute: int | None = None,
    at_once: int | None = None,
    expires: tuple[datetime, str] | None = None,
) -> Connection:
    """A new connection. It becomes the default where the service has none yet, or only the sandbox's.

    A real connection may also take the name of the sandbox's: that one steps aside as `<name>_sandbox`, so that the
    workflows that ran on the sandbox now run on the real thing.
    `expires`: when it ends and how that is known. `consented`: the secret came from a consent page, and the permission
    is given back when the connection is deleted.
    Raises UserError for an implausible secret or address, Conflict when the name is taken.
    """
    actor.require("connections")
    integration = get_service(service)
    if sandbox and not integration.sandbox:
        raise UserError("E_CHOICE", f"{integration.title} has no sandbox.", field="sandbox")
    connection = Connection(
        workspace=actor.workspace,
        service=integration.slug,
        name=_check_name(name),
        base_url="" if sandbox else _check_base_url(integration, base_url),
        sandbox=sandbox,
        created_by=actor.user,
        requests_per_minute=check_limit("requests_per_minute", requests_per_minute),
        at_once=check_limit("at_once", at_once),
        status="works" if sandbox else "unknown",
        status_text=SANDBOX_WORDS if sandbox else "Not tested yet.",
    )
    connection.expires_at, connection.expires_text = expires or (None, "")
    checked = {} if sandbox else check_secret(integration, {} if secret is None else secret)
    seal(connection, {**checked, CONSENTED: "yes"} if consented else checked)
    with transaction.atomic():
        _take_name_from_sandbox(actor, connection)
        _save(connection)
        if make_default or (make_default is None and _default_is_open(connection)):
            _set_default(connection)
        audit.record(actor, "connection.create", connection, details={"service": service, "sandbox": sandbox})
    return connection


def update_connection(
    actor: Actor,
    connection: Connection,
    *,
    name: str | None = None,
    secret: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    consented: bool = False,
    verify: bool = False,
    expires: tuple[datetime, str] | None = None,
) -> Connection:
    """Rename, replace the given fields of the secret, or move to another address (which asks for the secret anew).

    A stored key is never sent to a new address: changing `base_url` needs the whole secret again. With `verify` a new
    secret is tried first: one that the service does not take is not stored, and the old one stays in use
    (E_CRED_REFUSED; E_CRED_UNTRIED while the service cannot be asked). The runs that waited for it go on.
    """
    actor.require("connections")
    integration = service_of(connection)
    before = {"name": connection.name, "base_url": connection.base_url}
    address = connection.base_url if base_url is None else _check_base_url(integration, base_url)
    moved = address != connection.base_url and not connection.sandbox
    if moved and secret is None:
        raise UserError(
            "E_REQUIRED",
            "A new address needs the secret again: a stored key is never sent to another place.",
            field="secret",
            hint="Paste the key together with the new address.",
        )
    if name is not None:
        connection.name = _check_name(name)
    if not connection.sandbox:
        connection.base_url = address
    if secret is not None and not connection.sandbox:
        kept = {} if moved else {k: v for k, v in _readable(connection).items() if k != CONSENTED}
        checked = check_secret(integration, secret, kept=kept)
        if verify:
            _refuse_untaken(connection, checked, address)
        seal(connection, {**checked, CONSENTED: "yes"} if consented else checked)
        connection.status, connection.status_text, connection.checked_at = "unknown", "Changed, not tested yet.", None
        connection.broken_at, connection.vain_checks, connection.next_check_at = None, 0, tomorrow()
        connection.expires_at, connection.expires_text = expires or (None, "")
    with transaction.atomic():
        _save(connection)
        if secret is not None:
            neighbours.wake(connection.pk)
        details = {
            "before": before,
            "after": {"name": connection.name, "base_url": connection.base_url},
            "replaced": secret is not None,
        }
        audit.record(actor, "connection.update", connection, details=details)
    return connection


def _refuse_untaken(connection: Connection, secret: Mapping[str, str], base_url: str) -> None:
    """Go on only when the service takes this secret."""
    seen = asked(candidate(connection, secret, base_url))
    if seen.state == UNKNOWN:
        hint = "Try again in a moment, or store it without a test. The one in use stays as it is."
        raise UserError("E_CRED_UNTRIED", f"It could not be tried: {seen.report.summary}", field="secret", hint=hint)
    if seen.state == BROKEN:
        hint = "Nothing was stored; the one in use stays as it is."
        raise UserError("E_CRED_REFUSED", f"It was tried and refused: {seen.report.summary}", field="secret", hint=hint)


def make_default(actor: Actor, connection: Connection) -> Connection:
    """Use this connection where a step of its service names none."""
    actor.require("connections")
    with transaction.atomic():
        _set_default(connection)
        audit.record(actor, "connection.default", connection)
    return connection


def delete_connection(actor: Actor, connection: Connection) -> None:
    """Forget the secret at once; the name is free again, and steps that name it are told so at their next run."""
    actor.require("connections")
    integration, secret = registry.get_integration(connection.service), _readable(connection)
    with transaction.atomic():
        connection.secret, connection.key_id, connection.masked = "", "", {}
        connection.is_default, connection.deleted_at = False, now()
        connection.updated_at, connection.broken_at = now(), None
        connection.save()
        neighbours.wake(connection.pk)
        audit.record(actor, "connection.delete", connection, details={"service": connection.service})
    if integration and integration.oauth and CONSENTED in secret:
        oauth.revoke(integration.oauth, secret)


def forget_all(actor: Actor) -> Callable[[], None]:
    """Forget the secrets of all connections of a workspace that ends; what is called then gives consents back."""
    actor.require("own")
    consents = []
    for connection in connections_of(actor.workspace).select_for_update(of=("self",)):
        integration, secret = registry.get_integration(connection.service), _readable(connection)
        if integration and integration.oauth and CONSENTED in secret:
            consents.append((integration.oauth, secret))
        connection.secret, connection.key_id, connection.masked = "", "", {}
        connection.is_default, connection.deleted_at, connection.broken_at = False, now(), None
        connection.save()

    def give_back() -> None:
        for spec, secret in consents:
            oauth.revoke(spec, secret)

    return give_back


def _readable(connection: Connection) -> dict[str, str]:
    """The stored fields that stay; none when all are replaced or the stored ones can no longer be read."""
    try:
        return unseal(connection)
    except UserError:
        return {}


def _save(connection: Connection) -> None:
    connection.updated_at = now()
    try:
        with transaction.atomic():
            connection.save()
    except IntegrityError:
        raise Conflict(
            f"There is a connection “{connection.name}” already.", field="name", hint="Choose another name."
        ) from None


def _take_name_from_sandbox(actor: Actor, connection: Connection) -> None:
    others = connections_of(connection.workspace)
    holder = others.filter(name=connection.name, service=connection.service, sandbox=True).first()
    if connection.sandbox or holder is None:
        return
    taken = set(others.values_list("name", flat=True))
    stem = f"{connection.name[:37]}_sandbox"
    holder.name = next(name for name in (stem, *(f"{stem}_{n}" for n in range(2, 99))) if name not in taken)
    _save(holder)
    audit.record(actor, "connection.rename", holder, details={"before": connection.name, "after": holder.name})


def _default_is_open(connection: Connection) -> bool:
    """Whether nobody would be surprised: no default yet, or a real connection takes over from the sandbox."""
    others = connections_of(connection.workspace).filter(service=connection.service, is_default=True)
    current = others.exclude(pk=connection.pk).first()
    return current is None or (current.sandbox and not connection.sandbox)


def _set_default(connection: Connection) -> None:
    connections_of(connection.workspace).filter(service=connection.service, is_default=True).update(is_default=False)
    connection.is_default, connection.updated_at = True, now()
    connection.save(update_fields=["is_default", "updated_at"])


def _check_name(name: Any) -> str:
    if not isinstance(name, str):
        raise UserError("E_TYPE", "The name must be text.", field="name")
    clean = clean_text(name, field="name").strip()
    if not 1 <= len(clean) <= MAX_NAME or "\n" in clean:
        raise UserError(
            "E_LENGTH", f"The name needs 1 to {MAX_NAME} characters on one line.", field="name", limit=MAX_NAME
        )
    return clean


def _check_base_url(integration: Integration, base_url: Any) -> str:
    if not isinstance(base_url, str):
        raise UserError("E_TYPE", "The address must be text.", field="base_url")
    address = base_url.strip()
    if not address and integration.base_url_required:
        raise UserError(
            "E_REQUIRED", "The address is missing.", field="base_url", hint=integration.base_url_help or None
        )
    if not address:
        return ""
    if len(address) > 500:
        raise UserError("E_LENGTH", "The address has more than 500 characters.", field="base_url", limit=500)
    if integration.check_address:
        return str(import_string(integration.check_address)(address))
    outbound.check_url(address, field="base_url")
    return address
