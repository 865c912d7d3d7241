"""What a step can see, and where text from outside may go."""

from __future__ import annotations

import pytest

from tests.workflows.definition.helpers import FETCH, PAGE, codes, only, text_step

INPUTS = [{"name": "database", "type": "text"}, {"name": "names", "type": "list"}, {"name": "count", "type": "integer"}]


def uses(template: str, *before: dict, **more: object) -> list[str]:
    """The codes of a step that uses `template` after the steps `before`."""
    return codes(*before, text_step("last", template), inputs=INPUTS, **more)


def each(*steps: dict, items: str = "{{ steps.fetch.messages }}", **more: object) -> dict:
    return {"key": "each", "action": "for_each", "with": {"items": items, **more}, "do": list(steps)}


def either(then: list[dict], otherwise: list[dict] | None = None) -> dict:
    step = {"key": "either", "action": "if", "with": {"condition": "inputs.count > 1"}, "then": then}
    return step if otherwise is None else {**step, "else": otherwise}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ inputs.database }}", []),
        ("{{ inputs.databse }}", ["E_TPL_UNDEFINED"]),
        ("{{ steps.fetch.text }}", []),
        ("{{ steps.fetch.messages[0].sender.email }}", []),
        ("{{ steps.fetch.messages.size }}", []),
        ("{{ steps.fetch.messages.first.subject }}", []),
        ("{{ steps.fetch.messages[0].subjet }}", ["E_DEF_REF"]),
        ("{{ steps.fetch.messages.subject }}", ["E_DEF_REF"]),
        ("{{ steps.fetch.text.more }}", ["E_DEF_REF"]),
        ("{{ steps.fech.text }}", ["E_DEF_REF"]),
        ("{{ steps.last.text }}", ["E_FORWARD_REF"]),
        ("{{ steps.after.text }}", ["E_DEF_REF"]),
        ("{{ steps }}", ["E_DEF_REF"]),
        ("{{ run.id }} {{ run.started_at }} {{ run.url }} {{ run.workflow }}", []),
        ("{{ run.secret }}", ["E_TPL_UNDEFINED"]),
        ("{{ workspace.variables.team }}", []),
        ("{{ workspace.variables.places.log }}", []),
        ("{{ workspace.variables.nope }}", ["E_TPL_UNDEFINED"]),
        ("{{ workspace.variables.nope | default: 'x' }}", []),
        ("{{ workspace.name }}", ["E_TPL_UNDEFINED"]),
        ("{{ trigger.body.anything }}", []),
        ("{{ secrets.openai }}", ["E_TPL_UNDEFINED"]),
        ("{{ connections.openai.api_key }}", ["E_TPL_UNDEFINED"]),
        ("{{ nothing }}", ["E_TPL_UNDEFINED"]),
        ("{{ item.subject }}", ["E_TPL_UNDEFINED"]),
        ("{{", ["E_TPL_SYNTAX"]),
        ("{{ inputs.database | upcas }}", ["E_TPL_FILTER"]),
        ("{{ ''.__class__ }}", ["E_TPL_FORBIDDEN"]),
    ],
)
def test_a_template_may_name_only_what_is_there(template, expected):
    assert uses(template, FETCH) == expected


def test_a_wrong_field_names_the_nearest():
    found = only(FETCH, text_step("a", "{{ steps.fetch.messages[0].subjet }}"))
    assert "subject" in found.hint


def test_an_undefined_name_lists_the_known_ones():
    found = only(FETCH, text_step("a", "{{ fetch }}"), inputs=INPUTS)
    assert "steps.fetch" in found.hint and "inputs.database" in found.hint


def test_a_step_that_comes_later_is_a_forward_reference():
    assert codes(text_step("a", "{{ steps.b.text }}"), text_step("b")) == ["E_FORWARD_REF"]


def test_a_place_in_a_long_template_is_named():
    found = only(text_step("a", "one\n\n{{ nope.x }}"))
    assert "line 3" in found.message


# ---- Loops and branches --------------------------------------------------------------------------------------


def test_inside_a_loop_the_item_has_the_fields_of_the_list():
    assert codes(FETCH, each(text_step("a", "{{ item.subject }} {{ index }} {{ item.sender.name }}"))) == []
    assert codes(FETCH, each(text_step("a", "{{ item.subjet }}"))) == ["E_DEF_REF"]


def test_an_item_of_unknown_shape_may_have_any_field():
    assert codes(each(text_step("a", "{{ item.whatever }}"), items="{{ inputs.names }}"), inputs=INPUTS) == []


