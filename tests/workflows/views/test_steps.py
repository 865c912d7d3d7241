"""Pages of a step: the panel and its tabs, the catalogue, moving, copying, removing, and a stale save."""

import pytest

from orchestrator_site.lib.clock import now
from workflows.models import Run, StepRun
from workflows.operations import drafts
from workflows.operations import workflows as operations
from workflows.views.steps import catalogue


def form(greeting, **changes):
    said = {"etag": greeting.draft_etag, "name": "Say hello", "key": "hello", "with-template": "Hello"}
    return {**said, **changes}


def test_the_panel_shows_the_form_made_from_the_action(editor, greeting):
    page = editor.client.get(editor.path("workflows/greeting/steps/hello")).text
    assert 'name="with-template"' in page and "Hello {{ inputs.who }}" in page


def test_the_panel_offers_values_it_can_use(editor, greeting):
    page = editor.client.get(editor.path("workflows/greeting/steps/cut")).text
    assert 'data-insert="{{ steps.hello.text }}"' in page and 'data-insert="{{ inputs.who }}"' in page
    first = editor.client.get(editor.path("workflows/greeting/steps/hello")).text
    assert "steps.cut" not in first


def test_saving_sets_the_inputs_in_the_draft(editor, greeting, draft):
    said = form(greeting, **{"with-template": "Bye {{ inputs.who }}", "name": "Say goodbye"})
    assert editor.client.post(editor.path("workflows/greeting/steps/hello"), said).status_code == 302
    assert draft()["steps"][0]["with"]["template"] == "Bye {{ inputs.who }}"
    assert draft()["steps"][0]["name"] == "Say goodbye"


def test_a_new_key_is_followed_by_templates(editor, greeting, draft):
    answer = editor.client.post(editor.path("workflows/greeting/steps/hello"), form(greeting, key="greet"))
    assert answer.headers["Location"] == editor.path("workflows/greeting/steps/greet")
    assert draft()["outputs"] == {"text": "{{ steps.greet.text }}"}


def test_a_taken_or_bad_key_is_an_error_at_its_field(editor, greeting, keys):
    for key in ("any", "Not a key", ""):
        answer = editor.client.post(editor.path("workflows/greeting/steps/hello"), form(greeting, key=key))
        assert answer.status_code == 422 and "id_key_error" in answer.text
    assert keys() == ["hello", "any"]


def test_an_empty_input_is_saved_and_shown_as_a_problem_at_the_field(editor, greeting, draft):
    editor.client.post(editor.path("workflows/greeting/steps/hello"), form(greeting, **{"with-template": ""}))
    assert "with" not in draft()["steps"][0]
    page = editor.client.get(editor.path("workflows/greeting/steps/hello")).text
    assert "id_with-template_error" in page


def test_a_template_that_cannot_be_read_is_an_error_at_the_field(editor, greeting):
    said = form(greeting, **{"with-template": "Hello {{ inputs.who"})
    answer = editor.client.post(editor.path("workflows/greeting/steps/hello"), said)
    assert answer.status_code == 422 and "id_with-template_error" in answer.text


def test_a_stale_save_shows_both_sides_and_loses_nothing(editor, admin, greeting, draft):
    drafts.edit_step(admin.actor, greeting, "hello", {"with": {"template": "Theirs"}}, if_match="*")
    said = form(greeting, **{"with-template": "Mine"})
    answer = editor.client.post(editor.path("workflows/greeting/steps/hello"), said)
    assert answer.status_code == 409
    assert "changed in the meantime by Adam Admin" in answer.text
    assert "Theirs" in answer.text and "Mine" in answer.text
    assert draft()["steps"][0]["with"]["template"] == "Theirs"
    now = operations.get_workflow(editor.actor, "greeting").draft_etag
    assert f'value="{now}"' in answer.text


def test_saving_again_after_a_stale_save_keeps_mine(editor, admin, greeting, draft):
    changed = drafts.edit_step(admin.actor, greeting, "hello", {"with": {"template": "Theirs"}}, if_match="*")
    said = form(greeting, **{"with-template": "Mine", "etag": changed.draft_etag})
    editor.client.post(editor.path("workflows/greeting/steps/hello"), said)
    assert draft()["steps"][0]["with"]["template"] == "Mine"


