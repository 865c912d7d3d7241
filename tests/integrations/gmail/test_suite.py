"""The suite of every action, for Gmail."""

from __future__ import annotations

from tests.integrations.gate import info_of
from tests.integrations.suite import ActionSuite


class OnGmail(ActionSuite):
    def real(self, contract):
        return info_of("gmail", base_url=contract.gmail_url, access_token="ya29.test")


class TestSearch(OnGmail):
    action = "gmail.search"
    inputs = {"query": "is:unread", "limit": 2}
    operations = {"gmail.users.messages.list": 1, "gmail.users.messages.get": 2}

    def check(self, output):
        assert output["count"] == 2
        assert output["text"]


del OnGmail, ActionSuite
