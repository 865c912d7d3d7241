"""The input gate, held to rows B1-B3 and B77-B92 of the bad-input table."""

import time
import tracemalloc
from datetime import date

import pytest

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json, clean_text, clean_value, dumps, repair_text


def refused(raw, **kw):
    with pytest.raises(UserError) as caught:
        clean_json(raw, **kw)
    return caught.value


def test_good_json_comes_out_as_it_is_and_in_order():
    raw = '{"b": [1, 2.5, true, null, "ä😀\\n"], "a": {"x": -9223372036854775808, "y": 9223372036854775807}}'.encode()
    value = clean_json(raw)
    assert list(value) == ["b", "a"]
    assert value["b"] == [1, 2.5, True, None, "ä😀\n"]
    assert dumps(value).startswith('{"b":[1,2.5,true,null,"ä😀\\n"]')


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{nope", "E_JSON"),
        (b"", "E_JSON"),
        (b"  \n", "E_JSON"),
        (b"{} {}", "E_JSON"),
        (b"[1,]", "E_JSON"),
        (b'"a\nb"', "E_JSON"),
        (b'{"a": "\xff"}', "E_ENCODING"),
        (b'{"a": "\xc3"}', "E_ENCODING"),
        (b'"\xed\xa0\x80"', "E_ENCODING"),
        ('{"a": 1}'.encode("utf-16"), "E_ENCODING"),
        ('{"a": 1}'.encode("utf-16-le"), "E_ENCODING"),
        ("{}".encode("utf-16-be"), "E_ENCODING"),
        ("[]".encode("utf-32"), "E_ENCODING"),
        (b"[" * 65 + b"]" * 65, "E_JSON_DEPTH"),
        (b"[" * 950 + b"]" * 950, "E_JSON_DEPTH"),
        (b"[" * 100_000, "E_JSON_DEPTH"),
        (b'{"a":' * 100_000, "E_JSON_DEPTH"),
        (b"[NaN]", "E_NUMBER"),
        (b"[Infinity]", "E_NUMBER"),
        (b"[-Infinity]", "E_NUMBER"),
        (b"[1e999]", "E_NUMBER"),
        (b"9" * 5000, "E_NUMBER"),
        (b"-" + b"9" * 5000, "E_NUMBER"),
        (b"0." + b"9" * 5000, "E_NUMBER"),
        (b"9223372036854775808", "E_NUMBER"),
        (b"-9223372036854775809", "E_NUMBER"),
        (b'["a\\u0000b"]', "E_TEXT_CONTROL"),
        (b'["a\x00b"]', "E_TEXT_CONTROL"),
        (b'{"a\\u0000": 1}', "E_TEXT_CONTROL"),
        (b'["\\u0007"]', "E_TEXT_CONTROL"),
        (b'["\x7f"]', "E_TEXT_CONTROL"),
        (b'["\\ud83d"]', "E_TEXT_SURROGATE"),
        (b'{"\\udc00": 1}', "E_TEXT_SURROGATE"),
        (b'{"a": 1, "a": 2}', "E_JSON_DUP_KEY"),
        (b'[{"b": {"a": 1, "\\u0061": 2}}]', "E_JSON_DUP_KEY"),
    ],
)
def test_bad_json_is_refused_with_its_code(raw, code):
    error = refused(raw)
    assert (error.code, error.status, error.field) == (code, 400, error.field)
    assert error.message.endswith(".") and error.field.startswith("body")


def test_depth_64_is_fine_and_brackets_in_strings_do_not_count():
    clean_json(b"[" * 64 + b"]" * 64)
    inside = '"' + '\\"[[\\\\' * 5000 + '"'
    assert len(clean_json(f'{{"a": {inside}}}')["a"]) == 20_000


def test_a_byte_order_mark_is_accepted():
    assert clean_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert clean_json('\ufeff{"a": 1}') == {"a": 1}


def test_syntax_errors_say_where():
    error = refused(b'{\n  "a": 1,\n  oops\n}')
    assert error.extra == {"line": 3, "column": 3}
    assert "line 3, column 3" in error.message


def test_too_large_is_413_and_names_the_limit():
    error = refused(b'"' + b"a" * 100 + b'"', max_bytes=50)
    assert (error.code, error.status, error.limit) == ("E_TOO_LARGE", 413, 50)
    assert refused('"' + "ä" * 30 + '"', max_bytes=50).code == "E_TOO_LARGE"