def test_both_sides_are_saved_with_one_button_when_they_changed_different_parts(editor, admin, greeting, draft):
    said = form(greeting, **{"with-template": "Mine"})
    drafts.edit_step(admin.actor, greeting, "hello", {"name": "Theirs"}, if_match="*")
    address = editor.path("workflows/greeting/steps/hello")
    page = editor.client.post(address, said).text
    assert "You changed different parts" in page and "Save both" in page
    assert editor.client.post(address, {**said, "join": "1", "seen": said["etag"]}).status_code == 302
    step = draft()["steps"][0]
    assert (step["name"], step["with"]["template"]) == ("Theirs", "Mine")


def test_a_part_that_both_changed_is_chosen_on_the_page(editor, admin, greeting, draft):
    said = form(greeting, **{"with-template": "Mine"})
    drafts.edit_step(admin.actor, greeting, "hello", {"with": {"template": "Theirs"}}, if_match="*")
    address, join = editor.path("workflows/greeting/steps/hello"), {"join": "1", "seen": said["etag"]}
    page = editor.client.post(address, {**said, **join})
    assert page.status_code == 409 and 'name="pick:hello|with.template"' in page.text
    picked = {**said, **join, "pick:hello|with.template": "theirs"}
    assert editor.client.post(address, picked).status_code == 302
    assert draft()["steps"][0]["with"]["template"] == "Theirs"


def test_what_was_typed_for_a_removed_step_is_shown(editor, admin, greeting):
    drafts.remove_step(admin.actor, greeting, "hello", if_match="*")
    answer = editor.client.post(
        editor.path("workflows/greeting/steps/hello"), form(greeting, **{"with-template": "Long words"})
    )
    assert answer.status_code == 409 and "Long words" in answer.text and "removed in the meantime" in answer.text


def test_what_happens_on_failure_is_saved(editor, greeting, draft):
    said = {
        "etag": greeting.draft_etag,
        "do": "value",
        "value": '{"text": ""}',
        "timeout": "30",
        "max": "4",
        "delay": "1.5",
    }
    answer = editor.client.post(editor.path("workflows/greeting/steps/hello?tab=fails"), said)
    assert answer.status_code == 302
    step = draft()["steps"][0]
    assert step["on_error"] == {"do": "value", "value": {"text": ""}}
    assert step["timeout"] == 30 and step["retry"] == {"max": 4, "delay": 1.5}


def test_going_on_with_a_value_needs_the_value(editor, greeting):
    said = {"etag": greeting.draft_etag, "do": "value"}
    answer = editor.client.post(editor.path("workflows/greeting/steps/hello?tab=fails"), said)
    assert answer.status_code == 422 and "Say which value" in answer.text


def test_a_note_is_saved(editor, greeting, draft):
    said = {"etag": greeting.draft_etag, "note": "Because Ada likes it"}
    editor.client.post(editor.path("workflows/greeting/steps/hello?tab=notes"), said)
    assert draft()["steps"][0]["note"] == "Because Ada likes it"


def test_a_step_that_never_ran_says_so(editor, greeting):
    assert "has not run yet" in editor.client.get(editor.path("workflows/greeting/steps/hello?tab=output")).text


def test_the_connections_of_fitting_services_are_offered(editor, sandboxed):
    step = {"key": "find", "action": "gmail.search", "with": {"query": "is:unread"}}
    operations.create_workflow(editor.actor, {"format": 1, "name": "Mail", "steps": [step]}, draft=True)
    page = editor.client.get(editor.path("workflows/mail/steps/find")).text
    assert '<option value="gmail">' in page and '<option value="github">' not in page


def test_the_choices_of_a_connection_are_asked_for_when_one_enters_the_field(editor, sandboxed):
    step = {"key": "ask", "action": "ai.complete", "with": {"prompt": "Hi"}}
    operations.create_workflow(editor.actor, {"format": 1, "name": "Ask", "steps": [step]}, draft=True)
    page = editor.client.get(editor.path("workflows/ask/steps/ask")).text
    assert f'data-choices="{editor.path("actions/ai.complete/choices/model")}"' in page
    assert 'data-depends="connection"' in page


def test_a_check_finds_what_a_save_would_and_saves_nothing(editor, viewer, outsider, greeting, draft):
    at = editor.path("workflows/greeting/steps/hello/check")
    found = editor.client.post(at, form(greeting, **{"with-template": "Hello {{ inputs.hwo }}"})).text
    assert "inputs has no “hwo”. Did you mean who?" in found and 'data-live="id_with-template"' in found
    assert draft()["steps"][0]["with"]["template"] == "Hello {{ inputs.who }}"
    assert viewer.client.post(viewer.path("workflows/greeting/steps/hello/check"), form(greeting)).status_code == 403
    assert outsider.client.post(at, form(greeting)).status_code == 404


