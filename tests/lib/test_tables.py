"""CSV as spreadsheets write it, and cells that no spreadsheet runs."""

import pytest

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.tables import defused, read_table


def rows(raw, **more):
    table = read_table(raw, max_rows=1000, **more)
    return table.columns, [line.cells for line in table.lines]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_separator_is_seen(mark):
    assert rows(f'a{mark}b\n1{mark}"x{mark}y"\n') == (("a", "b"), [("1", f"x{mark}y")])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_what_wrote_it_does_not_matter(encoding):
    assert rows("name\nJürgen Müller, Straße\n".replace(",", "").encode(encoding))[1] == [("Jürgen Müller Straße",)]


def test_a_cell_may_hold_lines_and_quotation_marks_and_formulas_are_text():
    _, lines = rows('a,b\n"one\ntwo","say ""hi"""\n=1+1,-5\n')
    assert lines == [("one\ntwo", 'say "hi"'), ("=1+1", "-5")]


def test_the_numbers_are_those_a_spreadsheet_shows():
    table = read_table("a\n\n1\n\n2\n", max_rows=10)
    assert [(line.number, line.cells) for line in table.lines] == [(3, ("1",)), (5, ("2",))]


def test_excels_own_first_line_names_the_separator():
    assert rows("sep=;\na,x;b\n1;2\n") == (("a,x", "b"), [("1", "2")])


@pytest.mark.parametrize(
    "raw, code, words",
    [
        ("", "E_REQUIRED", "nothing in this table"),
        ("a,b\n", "E_REQUIRED", "no row below"),
        ("a,A\n1,2\n", "E_CSV", "Two columns"),
        ("a,,c\n1,2,3\n", "E_CSV", "Column 2 has no name"),
        ('a\n"open\n', "E_CSV", "line"),
        ("a\n" + "1\n" * 1001, "E_LENGTH", "at most 1,000 rows"),
        ("a\nx\x00y\n", "E_TEXT_CONTROL", ""),
        (b"a\n" + b"x" * 1_048_576, "E_TOO_LARGE", "bytes"),
        ("a\n" + "x" * 200_000, "E_CSV", "field"),
    ],
)
def test_what_is_no_table_is_said_in_words(raw, code, words):
    with pytest.raises(UserError) as refused:
        read_table(raw, max_rows=1000)
    assert refused.value.code == code and words in refused.value.message


def test_a_thousand_rows_are_taken():
    assert len(rows("a\n" + "1\n" * 1000)[1]) == 1000


@pytest.mark.parametrize(
    "value, cell",
    [
        ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("-x", "'-x"), ("@x", "'@x"), ("\tx", "'\tx"), ("-5", "-5"),
        ("+49", "+49"), ("plain", "plain"), (None, ""), (5, "5"), ({"a": 1}, '{"a":1}'), (True, "true"),
    ],
)  # fmt: skip
def test_no_cell_is_run_by_a_spreadsheet(value, cell):
    assert defused(value) == cell
