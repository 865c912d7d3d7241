"""Django's SQLite backend with our durability: WAL, synchronous FULL, write transactions begin IMMEDIATE."""

from __future__ import annotations

from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose settings are the engine's (engine.md §12)."""

    def get_connection_params(self) -> dict[str, Any]:
        """Add IMMEDIATE transactions and the pragmas."""
        params: dict[str, Any] = super().get_connection_params()
        self.transaction_mode = "IMMEDIATE"
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open a connection and set the pragmas."""
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection
