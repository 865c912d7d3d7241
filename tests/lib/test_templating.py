"""Templates: rows B51-B76 of the bad-input table, design.md §3, and the limits measured."""

import contextlib
import threading
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from orchestrator_site.lib.templating import TemplateProblem, compile, compile_condition, evaluate_path

DATA = {
    "inputs": {"name": "Mara", "n": 5, "empty": "", "none": None, "yes": True, "list": [3, 1, 2], "text5": "5"},
    "steps": {
        "fetch": {
            "messages": [
                {"id": "1", "subject": "A bug", "sender": {"email": "a@x.org"}, "open": True},
                {"id": "2", "subject": "Hello", "sender": {"email": "b@x.org"}, "open": False},
            ],
            "count": 2,
        }
    },
    "run": {"id": "r1", "started_at": "2026-11-24T09:30:00+00:00"},
    "for": {"limit": {"in": {"empty": "ok"}}},
    "as": 1,
    "with": 2,
    "big": "x" * 900_000,
    "huge": ["item"] * 9_000,
}


def problem(source, data=None):
    with pytest.raises(TemplateProblem) as caught:
        compile(source).render(DATA if data is None else data)
    return caught.value


def render(source, data=None, **kw):
    return compile(source).render(DATA if data is None else data, **kw)


# What people write


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("{{ inputs.n }}", 5),
        ("{{inputs.list}}", [3, 1, 2]),
        ("{{ inputs.none }}", None),
        ("{{ inputs.yes }}", True),
        ("{{ steps.fetch.messages[0] }}", DATA["steps"]["fetch"]["messages"][0]),
        ("{{ steps.fetch.messages[-1].subject }}", "Hello"),
        ("{{ steps.fetch.messages.first.id }}", "1"),
        ("{{ steps.fetch.messages.size }}", 2),
        ('{{ steps["fetch"].count }}', 2),
        ("n={{ inputs.n }}", "n=5"),
        ("[{{ inputs.none }}]", "[]"),
        ("{{ inputs.yes }}!", "true!"),
        ("{{ inputs.list }}.", "[3,1,2]."),
        ("{{ steps.fetch.messages[0].sender }} ", '{"email":"a@x.org"} '),
        ("{{ inputs.name | upcase | append: '!' }}", "MARA!"),
        ("{{ inputs.name | truncate: 3 }}", "..."),
        ("{{ inputs.name | truncate: 3, '' }}", "Mar"),
        ("{{ 'one two three' | truncatewords: 2 }}", "one two..."),
        ("{{ steps.fetch.messages | map: 'subject' | join: ', ' }}", "A bug, Hello"),
        ("{{ steps.fetch.messages | where: 'open', true | size }}", 1),
        ("{{ steps.fetch.messages | where: 'open' | map: 'id' }}", ["1"]),
        ("{{ inputs.list | sort | reverse | first }}", 3),
        ("{{ inputs.list | sum | divided_by: 4 }}", 1),
        ("{{ inputs.text5 | plus: 1 }}", 6),
        ("{{ 0.1 | plus: 0.2 }}", 0.3),
        ("{{ 2.5 | round }}", 3),
        ("{{ 1.2345 | round: 2 }}", 1.23),
        ("{{ '3.50' | number }}", 3.5),
        ("{{ inputs.n | text }}", "5"),
        ("{{ inputs.list | json }}", "[3,1,2]"),
        ("{{ inputs.nothing | default: 'x' }}", "x"),
        ("{{ inputs.nothing.deep | upcase | default: 'x' }}", "x"),
        ("{{ nothing | default: inputs.n }}", 5),
        ("{{ inputs.empty | default: 'x' }}", "x"),
        ("{{ 'a,b,,c' | split: ',' | compact | uniq | size }}", 4),
        ("{{ 'a-b-c' | replace: '-', '+' | remove_first: '+' }}", "ab+c"),
        ("{{ 'hello' | slice: 1, 3 }}{{ 'hello' | slice: -2, 2 }}", "elllo"),
        ("{{ '<b>hi &amp; bye</b>' | strip_html }}", "hi & bye"),
        ("{{ '<b>' | escape }}", "&lt;b&gt;"),
        ("{{ 'a\nb' | newline_to_br }}", "a<br />\nb"),
        ("{{ 'a b/ü' | url_encode }}", "a+b%2F%C3%BC"),
        ("{{ '2026-11-24T09:30:00Z' | date: '%d.%m.%Y %H:%M', 'Europe/Berlin' }}", "24.11.2026 10:30"),
        ("{{ 'Tue, 24 Nov 2026 09:30:00 +0100' | date: '%Y-%m-%dT%H:%M' }}", "2026-11-24T08:30"),
        ("{{ 1764000000 | date: '%Y' }}", "2025"),
        ("{{ 'now' | date: '%Y-%m-%d' }}", "2026-11-24"),
        ("{% for m in steps.fetch.messages %}{{ forloop.index }}{{ m.id }}{% endfor %}", "1122"),
        ("{% for i in inputs.list %}{{ i }}{% unless forloop.last %} {% endunless %}{% endfor %}", "3 1 2"),
        ("{% for a in (1..2) %}{% for b in (1..2) %}{{ forloop.parentloop.index }}{% endfor %}{% endfor %}", "1122"),
        ("{{ for.limit.in.empty }}{{ as }}{{ with }}", "ok12"),
        ("{% if not inputs.none or inputs.gone %}a{% endif %}{% if not inputs.yes and inputs.gone %}b{% endif %}", "a"),
        ("{% if inputs.none or inputs.yes and inputs.n == 5 %}c{% endif %}", "c"),
        ("{% for i in (1..3) reversed %}{{ i }}{% else %}-{% endfor %}", "321"),
        ("{% for i in inputs.list limit: 2 offset: 1 %}{{ i }}{% endfor %}", "12"),
        ("{% for p in inputs %}{% if p[0] == 'n' %}{{ p[1] }}{% break %}{% endif %}{% endfor %}", "5"),
        ("{% assign x = inputs.name | downcase %}{{ x }}{{ x.size }}", "mara4"),
        ("{% capture y %}<{{ inputs.n }}>{% endcapture %}{{ y }}{{ y }}", "<5><5>"),
        ("{% if inputs.n > 3 and inputs.name contains 'ar' %}yes{% elsif true %}no{% endif %}", "yes"),
        ("{% case inputs.n %}{% when 4, 5 %}some{% else %}none{% endcase %}", "some"),
        ("{% unless inputs.none %}no{% endunless %}", "no"),
        ("{% if inputs.gone == nil %}gone{% endif %}{% if inputs.empty == blank %} blank{% endif %}", "gone blank"),
        ("{% if not (inputs.n == 5) or inputs.yes %}ok{% endif %}", "ok"),
        ("{% comment %} {{ inputs.n }} {% endcomment %}a{% # note %}", "a"),
        ("{% raw %}{{ not.read }}{% endraw %}", "{{ not.read }}"),
        ("a {{- ' b ' -}} c", "a b c"),
        ("{{ inputs.list | concat: inputs.list | uniq }}", [3, 1, 2]),
        ("{{ steps.fetch.messages | find: 'id', '2' | json | size }}", 70),
        ("{{ nil }}", None),
        ("{{ 'ä' | upcase }}", "Ä"),
        ("{ {{ inputs.n }} }", "{ 5 }"),
        ("100% of {{ inputs.n }}, {'a': 1}", "100% of 5, {'a': 1}"),
    ],
)  # fmt: skip
def test_templates_that_work(source, value):
    assert render(source) == value