def test_an_expression_is_previewed_with_the_values_of_the_last_run(editor, operator, greeting):
    at = editor.path("workflows/greeting/steps/hello/check")
    said = form(greeting, **{"with-template": "Dear {{ inputs.who | upcase }}"})
    assert "has not run yet" in editor.client.post(at, said).text
    finished_run(greeting, {"who": "Ada"}, {"hello": {"text": "Hello Ada"}})
    assert "Dear ADA" in editor.client.post(at, said).text
    condition = {
        "etag": greeting.draft_etag,
        "name": "Long",
        "key": "any",
        "with-condition": "steps.hello.text.size > 3",
    }
    found = editor.client.post(editor.path("workflows/greeting/steps/any/check"), condition).text
    assert "</span>yes</span>" in found
    heavy = "{% for a in (1..9999) %}{% for b in (1..9999) %}x{% endfor %}{% endfor %}"
    assert (
        "Make the template or its data smaller"
        in editor.client.post(at, form(greeting, **{"with-template": heavy})).text
    )


def test_values_inside_what_a_step_gave_are_offered(editor, greeting):
    finished_run(greeting, {"who": "Ada"}, {"hello": {"text": "Hi", "parts": [{"name": "one"}]}})
    page = editor.client.get(editor.path("workflows/greeting/steps/any")).text
    assert 'data-path="steps.hello.parts[0].name"' in page


def finished_run(workflow, inputs, outputs):
    """A run that has ended, with what its steps gave."""
    space, made = workflow.workspace, now()
    run = Run.objects.create(
        workspace=space, workflow=workflow, version=workflow.published, status="succeeded", inputs=inputs,
        started_at=made, finished_at=made,
    )  # fmt: skip
    for seq, (key, output) in enumerate(outputs.items(), 1):
        StepRun.objects.create(
            workspace=space, run=run, key=key, action="data.format", kind="pure", status="succeeded", seq=seq,
            output=output, started_at=made,
        )  # fmt: skip


def test_lists_are_rows_and_json_when_asked_for(editor, sandboxed, draft):
    step = {"key": "issue", "action": "github.create_issue", "with": {"labels": ["bug", "{{ run.id }}"]}}
    made = operations.create_workflow(editor.actor, {"format": 1, "name": "Issue", "steps": [step]}, draft=True)
    at = editor.path("workflows/issue/steps/issue")
    page = editor.client.get(at).text
    assert page.count('name="with-labels-row"') == 3 and 'name="with-labels-as" value="rows"' in page
    said = {"etag": made.draft_etag, "name": "", "key": "issue", "with-labels-as": "rows", "plain": "labels"}
    answer = editor.client.post(at, {**said, "with-labels-row": ["bug", " ", "urgent", ""]})
    assert draft("issue")["steps"][0]["with"]["labels"] == ["bug", "urgent"]
    assert answer.headers["Location"] == f"{at}?plain=labels"
    assert '<textarea name="with-labels"' in editor.client.get(f"{at}?plain=labels").text


def test_a_choice_becomes_an_expression_when_asked_for(editor, sandboxed, draft):
    step = {"key": "sum", "action": "ai.summarize", "with": {"text": "x"}}
    made = operations.create_workflow(editor.actor, {"format": 1, "name": "Sum", "steps": [step]}, draft=True)
    at = editor.path("workflows/sum/steps/sum?plain=style")
    assert '<input type="text" name="with-style"' in editor.client.get(at).text
    said = {"etag": made.draft_etag, "name": "", "key": "sum", "with-text": "x", "with-style": "{{ run.id }}"}
    editor.client.post(at, said)
    assert draft("sum")["steps"][0]["with"]["style"] == "{{ run.id }}"


def test_a_step_of_an_unknown_action_can_be_opened(editor, workspace):
    step = {"key": "odd", "action": "nowhere.thing", "with": {"a": 1}}
    operations.create_workflow(editor.actor, {"format": 1, "name": "Odd", "steps": [step]}, draft=True)
    page = editor.client.get(editor.path("workflows/odd/steps/odd"))
    assert page.status_code == 200 and "There is no action" in page.text


def test_a_viewer_reads_a_step_and_cannot_save_it(viewer, greeting, draft):
    assert "disabled" in viewer.client.get(viewer.path("workflows/greeting/steps/hello")).text
    assert viewer.client.post(viewer.path("workflows/greeting/steps/hello"), form(greeting)).status_code == 403


