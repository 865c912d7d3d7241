"""The page of all actions, written from their declarations: `manage.py action_docs` writes it, a test compares."""

from __future__ import annotations

from typing import Any

from integrations import registry
from integrations.schema import properties
from integrations.spec import Action, Integration, role_of

HEAD = """# Actions

Written by `manage.py action_docs` from the declarations; do not edit. **Bold** inputs are targets: text from outside
(mail, pages, issues, models) may not fill them. `*` is required. Every input takes a value or a Liquid expression.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD, *(_service(found) for found in registry.integrations().values() if found.actions or found.secrets)]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _service(integration: Integration) -> str:
    lines = [f"## {integration.title} (`{integration.slug}`)", "", integration.description, ""]
    if integration.takes_connection:
        fields = ", ".join(f"`{secret.name}`" for secret in integration.secrets)
        may = "" if integration.needs_connection else " (a step also runs without one)"
        address = integration.base_url or integration.base_url_help or "–"
        told = f"Connection{may}: secret {fields}. Address: {address.rstrip('.')}. {_extras(integration)}"
        lines += [told.rstrip(), ""]
    return "\n".join([*lines, *(_action(action) for action in integration.actions.values())])


def _extras(integration: Integration) -> str:
    parts = [f"Provides {', '.join(sorted(integration.provides))}." if integration.provides else ""]
    parts += ["Has a sandbox." if integration.sandbox else ""]
    return " ".join(part for part in parts if part)


def _action(action: Action) -> str:
    services = registry.services_for(action)
    facts = [f"kind {action.kind.value}", f"timeout {action.timeout} s"]
    facts += [f"over {', '.join(services)}"] if services else []
    if action.is_effect:
        facts.append("a lost answer is looked up" if action.can_look else "a lost answer is asked of a person")
    return "\n".join(
        [f"### {action.name}", "", action.description, "", f"{action.title}: {', '.join(facts)}.", "",
         "| input | type | default | what |", "|---|---|---|---|", *_inputs(action), "",
         f"Output: {', '.join(f'`{name}` {_type(part)}' for name, part in properties(action.output).items())}.", ""]
    )  # fmt: skip


def _inputs(action: Action) -> list[str]:
    rows = []
    for name, part in properties(action.input).items():
        required = action.input.model_fields[name].is_required()
        shown = f"**{name}**" if role_of(action.input, name) == "target" else name
        default = "" if required or part.get("default") in (None, "", [], {}) else f"`{part['default']}`"
        what = f"{part.get('title', '')}. {part.get('description', '')}".strip().replace("|", "\\|")
        rows.append(f"| {shown}{'*' if required else ''} | {_type(part)} | {default} | {what} |")
    return rows


def _type(part: dict[str, Any]) -> str:
    if "enum" in part:
        return " or ".join(f"`{value}`" for value in part["enum"])
    kind = str(part.get("type", "any"))
    if kind == "array":
        inner = part.get("items") or {}
        return f"list of {_type(inner)}" if inner.get("type") else "list"
    return kind
