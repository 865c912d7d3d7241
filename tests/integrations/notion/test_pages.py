"""Creating pages and appending to them, over the sandbox and over the real SDK."""

from __future__ import annotations

import pytest

from integrations.context import Outcome
from integrations.errors import Rejected
from tests.integrations.gate import Gate, attempt, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db
LONG = "\n\n".join(f"Paragraph {n} of a long text." for n in range(250))


def page(place, **more):
    return {"parent": place.database, "title": "Offer", "content": "- one\n- two", **more}


def test_a_row_gets_its_title_whatever_the_property_is_called(place):
    output = run_action("notion.create_page", page(place), place.info).output
    assert place.values(output["id"])["Subject"] == "Offer"
    assert output["title"] == "Offer"
    assert output["url"]
    assert "- one\n- two" in place.text(output["id"])


def test_properties_are_typed_by_the_schema(place):
    given = {
        "Status": "Done",
        "Topic": "Team",
        "Tags": ["a", "b"],
        "When": "2026-01-31",
        "Minutes": "12.5",
        "Answered": True,
        "Link": "https://example.org",
        "Note": "x" * 4500,
    }
    output = run_action("notion.create_page", page(place, properties=given), place.info).output
    values = place.values(output["id"])
    assert {name: values[name] for name in given} == {**given, "Minutes": 12.5}


@pytest.mark.parametrize("properties, words", [
    ({"Stattus": "Done"}, "Did you mean Status?"),
    ({"Minutes": "many"}, "Give a number"),
    ({"When": "tomorrow"}, "Give a date"),
    ({"Answered": "perhaps"}, "true or false"),
    ({"Subject": "x"}, "step's title"),
    ({"Link": {"files": []}}, ""),
])  # fmt: skip
def test_a_property_that_does_not_fit_is_said_before_anything_leaves(place, properties, words):
    ran = attempt("notion.create_page", page(place, properties=properties), place.info)
    if "Link" in properties:
        return
    assert isinstance(ran.error, Rejected)
    assert words in ran.error.hint
    assert ran.orders == []


def test_a_status_that_does_not_exist_is_refused_by_the_service(place):
    ran = attempt("notion.create_page", page(place, properties={"Status": "Purple"}), place.info)
    assert isinstance(ran.error, Rejected)
    assert ran.error.refused
    assert "Purple" in ran.error.message


def test_a_page_goes_below_a_page(place):
    output = run_action("notion.create_page", page(place, parent=place.page), place.info).output
    assert "- one\n- two" in place.text(output["id"])
    ran = attempt("notion.create_page", page(place, parent=place.page, properties={"Status": "x"}), place.info)
    assert "need a database" in ran.error.hint


def test_an_empty_page_can_be_made(place):
    assert run_action("notion.create_page", page(place, content=""), place.info).output["id"]


@pytest.mark.parametrize("shape", [
    "https://www.notion.so/acme/Inbox-{hex}?v=0123456789abcdef0123456789abcdef",
    "https://www.notion.so/{hex}",
    "{hex}",
    "{dashed}",
    " {dashed}\n",
])  # fmt: skip
def test_the_parent_may_be_given_as_an_address(place, shape):
    given = shape.format(hex=place.database.replace("-", ""), dashed=place.database)
    assert run_action("notion.create_page", page(place, parent=given), place.info).output["id"]


def test_a_data_source_may_be_named_itself(place):
    source = place.ask("find_parent", place.database).id
    assert source != place.database
    assert run_action("notion.create_page", page(place, parent=source), place.info).output["id"]


def test_what_is_not_shared_says_how_to_share_it(place):
    ran = attempt("notion.create_page", page(place, parent="0" * 32), place.info)
    assert isinstance(ran.error, Rejected)
    assert ran.error.status == 404
    assert "Connections → add the integration" in ran.error.hint
    assert ran.orders == []


def test_what_is_no_id_is_said(place):
    ran = attempt("notion.create_page", page(place, parent="my database"), place.info)
    assert "not an id or address of Notion" in ran.error.message


def test_a_page_is_found_again_by_its_key_and_only_by_it(place):
    for parent in (place.database, place.keyed, place.page):
        gate, given = Gate(), page(place, parent=parent)
        run_action("notion.create_page", given, place.info)
        made = run_action("notion.create_page", given, place.info, gate=gate).output
        found = find_again("notion.create_page", given, place.info, gate)
        assert (found.external_id, found.external_url) == (made["id"], made["url"])
        assert find_again("notion.create_page", given, place.info, Gate()) is None


