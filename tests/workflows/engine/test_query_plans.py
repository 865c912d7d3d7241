"""What every worker asks each second must not read every run there ever was (SQLite says how it would read)."""

from __future__ import annotations

import pytest
from django.db import connection, connections

from orchestrator_site.lib.ids import uuid7
from workflows.engine.claims import Reader
from workflows.engine.protocol import Me
from workflows.engine.sql import SqlStore, _for_sqlite
from workflows.engine.sweeper import Sweeper
from workflows.engine.times import Times

pytestmark = pytest.mark.django_db(transaction=True)


class Explaining(SqlStore):
    """Notes how each statement would be read."""

    def __init__(self, database):
        super().__init__(database)
        self.read = []

    def run(self, sql, values=()):
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            plan = self.db.connection.execute(f"EXPLAIN QUERY PLAN {_for_sqlite(sql)}", [None] * len(values))
            self.read += [(line[-1], sql) for line in plan.fetchall()]
        return super().run(sql, values)

    def whole_tables(self):
        big = ("SCAN workflows_run", "SCAN r", "SCAN workflows_steprun", "SCAN s", "SCAN workflows_effect", "SCAN e")
        nobodys = "SEARCH workflows_run USING INDEX workflows_run_worker_id"  # every ended run is nobody's
        return [(line, sql) for line, sql in self.read if line in big or line.startswith(nobodys)]


class Reads:
    def __init__(self, reader):
        self.reader = reader


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by statistics")
@pytest.mark.parametrize("question", ["wake_due", "due", "workers", "owned", "claim", "take_over", "sweep"])
def test_a_question_of_every_second_is_answered_from_an_index(question, workspace):
    store, me = Explaining(connections["default"]), Me(uuid7(), 1)
    store.prepare()
    reader = Reader(store)
    ask = {
        "wake_due": reader.wake_due,
        "due": reader.due,
        "workers": reader.workers,
        "owned": lambda: reader.owned(me),
        "claim": lambda: reader.in_one(lambda: store.take_queued(me, 10)),
        "take_over": lambda: store.orphans(me.worker),
        "sweep": Sweeper(Reads(reader), None, Times(), me).sweep,
    }
    ask[question]()
    assert store.read and store.whole_tables() == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by statistics")
def test_the_items_of_a_chunk_are_found_by_their_places(workspace):
    store = Explaining(connections["default"])
    store.prepare()
    Reader(store).steps_at(uuid7(), [f"all[{index}]" for index in range(100)], ["one", "two"])
    [(line, _)] = store.read
    assert "run_id=? AND key=? AND path=?" in line
