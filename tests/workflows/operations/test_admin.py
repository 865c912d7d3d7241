"""Workflows in the admin: the same operations, the same checks; the record is read-only."""

from __future__ import annotations

import json

import pytest
from django.contrib import admin
from django.test import Client

from accounts.models import AuditEntry
from tests.factories.accounts import UserFactory
from tests.workflows.definition.helpers import EXAMPLE, text_step, workflow
from workflows.models import DraftRevision, Run, Step, Variable, Workflow
from workflows.operations.drafts import draft_definition
from workflows.operations.workflows import create_workflow, get_workflow


@pytest.fixture
def browser(db):
    client = Client()
    root = UserFactory(is_staff=True, is_superuser=True, name="Rita Root")
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    return client


def posted(browser, flow) -> dict:
    """What the browser would send back unchanged."""
    page = browser.get(f"/admin/workflows/workflow/{flow.pk}/change/")
    assert page.status_code == 200
    form = page.context["adminform"].form
    formset = page.context["inline_admin_formsets"][0].formset
    data: dict = {}
    for one in (form, formset.management_form, *formset.forms):
        for name in one.fields:
            value = one[name].value()
            if value is not None and value is not False:
                data[one.add_prefix(name)] = value if not isinstance(value, dict | list) else json.dumps(value)
    return data


def save(browser, flow, data: dict):
    return browser.post(f"/admin/workflows/workflow/{flow.pk}/change/", data)


def test_an_unchanged_save_changes_nothing(browser, editor, connected):
    flow = create_workflow(editor.actor, EXAMPLE)
    assert save(browser, flow, posted(browser, flow)).status_code == 302
    again = get_workflow(editor.actor, flow.slug)
    assert draft_definition(again) == EXAMPLE
    assert again.draft_etag == flow.draft_etag


def test_a_step_is_edited_with_a_revision_and_an_audit_entry(browser, editor, workspace, flow):
    data = posted(browser, flow)
    data["steps-0-inputs"] = json.dumps({"template": "changed"})
    assert save(browser, flow, data).status_code == 302
    assert draft_definition(get_workflow(editor.actor, flow.slug))["steps"][0]["with"] == {"template": "changed"}
    assert DraftRevision.objects.of(workspace).filter(workflow=flow).count() == 2
    entry = AuditEntry.objects.of(workspace).get(action="workflow.save")
    assert "Rita Root" in entry.actor


def test_a_step_is_added_and_one_removed(browser, editor, flow):
    data = posted(browser, flow)
    data |= {"steps-0-DELETE": "on", "steps-2-key": "c", "steps-2-action": "data.format", "steps-2-position": "5",
             "steps-2-inputs": '{"template": "x"}'}  # fmt: skip
    assert save(browser, flow, data).status_code == 302
    assert [step["key"] for step in draft_definition(get_workflow(editor.actor, flow.slug))["steps"]] == ["b", "c"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("steps-1-key", "a", "duplicate"),
        ("steps-1-key", "B b", "lower-case"),
        ("steps-1-timeout", "5000", "1 to 3600"),
        ("steps-1-inputs", "[1]", "an object"),
        ("steps-1-inputs", '{"a": NaN}', "NaN"),
        ("steps-1-on_error", '{"do": "explode"}', "one of"),
        ("name", "", "required"),
        ("inputs", '[{"name": "A b", "type": "text"}]', "lower-case"),
    ],
)
def test_what_is_not_well_formed_is_told_in_the_form_and_not_saved(browser, editor, flow, field, value, said):
    before = draft_definition(flow)
    page = save(browser, flow, {**posted(browser, flow), field: value})
    assert page.status_code == 200
    assert said in page.content.decode()
    assert draft_definition(get_workflow(editor.actor, flow.slug)) == before


def test_problems_of_the_draft_are_shown(browser, editor):
    flow = create_workflow(editor.actor, workflow(text_step("a", "{{ nope }}")), draft=True)
    assert "There is no “nope” here." in browser.get(f"/admin/workflows/workflow/{flow.pk}/change/").content.decode()


def test_a_save_over_somebody_elses_is_refused(browser, editor, flow):
    from workflows.operations.drafts import edit_step

    data = posted(browser, flow)
    edit_step(editor.actor, flow, "a", {"name": "Theirs"}, if_match="*")
    page = save(browser, flow, data)
    assert page.status_code == 200 and "in the meantime" in page.content.decode()
    assert draft_definition(get_workflow(editor.actor, flow.slug))["steps"][0]["name"] == "Theirs"


