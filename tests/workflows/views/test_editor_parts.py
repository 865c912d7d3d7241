"""An open editor gets only what differs: the smallest lists and steps, the panel, and what was said."""

from __future__ import annotations

import re
import time

from tests.workflows.definition.helpers import text_step, workflow
from workflows.engine.definition import parse
from workflows.operations import drafts, reshape
from workflows.operations import workflows as operations
from workflows.operations.outline import outline_of
from workflows.views.touched import Touched, touched


def outline(*steps):
    return outline_of(parse(workflow(*steps)))


def fork(*then, key="fork", **more):
    return {"key": key, "action": "if", "with": {"condition": "true"}, "then": list(then), "else": [], **more}


def targets(answer):
    return re.findall(r'hx-target="#([\w-]+)"', answer.text)


def test_a_changed_step_is_sent_alone_and_a_changed_order_as_its_list():
    a, b, c = text_step("a"), text_step("b"), text_step("c")
    before = outline(a, fork(b, c))
    assert touched(before, outline(a, fork(b, c))) == []
    assert touched(before, outline({**a, "name": "Other"}, fork(b, c))) == [Touched("", "", "a")]
    assert touched(before, outline(a, fork({**b, "name": "Other"}, c))) == [Touched("fork", "then", "b")]
    assert touched(before, outline(a, fork(c, b))) == [Touched("fork", "then")]
    assert touched(before, outline(fork(b, c), a)) == [Touched("", "")]
    emptied = touched(outline(a, fork(b)), outline(a, fork()))
    assert emptied == [Touched("", "", "fork")], "the way to add a first step stands outside the list"


def test_opening_a_step_sends_its_panel_and_saving_it_its_card(editor, greeting):
    at = editor.path("workflows/greeting/steps/hello")
    opened = editor.client.get(at, headers={"X-Draft": greeting.draft_etag})
    assert targets(opened) == ["panel", "notices"] and opened.headers["X-Parts"] == "1"
    said = {"etag": greeting.draft_etag, "name": "Greet", "key": "hello", "with-template": "Hi {{ inputs.who }}"}
    saved = editor.client.post(at, said, headers={"X-Draft": greeting.draft_etag}, follow=True)
    assert targets(saved) == [*("panel", "draft", "editor-head", "problems", "map", "s-hello", "notices", "toasts")]
    assert "<nav" not in saved.text.split('hx-target="#s-hello"')[1] and "Saved in the draft" in saved.text


def test_a_page_that_shows_an_unknown_draft_gets_the_whole_outline(editor, greeting):
    answer = editor.client.get(editor.path("workflows/greeting/steps/hello"), headers={"X-Draft": "long-gone"})
    assert "outline" in targets(answer) and 'id="s-any"' in answer.text


def test_a_page_behind_by_two_saves_of_others_catches_up(editor, admin, greeting):
    drafts.edit_step(admin.actor, greeting, "any", {"name": "Is it long?"}, if_match="*")
    reshape.switch_step(admin.actor, greeting, "hello", off=True, if_match="*")
    answer = editor.client.get(editor.path("workflows/greeting"), headers={"X-Draft": greeting.draft_etag})
    assert {"s-hello", "s-any"} <= set(targets(answer)) and 'id="panel" hidden' in answer.text


def test_a_workflow_of_sixty_steps_stays_fluid(editor, workspace):
    blocks = [fork(*(text_step(f"s{n}_{i}") for i in range(4)), key=f"s{n}") for n in range(12)]
    made = operations.create_workflow(editor.actor, workflow(*blocks, name="Long"), draft=True)
    at = editor.path("workflows/long/steps/s5_2")
    whole = editor.client.get(at)
    began = time.perf_counter()
    said = {"etag": made.draft_etag, "name": "Other", "key": "s5_2", "with-template": "x"}
    saved = editor.client.post(at, said, headers={"X-Draft": made.draft_etag}, follow=True)
    took = time.perf_counter() - began
    assert "s-s5_2" in targets(saved) and "outline" not in targets(saved)
    assert len(saved.content) < len(whole.content) / 2, "the panel is most of it"
    assert took < 5, f"{took:.2f} s, where 0.2 s are usual"