def test_an_outsider_finds_no_step(outsider, greeting):
    address = f"/w/{greeting.workspace.slug}/workflows/greeting/steps/hello"
    assert outsider.client.get(address).status_code == 404
    assert outsider.client.post(f"{address}/remove").status_code == 404


def test_a_key_that_is_not_there_is_a_404(editor, greeting):
    assert editor.client.get(editor.path("workflows/greeting/steps/nobody")).status_code == 404


def test_the_catalogue_begins_with_the_flow_and_is_searched(editor, greeting):
    page = editor.client.get(editor.path("workflows/greeting/steps/new")).text
    assert page.index('value="for_each"') < page.index('value="gmail.search"')
    found = editor.client.get(editor.path("workflows/greeting/steps/new?q=gmail+search")).text
    assert 'value="gmail.search"' in found and 'value="for_each"' not in found
    assert "No action matches" in editor.client.get(editor.path("workflows/greeting/steps/new?q=zebra")).text


def test_the_catalogue_has_every_action_once():
    names = [action["info"].name for group in catalogue() for action in group["actions"]]
    assert len(names) == len(set(names)) and "data.format" in names


def test_a_step_is_added_at_the_place_of_the_plus(editor, greeting, draft):
    place = "workflows/greeting/steps/new?parent=any&branch=then&index=0"
    answer = editor.client.post(editor.path(place), {"action": "data.format"})
    assert answer.headers["Location"] == editor.path("workflows/greeting/steps/format?fresh=1")
    assert [step["key"] for step in draft()["steps"][1]["then"]] == ["format", "cut"]


def test_a_container_is_added_with_its_list(editor, greeting, draft):
    editor.client.post(editor.path("workflows/greeting/steps/new?index=0"), {"action": "for_each"})
    assert draft()["steps"][0]["action"] == "for_each"
    assert "For each" in editor.client.get(editor.path("workflows/greeting")).text


@pytest.mark.parametrize(
    "place", ["parent=nobody&branch=do", "parent=any&branch=sideways", "index=99999999", "index=-3"]
)
def test_a_bad_place_is_no_500(editor, greeting, place):
    answer = editor.client.post(editor.path(f"workflows/greeting/steps/new?{place}"), {"action": "data.format"})
    assert answer.status_code == 302


def test_an_unknown_action_is_refused(editor, greeting, keys):
    answer = editor.client.post(editor.path("workflows/greeting/steps/new"), {"action": "nope"})
    assert answer.status_code == 422 and keys() == ["hello", "any"]


def test_a_step_moves_up_and_down(editor, greeting, keys):
    editor.client.post(editor.path("workflows/greeting/steps/any/move"), {"by": "-1"})
    assert keys() == ["any", "hello"]
    editor.client.post(editor.path("workflows/greeting/steps/any/move"), {"by": "1"})
    assert keys() == ["hello", "any"]


def test_a_step_moves_into_another_list(editor, greeting, draft):
    editor.client.post(editor.path("workflows/greeting/steps/hello/move"), {"to": "any:then"})
    assert [step["key"] for step in draft()["steps"][0]["then"]] == ["cut", "hello"]


def test_a_step_cannot_move_into_itself(editor, greeting, keys):
    answer = editor.client.post(editor.path("workflows/greeting/steps/any/move"), {"to": "any:then"}, follow=True)
    assert "cannot be moved into itself" in answer.text and keys() == ["hello", "any"]


def test_a_step_is_switched_off_put_into_a_block_and_taken_out(editor, greeting, draft, keys):
    at = editor.path("workflows/greeting/steps/hello")
    editor.client.post(f"{at}/switch", {"off": "1"})
    assert draft()["steps"][0]["disabled"] is True
    editor.client.post(f"{at}/switch", {"off": "0"})
    assert "disabled" not in draft()["steps"][0]
    answer = editor.client.post(f"{at}/wrap", {"in": "for_each"})
    assert answer.headers["Location"] == editor.path("workflows/greeting/steps/for_each")
    assert keys() == ["for_each", "any"] and draft()["steps"][0]["do"][0]["key"] == "hello"
    answer = editor.client.post(editor.path("workflows/greeting/steps/for_each/unwrap"))
    assert answer.headers["Location"] == at and keys() == ["hello", "any"]


def test_a_step_travels_into_the_next_block_and_out_of_it(editor, greeting, draft, keys):
    at = editor.path("workflows/greeting/steps/hello/move")
    editor.client.post(at, {"by": "1"})
    assert [step["key"] for step in draft()["steps"][0]["then"]] == ["hello", "cut"]
    for _ in range(3):
        editor.client.post(at, {"by": "1"})
    assert keys() == ["any", "hello"]


