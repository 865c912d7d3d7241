"""What a test expects, and how a difference is said."""

import time

import pytest

from orchestrator_site.lib.errors import UserError
from workflows.operations.testing.cases import Case, read_document
from workflows.operations.testing.judging import Came, judge, like

EFFECTS = (
    {"op": "create_issue", "step": "issue", "target": {"repository": "a/b"}, "after": {"title": "Export stops"}},
    {"op": "star", "step": "mark", "target": {"message": "1"}, "after": None},
)
OUTPUTS = {"n": 2, "text": "Hello world", "list": [1, 2]}
CAME = Came("succeeded", outputs=OUTPUTS, steps={"issue": {"succeeded"}, "b": {"skipped"}}, effects=EFFECTS)


def failures(**expect):
    return judge(Case.model_validate({"name": "x", "expect": expect}), CAME)


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"outputs": {"n": 2, "text": {"contains": "world"}}},
        {"outputs": {"text": {"matches": "Hel*ld"}, "n": {"at_least": 2}, "list": {"contains": 2}}},
        {"outputs": {"missing": None, "text": {"not": "x"}}},
        {"steps": {"issue": "ran", "b": "not_run", "never": "not_run"}},
        {
            "effects": [
                {"op": "create_issue", "target": {"repository": "a/b"}, "after": {"title": {"matches": "*stops"}}}
            ]
        },
        {"effects": [{"step": "issue"}, {"op": "star", "count": 1}], "only_these": True},
        {"effects": [{"op": "send", "count": 0}]},
    ],
)
def test_what_is_as_expected_is_green(expect):
    assert failures(**expect) == []


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"status": "failed"}, "The run succeeded; expected: failed."),
        ({"outputs": {"n": "2"}}, 'outputs.n is 2; expected: "2".'),
        ({"outputs": {"n": True}}, "outputs.n is 2; expected: true."),
        ({"outputs": {"text": {"contains": "moon"}}}, "expected: contains"),
        ({"steps": {"b": "ran"}}, "Step b is skipped; expected: ran."),
        ({"effects": [{"op": "send"}]}, "No change is planned like"),
        ({"effects": [{"op": "star"}], "only_these": True}, "Other changes are planned too: create_issue (issue)."),
        ({"error": "E_X"}, "The error is none; expected: E_X."),
    ],
)
def test_a_difference_is_said_in_a_sentence(expect, said):
    found = failures(**expect)
    assert len(found) == 1 and said in found[0], found


def test_a_pattern_takes_time_that_grows_with_both_only():
    began = time.perf_counter()
    assert not like("*a" * 200 + "b", "a" * 5_000)
    assert like("*x?z", "abcxyz") and not like("a?", "a") and like("**", "")
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "value",
    [[], {"tests": [{"name": "a", "expects": {}}]}, {"tests": [{"name": ""}]}, {"format": 2, "tests": []},
     {"tests": [{"name": "a"}, {"name": "a"}]}, {"tests": [{"name": "a", "expect": {"steps": {"b": "run"}}}]}],
)  # fmt: skip
def test_a_document_that_is_not_well_formed_is_refused(value):
    with pytest.raises(UserError):
        read_document(value)
