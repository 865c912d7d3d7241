"""Connections: what is refused at the door, what is kept, what is shown, and who may."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import AuditEntry
from integrations.models import Connection, SandboxObject
from integrations.operations import connections as operations
from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound, UserError
from tests.factories.accounts import WorkspaceFactory

pytestmark = pytest.mark.django_db
KEY = "sk-abcdefghijklmnop9f2c"


def make(persona, **more):
    values = {"service": "openai", "name": "openai", "secret": {"api_key": KEY}, **more}
    return operations.create_connection(persona.actor, **values)


def refused(persona, **more) -> UserError:
    with pytest.raises(UserError) as caught:
        make(persona, **more)
    assert not Connection.objects.of(persona.actor.workspace).exists()
    return caught.value


@pytest.mark.parametrize("key", ["sk-abc\n", " sk-abc", "sk-a bc", "“sk-abc”", "sk-\u00e4bc", "sk-\x00abc"])
def test_a_key_with_a_stray_character_is_refused(admin, key):
    problem = refused(admin, secret={"api_key": key})
    assert (problem.code, problem.field) == ("E_CRED_CHARS", "secret.api_key")


def test_a_key_of_ten_kilobytes_is_refused(admin):
    assert refused(admin, secret={"api_key": "k" * 10_240}).code == "E_LENGTH"


@pytest.mark.parametrize(
    "key, owner", [("ghp_abcdefghijk", "GitHub"), ("ntn_abcdefghijk", "Notion"), ("sk-ant-abcdef", "Anthropic")]
)
def test_a_key_of_another_service_is_refused_with_its_name(admin, key, owner):
    problem = refused(admin, secret={"api_key": key})
    assert problem.code == "E_CRED_SERVICE"
    assert owner in problem.hint


def test_missing_and_unknown_fields_are_named(admin):
    assert refused(admin, secret={}).code == "E_REQUIRED"
    unknown = refused(admin, secret={"api_kye": "x"})
    assert (unknown.code, unknown.hint) == ("E_UNKNOWN_FIELD", "Did you mean api_key?")
    assert refused(admin, secret={"api_key": 5}).code == "E_TYPE"


def test_one_of_several_sets_of_fields_must_be_complete(admin):
    problem = refused(admin, service="gmail", secret={"refresh_token": "1//abcdefgh"})
    assert problem.code == "E_REQUIRED"
    assert "Access token" in problem.message


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/v1",
        "http://localhost/v1",
        "https://10.0.0.8/v1",
        "https://2130706433/",
        "file:///etc/passwd",
    ],
)
def test_a_private_address_is_refused(admin, url):
    problem = refused(admin, base_url=url)
    assert (problem.code, problem.field) == ("E_URL_BLOCKED", "base_url")


def test_an_allowed_host_and_port_is_taken(admin, settings):
    settings.ALLOW_PRIVATE_HOSTS = ["127.0.0.1:9009"]
    assert make(admin, base_url="http://127.0.0.1:9009/v1").base_url == "http://127.0.0.1:9009/v1"


def test_an_unknown_service_is_refused_with_the_nearest(admin):
    problem = refused(admin, service="opneai")
    assert (problem.code, problem.hint) == ("E_CHOICE", "Did you mean openai?")


def test_the_secret_is_encrypted_bound_and_masked(admin):
    made = make(admin)
    stored = Connection.objects.of(made.workspace).get(pk=made.pk)
    assert KEY not in stored.secret
    assert stored.masked == {"api_key": "••••9f2c"}
    assert operations.open_connection(stored).secret == {"api_key": KEY}
    assert KEY not in repr(operations.open_connection(stored))


def test_a_secret_moved_to_another_row_cannot_be_read(admin):
    one, two = make(admin), make(admin, name="other")
    Connection.objects.of(one.workspace).filter(pk=two.pk).update(secret=one.secret)
    two.refresh_from_db()
    with pytest.raises(UserError) as caught:
        operations.open_connection(two)
    assert caught.value.code == "E_SECRET_UNREADABLE"


def test_a_name_is_taken_once_and_free_again_after_deletion(admin):
    made = make(admin)
    with pytest.raises(Conflict):
        make(admin)
    operations.delete_connection(admin.actor, made)
    assert Connection.objects.of(made.workspace).get(pk=made.pk).secret == ""
    assert make(admin).name == "openai"
    with pytest.raises(NotFound):
        operations.open_connection(made)


def test_the_first_is_the_default_and_a_real_one_takes_over_from_the_sandbox(admin):
    operations.seed_sandbox(admin.actor.workspace)
    workspace = admin.actor.workspace
    assert operations.default_connection(workspace, "openai").sandbox
    made = make(admin, name="team")
    assert operations.default_connection(workspace, "openai") == made
    assert operations.default_connection(workspace, "model") == made
    assert make(admin, name="second").is_default is False


def test_the_default_for_a_model_follows_the_rank_of_the_services(admin):
    operations.seed_sandbox(admin.actor.workspace)
    assert operations.default_connection(admin.actor.workspace, "model").service == "openai"


def test_a_new_address_asks_for_the_secret_again(admin, settings):
    settings.ALLOW_PRIVATE_HOSTS = ["127.0.0.1:9009"]
    made = make(admin)
    with pytest.raises(UserError) as caught:
        operations.update_connection(admin.actor, made, base_url="http://127.0.0.1:9009/v1")
    assert (caught.value.code, caught.value.field) == ("E_REQUIRED", "secret")
    moved = operations.update_connection(
        admin.actor, made, base_url="http://127.0.0.1:9009/v1", secret={"api_key": "sk-another-key-0000"}
    )
    assert moved.masked == {"api_key": "••••0000"}


def test_replacing_one_field_keeps_the_others(admin):
    secret = {"refresh_token": "1//abcdefgh", "client_id": "mine", "client_secret": "GOCSPX-abcdefgh"}
    made = make(admin, service="gmail", name="mail", secret=secret)
    operations.update_connection(admin.actor, made, secret={"refresh_token": "1//changed-token"})
    assert operations.open_connection(made).secret == {**secret, "refresh_token": "1//changed-token"}


def test_only_those_who_may_change_connections(editor, viewer, outsider, admin):
    for persona in (editor, viewer):
        with pytest.raises(Forbidden):
            make(persona)
    made = make(admin)
    with pytest.raises(NotFound):
        operations.get_connection(outsider.actor, made.pk)
    with pytest.raises(Forbidden):
        operations.test_connection(viewer.actor, made)
    with pytest.raises(Forbidden):
        operations.delete_connection(editor.actor, made)


def test_every_change_is_in_the_audit_trail_without_the_secret(admin):
    made = make(admin)
    operations.update_connection(admin.actor, made, name="renamed")
    operations.delete_connection(admin.actor, made)
    entries = AuditEntry.objects.of(made.workspace).filter(object_id=str(made.pk)).order_by("seq")
    assert [entry.action for entry in entries] == ["connection.create", "connection.update", "connection.delete"]
    assert KEY not in str([entry.details for entry in entries])


def test_a_test_stores_the_health_in_words(admin, contract):
    made = make(admin, base_url=contract.openai_url)
    assert operations.test_connection(admin.actor, made)["ok"]
    made.refresh_from_db()
    assert made.status == "works" and "models" in made.status_text and made.checked_at


def test_a_dead_key_is_broken_and_a_service_that_is_away_is_not(admin, contract):
    made = make(admin, base_url=contract.openai_url, secret={"api_key": "sk-expired"})
    told = operations.test_connection(admin.actor, made)
    assert not told["ok"] and "replace" in told["summary"].lower()
    made.refresh_from_db()
    assert made.status == "broken" and made.broken_at
    contract.fail("server_error", "listModels")
    operations.test_connection(admin.actor, made)
    made.refresh_from_db()
    assert made.status == "broken" and made.broken_at, "a service that is away says nothing about the key"
    other = make(admin, name="other", base_url=contract.openai_url)
    contract.fail("server_error", "listModels")
    operations.test_connection(admin.actor, other)
    other.refresh_from_db()
    assert other.status == "unknown" and other.broken_at is None


def test_keys_are_turned_over(admin, settings):
    made = make(admin)
    old = made.key_id
    settings.FIELD_KEYS = ["a-new-key-of-some-length", *settings.FIELD_KEYS]
    call_command("rotate_credentials")
    made.refresh_from_db()
    assert made.key_id != old
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    assert operations.open_connection(made).secret == {"api_key": KEY}
    settings.FIELD_KEYS = ["somebody-elses-key-000000"]
    with pytest.raises(CommandError, match="openai"):
        call_command("rotate_credentials")


def test_the_sandbox_is_filled_once_and_put_back(admin):
    workspace = admin.actor.workspace
    operations.seed_sandbox(workspace)
    operations.seed_sandbox(workspace)
    names = sorted(operations.connections_of(workspace).values_list("name", flat=True))
    assert {"openai", "anthropic"} <= set(names) and len(names) == len(set(names))
    before = SandboxObject.objects.of(workspace).count()
    SandboxObject.objects.create(workspace=workspace, service="notion", kind="page", external_id="made-by-a-run")
    other = WorkspaceFactory()
    operations.seed_sandbox(other)
    assert operations.reset_sandbox(admin.actor) == 1
    assert SandboxObject.objects.of(workspace).count() == before
    assert SandboxObject.objects.of(other).count() == before


def test_resetting_is_for_editors(viewer):
    with pytest.raises(Forbidden):
        operations.reset_sandbox(viewer.actor)


def test_a_real_connection_may_take_the_name_of_the_sandbox_one(admin):
    sandboxed = make(admin, secret=None, sandbox=True)
    real = make(admin)
    sandboxed.refresh_from_db()
    assert (real.name, real.is_default) == ("openai", True)
    assert (sandboxed.name, sandboxed.is_default, sandboxed.deleted_at) == ("openai_sandbox", False, None)