def test_a_viewer_moves_switches_and_undoes_nothing(viewer, greeting, keys):
    for way in ("steps/hello/switch", "steps/hello/wrap", "steps/any/unwrap", "steps/hello/move", "undo", "redo"):
        assert viewer.client.post(viewer.path(f"workflows/greeting/{way}")).status_code == 403
    assert keys() == ["hello", "any"]


def test_a_step_is_copied_and_the_copy_opens(editor, greeting, keys):
    answer = editor.client.post(editor.path("workflows/greeting/steps/hello/duplicate"))
    assert answer.headers["Location"] == editor.path("workflows/greeting/steps/hello_2")
    assert keys() == ["hello", "hello_2", "any"]


def test_a_removed_step_comes_back_by_undo(editor, greeting, keys):
    page = editor.client.post(editor.path("workflows/greeting/steps/hello/remove"), follow=True)
    assert keys() == ["any"]
    address = undo_in(page.text)
    assert "Removed “Say hello”" in page.text
    editor.client.post(address)
    assert keys() == ["hello", "any"]
    back = editor.client.get(editor.path("workflows/greeting")).text
    assert 'title="Redo: Removed “Say hello”"' in back
    editor.client.post(editor.path("workflows/greeting/redo"))
    assert keys() == ["any"]


def undo_in(text):
    """The address behind the Undo of the message on a page."""
    found = text.split('<form method="post" action="')
    return next(part.split('"')[0] for part in found if "/undo?etag=" in part.split('"')[0])


def test_undo_after_another_change_is_refused_and_says_so(editor, greeting, keys):
    page = editor.client.post(editor.path("workflows/greeting/steps/hello/remove"), follow=True)
    address = undo_in(page.text)
    editor.client.post(editor.path("workflows/greeting/steps/new"), {"action": "data.format"})
    answer = editor.client.post(address, follow=True)
    assert "changed in the meantime" in answer.text and "hello" not in keys()


def test_the_editor_takes_a_fixed_number_of_queries(editor, greeting, django_assert_max_num_queries):
    editor.client.get(editor.path("workflows"))
    for number in range(12):
        step = {"key": f"more_{number}", "action": "data.format", "with": {"template": "x"}}
        drafts.add_step(editor.actor, greeting, step, if_match="*")
    for page in ("workflows/greeting", "workflows/greeting/steps/hello", "workflows/greeting/steps/hello?tab=output"):
        with django_assert_max_num_queries(20):
            editor.client.get(editor.path(page))


# ---- Switch, parallel, steps after an error ------------------------------------------------------------------


def rows(kind: str, step: dict, names: list[tuple[str, str]], gone: int | None = None) -> dict[str, str]:
    """What the panel of a step with cases or branches sends; the last row is the empty one."""
    said = {"lists-TOTAL_FORMS": str(len(names)), "lists-INITIAL_FORMS": str(len(step.get(kind, [])))}
    for i, (was, name) in enumerate(names):
        said |= {f"lists-{i}-was": was, f"lists-{i}-name": name}
    return said | ({} if gone is None else {f"lists-{gone}-DELETE": "on"})


def post_rows(editor, greeting, step: dict, sent: dict[str, str]):
    greeting.refresh_from_db()
    said = {"etag": greeting.draft_etag, "key": step["key"], "with-value": "{{ inputs.who }}", "with-join": "any"}
    return editor.client.post(editor.path(f"workflows/greeting/steps/{step['key']}"), said | sent)


@pytest.fixture
def added(editor, greeting, draft):
    def add(action: str) -> dict:
        editor.client.post(editor.path("workflows/greeting/steps/new?index=0"), {"action": action})
        return draft()["steps"][0]

    return add


def test_cases_are_rows_of_typed_values(editor, greeting, draft, added):
    step = added("switch")
    assert "Add a case" in editor.client.get(editor.path("workflows/greeting")).text
    names = [("", "bug"), ("", "5"), ("", '"5"'), ("", "true"), ("", "")]
    assert post_rows(editor, greeting, step, rows("cases", step, names)).status_code == 302
    assert [case["equals"] for case in draft()["steps"][0]["cases"]] == ["bug", 5, "5", True]
    page = editor.client.get(editor.path("workflows/greeting/steps/switch")).text
    assert 'value="bug"' in page and 'value="&quot;5&quot;"' in page


