"""The audit trail: chained, redacted, append-only, and bounded for refusals."""

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts import audit
from accounts.actor import Actor
from accounts.models import AuditEntry, Member
from orchestrator_site.lib.errors import Forbidden
from tests.factories.accounts import MemberFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


def entries(workspace):
    return AuditEntry.objects.of(workspace).order_by("seq")


def test_entries_of_a_workspace_form_a_chain(owner):
    for number in range(3):
        audit.record(owner.actor, "thing.done", owner.member, details={"number": number})
    rows = list(entries(owner.workspace))
    assert [row.seq for row in rows] == [1, 2, 3]
    assert rows[1].previous_hash == rows[0].hash
    assert list(audit.verify(str(owner.workspace.pk))) == []


def test_an_entry_says_who_what_and_from_where(owner):
    entry = audit.record(owner.actor, "member.role", owner.member, details={"before": "viewer"})
    assert (entry.actor, entry.action, entry.object_type, entry.ip) == (
        "Olga Owner",
        "member.role",
        "member",
        "127.0.0.1",
    )


def test_a_changed_entry_is_found(owner):
    audit.record(owner.actor, "thing.done")
    audit.record(owner.actor, "thing.done")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditentry SET action = 'thing.undone' WHERE seq = 1")
    assert [b.why for b in audit.verify(str(owner.workspace.pk))] == ["its content was changed after it was written"]
    with pytest.raises(CommandError):
        call_command("verify_audit")


def test_a_removed_entry_is_found(owner):
    for _ in range(3):
        audit.record(owner.actor, "thing.done")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_auditentry WHERE seq = 2")
    assert "missing" in next(audit.verify(str(owner.workspace.pk))).why


def test_entries_cannot_be_changed_or_deleted_through_the_models(owner):
    entry = audit.record(owner.actor, "thing.done")
    entry.action = "else"
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()
    with pytest.raises(TypeError):
        entries(owner.workspace).update(action="else")
    with pytest.raises(TypeError):
        entries(owner.workspace).delete()


def test_secrets_do_not_reach_the_trail(owner):
    entry = audit.record(
        owner.actor,
        "connection.create",
        details={"secret": {"api_key": "whatever"}, "note": "key sk-abcdef1234567890abcdef"},
    )
    assert "whatever" not in str(entry.details)
    assert "sk-abcdef" not in str(entry.details)


def test_an_object_of_another_workspace_is_never_recorded(owner):
    foreign = MemberFactory()
    with pytest.raises(ValueError, match="another workspace"):
        audit.record(owner.actor, "member.role", foreign)


def test_a_refusal_is_recorded_once_a_minute(viewer):
    for _ in range(5):
        with pytest.raises(Forbidden):
            viewer.actor.require("edit")
    row = entries(viewer.workspace).get()
    assert (row.action, row.outcome, row.actor) == ("denied.edit", "denied", "Vera Viewer")


def test_a_refusal_in_a_transaction_is_recorded_after_it(viewer):
    def operation():
        with transaction.atomic():
            viewer.actor.require("edit")

    with pytest.raises(Forbidden):
        operation()
    assert entries(viewer.workspace).count() == 0
    audit.write_pending_denials()
    assert entries(viewer.workspace).get().action == "denied.edit"


def test_the_trail_outlives_its_workspace(owner):
    audit.record(owner.actor, "thing.done")
    chain = str(owner.workspace.pk)
    owner.workspace.delete()
    assert list(audit.verify(chain)) == []
    assert AuditEntry.objects.unscoped("test").filter(chain=chain).count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_chain():
    workspace = WorkspaceFactory()
    member = Member.objects.of(workspace).get(pk=MemberFactory(workspace=workspace, role="owner").pk)
    actor = Actor.of_member(member)
    failures = []

    def write():
        try:
            for _ in range(5):
                audit.record(actor, "thing.done")
        except Exception as problem:
            failures.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failures == []
    assert [e.seq for e in entries(workspace)] == list(range(1, 21))
    assert list(audit.verify(str(workspace.pk))) == []
