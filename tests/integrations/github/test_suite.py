"""The suite of every action, for GitHub."""

from __future__ import annotations

from tests.integrations.gate import info_of
from tests.integrations.suite import ActionSuite


class OnGithub(ActionSuite):
    def real(self, contract):
        return info_of("github", base_url=contract.github_url, token="ghp_test")


class TestCreateIssue(OnGithub):
    action = "github.create_issue"
    inputs = {"repository": "octocat/Hello-World", "title": "The export stops", "labels": ["bug"]}
    sandbox_inputs = {"repository": "your-username/your-repo", "title": "The export stops"}
    operations = {"issues/create": 1}

    def check(self, output):
        assert output["number"]


class TestCommitFile(OnGithub):
    action = "github.commit_file"
    inputs = {"repository": "octocat/Hello-World", "path": "docs/a.md", "content": "A", "message": "Add"}
    sandbox_inputs = {**inputs, "repository": "your-username/your-repo"}
    operations = {"repos/create-or-update-file-contents": 1}

    def check(self, output):
        assert output["changed"]


class TestListRepositories(OnGithub):
    action = "github.list_repositories"
    inputs = {}
    operations = {"repos/list-for-authenticated-user": 1}

    def check(self, output):
        assert output["count"] >= 2


del OnGithub, ActionSuite
