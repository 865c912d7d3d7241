"""Cutting Markdown into parts: nothing is lost, nothing is too big, nothing is cut where it must not be."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.notion.markdown import MAX_BLOCKS, MAX_BYTES, split_markdown


def words(text: str) -> str:
    return re.sub(r"\s+", "", text)


def size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())


def test_a_short_text_is_one_part():
    assert split_markdown("# Hi\n\n- a\n- b") == ["# Hi\n\n- a\n- b"]


@pytest.mark.parametrize("text", ["", "\n\n", "  \n\t\n"])
def test_nothing_is_one_empty_part(text):
    assert split_markdown(text) == [""]


@pytest.mark.parametrize("count", [1, 94, 95, 96, 190, 191, 1000])
def test_blocks_are_counted(count):
    parts = split_markdown("\n\n".join(f"line {n}" for n in range(count)))
    assert len(parts) == -(-count // MAX_BLOCKS)
    assert "".join(parts).count("line") == count
    assert all(len([line for line in part.split("\n") if line]) <= MAX_BLOCKS for part in parts)


@pytest.mark.parametrize("character", ["a", "é", "漢", "😀", '"', "\\"])
def test_a_line_without_an_end_is_cut_to_size(character):
    text = character * 150_000
    parts = split_markdown(text)
    assert "".join(parts) == text
    assert all(size(part) <= MAX_BYTES + 2 for part in parts)


def test_a_long_paragraph_is_cut_between_words():
    text = "lorem ipsum " * 20_000
    parts = split_markdown(text)
    assert words("".join(parts)) == words(text)
    assert all(part.split()[0] in ("lorem", "ipsum") and part.split()[-1] in ("lorem", "ipsum") for part in parts)


def test_a_code_block_is_never_cut_when_it_fits():
    code = "```python\n" + "\n".join(f"print({n})" for n in range(500)) + "\n```"
    parts = split_markdown("\n".join(f"line {n}" for n in range(94)) + "\n" + code + "\nend")
    assert any(code in part for part in parts)


def test_a_code_block_that_is_too_big_is_fenced_again():
    code = "```python\n" + "\n".join(f"value_{n} = '{'x' * 90}'" for n in range(2000)) + "\n```"
    parts = split_markdown(code)
    assert len(parts) > 1
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in parts)
    assert "".join(parts).count("value_") == 2000


def test_a_code_block_left_open_is_closed():
    assert split_markdown("```\nx = 1") == ["```\nx = 1\n```"]


def test_a_long_table_keeps_its_header():
    rows = "\n".join(f"| {n} | {n * n} |" for n in range(300))
    parts = split_markdown(f"| a | b |\n| --- | --- |\n{rows}")
    assert len(parts) == 4
    assert all(part.startswith("| a | b |\n| --- | --- |\n| ") for part in parts)
    assert sum(part.count("\n") - 1 for part in parts) == 300


def test_list_items_are_nested_by_tabs_but_code_is_left_alone():
    text = "- a\n  - b\n      - c\n  - d\n- e\n```\n  - no\n```"
    assert split_markdown(text) == ["- a\n\t- b\n\t\t- c\n\t- d\n- e\n```\n  - no\n```"]


def test_a_parent_stays_with_its_children():
    text = "\n".join([*(f"line {n}" for n in range(90)), "- parent", *(f"  - child {n}" for n in range(10))])
    parts = split_markdown(text)
    assert len(parts) == 2
    assert parts[1].startswith("- parent\n\t- child 0")


pieces = st.sampled_from(
    [
        "# Title",
        "",
        "word " * 40,
        "- item",
        "  - child",
        "1. one",
        "> quote",
        "```py\ncode\n\nmore\n```",
        "| a | b |",
        "---",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=60), st.integers(200, 2000), st.integers(3, 20))
def test_no_word_is_lost_and_no_part_too_big(lines, max_bytes, max_blocks):
    text = "\n".join(lines)
    parts = split_markdown(text, max_bytes, max_blocks)
    lost = re.sub(r"```(py)?|\|ab\||\s", "", text.replace("| a | b |", "|ab|"))
    kept = re.sub(r"```(py)?|\|ab\||\s", "", "\n".join(parts).replace("| a | b |", "|ab|"))
    assert kept == lost
    assert all(size(part) <= max_bytes + 200 for part in parts)
