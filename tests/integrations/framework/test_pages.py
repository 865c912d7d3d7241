"""The pages of connections and of the sandbox world."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from integrations import registry
from integrations.models import Connection, SandboxObject
from integrations.operations.connections import connections_of, create_connection, seed_sandbox
from orchestrator_site.lib import clock

pytestmark = pytest.mark.django_db
KEY = "sk-abcdefghijklmnop9f2c"


def page(persona, name, **kwargs):
    return reverse(name, kwargs={"workspace": persona.workspace.slug, **kwargs})


def make(persona, **more):
    return create_connection(
        persona.actor, **{"service": "openai", "name": "Team key", "secret": {"api_key": KEY}, **more}
    )


def test_the_list_says_the_health_in_words(admin):
    made = make(admin)
    Connection.objects.of(made.workspace).update(status="broken", status_text="The key was revoked.")
    shown = admin.client.get(page(admin, "connections")).content.decode()
    assert "Needs you" in shown and "The key was revoked." in shown
    assert "…9f2c" in shown and KEY not in shown


def test_an_empty_list_says_what_will_be_here(admin):
    assert "No connection yet" in admin.client.get(page(admin, "connections")).content.decode()


def test_a_viewer_sees_the_list_and_no_button(viewer, admin):
    make(admin)
    shown = viewer.client.get(page(viewer, "connections")).content.decode()
    assert "Team key" in shown and "Add a connection" not in shown


def test_every_service_has_a_form(admin):
    choose = admin.client.get(page(admin, "connection_new")).content.decode()
    for integration in registry.connectable():
        assert integration.title in choose
        shown = admin.client.get(page(admin, "connection_new") + f"?service={integration.slug}")
        assert shown.status_code == 200
        for secret in integration.secrets:
            assert f"secret_{secret.name}" in shown.content.decode()


def test_a_connection_is_made_tested_at_once_and_told(admin, contract):
    url = page(admin, "connection_new") + "?service=openai"
    values = {"name": "Team key", "secret_api_key": KEY, "base_url": contract.openai_url}
    shown = admin.client.post(url, values, follow=True).content.decode()
    assert "It works" in shown and "models are open to it" in shown
    assert "Steps that name no connection to OpenAI now use Team key." in shown
    assert connections_of(admin.workspace).get().status == "works"
    assert KEY not in shown


def test_a_key_in_the_wrong_box_is_said_at_its_field(admin):
    url = page(admin, "connection_new") + "?service=openai"
    answer = admin.client.post(url, {"name": "x", "secret_api_key": "ghp_abcdefgh"})
    assert answer.status_code == 400
    assert "like a key for GitHub" in answer.content.decode()
    assert "ghp_abcdefgh" not in answer.content.decode()
    assert not connections_of(admin.workspace).exists()


def test_a_secret_can_only_be_replaced(admin):
    made = make(admin)
    url = page(admin, "connection", pk=made.pk)
    shown = admin.client.get(url).content.decode()
    assert "…9f2c" in shown and "Replace" in shown and KEY not in shown
    admin.client.post(url, {"name": "Renamed", "secret_api_key": ""})
    made.refresh_from_db()
    assert (made.name, made.masked) == ("Renamed", {"api_key": "••••9f2c"})
    admin.client.post(url, {"name": "Renamed", "secret_api_key": "sk-another-key-0000", "untried": "on"})
    made.refresh_from_db()
    assert made.masked == {"api_key": "••••0000"}


def test_it_is_made_the_default_and_deleted(admin):
    make(admin)
    other = make(admin, name="Second")
    admin.client.post(page(admin, "connection_default", pk=other.pk))
    other.refresh_from_db()
    assert other.is_default
    admin.client.post(page(admin, "connection_delete", pk=other.pk))
    assert [row.name for row in connections_of(admin.workspace)] == ["Team key"]


def test_a_sandbox_connection_needs_no_key(admin):
    url = page(admin, "connection_new") + "?service=openai"
    answer = admin.client.post(url, {"name": "try", "sandbox": "1"})
    assert answer.status_code == 302
    made = connections_of(admin.workspace).get()
    assert made.sandbox and made.name == "try"
    admin.client.post(page(admin, "connection", pk=made.pk), {"name": "tried"})
    made.refresh_from_db()
    assert made.name == "tried"


def test_an_outsider_finds_nothing(outsider, admin):
    made = make(admin)
    for url in (page(admin, "connections"), page(admin, "connection", pk=made.pk), page(admin, "sandbox")):
        assert outsider.client.get(url).status_code == 404
    assert outsider.client.get(page(outsider, "connection", pk=made.pk)).status_code == 404


def test_an_editor_cannot_make_one(editor):
    url = page(editor, "connection_new") + "?service=openai"
    assert editor.client.post(url, {"name": "x", "secret_api_key": KEY}).status_code == 403


def test_the_sandbox_shows_what_runs_changed(editor):
    seed_sandbox(editor.workspace)
    SandboxObject.objects.create(
        workspace=editor.workspace,
        service="notion",
        kind="page",
        external_id="p-1",
        title="<script>alert(1)</script>",
        data={"markdown": "# Hi\n\n![x](https://evil.example/x.png) [go](javascript:alert(1)) **bold**"},
    )
    made = SandboxObject.objects.of(editor.workspace).get(external_id="p-1")
    overview = editor.client.get(page(editor, "sandbox")).content.decode()
    assert "1 changed by runs" in overview
    listed = editor.client.get(page(editor, "sandbox_service", service="notion")).content.decode()
    assert "Made by a run" in listed and "<script>alert" not in listed
    shown = editor.client.get(page(editor, "sandbox_object", service="notion", pk=made.pk)).content.decode()
    assert "<strong>bold</strong>" in shown
    assert "<img" not in shown.split("<main")[1] and 'href="javascript' not in shown


def test_each_kind_of_thing_in_the_sandbox_has_a_page(viewer):
    seed_sandbox(viewer.workspace)
    there = SandboxObject.objects.of(viewer.workspace)
    for thing in {(thing.service, thing.kind): thing for thing in there}.values():
        answer = viewer.client.get(page(viewer, "sandbox_object", service=thing.service, pk=thing.pk))
        assert answer.status_code == 200, thing


def test_a_changed_thing_shows_before_and_now(editor):
    seed_sandbox(editor.workspace)
    thing = SandboxObject.objects.of(editor.workspace).filter(service="notion", kind="page").first()
    thing.data = {**thing.data, "markdown": "changed by a run"}
    thing.updated_at = clock.now()
    thing.save()
    shown = editor.client.get(page(editor, "sandbox_object", service="notion", pk=thing.pk)).content.decode()
    assert "What runs have changed" in shown and "changed by a run" in shown


def test_the_sandbox_is_put_back(editor):
    seed_sandbox(editor.workspace)
    SandboxObject.objects.create(workspace=editor.workspace, service="notion", kind="page", external_id="p-1")
    shown = editor.client.post(page(editor, "sandbox_reset"), follow=True).content.decode()
    assert "as it was at first" in shown
    assert not SandboxObject.objects.of(editor.workspace).filter(external_id="p-1").exists()


def test_a_secret_is_taken_only_from_somebody_who_signed_in_a_moment_ago(admin):
    made = make(admin)
    admin.client.get(page(admin, "connections"))
    later = clock.now() + timedelta(hours=2)
    posts = {
        page(admin, "connection_new") + "?service=openai": {"name": "x", "secret_api_key": KEY},
        page(admin, "connection", pk=made.pk): {"name": "Renamed", "secret_api_key": ""},
        page(admin, "connection_delete", pk=made.pk): {},
        reverse("oauth_start", kwargs={"workspace": admin.workspace.slug, "service": "gmail"}): {
            "name": "Mail", "client_id": "c", "client_secret": "s",
        },
    }  # fmt: skip
    with clock.freeze(later):
        for url, values in posts.items():
            answer = admin.client.post(url, values)
            assert answer.status_code == 302 and "next=" in answer["Location"], url
    assert [row.name for row in connections_of(admin.workspace)] == ["Team key"]
