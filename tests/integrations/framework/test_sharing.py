"""A connection that not everybody may use: asked at save, at publish, for choices, and when a run begins."""

from __future__ import annotations

import pytest

from integrations.operations import connections as operations
from integrations.operations.choices import list_choices
from orchestrator_site.lib.errors import Forbidden, UserError
from tests.integrations.framework.test_connections import make
from workflows.operations.drafts import add_step, edit_step
from workflows.operations.publish import publish_workflow
from workflows.operations.workflows import create_workflow

pytestmark = pytest.mark.django_db
ASK = {"key": "ask", "action": "ai.complete", "with": {"prompt": "Hi"}}


def only(admin, **who):
    made = make(admin)
    return operations.share_connection(admin.actor, made, everyone=False, **who)


def flow(persona, *steps):
    return create_workflow(
        persona.actor, {"format": 1, "name": "Flow", "inputs": [], "steps": list(steps), "outputs": {}}
    )


def test_nobody_else_may_build_with_it(admin, editor, owner):
    made = only(admin, role="admin")
    for step in (ASK, {**ASK, "connection": "openai"}):
        with pytest.raises(Forbidden) as caught:
            flow(editor, step)
        assert caught.value.code == "E_CONN_SHARED" and "openai" in caught.value.message
    assert flow(admin, ASK) and flow(owner, ASK)
    operations.share_connection(admin.actor, made, everyone=False, members=[editor.user.email])
    assert flow(editor, ASK)
    with pytest.raises(Forbidden):
        flow(owner, ASK)


def test_others_may_edit_around_it_but_not_publish_it(admin, editor):
    only(admin, role="admin")
    built = flow(admin, ASK)
    note = {"key": "note", "action": "data.format", "with": {"template": "x"}}
    add_step(editor.actor, built, note, if_match="*")
    edit_step(editor.actor, built, "ask", {"with": {"prompt": "Ho"}}, if_match="*")
    with pytest.raises(Forbidden):
        add_step(editor.actor, built, {**ASK, "key": "again"}, if_match="*")
    with pytest.raises(Forbidden) as caught:
        publish_workflow(editor.actor, built)
    assert caught.value.code == "E_CONN_SHARED"
    assert publish_workflow(admin.actor, built).author == admin.user


def test_choices_are_not_read_over_it(admin, editor):
    only(admin, role="admin")
    with pytest.raises(Forbidden):
        list_choices(editor.actor, "ai.complete", "model")


def test_only_who_looks_after_connections_shares_them_and_only_with_members(admin, editor, outsider):
    made = make(admin)
    with pytest.raises(Forbidden):
        operations.share_connection(editor.actor, made, everyone=True)
    for who, code in [
        ({"role": "boss"}, "E_CHOICE"),
        ({"members": [outsider.user.email]}, "E_NOT_FOUND"),
        ({}, "E_REQUIRED"),
    ]:
        with pytest.raises(UserError) as caught:
            operations.share_connection(admin.actor, made, everyone=False, **who)
        assert caught.value.code == code
    made.refresh_from_db()
    assert made.sharing == {}


def test_the_api_says_and_sets_who_may_use_it(admin, editor, viewer):
    made = make(admin)
    url = f"/api/v1/connections/{made.pk}"
    told = admin.api.patch_json(url, {"sharing": {"role": "admin", "members": [editor.user.email]}}).json()
    assert told["sharing"] == {"everyone": False, "role": "admin", "members": [editor.user.email]}
    assert viewer.api.patch_json(url, {"sharing": {"everyone": True}}).status_code == 403
    seen = viewer.api.get(url).json()
    assert seen["sharing"]["everyone"] is False and seen["used_by"] == [] and seen["checks"] == []
    assert admin.api.patch_json(url, {"sharing": {"everyone": True}}).json()["sharing"]["everyone"]


def test_the_page_says_and_sets_who_may_use_it(admin, editor):
    made = make(admin)
    url = f"/w/{admin.workspace.slug}/connections/{made.pk}/"
    admin.client.post(f"{url}share/", {"who": "chosen", "member": editor.user.email})
    made.refresh_from_db()
    assert made.sharing == {"role": "", "members": [str(editor.user.pk)]}
    assert editor.user.email in editor.client.get(url).content.decode()
    assert editor.client.post(f"{url}share/", {"who": "everyone"}).status_code == 403
