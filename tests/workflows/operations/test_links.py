"""From a link as it is copied back to the run that made the thing."""

import pytest

from workflows.operations.links import names_of

PAGE = "0123456789abcdef0123456789abcdef"
DASHED = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    "text, name",
    [
        ("https://github.com/a/b/issues/12#issuecomment-5", "https://github.com/a/b/issues/12"),
        ("https://github.com/a/b/issues/12/", "https://github.com/a/b/issues/12"),
        ("https://github.com/a/b/commit/deadbeef42", "deadbeef42"),
        (f"https://www.notion.so/team/Order-4471-{PAGE}?pvs=4", DASHED),
        (f"https://www.notion.so/{DASHED}", PAGE),
        ("https://mail.google.com/mail/u/0/#inbox/18c2f0a9b7d6e5f4", "18c2f0a9b7d6e5f4"),
        ("  12 ", "12"),
        (DASHED, PAGE),
    ],
)
def test_the_names_under_which_a_thing_may_be_known(text, name):
    assert name in names_of(text)


@pytest.mark.parametrize("text", ["https://github.com/a/b/issues/12", "https://[broken", "", "x" * 5000])
def test_short_numbers_and_nonsense_name_nothing_else(text):
    assert "12" not in names_of(text) and len(names_of(text)) <= 20