def test_too_many_values_and_too_long_texts_are_refused():
    assert refused(b"[" + b"1," * 300_000 + b"1]").code == "E_JSON_NODES"
    assert refused(b'{"a": ["' + b"x" * 100 + b'"]}', max_string=50).field == "body.a[0]"


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[]," * 300_000,
        b'"' + b'\\"' * 400_000,
        b'"' * 900_000,
        b"[" + b'"a",' * 240_000 + b"1]",
        b"[" + b"9" * 900_000 + b"]",
        b'{"a": "' + b"\\ud83d" * 100_000 + b'"}',
    ],
    ids=range(8),
)
def test_bombs_are_refused_quickly_and_without_memory(raw):
    started = time.process_time()
    refused(raw)
    took = time.process_time() - started
    assert took < 0.5
    tracemalloc.start()
    refused(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * 1024 * 1024


def test_values_from_elsewhere_are_copied_plain():
    class Shout(str):
        pass

    source = {"a": (1, 2), "b": Shout("x"), "c": {"d": [True, None, 1.5]}}
    value = clean_value(source)
    assert value == {"a": [1, 2], "b": "x", "c": {"d": [True, None, 1.5]}}
    assert type(value["b"]) is str and value["c"] is not source["c"]
    assert list(value) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("value", "code", "field"),
    [
        ({"a": {1, 2}}, "E_TYPE", "body.a"),
        ({"a": date(2020, 1, 1)}, "E_TYPE", "body.a"),
        ({"a": b"x"}, "E_TYPE", "body.a"),
        ({1: "x"}, "E_TYPE", "body"),
        ({"a": [float("inf")]}, "E_NUMBER", "body.a[0]"),
        ({"a": [float("nan")]}, "E_NUMBER", "body.a[0]"),
        ([2**63], "E_NUMBER", "body[0]"),
        ([10**6000], "E_NUMBER", "body[0]"),
        (["\x00"], "E_TEXT_CONTROL", "body[0]"),
        (["\ud800"], "E_TEXT_SURROGATE", "body[0]"),
    ],
)
def test_values_from_elsewhere_meet_the_same_rules(value, code, field):
    with pytest.raises(UserError) as caught:
        clean_value(value)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_a_value_that_holds_itself_ends_as_too_deep():
    loop = []
    loop.append(loop)
    with pytest.raises(UserError) as caught:
        clean_value(loop)
    assert caught.value.code == "E_JSON_DEPTH"


def test_an_alias_bomb_ends_as_too_many():
    bomb = ["lol"] * 10
    for _ in range(9):
        bomb = [bomb] * 10
    started = time.process_time()
    with pytest.raises(UserError) as caught:
        clean_value(bomb)
    assert caught.value.code == "E_JSON_NODES"
    assert time.process_time() - started < 1


def test_answers_of_services_can_be_mended_instead():
    assert clean_json(b'["a\\u0000b\\ud800c"]', repair=True) == ["ab\ufffdc"]
    assert clean_value({"a\x00": "\x0bx"}, repair=True) == {"a": "x"}
    assert repair_text("tab\tline\n") == "tab\tline\n"


def test_single_texts_meet_the_same_rules():
    assert clean_text("hello\tworld\n") == "hello\tworld\n"
    for bad, code in (("\x00", "E_TEXT_CONTROL"), ("\ud800", "E_TEXT_SURROGATE"), ("long", "E_LENGTH")):
        with pytest.raises(UserError) as caught:
            clean_text(bad, max_length=3)
        assert caught.value.code == code


def test_dumps_refuses_what_is_not_json():
    with pytest.raises(ValueError):
        dumps(float("nan"))


@pytest.mark.parametrize(
    "value",
    [
        {"a": "x", "n": 1, "ok": True, "none": None, "list": ["a", "b"]},
        {"a": {"deeper": ["x"]}},
        {"a": 1.5, "list": [1, "x"]},
        {"a": "x" * 5000},
    ],
)
def test_a_small_flat_object_is_copied_as_any_other(value):
    copy = clean_value(value, repair=True)
    assert copy == value and copy is not value
    assert not isinstance(value.get("list"), list) or copy["list"] is not value["list"]


@pytest.mark.parametrize("value", [{"a": "\x00"}, {"a\x00": "x"}, {"a": ["\ud800"]}, {"a": 2**64}, {1: "x"}])
def test_what_has_no_place_is_found_in_a_small_object_too(value):
    with pytest.raises(UserError):
        clean_value(value)
