"""Secrets of connections: looked at before they are kept, encrypted and bound to their row, and shown only masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from integrations import registry
from integrations.models import Connection
from integrations.spec import Integration, SecretField
from orchestrator_site.lib import crypto
from orchestrator_site.lib.errors import NotFound, Problems, UserError
from orchestrator_site.lib.names import did_you_mean
from orchestrator_site.lib.redact import remember

MAX_SECRET = 4096
_LINE = re.compile(r"[\x21-\x7e]*")
_WORDS = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
_LINES = re.compile(r"[\x20-\x7e\r\n\t]*")


def check_secret(integration: Integration, raw: Any, *, kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """The fields of a secret, complete and plausible; `kept` are stored ones that `raw` leaves as they are.

    Raises UserError, or Problems when several fields are wrong.
    """
    if not isinstance(raw, Mapping):
        raise UserError("E_TYPE", "The secret must be an object of fields.", field="secret", hint=_shape(integration))
    fields = {field.name: field for field in integration.secrets}
    wrong: list[UserError] = []
    found = dict(kept or {})
    for name, value in raw.items():
        try:
            text = _check_value(integration, _known(fields, name), value)
        except UserError as problem:
            wrong.append(problem)
            continue
        if text:
            found[name] = text
    wrong += [] if wrong else _missing(integration, found)
    if wrong:
        raise wrong[0] if len(wrong) == 1 else Problems(wrong)
    return found


def mask(integration: Integration, secret: Mapping[str, str]) -> dict[str, str]:
    """What may be shown of a secret: its last four characters, fewer where it is short; all of a `shown` field."""
    shown = {}
    for field in integration.secrets:
        if value := secret.get(field.name):
            shown[field.name] = value if field.shown else "••••" if field.multiline else _masked(value)
    return shown


def seal(connection: Connection, secret: Mapping[str, str]) -> None:
    """Encrypt `secret` into the row, bound to the row and its workspace; the caller saves."""
    integration = registry.get_integration(connection.service)
    _remember(integration, secret)
    connection.secret = crypto.encrypt(dict(secret), binding=binding_of(connection)) if secret else ""
    connection.key_id = crypto.current_key_id() if secret else ""
    connection.masked = mask(integration, secret) if integration else {}


def unseal(connection: Connection) -> dict[str, str]:
    """The secret in clear, for one call. Raises UserError when it cannot be read or belongs to another row."""
    if not connection.secret:
        return {}
    secret = crypto.decrypt(connection.secret, binding=binding_of(connection))
    _remember(registry.get_integration(connection.service), secret)
    return secret


def _remember(integration: Integration | None, secret: Mapping[str, str]) -> None:
    """Take the values out of all texts from now on, but for those that are no secret."""
    shown = {field.name for field in integration.secrets if field.shown} if integration else set()
    for name, value in secret.items():
        if name not in shown:
            remember(value)


def binding_of(connection: Connection) -> dict[str, str]:
    """What the secret of a row is bound to."""
    return {"connection": str(connection.pk), "workspace": str(connection.workspace_id)}


def _known(fields: Mapping[str, SecretField], name: Any) -> SecretField:
    if name not in fields:
        raise UserError(
            "E_UNKNOWN_FIELD",
            f"There is no secret field “{str(name)[:48]}”.",
            field=f"secret.{str(name)[:48]}",
            hint=did_you_mean(str(name), list(fields)),
        )
    return fields[name]


def _check_value(integration: Integration, field: SecretField, value: Any) -> str:
    where = f"secret.{field.name}"
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UserError("E_TYPE", f"{field.label} must be text.", field=where, hint="Put it in quotes.")
    if len(value) > MAX_SECRET:
        raise UserError(
            "E_LENGTH",
            f"{field.label} has {len(value):,} characters; at most {MAX_SECRET:,} are taken.",
            field=where,
            limit=MAX_SECRET,
            hint="Copy only the key itself.",
        )
    if not (_LINES if field.multiline else _WORDS if field.shown else _LINE).fullmatch(value):
        raise UserError(
            "E_CRED_CHARS",
            f"{field.label} holds a space, a line break or a character that no key has (such as a curly quote).",
            field=where,
            hint="Copy it again, without anything before or after it.",
        )
    if field.options and value not in dict(field.options):
        known = ", ".join(name for name, _ in field.options)
        raise UserError("E_CHOICE", f"{field.label} must be one of: {known}.", field=where)
    _check_service(integration, field, value)
    return value


def _check_service(integration: Integration, field: SecretField, value: str) -> None:
    """A key that begins like another service's is in the wrong box."""
    best, owner = "", integration
    for other in registry.integrations().values():
        for prefix in (prefix for secret in other.secrets for prefix in secret.prefixes):
            longer = len(prefix) > len(best) or (len(prefix) == len(best) and other is integration)
            if value.startswith(prefix) and longer:
                best, owner = prefix, other
    if owner is not integration:
        raise UserError(
            "E_CRED_SERVICE",
            f"This begins with “{best}”, like a key for {owner.title}, not for {integration.title}.",
            field=f"secret.{field.name}",
            hint=f"Add a connection to {owner.title} with it, or paste the key for {integration.title} here.",
        )


def _missing(integration: Integration, found: Mapping[str, str]) -> list[UserError]:
    labels = {field.name: field.label for field in integration.secrets}
    wrong = [
        UserError("E_REQUIRED", f"{field.label} is missing.", field=f"secret.{field.name}", hint=field.help or None)
        for field in integration.secrets
        if field.required and not found.get(field.name)
    ]
    sets = integration.secret_sets
    if not wrong and sets and not any(all(found.get(name) for name in names) for names in sets):
        choices = ", or ".join(" and ".join(labels.get(name, name) for name in names) for names in sets)
        wrong.append(UserError("E_REQUIRED", f"{integration.title} needs {choices}.", field="secret"))
    return wrong


def _masked(value: str) -> str:
    return f"••••{value[-4:]}" if len(value) >= 12 else "••••"


def _shape(integration: Integration) -> str:
    return f"Fields: {', '.join(field.name for field in integration.secrets) or 'none'}."


def get_service(slug: Any) -> Integration:
    """The service by its slug. Raises E_CHOICE with the nearest name when one cannot connect to it."""
    known = {integration.slug: integration for integration in registry.connectable()}
    if not isinstance(slug, str) or slug not in known:
        hint = did_you_mean(str(slug)[:48], list(known))
        raise UserError("E_CHOICE", f"There is no service “{str(slug)[:48]}”.", field="service", hint=hint)
    return known[slug]


def service_of(connection: Connection) -> Integration:
    """The service of a connection. Raises NotFound when it is no longer installed."""
    integration = registry.get_integration(connection.service)
    if integration is None:
        raise NotFound(
            f"The service {connection.service} is not installed any more.",
            hint="Install its package again, or delete the connection.",
        )
    return integration