def test_substituted_data_is_never_parsed_again():
    data = {"a": "{{ inputs.secret }}{% for i in (1..9) %}x{% endfor %}", "inputs": {"secret": "s"}}
    assert render("{{ a }}", data) == data["a"]
    assert render("-{{ a }}-", data) == f"-{data['a']}-"
    assert render("{% assign b = a %}{{ b | append: a }}!", data) == f"{data['a'] * 2}!"


def test_the_clock_is_the_runs_own():
    assert render("{{ 'now' | date: '%Y' }}", now=datetime(2031, 1, 1, tzinfo=UTC)) == "2031"
    assert render("{{ 'today' | date: '%H:%M' }}") == "09:30"


# What is refused


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{{", "E_TPL_SYNTAX"),
        ("a\n {{ b ", "E_TPL_SYNTAX"),
        ("{{ a b }}", "E_TPL_SYNTAX"),
        ("{% raw", "E_TPL_SYNTAX"),
        ("{% raw %} {{ a }}", "E_TPL_SYNTAX"),
        ("{{ }}", "E_TPL_SYNTAX"),
        ("{% %}", "E_TPL_SYNTAX"),
        ("{% if %}a{% endif %}", "E_TPL_SYNTAX"),
        ("{% if inputs.n %}a", "E_TPL_SYNTAX"),
        ("{% endif %}", "E_TPL_SYNTAX"),
        ("{% for %}{% endfor %}", "E_TPL_SYNTAX"),
        ("{% for a of b %}{% endfor %}", "E_TPL_SYNTAX"),
        ("{% iff a %}{% endiff %}", "E_TPL_SYNTAX"),
        ("{{ a | }}", "E_TPL_SYNTAX"),
        ("{{ a || b }}", "E_TPL_SYNTAX"),
        ("{{ a. }}", "E_TPL_SYNTAX"),
        ("{{ a[ }}", "E_TPL_SYNTAX"),
        ("{{ [0] }}", "E_TPL_SYNTAX"),
        ("{{ 'open }}", "E_TPL_SYNTAX"),
        ("{{ a - b }}", "E_TPL_SYNTAX"),
        ("{% if a and b or c %}{% endif %}", "E_TPL_SYNTAX"),
        ("{% break %}", "E_TPL_SYNTAX"),
        ("{% case inputs.n %}{% when 1 2 %}{% endcase %}", "E_TPL_SYNTAX"),
        ("{% if (inputs.n %}{% endif %}", "E_TPL_SYNTAX"),
        ("{% if inputs.n == 1 == 2 %}{% endif %}", "E_TPL_SYNTAX"),
        ("{% else %}", "E_TPL_SYNTAX"),
        ("{{ inputs.n | truncate: 1, 2, 3 }}", "E_TPL_SYNTAX"),
        ("{{ inputs.n | replace }}", "E_TPL_SYNTAX"),
        ("{{ inputs.n | default: 1, allow: true }}", "E_TPL_SYNTAX"),
        ("{{ inputs.name | upcas }}", "E_TPL_FILTER"),
        ("{{ inputs.name | base64_encode }}", "E_TPL_FILTER"),
        ("{{ inputs.name | safe }}", "E_TPL_FILTER"),
        ("{{ nme }}", "E_TPL_UNDEFINED"),
        ("{{ inputs.nme }}", "E_TPL_UNDEFINED"),
        ("{{ inputs.name.x }}", "E_TPL_UNDEFINED"),
        ("{{ inputs.none.x }}", "E_TPL_UNDEFINED"),
        ("{{ inputs.list[9] }}", "E_TPL_UNDEFINED"),
        ("{{ inputs.nme | upcase }}", "E_TPL_UNDEFINED"),
        ("{{ inputs.name | append: inputs.nme }}", "E_TPL_UNDEFINED"),
        ("{% if inputs.nme %}{% endif %}", "E_TPL_UNDEFINED"),
        ("{% for a in inputs.nme %}{% endfor %}", "E_TPL_UNDEFINED"),
        ("{% assign a = inputs.nme %}", "E_TPL_UNDEFINED"),
        ("{% case inputs.nme %}{% when 1 %}{% endcase %}", "E_TPL_UNDEFINED"),
        ("{{ inputs[inputs.nme] }}", "E_TPL_UNDEFINED"),
        ("{{ now }}", "E_TPL_UNDEFINED"),
        ("{{ workspace.secrets.key }}", "E_TPL_UNDEFINED"),
        ("{{ inputs.name | plus: 1 }}", "E_TPL_VALUE"),
        ("{{ 1 | divided_by: 0 }}", "E_TPL_VALUE"),
        ("{{ 1 | modulo: 0 }}", "E_TPL_VALUE"),
        ("{{ 9223372036854775807 | plus: 1 }}", "E_TPL_VALUE"),
        ("{{ 1e308 | times: 10 }}", "E_TPL_UNDEFINED"),
        ("{{ 'x' | date }}", "E_TPL_VALUE"),
        ("{{ 0 | date: '%0999999999d' }}", "E_TPL_VALUE"),
        ("{{ 0 | date: '%Y', '../../etc/passwd' }}", "E_TPL_VALUE"),
        ("{% if inputs.name > 3 %}{% endif %}", "E_TPL_VALUE"),
        ("{% for i in inputs.list %}{{ forloop }}{% endfor %}", "E_TPL_VALUE"),
        ("\ud800", "E_TEXT_SURROGATE"),
        ("a\x00", "E_TEXT_CONTROL"),
        ("{{ a" + ".b" * 16 + " }}", "E_TPL_DEPTH"),
        ("{{ a" + "[0]" * 16 + " }}", "E_TPL_DEPTH"),
        ("{{ a" + ".b" * 20_000 + " }}", "E_TPL_DEPTH"),
        ("{{ a" + "[a" * 10_000 + "]" * 10_000 + " }}", "E_TPL_DEPTH"),
        ("{{ " + "(" * 20_000 + " }}", "E_TPL_SYNTAX"),
        ("{% if " + "(" * 900 + "a" + ")" * 900 + " %}{% endif %}", "E_TPL_SYNTAX"),
        ("x" * (65 * 1024), "E_LENGTH"),
        ("{{ big | append: big }}", "E_TPL_SIZE"),
        ("-{{ big }}-", "E_TPL_SIZE"),
        ("{% for i in (1..300) %}" + "x" * 1024 + "{% endfor %}", "E_TPL_SIZE"),
        ("{{ huge | join: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}", "E_TPL_SIZE"),
        ("{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' | replace: 'a', big }}", "E_TPL_SIZE"),
        ("{% assign x = big %}", "E_TPL_BUDGET"),
    ],
)
def test_templates_that_are_refused(source, code):
    assert problem(source).code == code


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ inputs.__class__ }}",
        "{{ inputs | attr('__class__') }}",
        "{{ 'a'*10**9 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10**(10**7) }}",
        "{{ '%0999999999d'|format(1) }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ 1/0 }}",
        "{{ range(999999999) }}",
        "{{ (1..999999999) | join }}",
        "{{ (1..999999999) }}",
        "{% assign x = (1..9) %}",
        "{% macro a() %}{{ a() }}{% endmacro %}",
        "{% include '/etc/passwd' %}",
        "{% render 'x' %}",
        "{% extends 'x' %}",
        "{% import 'os' as os %}",
        "{% set x = 1 %}",
        "{% tablerow i in (1..9) cols: 999999999 %}{% endtablerow %}",
        "{% cycle 'a', 'b' %}",
        "{% increment x %}",
        "{% liquid\n echo 'a' %}",
        "{% doc %}x{% enddoc %}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler('a') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum() }}",
        "{{ lipsum.__globals__ }}",
        "{{ joiner() }}",
        "{{ config.items() }}",
        "{{ a[0](1) }}",
        "{{ `id` }}",
        "{{ a; b }}",
        "{{ 99999999999999999999 }}",
    ],
)
def test_code_is_refused_before_anything_runs_and_at_once(source):
    started = time.process_time()
    with pytest.raises(TemplateProblem) as caught:
        compile(source)
    assert time.process_time() - started < 0.05
    assert caught.value.code == "E_TPL_FORBIDDEN"
    assert caught.value.line == 1


