"""Fills a database with finished runs: a thousand real ones, copied with new ids and earlier times.

python -m benchmarks.filling --database-url … --folder … --runs 200000
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.runs import NAME, chain
from benchmarks.stage import Stage

REAL = 1000
APART_MS = 600_000
TABLES = ("workflows_run", "workflows_runevent", "workflows_steprun")
TIMES = ("created_at", "started_at", "finished_at", "due_at", "at")
FAILED = {"code": "E_SERVICE_UNAVAILABLE", "message": "The service did not answer.", "hint": "", "step": "s1"}


def main() -> None:
    """Fill it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--runs", type=int, required=True)
    options = parser.parse_args()
    with Stage(options.folder, options.database_url) as stage:
        real = min(REAL, options.runs)
        slug = stage.workflow("chain_3", chain(3), NAME)
        stage.workers()
        stage.batch(slug, real)
        stage.until_ended(real, slug)
        stage.stop_commands()
        for copy in range(1, options.runs // real):
            _copy(copy)
        _settle()


def _copy(number: int) -> None:
    """One more thousand, so many times ten minutes earlier; each tenth of them failed."""
    from django.db import connection, transaction

    moment = int(time.time() * 1000) - number * APART_MS
    with transaction.atomic(), connection.cursor() as cursor:
        for table in TABLES:
            columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
            values = [_value(table, column, moment, number) for column in columns]
            names = ", ".join(f'"{column}"' for column in columns)
            cursor.execute(f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} WHERE {_real()}")


def _real() -> str:
    """The real ones are the newest: their ids are above all copies'."""
    from django.db import connection

    edge = f"{int(time.time() * 1000) - APART_MS // 2:012x}{'0' * 20}"
    return f"id >= '{edge}'" if connection.vendor == "sqlite" else f"id >= '{edge}'::uuid"


def _value(table: str, column: str, moment: int, number: int) -> str:
    if column in ("id", "run_id"):
        return _id(column, moment)
    if column in TIMES:
        return f"'{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M:%S}'"
    if table == "workflows_run" and column == "inputs":
        return f"replace(inputs, '\"n', '\"copy{number}n')"
    if table == "workflows_run" and number % 10 == 0 and column in ("status", "error"):
        return "'failed'" if column == "status" else f"'{json.dumps(FAILED)}'"
    return f'"{column}"'


def _id(column: str, moment: int) -> str:
    """The same id with another moment in front (uuid7 begins with 48 bits of milliseconds)."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return f"'{moment:012x}' || substr({column}, 13)"
    return f"('{moment:012x}' || substr(replace({column}::text, '-', ''), 13))::uuid"


def _settle() -> None:
    """What autovacuum does in time; and an empty write-ahead log."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


if __name__ == "__main__":
    main()