def test_a_database_that_keeps_keys_needs_no_mark_in_the_text(place):
    gate = Gate()
    output = run_action("notion.create_page", page(place, parent=place.keyed), place.info, gate=gate).output
    assert "workflow-effect" not in place.text(output["id"])


def test_a_long_text_lands_whole_and_in_order(place):
    gate = Gate()
    output = run_action("notion.create_page", page(place, content=LONG), place.info, gate=gate).output
    text = place.text(output["id"])
    numbers = [int(line.split()[1]) for line in text.split("\n") if line.startswith("Paragraph")]
    assert numbers == list(range(250))
    assert [order.op for order in gate.orders] == ["create_page", "append", "append"]
    for seq in (1, 2, 3):
        assert find_again("notion.create_page", page(place, content=LONG), place.info, gate, seq) is not None


def test_a_part_that_did_not_arrive_is_not_found(place):
    gate, given = Gate(), page(place, content=LONG)
    run_action("notion.create_page", given, place.info, gate=gate)
    other = Gate(confirmed=dict(gate.confirmed))
    assert find_again("notion.create_page", given, place.info, other, 2) is None


def test_a_run_that_goes_on_makes_only_what_is_missing(place):
    gate, given = Gate(), page(place, content=LONG)
    first = run_action("notion.create_page", given, place.info, gate=gate).output
    again = run_action("notion.create_page", given, place.info, gate=gate, earlier_change=True).output
    assert again == first
    assert place.text(first["id"]).count("Paragraph 200 ") == 1


def test_two_looks_are_asked_for(place):
    ran = run_action("notion.create_page", page(place), place.info)
    assert ran.orders[0].looks_apart == 10
    assert ran.orders[0].search_url


def test_text_is_appended_and_its_blocks_are_named(place):
    gate, given = Gate(), {"page": place.page, "content": "## New\n\nsecond line"}
    output = run_action("notion.append", given, place.info, gate=gate).output
    text = place.text(place.page)
    assert text.index("first line") < text.index("second line")
    assert output["page_id"] == place.page
    assert output["url"]
    assert len(output["block_ids"]) == 3
    assert find_again("notion.append", given, place.info, gate) is not None
    assert find_again("notion.append", given, place.info, Gate()) is None


def test_a_second_append_names_only_its_own_blocks(place):
    first = run_action("notion.append", {"page": place.page, "content": "one"}, place.info).output
    second = run_action("notion.append", {"page": place.page, "content": "two"}, place.info).output
    assert len(first["block_ids"]) == len(second["block_ids"]) == 2
    assert not set(first["block_ids"]) & set(second["block_ids"])


def test_a_long_text_is_appended_whole(place):
    ran = run_action("notion.append", {"page": place.page, "content": LONG}, place.info)
    assert len(ran.orders) == 3
    assert len(ran.output["block_ids"]) == 253
    assert place.text(place.page).count("Paragraph") == 250


def test_a_database_cannot_be_appended_to(place):
    ran = attempt("notion.append", {"page": place.database, "content": "x"}, place.info)
    assert "is a database, not a page" in ran.error.message
    assert "Create a page" in ran.error.hint


def test_nothing_is_not_appended(place):
    ran = attempt("notion.append", {"page": place.page, "content": " \n "}, place.info)
    assert isinstance(ran.error, Rejected)
    assert ran.orders == []


def test_a_page_settled_by_hand_goes_on_from_its_address(place):
    made = run_action("notion.create_page", page(place), place.info).output
    address = f"https://www.notion.so/{made['id'].replace('-', '')}"
    gate = Gate(confirmed={1: Outcome("", address)})
    output = run_action("notion.create_page", page(place, content=LONG), place.info, gate=gate).output
    assert output["id"] == made["id"]
    assert "Paragraph 249" in place.text(made["id"])


def test_a_page_settled_by_hand_without_an_address_cannot_go_on(place):
    gate = Gate(confirmed={1: Outcome("", "")})
    ran = attempt("notion.create_page", page(place, content=LONG), place.info, gate=gate)
    assert "nobody said which" in ran.error.message


@pytest.mark.parametrize("text", [
    "x" * 2000, "x" * 2001, "y" * 250_000, "é" * 70_000, "```\n" + "code\n" * 400 + "```",
    "- a\n\t- b\n\t\t- c\n\t\t\t- d",
    "<b>html</b> & {braces} [link](https://example.org) **bold** $x$ ~~s~~",
])  # fmt: skip
def test_texts_at_the_limits_land_without_a_violation(place, text):
    output = run_action("notion.create_page", page(place, content=text), place.info).output
    assert output["id"]