def test_arithmetic_with_a_huge_number_is_refused():
    with pytest.raises(TemplateProblem):
        compile("{{ 1 | plus: " + "9" * 5000 + " }}")


NESTED = "".join(f"{{% for a{i} in (1..99999) %}}" for i in range(3)) + "x" + "{% endfor %}" * 3


@pytest.mark.parametrize(
    "source",
    [
        NESTED,
        "{% for a in (1..99999) %}x{% endfor %}",
        "{% for a in (1..inputs.n) %}{% for b in (1..99999) %}x{% endfor %}{% endfor %}",
        "{% for a in inputs.b %}" * 21 + "{% endfor %}" * 21,
        "{% for a in inputs.b %}" * 99_999 + "{% endfor %}" * 99_999,
        "{% if a %}" * 2500 + "{% endif %}" * 2500,
        "{% for a in huge %}{% for b in huge %}x{% endfor %}{% endfor %}",
        "{% for a in huge %}" + "{% if true %}{% endif %}" * 2000 + "{% endfor %}",
        "{% for a in huge %}{% if true %}" + "{% comment %}{% endcomment %}" * 1500 + "{% endif %}{% endfor %}",
        "{% for a in huge %}{% if huge == copy %}{% endif %}{% endfor %}",
        "{% for a in huge %}{% if huge contains 'zz' %}{% endif %}{% endfor %}",
        "{% for a in huge %}{% if big contains 'xxxxxxxxxxz' %}{% endif %}{% endfor %}",
        "{% for a in huge %}{{ huge | sort | first }}{% endfor %}",
        "{% for a in huge %}{{ huge | uniq | size }}{% endfor %}",
        "{% for a in huge %}{{ big | size }}{{ big | upcase | size }}{% endfor %}",
        "{% for a in huge %}{% capture c %}{{ mid }}{% endcapture %}{% endfor %}",
        "{% for a in huge %}{% assign c = mid | replace: 'x', 'y' %}{% endfor %}",
        "{% assign c = 'aaaaaaaaaaaaaaaa' %}" + "{% assign c = c | append: c %}" * 40,
        "{% assign c = huge %}" + "{% assign c = c | concat: c %}" * 40,
        "{{ " + "a | upcase" + " | upcase" * 7000 + " }}",
        "{% if " + "a or " * 5000 + "a %}{% endif %}",
        "{{ a }}" * 5000,
        "{% for a in huge %}" + "{{ a }}" * 3000 + "{% endfor %}",
    ],
    ids=range(23),
)
def test_too_much_work_is_refused_in_time_and_memory(source):
    data = {**DATA, "copy": list(DATA["huge"]), "mid": "x" * 30_000, "a": "a", "inputs": {**DATA["inputs"], "b": [1]}}
    started = time.process_time()
    found = problem(source, data)
    took = time.process_time() - started
    assert found.code in ("E_TPL_BUDGET", "E_TPL_SIZE")
    assert took < 1.0
    tracemalloc.start()
    problem(source, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * 1024 * 1024


@pytest.mark.parametrize(
    "source",
    [
        "{% raw %}" * 7000,
        "{%" + " " * 60_000,
        "{{" + " " * 60_000 + "}}",
        "{% a " * 12_000,
        "{{ " + "'" * 60_000 + " }}",
        "{{ " + "['a' " * 10_000 + " }}",
        "{{ a " + " x" * 30_000 + " }}",
        "{% if " + "not " * 15_000 + "a %}{% endif %}",
        "{" * 60_000,
        "{{ a }" * 10_000,
        "{% comment %}" * 4_000,
        "{{ '" + "a" * 60_000 + "' | nofilter }}",
        "{% case a %}" + "{% when " + "1, " * 15_000 + "2 %}{% endcase %}",
    ],
    ids=range(13),
)
def test_no_text_makes_the_parser_slow(source):
    started = time.process_time()
    with contextlib.suppress(TemplateProblem):
        compile(source)
    assert time.process_time() - started < 0.5


def test_problems_say_where_and_what_to_do():
    found = problem("line one\nHello {{ inputs.name | upcas }}")
    assert (found.line, found.column, found.hint) == (2, 24, "Did you mean upcase?")
    assert found.as_dict()["line"] == 2
    found = problem("{{ inputs.nme }}")
    assert found.hint == "Did you mean name?" and "inputs" in found.message
    found = problem("{{ stps.fetch }}")
    assert "Did you mean steps?" in found.hint and "inputs" in found.hint
    assert "list of 3" in problem("{{ inputs.list.foo }}").message


def test_deep_text_in_a_path_never_recurses():
    for source in ("{{ " + "a[" * 5000, "{% if " + "(" * 5000, "{{ a" + "." * 5000):
        assert problem(source).code.startswith("E_TPL_")


# What a template says about itself


def paths(template):
    return [(".".join(map(str, r.path)), r.optional) for r in template.references()]


def test_references_leave_out_what_the_template_makes_itself():
    template = compile(
        "{% assign x = inputs.a | default: inputs.b %}{% for m in steps.f.messages limit: inputs.c %}"
        "{{ m.id }}{{ forloop.index }}{{ x }}{{ steps.g[m.id].h }}{% endfor %}{{ m.id }}"
        "{% capture y %}{{ item.subject }}{% endcapture %}{{ y }}"
        "{% if run.id == nil or trigger.body contains 'a' %}{% endif %}"
        "{% case inputs.k %}{% when inputs.l %}{{ inputs.z }}{% endcase %}"
    )
    assert paths(template) == [
        ("inputs.a", True), ("inputs.b", False), ("steps.f.messages", False), ("inputs.c", False), ("steps.g", False),
        ("m.id", False), ("item.subject", False), ("run.id", True), ("trigger.body", False), ("inputs.k", False),
        ("inputs.l", False), ("inputs.z", False),
    ]  # fmt: skip
    assert template.has_loops and not template.is_single and not template.is_constant


def test_references_know_their_place_and_indexes():
    [one] = compile("a\n{{ steps.fetch.messages[0]['a b'] }}").references()
    assert (one.path, one.line, one.column) == (("steps", "fetch", "messages", 0, "a b"), 2, 4)


def test_single_placeholders_are_recognised():
    assert compile("{{ a }}").is_single and compile("{{ a | size }}").is_single
    assert not compile("{{ a }} ").is_single and not compile("{{ a }}{{ b }}").is_single
    assert not compile("text").is_single and compile("text").is_constant


def test_a_single_placeholder_passes_large_values_through():
    assert render("{{ big }}") is DATA["big"]


# Conditions


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("item.subject contains 'bug' or item.subject contains 'Bug'", True),
        ("{{ item.n > 3 }}", True),
        ("item.n >= 5 and item.n <= 5 and item.n != 4 and item.n < 6", True),
        ("item.n == '5'", False),
        ("item.n == true", False),
        ("item.list contains 2", True),
        ("item.list contains true", False),
        ("item contains 'n'", True),
        ("item.gone == nil", True),
        ("item.gone != blank", False),
        ("item.empty == empty", True),
        ("item.none", False),
        ("item.zero", True),
        ("not item.none", True),
        ("(item.none or item.zero) and item.n == 5", True),
        ("item.none > 3", False),
        ("'b' > 'a'", True),
    ],
)
def test_conditions(source, value):
    item = {"subject": "A bug", "n": 5, "list": [1, 2], "empty": "", "none": None, "zero": 0}
    assert compile_condition(source).evaluate({"item": item}) is value


