"""What an action takes and gives, for machines: JSON Schema for the catalogue, the API and the docs."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from integrations import registry
from integrations.spec import Action, Integration


@cache
def model_schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema (2020-12) of a model, with the marks of its inputs (`x-role`, `x-widget`, `x-example`)."""
    return model.model_json_schema(by_alias=True)


def action_json(action: Action) -> dict[str, Any]:
    """The catalogue entry of an action."""
    return {
        "name": action.name,
        "service": action.service,
        "kind": action.kind.value,
        "title": action.title,
        "description": action.description,
        "verb": action.verb,
        "input_schema": model_schema(action.input),
        "output_schema": model_schema(action.output),
        "needs": action.needs or None,
        "connection_services": registry.services_for(action),
        "connection_optional": registry.is_keyless(action),
        "branches": [],
        "can_look": action.can_look,
        "can_plan": action.plan is not None,
        "timeout": action.timeout,
        "keywords": list(action.keywords),
    }


def service_json(integration: Integration) -> dict[str, Any]:
    """The catalogue entry of a service one can connect to."""
    told = ("name", "label", "required", "help", "shown")
    secrets = [{name: getattr(secret, name) for name in told} for secret in integration.secrets]
    return {
        "service": integration.slug,
        "title": integration.title,
        "description": integration.description,
        "secret": secrets,
        "secret_sets": [list(names) for names in integration.secret_sets],
        "provides": sorted(integration.provides),
        "base_url": integration.base_url or None,
        "base_url_required": integration.base_url_required,
        "oauth": integration.oauth is not None,
        "sandbox": bool(integration.sandbox),
    }


def properties(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The fields of a model with references resolved one level and `null` taken out of optional ones."""
    schema = model_schema(model)
    return {name: _flat(part, schema.get("$defs", {})) for name, part in schema.get("properties", {}).items()}


def with_items(model: type[BaseModel], part: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list with that of its items in full, and `null` taken out of their optional fields."""
    items, definitions = part.get("items"), model_schema(model).get("$defs", {})
    if not isinstance(items, dict) or "$ref" not in items:
        return part
    full = _flat(items, definitions)
    inner = {name: _flat(one, definitions) for name, one in full.get("properties", {}).items()}
    return {**part, "items": {**full, **({"properties": inner} if inner else {})}}


def _flat(part: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        return {
            **definitions.get(part["$ref"].rpartition("/")[2], {}),
            **{k: v for k, v in part.items() if k != "$ref"},
        }
    choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        rest = {key: value for key, value in part.items() if key != "anyOf"}
        return {**_flat(choices[0], definitions), **rest}
    return part