def test_a_case_that_holds_steps_is_renamed_but_not_taken_away(editor, greeting, draft, added):
    step = added("switch")
    post_rows(editor, greeting, step, rows("cases", step, [("", "bug"), ("", "idea"), ("", "")]))
    place = "workflows/greeting/steps/new?parent=switch&branch=case:1&index=0"
    editor.client.post(editor.path(place), {"action": "stop"})
    step = draft()["steps"][0]
    kept = [("case:0", "bug"), ("case:1", "idea"), ("", "")]
    refused = post_rows(editor, greeting, step, rows("cases", step, kept, gone=1))
    assert refused.status_code == 422 and "still holds 1 step" in refused.text
    swapped = [("case:0", "bug"), ("case:1", "wish"), ("", "")]
    assert post_rows(editor, greeting, step, rows("cases", step, swapped, gone=0)).status_code == 302
    cases = draft()["steps"][0]["cases"]
    assert [(case["equals"], [inner["key"] for inner in case["steps"]]) for case in cases] == [("wish", ["stop"])]


def test_branches_are_rows_of_keys(editor, greeting, draft, added):
    step = added("parallel")
    assert [branch["key"] for branch in step["branches"]] == ["a", "b"]
    kept = [("branch:a", "mail"), ("branch:b", "b"), ("", "pages")]
    assert post_rows(editor, greeting, step, rows("branches", step, kept)).status_code == 302
    assert [branch["key"] for branch in draft()["steps"][0]["branches"]] == ["mail", "b", "pages"]
    step = draft()["steps"][0]
    bad = [("branch:mail", "Not a key"), ("branch:b", "b"), ("branch:pages", "b")]
    refused = post_rows(editor, greeting, step, rows("branches", step, bad))
    assert refused.status_code == 422 and "lower-case letters" in refused.text
    twins = [("branch:mail", "b"), ("branch:b", "b")]
    assert "the key “b”" in post_rows(editor, greeting, step, rows("branches", step, twins)).text


def test_steps_after_an_error_are_a_list_of_the_outline(editor, greeting, draft):
    address = editor.path("workflows/greeting/steps/hello?tab=fails")
    editor.client.post(address, {"etag": greeting.draft_etag, "do": "branch"})
    assert draft()["steps"][0]["on_error"] == {"do": "branch", "steps": []}
    assert "If it fails" in editor.client.get(editor.path("workflows/greeting")).text
    place = "workflows/greeting/steps/new?parent=hello&branch=on_error&index=0"
    editor.client.post(editor.path(place), {"action": "stop"})
    greeting.refresh_from_db()
    editor.client.post(address, {"etag": greeting.draft_etag, "do": "branch", "timeout": "5"})
    assert [step["key"] for step in draft()["steps"][0]["on_error"]["steps"]] == ["stop"]
    panel = editor.client.get(editor.path("workflows/greeting/steps/stop")).text
    assert "{{ error.message }}" in panel


def test_a_repeat_offers_its_condition_what_its_steps_give(editor, greeting, added):
    step = added("repeat")
    place = f"workflows/greeting/steps/new?parent={step['key']}&branch=do&index=0"
    editor.client.post(editor.path(place), {"action": "data.format"})
    panel = editor.client.get(editor.path(f"workflows/greeting/steps/{step['key']}")).text
    assert "{{ steps.format.text }}" in panel and "{{ last.format.text }}" in panel


def test_a_block_has_a_time_limit_and_no_attempts(editor, greeting, draft, added):
    step = added("parallel")
    page = editor.client.get(editor.path(f"workflows/greeting/steps/{step['key']}?tab=fails")).text
    assert 'name="timeout"' in page and 'name="max"' not in page
    greeting.refresh_from_db()
    said = {"etag": greeting.draft_etag, "do": "continue", "timeout": "60"}
    editor.client.post(editor.path(f"workflows/greeting/steps/{step['key']}?tab=fails"), said)
    assert (draft()["steps"][0]["timeout"], draft()["steps"][0]["on_error"]) == (60, {"do": "continue"})


def test_a_step_may_keep_its_result(editor, greeting, draft, added):
    address = editor.path("workflows/greeting/steps/hello")
    editor.client.post(address, form(greeting, seconds="600"))
    assert draft()["steps"][0]["cache"] == {"seconds": 600}
    assert 'value="600"' in editor.client.get(address).text
    added("switch")
    assert 'name="seconds"' not in editor.client.get(editor.path("workflows/greeting/steps/switch")).text