def test_conditions_say_what_they_read_and_whether_they_are_constant():
    condition = compile_condition("item.a == nil or steps.b.c contains item.d")
    assert paths(condition) == [("item.a", True), ("steps.b.c", False), ("item.d", False)]
    assert not condition.is_constant and compile_condition("true").is_constant


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", "E_TPL_SYNTAX"),
        ("  ", "E_TPL_SYNTAX"),
        ("a ==", "E_TPL_SYNTAX"),
        ("a = b", "E_TPL_SYNTAX"),
        ("a && b", "E_TPL_FORBIDDEN"),
        ("a | upcase == 'A'", "E_TPL_SYNTAX"),
        ("a and b or c", "E_TPL_SYNTAX"),
        ("a == 1 %}x{% if b", "E_TPL_SYNTAX"),
        ("{{ a }} == {{ b }}", "E_TPL_SYNTAX"),
        ("a.__class__", "E_TPL_FORBIDDEN"),
        ("f(1)", "E_TPL_FORBIDDEN"),
        ("(" * 5000, "E_TPL_SYNTAX"),
        ("not " * 5000 + "a", "E_TPL_BUDGET"),
        ("a" * 70_000, "E_LENGTH"),
        ("a == '\ud800'", "E_TEXT_SURROGATE"),
    ],
)
def test_conditions_that_are_refused(source, code):
    with pytest.raises(TemplateProblem) as caught:
        compile_condition(source)
    assert caught.value.code == code


