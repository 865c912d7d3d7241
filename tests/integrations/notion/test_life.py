"""Pages, rows, comments, people and files; sandbox and real SDK alike."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected
from tests.integrations.gate import Gate, MemoryFiles, attempt, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db


def run(place, verb, given, **more):
    return run_action(f"notion.{verb}", given, place.info, **more)


def row(place, title, **properties):
    return run(place, "create_page", {"parent": place.database, "title": title, "properties": properties}).output


def test_a_page_is_read_with_its_properties_and_content(place):
    made = run(
        place, "create_page",
        {"parent": place.database, "title": "Offer", "content": "## Part\n\nText.", "properties": {"Minutes": 4}},
    ).output  # fmt: skip
    found = run(place, "get_page", {"page": made["id"]}).output
    assert found["title"] == "Offer" and found["properties"]["Minutes"] == 4
    assert "Part" in found["content"] and "Text." in found["content"]
    assert "workflow-effect" not in found["content"], "our marker is not part of the text"


def test_properties_are_set_by_the_real_schema_and_the_others_stay(place):
    made = row(place, "Offer", Topic="Team", Minutes=3)
    changed = run(place, "update_page", {"page": made["id"], "properties": {"Topic": "Billing", "Answered": "yes"}})
    assert changed.output["properties"]["Topic"] == "Billing" and changed.output["properties"]["Answered"] is True
    assert place.values(made["id"])["Minutes"] == 3 and changed.output["title"] == "Offer"
    assert run(place, "update_page", {"page": made["id"], "title": "Lease"}).output["title"] == "Lease"
    wrong = attempt("notion.update_page", {"page": made["id"], "properties": {"Statsu": "x"}}, place.info)
    assert isinstance(wrong.error, Rejected) and "Did you mean Status" in wrong.error.hint and wrong.orders == []
    nothing = attempt("notion.update_page", {"page": made["id"]}, place.info)
    assert isinstance(nothing.error, Rejected) and nothing.error.code == "E_REQUIRED"


def test_a_page_goes_to_the_trash_and_comes_back(place):
    made = row(place, "Old")
    assert run(place, "archive_page", {"page": made["id"]}).output["in_trash"]
    rows = run(place, "query_database", {"database": place.database}).output["rows"]
    assert made["id"] not in [one["id"] for one in rows]
    assert not run(place, "restore_page", {"page": made["id"]}).output["in_trash"]


def test_content_is_replaced(place):
    run(place, "replace_content", {"page": place.page, "content": "# New\n\nall of it"})
    content = run(place, "get_page", {"page": place.page}).output["content"]
    assert "all of it" in content and "first line" not in content


def test_rows_are_found_by_conditions(place):
    for title, minutes, topic in (("A", 1, "Team"), ("B", 5, "Team"), ("C", 9, "Billing")):
        row(place, title, Minutes=minutes, Topic=topic)

    def titles(*conditions, **more):
        given = {"database": place.database, "conditions": list(conditions), "sort": "Minutes", **more}
        return [one["title"] for one in run(place, "query_database", given).output["rows"]]

    team = {"property": "Topic", "test": "equals", "value": "Team"}
    long = {"property": "Minutes", "test": "greater_than", "value": "4"}
    assert titles(team) == ["A", "B"] and titles(team, long) == ["B"]
    assert titles(team, long, match="any") == ["A", "B", "C"] and titles(descending=True)[:1] == ["C"]
    assert titles({"property": "Subject", "test": "contains", "value": "C"}) == ["C"] and titles(limit=1) == ["A"]
    for wrong in ({"property": "Nope", "test": "equals"}, {"property": "Minutes", "test": "starts_with", "value": "1"}):
        ran = attempt("notion.query_database", {"database": place.database, "conditions": [wrong]}, place.info)
        assert isinstance(ran.error, Rejected) and ran.error.hint


def test_a_database_tells_its_properties(place):
    found = run(place, "get_database", {"database": place.database}).output
    kinds = {one["name"]: one["type"] for one in found["properties"]}
    assert kinds["Subject"] == "title" and kinds["Minutes"] == "number"
    ran = attempt("notion.get_database", {"database": place.page}, place.info)
    assert isinstance(ran.error, Rejected) and "not a database" in ran.error.message


def test_upsert_creates_once_and_then_changes(place):
    given = {"parent": place.database, "key": "Note", "title": "Mail", "properties": {"Note": "id-7", "Minutes": 1}}
    first = run(place, "upsert_page", given).output
    again = run(place, "upsert_page", {**given, "title": "Mail 2", "properties": {"Note": "id-7", "Minutes": 2}}).output
    assert first["created"] and not again["created"] and first["id"] == again["id"]
    assert place.values(first["id"])["Minutes"] == 2 and again["title"] == "Mail 2"
    row(place, "Twin", Note="id-7")
    ran = attempt("notion.upsert_page", given, place.info)
    assert isinstance(ran.error, Rejected) and "More than one row" in ran.error.message
    empty = attempt("notion.upsert_page", {**given, "properties": {}}, place.info)
    assert isinstance(empty.error, Rejected) and "no value" in empty.error.message


def test_a_comment_is_written_and_found_again_by_its_key_only(place):
    gate, given = Gate(), {"page": place.page, "text": "Please look."}
    made = run(place, "add_comment", given, gate=gate).output
    listed = run(place, "list_comments", {"page": place.page}).output
    assert [one["text"] for one in listed["comments"]] == ["Please look."]
    assert find_again("notion.add_comment", given, place.info, gate).external_id == made["id"]
    assert find_again("notion.add_comment", given, place.info, Gate()) is None


def test_people_are_found(place):
    everybody = run(place, "list_users", {}).output["users"]
    assert everybody and run(place, "list_users", {"query": everybody[0]["name"]}).output["count"] >= 1
    assert run(place, "list_users", {"query": "nobody at all"}).output["count"] == 0


def test_a_file_is_put_on_a_page_in_three_changes(place):
    import asyncio

    if not place.info.sandbox:
        pytest.skip("the contract server's own answer to a block with a file does not conform")
    files, gate = MemoryFiles(), Gate()
    kept = asyncio.run(files.write(b"a,b", "rows.csv", "text/csv"))
    given = {"page": place.page, "file": kept.model_dump(mode="json", by_alias=True)}
    assert run(place, "upload_file", given, gate=gate, files=files).output["upload_id"]
    assert [order.op for order in gate.orders] == ["begin_upload", "send_upload", "attach"]
    for seq in (2, 3):
        assert find_again("notion.upload_file", given, place.info, gate, seq=seq, files=files) is not None


def test_the_bytes_of_an_upload_arrive(place):
    upload = place.ask("begin_upload", "rows.csv", "text/csv")
    assert not place.ask("is_uploaded", upload)
    place.ask("send_upload", upload, "rows.csv", "text/csv", b"a,b")
    assert place.ask("is_uploaded", upload)


def test_a_page_is_moved(place):
    made = row(place, "Wanderer")
    run(place, "move_page", {"page": made["id"], "parent": place.page})
    assert run(place, "get_page", {"page": made["id"]}).output["title"] == "Wanderer"


def test_pages_and_databases_are_offered(place):
    offered = [choice.value for choice in place.ask("choices", "places", "", {})]
    assert place.page in offered
    assert [choice.label for choice in place.ask("choices", "databases", "Inbox", {})][:1]
    assert place.ask("choices", "nonsense", "", {}) == []
