"""Two sources, one model, a way out: pointed out before it runs."""

from __future__ import annotations

from tests.workflows.definition.helpers import FETCH, PAGE, codes, only, text_step

NOTES = {"key": "notes", "action": "wiki.read", "with": {}}


def summary(text: str) -> dict:
    return {"key": "sum", "action": "ai.summarize", "with": {"text": text}}


def page(content: str) -> dict:
    return {**PAGE, "with": {"parent": "p", "title": "t", "content": content}}


def test_a_model_over_two_sources_whose_answer_goes_out_is_pointed_out():
    steps = (FETCH, NOTES, summary("{{ steps.fetch.text }} {{ steps.notes.text }}"), page("{{ steps.sum.text }}"))
    found = only(*steps)
    assert (found.code, found.severity, found.step) == ("W_OUTWARD", "warning", "page")
    assert "gmail and wiki" in found.message


def test_the_way_may_lead_through_other_steps_and_loops():
    loop = {
        "key": "each",
        "action": "for_each",
        "with": {"items": "{{ steps.fetch.messages }}"},
        "do": [
            text_step("both", "{{ item.text }} {{ steps.notes.text }}"),
            summary("{{ steps.both.text }}"),
            page("{{ steps.sum.text }}"),
        ],
    }
    assert codes(FETCH, NOTES, loop) == ["W_OUTWARD"]


def test_a_webhook_is_a_source_too():
    assert codes(FETCH, summary("{{ trigger.body }} {{ steps.fetch.text }}"), page("{{ steps.sum.text }}")) == [
        "W_OUTWARD"
    ]


def test_one_source_is_what_people_mean_to_send():
    assert codes(FETCH, summary("{{ steps.fetch.text }}"), page("{{ steps.sum.text }}")) == []


def test_two_sources_without_a_model_cannot_be_talked_into_anything():
    assert codes(FETCH, NOTES, page("{{ steps.fetch.text }} {{ steps.notes.text }}")) == []


def test_an_answer_that_stays_inside_is_fine():
    assert codes(FETCH, NOTES, summary("{{ steps.fetch.text }} {{ steps.notes.text }}")) == []
