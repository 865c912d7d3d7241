"""Objects, tables and JSON."""

from __future__ import annotations

import pytest

from orchestrator_site.lib.errors import UserError
from tests.integrations.gate import run_action


def refused(action, inputs):
    with pytest.raises(UserError) as wrong:
        run_action(action, inputs)
    assert wrong.value.message.endswith(".")
    return wrong.value.code


def test_fields_are_picked_dropped_and_renamed():
    source = {"id": 1, "subject": "Hi", "html": "<b>"}
    given = {"source": source, "drop": ["html"], "rename": {"subject": "title"}}
    assert run_action("data.pick", given).output == {"value": {"id": 1, "title": "Hi"}}
    given = {"source": [source, {}], "fields": ["subject", "id"]}
    assert run_action("data.pick", given).output == {"value": [{"subject": "Hi", "id": 1}, {}]}
    assert refused("data.pick", {"source": [source, 3]}) == "E_TYPE"


def test_fields_are_set():
    given = {"source": {"a": 1, "b": 2}, "fields": {"b": None, "c": [1]}}
    assert run_action("data.set", given).output == {"value": {"a": 1, "b": None, "c": [1]}}


def test_a_table_says_what_belongs_to_a_value():
    table = {"Ada@example.com": "octocat/engine", "3": "three"}
    assert run_action("data.lookup", {"value": 3, "table": table}).output == {"value": "three", "found": True}
    given = {"value": "ada@EXAMPLE.com", "table": table, "ignore_case": True}
    assert run_action("data.lookup", given).output["value"] == "octocat/engine"
    assert run_action("data.lookup", {"value": "x", "table": table, "default": None}).output["found"] is False
    assert refused("data.lookup", {"value": "x", "table": table}) == "E_NOT_FOUND"


@pytest.mark.parametrize(
    "text, more, rows",
    [
        ("\ufeffname;amount\r\nAda;3\r\n", {}, [{"name": "Ada", "amount": "3"}]),
        ('a,b\n"x, ""y""\nz",2', {}, [{"a": 'x, "y"\nz', "b": "2"}]),
        ("a\tb\n1\t", {"typed": True}, [{"a": 1, "b": None}]),
        ("007,TRUE,-1.5", {"header": False, "typed": True}, [{"column_1": "007", "column_2": True, "column_3": -1.5}]),
        ("a,a,\n1,2,3,4", {}, [{"a": "1", "a_2": "2", "column_3": "3", "column_4": "4"}]),
        ("x|y\n1|2", {"delimiter": "comma"}, [{"x|y": "1|2"}]),
        ("", {}, []),
    ],
)
def test_csv_is_read(text, more, rows):
    output = run_action("data.parse_csv", {"text": text, **more}).output
    assert output["rows"] == rows and output["count"] == len(rows)


def test_csv_that_cannot_be_read_says_where():
    assert refused("data.parse_csv", {"text": 'a,b\n"open'}) == "E_CSV"
    assert refused("data.parse_csv", {"text": "a" * (10 * 1024 * 1024 + 1)}) == "E_TOO_LARGE"
    assert refused("data.parse_csv", {"text": "," * 501}) == "E_LENGTH"


def test_csv_is_written_and_read_again():
    rows = [{"name": 'Ada "L"', "n": 3}, {"n": None, "list": [1]}]
    text = run_action("data.write_csv", {"rows": rows, "bom": True, "delimiter": "semicolon"}).output["text"]
    assert text == '\ufeffname;n;list\r\n"Ada ""L""";3;\r\n;;[1]\r\n'
    assert run_action("data.parse_csv", {"text": text}).output["columns"] == ["name", "n", "list"]
    assert run_action("data.write_csv", {"rows": [[1, "a"]], "header": False}).output["text"] == "1,a\r\n"
    assert refused("data.write_csv", {"rows": ["x"]}) == "E_TYPE"


def test_text_that_looks_like_a_formula_is_defused():
    rows = [{"a": "=cmd()", "b": "-5", "c": -5, "d": "@x"}]
    assert run_action("data.write_csv", {"rows": rows, "header": False}).output["text"] == "'=cmd(),-5,-5,'@x\r\n"
    kept = run_action("data.write_csv", {"rows": rows, "header": False, "formulas": "keep"}).output["text"]
    assert kept.startswith("=cmd()")


@pytest.mark.parametrize("text", ['{"a": [1, "ö"]}', '```json\n{"a": [1, "ö"]}\n```', '\ufeff{"a": [1, "ö"]}'])
def test_json_is_read(text):
    assert run_action("data.parse_json", {"text": text}).output == {"value": {"a": [1, "ö"]}}


def test_json_is_written_and_refused():
    assert run_action("data.write_json", {"value": {"b": 1, "a": "ö"}, "sort_keys": True}).output == {
        "text": '{"a":"ö","b":1}'
    }
    assert "\n" in run_action("data.write_json", {"value": [1], "pretty": True}).output["text"]
    assert refused("data.parse_json", {"text": "{a: 1}"}) == "E_JSON"
    assert refused("data.parse_json", {"text": "[" * 100}) == "E_JSON_DEPTH"
