"""The suite of every action, for Notion."""

from __future__ import annotations

from tests.integrations.gate import info_of
from tests.integrations.suite import ActionSuite

DATABASE, PAGE = "22222222-2222-4222-8222-222222222222", "11111111-1111-4111-8111-111111111111"


class OnNotion(ActionSuite):
    def real(self, contract):
        return info_of("notion", base_url=contract.notion_url, token="ntn_test")


class TestCreatePage(OnNotion):
    action = "notion.create_page"
    inputs = {"parent": DATABASE, "title": "Offer", "content": "- one"}
    sandbox_inputs = {**inputs, "parent": "your-database-id"}
    operations = {"createPage": 1}

    def check(self, output):
        assert output["id"]


class TestAppend(OnNotion):
    action = "notion.append"
    inputs = {"page": PAGE, "content": "- one"}
    sandbox_inputs = {**inputs, "page": "your-page-id"}
    operations = {"updatePageMarkdown": 1}

    def check(self, output):
        assert len(output["block_ids"]) == 2


class TestSearch(OnNotion):
    action = "notion.search"
    inputs = {"kind": "page"}
    operations = {"search": 1}

    def check(self, output):
        assert output["count"] >= 1


del OnNotion, ActionSuite