def test_loops_inside_loops_have_their_own_item():
    inner = {
        "key": "inner",
        "action": "for_each",
        "with": {"items": "{{ item.to }}"},
        "do": [text_step("a", "{{ item.email }}")],
    }
    assert codes(FETCH, each(inner)) == []
    inner["do"] = [text_step("a", "{{ item.subject }}")]
    assert codes(FETCH, each(inner)) == ["E_DEF_REF"]


def test_a_loop_wants_a_list():
    assert codes(FETCH, each(text_step("a"), items="{{ steps.fetch.count }}")) == ["E_TYPE"]


def test_from_outside_the_steps_of_a_loop_are_seen_only_through_its_results():
    found = only(FETCH, each(text_step("a")), text_step("b", "{{ steps.a.text }}"))
    assert found.code == "E_BRANCH_REF"
    assert "steps.each.results" in found.hint
    assert codes(FETCH, each(text_step("a")), text_step("b", "{{ steps.each.results[0].a.text }}")) == []
    assert codes(FETCH, each(text_step("a")), text_step("b", "{{ steps.each.results[0].x.text }}")) == ["E_DEF_REF"]


def test_results_of_a_loop_that_goes_on_after_errors_may_be_missing():
    loop = each(text_step("a"), on_item_error="continue")
    assert codes(FETCH, loop, text_step("b", "{{ steps.each.results[0].a.text }}")) == ["E_OPTIONAL_REF"]
    assert codes(FETCH, loop, text_step("b", "{{ steps.each.results[0].a.text | default: '-' }}")) == []


def test_one_branch_does_not_see_the_other():
    step = either([text_step("yes")], [text_step("no", "{{ steps.yes.text }}")])
    assert codes(step, inputs=INPUTS) == ["E_BRANCH_REF"]


def test_a_branch_sees_what_stands_before_its_container():
    assert codes(text_step("a"), either([text_step("yes", "{{ steps.a.text }}")]), inputs=INPUTS) == []


def test_after_a_branch_its_steps_are_seen_only_through_its_results_with_a_default():
    step = either([text_step("yes")])
    assert uses("{{ steps.yes.text }}", step) == ["E_BRANCH_REF"]
    assert uses("{{ steps.either.taken }}", step) == []
    assert uses("{{ steps.either.results.yes.text }}", step) == ["E_OPTIONAL_REF"]
    assert uses("{{ steps.either.results.yes.text | default: '' }}", step) == []


def test_a_container_is_not_seen_from_inside():
    assert codes(FETCH, each(text_step("a", "{{ steps.each.count }}"))) == ["E_FORWARD_REF"]


@pytest.mark.parametrize("maybe", [{"when": "inputs.count > 1"}, {"disabled": True}, {"on_error": {"do": "continue"}}])
def test_a_step_that_may_not_run_needs_a_default(maybe):
    assert uses("{{ steps.a.text }}", text_step("a", **maybe)) == ["E_OPTIONAL_REF"]
    assert uses("{{ steps.a.text | default: 'nothing' }}", text_step("a", **maybe)) == []


def test_a_value_after_an_error_must_have_the_field_that_is_used():
    covered = {**FETCH, "on_error": {"do": "value", "value": {"text": ""}}}
    assert uses("{{ steps.fetch.text }}", covered) == []
    assert uses("{{ steps.fetch.count }}", covered) == ["E_OPTIONAL_REF"]
    assert uses("{{ steps.fetch.count | default: 0 }}", covered) == []


def test_conditions_are_checked_like_templates():
    assert codes(text_step("a", when="steps.nope.x == 1")) == ["E_DEF_REF"]
    assert codes(text_step("a", when="inputs.count >")) == ["E_TPL_SYNTAX"]


def test_outputs_see_the_steps_of_the_top_list_only():
    assert codes(FETCH, each(text_step("a")), outputs={"n": "{{ steps.each.count }}"}) == []
    assert codes(FETCH, each(text_step("a")), outputs={"n": "{{ steps.a.text }}"}) == ["E_BRANCH_REF"]
    assert codes(FETCH, outputs={"deep": {"list": ["{{ steps.fetch.nope }}"]}}) == ["E_DEF_REF"]


def test_the_key_of_concurrency_sees_inputs_and_trigger_only():
    settings = {"concurrency": {"key": "{{ steps.fetch.text }}", "limit": 1}}
    assert "E_DEF_REF" in codes(FETCH, settings=settings)
    settings = {"concurrency": {"key": "{{ inputs.count }} {{ trigger.id }}", "limit": 1}}
    assert codes(FETCH, settings=settings, inputs=[{"name": "count", "type": "number"}]) == []


def test_a_list_alone_in_a_text_is_pointed_out():
    assert codes(FETCH, text_step("a", "{{ steps.fetch.messages }}")) == ["W_AS_JSON"]
    assert codes(FETCH, text_step("a", "All: {{ steps.fetch.messages }}")) == []