def test_a_new_workflow_is_made_through_the_operation(browser, editor, workspace):
    data = {
        "workspace": str(workspace.pk), "slug": "", "name": "From the admin", "enabled": "on", "inputs": "[]",
        "outputs": "{}", "settings": "{}", "steps-TOTAL_FORMS": "1", "steps-INITIAL_FORMS": "0", "steps-0-key": "a",
        "steps-0-action": "data.format", "steps-0-inputs": '{"template": "x"}', "steps-0-position": "0",
    }  # fmt: skip
    assert browser.post("/admin/workflows/workflow/add/", data).status_code == 302
    flow = get_workflow(editor.actor, "from_the_admin")
    assert [step["key"] for step in draft_definition(flow)["steps"]] == ["a"]


def test_a_taken_slug_is_told(browser, workspace, flow):
    data = {
        "workspace": str(workspace.pk), "slug": flow.slug, "name": "Twice", "inputs": "[]", "outputs": "{}",
        "settings": "{}", "steps-TOTAL_FORMS": "0", "steps-INITIAL_FORMS": "0",
    }  # fmt: skip
    page = browser.post("/admin/workflows/workflow/add/", data, follow=True)
    assert "already" in page.content.decode()
    assert Workflow.objects.of(workspace).count() == 1


def test_a_large_workflow_shows_its_steps_and_saves_its_name(browser, editor):
    flow = create_workflow(editor.actor, workflow(*(text_step(f"s{i}") for i in range(60)), name="Large"))
    data = {"name": "Larger", "enabled": "on", "inputs": "[]", "outputs": "{}", "settings": "{}",
            "draft_tag": flow.draft_etag, "steps-TOTAL_FORMS": "0", "steps-INITIAL_FORMS": "0"}  # fmt: skip
    assert browser.get(f"/admin/workflows/workflow/{flow.pk}/change/").status_code == 200
    assert save(browser, flow, data).status_code == 302
    again = get_workflow(editor.actor, flow.slug)
    assert again.name == "Larger" and len(draft_definition(again)["steps"]) == 60


def test_publishing_and_deleting_are_actions(browser, editor, flow):
    chosen = {"_selected_action": [str(flow.pk)]}
    browser.post("/admin/workflows/workflow/", {**chosen, "action": "publish"})
    assert get_workflow(editor.actor, flow.slug).published.number == 1
    browser.post("/admin/workflows/workflow/", {**chosen, "action": "delete_softly"})
    flow.refresh_from_db()
    assert flow.deleted_at is not None


def test_variables_are_written_through_the_operation(browser, workspace):
    data = {"workspace": str(workspace.pk), "name": "team", "value": '"Fernhill"', "help": ""}
    assert browser.post("/admin/workflows/variable/add/", data).status_code == 302
    row = Variable.objects.of(workspace).get()
    assert (row.name, row.value) == ("team", "Fernhill")
    assert browser.post(f"/admin/workflows/variable/{row.pk}/change/", {"value": "{1}", "help": ""}).status_code == 200
    assert browser.post(f"/admin/workflows/variable/{row.pk}/change/", {"value": "5", "help": ""}).status_code == 302
    assert browser.post(f"/admin/workflows/variable/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    actions = AuditEntry.objects.of(workspace).values_list("action", flat=True).order_by("seq")
    assert list(actions) == ["variable.set", "variable.set", "variable.delete"]


@pytest.mark.parametrize(
    "name", ["run", "steprun", "effect", "wait", "workflowversion", "draftrevision", "worker", "workflow", "variable"]
)
def test_every_list_opens(browser, flow, name):
    assert browser.get(f"/admin/workflows/{name}/").status_code == 200


def test_the_record_of_a_run_is_read_only(browser, editor, workspace, flow):
    from workflows.operations.publish import publish_workflow

    version = publish_workflow(editor.actor, flow)
    run = Run.objects.create(workspace=workspace, workflow=flow, version=version)
    url = f"/admin/workflows/run/{run.pk}/change/"
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"status": "succeeded"}).status_code == 403
    assert browser.post(f"/admin/workflows/run/{run.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.get("/admin/workflows/run/add/").status_code == 403


def test_members_do_not_get_in(owner, flow):
    assert owner.client.get("/admin/workflows/workflow/").status_code == 404


def test_nothing_of_the_queue_is_registered():
    assert not any(model._meta.app_label == "django_q" for model in admin.site._registry)
    assert Step not in admin.site._registry
