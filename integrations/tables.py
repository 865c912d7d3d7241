"""The models that services have told us about, with prices and the days they end: `models.json` in a service's folder.

No SDK is loaded. Prices and dates are data; the file says where they are from and when they were read.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from integrations import registry
from integrations.prices import ModelFacts, ModelTable, read_table

FILE = "models.json"


def tables() -> dict[str, ModelTable]:
    """The table of each service that has one."""
    found = {}
    for slug, integration in registry.integrations().items():
        path = Path(integration.folder or "") / FILE
        if integration.folder and path.is_file():
            found[slug] = read_table(path)
    return found


def facts_of(services: Collection[str], model: str) -> ModelFacts | None:
    """What is known of a model of one of these services."""
    known = (table.find(model) for slug, table in tables().items() if slug in services)
    return next((facts for facts in known if facts is not None), None)