# ---- Switch, parallel, repeat, steps after an error ----------------------------------------------------------


def sort(*lists: list[dict], otherwise: list[dict] | None = None) -> dict:
    cases = [{"equals": i, "steps": steps} for i, steps in enumerate(lists)]
    return {"key": "sort", "action": "switch", "with": {"value": "{{ inputs.count }}"}, "cases": cases,
            **({} if otherwise is None else {"else": otherwise})}  # fmt: skip


def both(join: str = "all", **branches: list[dict]) -> dict:
    lists = [{"key": key, "steps": steps} for key, steps in branches.items()]
    return {"key": "both", "action": "parallel", "with": {"join": join}, "branches": lists}


def again(*steps: dict, until: str = "steps.a.text == 'x'") -> dict:
    return {"key": "again", "action": "repeat", "with": {"until": until}, "do": list(steps)}


def test_the_cases_of_a_switch_do_not_see_each_other_and_are_seen_through_its_results():
    step = sort([text_step("a")], [text_step("b", "{{ steps.a.text }}")])
    assert codes(step, inputs=INPUTS) == ["E_BRANCH_REF"]
    step = sort([text_step("a")], otherwise=[text_step("b")])
    assert uses("{{ steps.sort.results.a.text }}", step) == ["E_OPTIONAL_REF"]
    assert uses("{{ steps.sort.results.a.text | default: steps.sort.results.b.text }}", step) == ["E_OPTIONAL_REF"]
    assert uses("{{ steps.sort.results.a.text | default: '' }} {{ steps.sort.taken }}", step) == []


def test_the_outputs_of_branches_stand_under_their_keys():
    step = both(x=[text_step("a")], y=[text_step("b")])
    assert uses("{{ steps.both.results.x.a.text }} {{ steps.both.results.y.b.text }}", step) == []
    assert uses("{{ steps.both.results.x.b.text }}", step) == ["E_DEF_REF"]
    assert codes(both(x=[text_step("a")], y=[text_step("b", "{{ steps.a.text }}")])) == ["E_BRANCH_REF"]


def test_with_any_each_branch_may_be_missing():
    step = both("any", x=[text_step("a")], y=[text_step("b")])
    assert uses("{{ steps.both.results.x.a.text }}", step) == ["E_OPTIONAL_REF"]
    assert uses("{{ steps.both.results.x.a.text | default: '' }} {{ steps.both.winner }}", step) == []


def test_the_condition_of_a_repeat_sees_its_steps_and_what_comes_after_sees_the_last_pass():
    step = again(text_step("a"))
    assert uses("{{ steps.again.results.a.text }} {{ steps.again.count }} {{ steps.again.met }}", step) == []
    assert codes(again(text_step("a"), until="steps.b.text == 'x'")) == ["E_DEF_REF"]
    assert codes(again(text_step("a"), until="index == 3 and last.a.text == 'x'")) == []
    assert uses("{{ steps.a.text }}", step) == ["E_BRANCH_REF"]


def test_inside_a_repeat_the_pass_before_is_there_and_may_be_null():
    assert codes(again(text_step("a", "{{ last.a.text }} {{ index }}"))) == []
    assert codes(again(text_step("a", "{{ last.b.text }}"))) == ["E_DEF_REF"]
    assert codes(again(text_step("a", "{{ item }}"))) == ["E_TPL_UNDEFINED"]
    assert codes(text_step("a", "{{ last.a.text }}")) == ["E_TPL_UNDEFINED"]
    mail = "{{ last.fetch.messages[0].subject }}"
    assert codes(again(FETCH, text_step("a", mail))) == ["E_OPTIONAL_REF"]
    assert codes(again(FETCH, text_step("a", mail.replace(" }}", " | default: '' }}")))) == []


def test_the_steps_after_an_error_see_it_and_not_the_step():
    def handled(text: str) -> dict:
        return text_step("a", on_error={"do": "branch", "steps": [text_step("b", text)]})

    assert codes(handled("{{ error.code }} {{ error.message }} {{ error.hint }} {{ error.step }}")) == []
    assert codes(handled("{{ error.nope }}")) == ["E_DEF_REF"]
    assert codes(handled("{{ steps.a.text }}")) == ["E_FORWARD_REF"]
    assert uses("{{ error.code }}", handled("x")) == ["E_TPL_UNDEFINED"]
    assert uses("{{ steps.a.text }}", handled("x")) == ["E_OPTIONAL_REF"]
    assert uses("{{ steps.b.text }}", handled("x")) == ["E_BRANCH_REF"]
    assert uses("{{ steps.a.text | default: '' }}{{ steps.a.on_error.b.text | default: '' }}", handled("x")) == []


