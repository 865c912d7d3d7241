"""Queries written once: they give what the queryset gives, for every value, and ask the database each time."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import UUIDField
from django.test.utils import CaptureQueriesContext

from accounts.models import Member, UnscopedQuery
from orchestrator_site.lib.prepared import Given, Prepared
from tests.personas import persona

pytestmark = pytest.mark.django_db

BY_USER = Prepared(
    lambda: (
        Member.objects.of(Given("workspace", UUIDField()))
        .filter(user=Given("user", UUIDField()))
        .select_related("user")
        .defer("user__name")
    )
)


def test_each_call_finds_the_row_of_its_own_values(workspace):
    mara, nils = persona(workspace, "editor"), persona(workspace, "viewer")
    for who in (mara, nils, mara):
        found = BY_USER.first(workspace=workspace.pk, user=who.user.pk)
        assert found == who.member and found.role == who.member.role and found.created_at == who.member.created_at


def test_what_is_not_there_is_none(workspace, outsider):
    mara = persona(workspace, "editor")
    assert BY_USER.first(workspace=outsider.workspace.pk, user=mara.user.pk) is None


def test_related_rows_come_along_and_deferred_fields_when_asked_for(workspace):
    mara = persona(workspace, "editor")
    BY_USER.first(workspace=workspace.pk, user=mara.user.pk)
    with CaptureQueriesContext(connection) as asked:
        found = BY_USER.first(workspace=workspace.pk, user=mara.user.pk)
        assert found.user.email == mara.user.email
    assert len(asked) == 1
    assert found.user.name == mara.user.name


def test_a_change_is_seen_by_the_next_call(workspace):
    mara = persona(workspace, "editor")
    BY_USER.first(workspace=workspace.pk, user=mara.user.pk)
    Member.objects.of(workspace).filter(pk=mara.member.pk).update(role="viewer")
    assert BY_USER.first(workspace=workspace.pk, user=mara.user.pk).role == "viewer"


def test_a_query_that_names_no_workspace_is_refused():
    with pytest.raises(UnscopedQuery):
        Prepared(lambda: Member.objects.filter(user=Given("user", UUIDField()))).first(user=None)
