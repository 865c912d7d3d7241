"""What Notion starts runs with, over the sandbox and the real SDK: each row and comment once, nothing from before."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.errors import Unavailable
from integrations.spec import Polled
from tests.integrations.gate import poll as look

pytestmark = pytest.mark.django_db


def poll(place: Any, kind: str, cursor: Any, **config: Any) -> Polled:
    """One look at a place."""
    return look(f"notion.{kind}", place.info, cursor, **config)


def add(place: Any, title: str) -> str:
    """A row by somebody else; its id."""
    parent = place.ask("find_parent", place.database)
    return str(place.ask("create_page", parent, {"Subject": {"title": [{"text": {"content": title}}]}}, "").id)


def titles(polled: Polled) -> list[Any]:
    return [event.data["title"] for event in polled.events]


def test_new_rows_come_once_and_what_was_there_is_no_news(place):
    add(place, "Old")
    cursor = poll(place, "new_row", None, database=place.database).cursor
    add(place, "First")
    add(place, "Second")
    found = poll(place, "new_row", cursor, database=place.database)
    assert sorted(titles(found)) == ["First", "Second"]
    assert poll(place, "new_row", found.cursor, database=place.database).events == []


def test_a_change_of_a_row_is_told_even_within_the_same_minute(place):
    row = add(place, "Old")
    cursor = poll(place, "changed_row", None, database=place.database).cursor
    assert poll(place, "changed_row", cursor, database=place.database).events == []
    for minutes in (5, 7):
        place.ask("update_page", row, {"Minutes": {"number": minutes}})
        found = poll(place, "changed_row", cursor, database=place.database)
        assert [event.data["properties"]["Minutes"] for event in found.events] == [minutes]
        cursor = found.cursor
    assert poll(place, "changed_row", cursor, database=place.database).events == []


def test_comments_of_others_come_once_and_our_own_do_not(place):
    place.ask("add_comment", place.page, "Old", "")
    cursor = poll(place, "new_comment", None, page=place.page).cursor
    place.ask("add_comment", place.page, "By a step", "k1")
    place.ask("add_comment", place.page, "Can you look?", "")
    found = poll(place, "new_comment", cursor, page=place.page)
    texts = [event.data["text"] for event in found.events]
    assert [text.partition(" ·")[0] for text in texts] == ["Can you look?"]
    assert poll(place, "new_comment", found.cursor, page=place.page).events == []


def test_an_outage_loses_no_row(real, contract):
    cursor = poll(real, "new_row", None, database=real.database).cursor
    add(real, "During the outage")
    contract.fail("unavailable", "*", times=1)
    with pytest.raises(Unavailable):
        poll(real, "new_row", cursor, database=real.database)
    assert titles(poll(real, "new_row", cursor, database=real.database)) == ["During the outage"]
