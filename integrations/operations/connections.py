"""Everything one does with connections, in one place for the other apps."""

from integrations.operations.changing import create_connection, delete_connection, make_default, update_connection
from integrations.operations.finding import connections_of, default_connection, find_connection, get_connection
from integrations.operations.limits import declared_limits, health_of, set_limits
from integrations.operations.opening import client_for, open_connection
from integrations.operations.sandbox import reset_sandbox, seed_sandbox
from integrations.operations.sharing import share_connection, sharing_json
from integrations.operations.testing import prove_connection, test_connection

__all__ = [
    "client_for",
    "connections_of",
    "create_connection",
    "declared_limits",
    "default_connection",
    "delete_connection",
    "find_connection",
    "get_connection",
    "health_of",
    "make_default",
    "open_connection",
    "prove_connection",
    "reset_sandbox",
    "seed_sandbox",
    "set_limits",
    "share_connection",
    "sharing_json",
    "test_connection",
    "update_connection",
]
