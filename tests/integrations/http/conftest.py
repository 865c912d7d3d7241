"""A web service on this machine that requests may go to, and one to which they may not."""

from __future__ import annotations

import pytest

from integrations import direct
from integrations.cache import close_all
from tests.fakes.web import Web, web
from tests.integrations.gate import info_of


@pytest.fixture(autouse=True)
def _closed():
    """Connections that were kept open end with the test."""
    yield
    direct.call(lambda calls: close_all())


@pytest.fixture
def service(settings):
    """A service whose host and port are allowed."""
    with web() as found:
        settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, found.place]
        yield found


@pytest.fixture
def other(settings):
    """Another one, to which redirects may lead."""
    with web() as found:
        settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, found.place]
        yield found


@pytest.fixture
def nothing():
    """No connection."""
    return info_of("http")


def connected(found: Web, path: str = "", **secret: str):
    """A connection to a service."""
    return info_of("http", base_url=found.url + path, **secret)
