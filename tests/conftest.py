"""Fixtures of the whole suite: a workspace, its people, and somebody from outside."""

from __future__ import annotations

import os

import pytest
from django.core.cache import caches

from tests.personas import Persona, outsider_of, persona

pytest_plugins = ["tests.contract"]


@pytest.fixture(autouse=True)
def _nothing_wanders():
    """Counters of rate limits and refusals that wait must not wander from test to test."""
    from accounts import audit

    audit._pending.set(())
    for cache in caches.all():
        cache.clear()


@pytest.fixture
def workspace(db):
    """An empty workspace."""
    from tests.factories.accounts import WorkspaceFactory

    return WorkspaceFactory()


@pytest.fixture
def owner(workspace) -> Persona:
    """Olga, owner of `workspace`."""
    return persona(workspace, "owner", "Olga Owner")


@pytest.fixture
def admin(workspace) -> Persona:
    """Adam, admin of `workspace`."""
    return persona(workspace, "admin", "Adam Admin")


@pytest.fixture
def editor(workspace) -> Persona:
    """Mara, editor of `workspace`."""
    return persona(workspace, "editor", "Mara Lindqvist")


@pytest.fixture
def operator(workspace) -> Persona:
    """Omar, operator of `workspace`."""
    return persona(workspace, "operator", "Omar Operator")


@pytest.fixture
def viewer(workspace) -> Persona:
    """Vera, viewer of `workspace`."""
    return persona(workspace, "viewer", "Vera Viewer")


@pytest.fixture
def outsider(workspace) -> Persona:
    """Otto, owner of another workspace."""
    return outsider_of(workspace)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The second pass, on PostgreSQL, leaves out what asks no database: the first pass has run it already."""
    if os.environ.get("TEST_DB") != "postgres":
        return
    kept = [item for item in items if _asks_the_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _asks_the_database(item: pytest.Item) -> bool:
    """Whether the database has a part in it; one that only speaks to a service has been run by the first pass."""
    fixtures = set(getattr(item, "fixturenames", ()))
    place = getattr(getattr(item, "callspec", None), "params", {}).get("place")
    if (fixtures & {"contract", "contract_server"} or place == "real") and "transactional_db" not in fixtures:
        return False
    marked = any(item.get_closest_marker(name) for name in ("django_db", "postgres", "faults"))
    return marked or bool(fixtures & {"db", "transactional_db", "live_server"})
