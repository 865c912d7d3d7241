"""The pure actions."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected
from tests.integrations.gate import run_action

MAILS = [{"subject": "Hi", "from": {"name": "Ada"}}]


def test_a_filled_template_is_the_text():
    assert run_action("data.format", {"template": "3 mails"}).output == {"text": "3 mails"}


@pytest.mark.parametrize(
    "source, path, expected",
    [
        (MAILS, "[0].subject", "Hi"),
        ({"messages": MAILS}, "messages[0].from.name", "Ada"),
        ({"a": {"b": [{"c": 7}]}}, "a.b[0].c", 7),
        ({"a": None}, "a", None),
        ([1, 2, 3], "[-1]", 3),
    ],
)
def test_a_value_is_taken_out_by_its_path(source, path, expected):
    assert run_action("data.extract", {"source": source, "path": path}).output == {"value": expected}


def test_what_is_not_there_is_the_default_or_an_error():
    assert run_action("data.extract", {"source": {}, "path": "a.b", "default": None}).output == {"value": None}
    assert run_action("data.extract", {"source": {}, "path": "a.b", "default": 5}).output == {"value": 5}
    with pytest.raises(Rejected) as caught:
        run_action("data.extract", {"source": {"subject": "x"}, "path": "subjet"})
    assert caught.value.code == "E_TPL_UNDEFINED" and caught.value.refused


@pytest.mark.parametrize("path", ["__class__", "a.__dict__", "a[", "a..b", "x." * 40 + "x"])
def test_a_bad_path_is_refused(path):
    with pytest.raises(Rejected):
        run_action("data.extract", {"source": {"a": {}}, "path": path})
