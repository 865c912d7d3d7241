"""Searching, and describing a token."""

from __future__ import annotations

import pytest

from integrations import direct
from integrations.errors import Rejected, SignInAgain
from integrations.operations.opening import client_for
from tests.integrations.gate import attempt, info_of, run_action

pytestmark = pytest.mark.django_db


def test_pages_are_found_by_title_whatever_the_property_is_called(place):
    made = run_action("notion.create_page", {"parent": place.database, "title": "Unusual words"}, place.info).output
    output = run_action("notion.search", {"query": "unusual"}, place.info).output
    assert [(r["id"], r["title"], r["kind"]) for r in output["results"]] == [(made["id"], "Unusual words", "page")]
    assert output["count"] == 1
    assert output["results"][0]["url"]


def test_databases_are_found_as_data_sources(place):
    output = run_action("notion.search", {"query": "Inbox", "kind": "data_source"}, place.info).output
    assert {result["kind"] for result in output["results"]} == {"data_source"}
    ids = [result["id"] for result in output["results"]]
    assert place.ask("find_parent", place.database).id in ids


def test_a_limit_is_kept(place):
    assert run_action("notion.search", {"limit": 2}, place.info).output["count"] == 2


def test_every_page_of_results_is_read(real, contract):
    for number in range(130):
        contract.notion.add_page(f"Many {number}")
    assert run_action("notion.search", {"query": "Many", "limit": 500}, real.info).output["count"] == 130


def test_a_test_says_what_is_shared(place):
    found = place.ask("describe")
    assert found.ok
    assert "databases" in found.summary
    assert found.missing == ()


def test_a_refused_token_says_where_to_copy_it(contract):
    info = info_of("notion", base_url=contract.notion_url, token="ntn_expired")
    with pytest.raises(SignInAgain) as caught:
        direct.call(lambda calls: client_for(info, calls).describe())
    assert "notion.so/profile/integrations" in caught.value.hint


def test_a_token_that_only_reads_is_told_the_capability(contract, real):
    info = info_of("notion", base_url=contract.notion_url, token="ntn_readonly")
    ran = attempt("notion.append", {"page": real.page, "content": "x"}, info)
    assert isinstance(ran.error, SignInAgain)
    assert "capabilities" in ran.error.hint


def test_a_database_with_several_data_sources_asks_which(real, contract):
    source = {"title": [{"text": {"content": "Second"}}], "properties": {"Name": {"title": {}}}}
    held = contract.notion.databases[real.database]
    contract.notion._add_source(held, contract.notion._text(source["title"], "t"), source["properties"])
    ran = attempt("notion.create_page", {"parent": real.database, "title": "x"}, real.info)
    assert isinstance(ran.error, Rejected)
    assert "2 data sources" in ran.error.message
    assert "Second" in ran.error.hint


def test_a_loop_asks_for_the_schema_once(real, contract):
    async def three(calls):
        client = client_for(real.info, calls)
        parents = [await client.find_parent(real.database) for _ in range(3)]
        return parents[0] == parents[2]

    assert direct.call(three)
    assert len(contract.calls("getDataSource")) == 1


def test_the_version_of_the_api_is_pinned(real, contract):
    run_action("notion.search", {}, real.info)
    assert {call.headers["notion-version"] for call in contract.calls("search")} == {"2025-09-03"}