def test_taint_goes_round_in_a_repeat_and_through_what_went_wrong():
    assert codes(again(parent("{{ last.sum.text }}"), {**FETCH, "key": "sum"}, until="index == 1")) == ["E_TAINT"]
    assert codes(again(text_step("a"), parent("{{ last.a.text }}"))) == []
    handled = {"do": "branch", "steps": [parent("{{ error.message }}")]}
    assert codes(text_step("a", on_error=handled)) == ["E_TAINT"]
    assert codes(FETCH, both(x=[text_step("a", "{{ steps.fetch.text }}")]), parent("{{ steps.both.winner }}")) == []
    mixed = both(x=[text_step("a", "{{ steps.fetch.text }}")])
    assert codes(FETCH, mixed, parent("{{ steps.both.results.x.a.text }}")) == ["E_TAINT"]


# ---- Taint ---------------------------------------------------------------------------------------------------


def parent(template: str) -> dict:
    return {**PAGE, "with": {"parent": template, "title": "x"}}


def test_what_a_member_gave_may_say_where_something_goes():
    assert codes(parent("{{ inputs.database }}"), inputs=INPUTS) == []
    assert codes(parent("{{ workspace.variables.places.log }}")) == []
    assert codes(parent("{{ run.id }}")) == []


@pytest.mark.parametrize(
    "template", ["{{ steps.fetch.text }}", "x-{{ steps.fetch.messages[0].id }}", "{{ trigger.page }}"]
)
def test_text_from_outside_may_not_say_where_something_goes(template):
    found = only(FETCH, parent(template))
    assert (found.code, found.step, found.field) == ("E_TAINT", "page", "with.parent")


def test_text_from_outside_may_fill_content():
    assert codes(FETCH, {**PAGE, "with": {"parent": "p", "title": "{{ steps.fetch.text }}"}}) == []


def test_a_model_is_outside_too():
    model = {"key": "sum", "action": "ai.summarize", "with": {"text": "{{ inputs.database }}"}}
    assert codes(model, parent("{{ steps.sum.text }}"), inputs=INPUTS) == ["E_TAINT"]


def test_taint_goes_through_pure_steps_and_the_way_is_named():
    mixed = text_step("mixed", "Go to {{ steps.fetch.text }}")
    found = only(FETCH, mixed, parent("{{ steps.mixed.text }}"))
    assert found.code == "E_TAINT"
    assert "steps.mixed.text ← " in found.message and "steps.fetch" in found.message


def test_a_pure_step_over_clean_values_stays_clean():
    assert codes(text_step("a", "{{ inputs.database }}"), parent("{{ steps.a.text }}"), inputs=INPUTS) == []


def test_the_item_of_a_loop_is_as_clean_as_its_list():
    assert codes(FETCH, each(parent("{{ item.id }}"))) == ["E_TAINT"]
    assert codes(each(parent("{{ item }}"), items="{{ inputs.names }}"), inputs=INPUTS) == []


def test_results_of_a_loop_are_as_clean_as_its_steps():
    assert codes(FETCH, each(text_step("a", "{{ item.id }}")), parent("{{ steps.each.results[0].a.text }}")) == [
        "E_TAINT"
    ]
    assert codes(FETCH, each(text_step("a", "{{ item.id }}")), parent("{{ steps.each.count }}")) == []


def test_the_id_of_what_our_own_change_made_is_clean():
    first = {**PAGE, "with": {"parent": "p", "title": "{{ steps.fetch.text }}"}}
    append = {"key": "more", "action": "notion.append", "with": {"page": "{{ steps.page.id }}", "content": "x"}}
    assert codes(FETCH, first, append) == []


def test_the_title_of_what_our_own_change_made_carries_the_text_it_was_given():
    first = {**PAGE, "with": {"parent": "p", "title": "{{ steps.fetch.text }}"}}
    append = {"key": "more", "action": "notion.append", "with": {"page": "{{ steps.page.title }}", "content": "x"}}
    assert codes(FETCH, first, append) == ["E_TAINT"]


def test_a_value_after_an_error_is_a_fixed_one():
    step = {**text_step("a"), "on_error": {"do": "value", "value": {"text": "{{ steps.fetch.text }}"}}}
    assert codes(FETCH, step) == ["E_UNSUPPORTED"]


def test_a_default_does_not_clean():
    assert codes(FETCH, parent("{{ steps.fetch.text | default: 'p' }}")) == ["E_TAINT"]


def test_a_prompt_is_chosen_by_people():
    step = {"key": "p", "action": "ai.run_prompt", "with": {"prompt": "{{ steps.fetch.text }}"}}
    assert codes(FETCH, step) == ["E_TAINT"]
