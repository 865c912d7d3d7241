"""A mail server that takes everything, and a way to speak to any on this machine."""

from __future__ import annotations

import pytest

from tests.fakes.post import Script, mail_server
from tests.integrations.gate import info_of

SENDER = "Ada Lovelace <ada@example.com>"


@pytest.fixture
def place(settings):
    """The connection to a port of this machine, which is allowed."""

    def connection(port, scheme="smtp", host="127.0.0.1", **secret):
        settings.ALLOW_PRIVATE_HOSTS = [*settings.ALLOW_PRIVATE_HOSTS, f"{host}:{port}"]
        return info_of("mail", base_url=f"{scheme}://{host}:{port}", **{"sender": SENDER, **secret})

    return connection


@pytest.fixture
def post(place):
    """A real server without encryption, as inside a house, and its connection."""
    with mail_server() as (keeper, port):
        yield keeper, place(port)


@pytest.fixture
def script(place):
    """A server with a script, and its connection."""
    made = []

    def start(**answers):
        found = Script(**answers)
        made.append(found)
        return found, place(found.port)

    yield start
    for one in made:
        one.close()