def test_a_condition_over_something_absent_says_so():
    with pytest.raises(TemplateProblem) as caught:
        compile_condition("item.subjet == 'x'").evaluate({"item": {"subject": "x"}})
    assert (caught.value.code, caught.value.hint) == ("E_TPL_UNDEFINED", "Did you mean subject?")


# Paths on their own


def test_paths_reach_into_values():
    source = {"a": {"b": [{"c": 1}, {"c": 2}]}, "k k": [1], "size": 9}
    assert evaluate_path(source, "a.b[0].c") == 1
    assert evaluate_path(source, "a.b[-1].c") == 2
    assert evaluate_path(source, "['k k'][0]") == 1
    assert evaluate_path(source, "a.b.size") == 2
    assert evaluate_path(source, "size") == 9
    assert evaluate_path([[5]], "[0][0]") == 5
    assert evaluate_path(source, "a.x", default=None) is None
    assert evaluate_path({"été": 1}, "été") == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a.x", "E_TPL_UNDEFINED"),
        ("a.b[7]", "E_TPL_UNDEFINED"),
        ("", "E_TPL_SYNTAX"),
        ("a..b", "E_TPL_SYNTAX"),
        (".a", "E_TPL_SYNTAX"),
        ("a.b[", "E_TPL_SYNTAX"),
        ("a.b[0]c", "E_TPL_SYNTAX"),
        ("a b", "E_TPL_SYNTAX"),
        ("a()", "E_TPL_SYNTAX"),
        ("a.__class__", "E_TPL_FORBIDDEN"),
        (".".join("a" * 17), "E_TPL_DEPTH"),
        ("a" * 5000, "E_LENGTH"),
    ],
)
def test_paths_that_are_refused(path, code):
    with pytest.raises(TemplateProblem) as caught:
        evaluate_path({"a": {"b": [1]}}, path)
    assert caught.value.code == code


def test_threads_share_a_template():
    template, wrong = compile("{% for i in (1..50) %}{{ x }}{% endfor %}"), []

    def work(letter):
        for _ in range(50):
            if template.render({"x": letter}) != letter * 50:
                wrong.append(letter)

    threads = [threading.Thread(target=work, args=(c,)) for c in "abcd"]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert wrong == []
