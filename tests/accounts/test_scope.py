"""Tenant scope by construction."""

import pytest

from accounts.models import ApiToken, Member
from accounts.models.scope import ForeignRow, UnscopedQuery
from prompts.models import Prompt, PromptVersion
from tests.factories.accounts import MemberFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "query",
    [
        lambda: list(Member.objects.all()),
        lambda: Member.objects.filter(role="owner").count(),
        lambda: Member.objects.first(),
        lambda: Member.objects.get(role="owner"),
        lambda: Member.objects.filter(role="owner").exists(),
        lambda: Member.objects.update(role="owner"),
        lambda: ApiToken.objects.all().delete(),
        lambda: list(Member.objects.values_list("pk")),
        lambda: next(Member.objects.iterator()),
        lambda: Member.objects.in_bulk(),
    ],
)
def test_a_query_that_names_no_workspace_raises(query):
    with pytest.raises(UnscopedQuery):
        query()


def test_a_query_of_a_workspace_sees_only_its_rows():
    mine, theirs = MemberFactory(), MemberFactory()
    assert list(Member.objects.of(mine.workspace)) == [mine]
    assert theirs in Member.objects.unscoped("test")


def test_all_workspaces_at_once_need_a_reason():
    with pytest.raises(UnscopedQuery):
        Member.objects.unscoped("")


def test_a_row_cannot_point_into_another_workspace(editor):
    elsewhere = WorkspaceFactory()
    prompt = Prompt.objects.create(workspace=elsewhere, slug="theirs", name="Theirs")
    fields = {"workspace": editor.workspace, "number": 1}
    with pytest.raises(ForeignRow):
        PromptVersion(**fields, prompt=prompt).save()
    with pytest.raises(ForeignRow):
        PromptVersion(**fields, prompt_id=prompt.pk).save()
    with pytest.raises(ForeignRow):
        PromptVersion.objects.bulk_create([PromptVersion(**fields, prompt=prompt)])
