"""Using the database for reading only: the database itself refuses every write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def forbidding_writes(function: Callable[[], T]) -> T:
    """Run a function whose writes are refused by the database; called at the beginning of a transaction."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1" if sqlite else "SET TRANSACTION READ ONLY")
        try:
            return function()
        finally:
            if sqlite:
                cursor.execute("PRAGMA query_only = 0")
