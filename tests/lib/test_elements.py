"""The template tags: what they write is escaped, named for screen readers, and the same everywhere."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django import forms
from django.contrib.messages.storage.fallback import FallbackStorage
from django.template import Context, Template
from django.test import RequestFactory, override_settings

from orchestrator_site.lib import clock, look
from orchestrator_site.lib.elements_page import elements_page

ROOT = Path(__file__).resolve().parents[2]
SPRITE = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/img/icons.svg").read_text()))


def written(source, **context):
    return Template("{% load elements %}" + source).render(Context(context))


def example_icon(slug):
    return '<svg id="mine"></svg>' if slug == "known" else None


def test_every_state_has_an_icon_that_is_in_the_sprite():
    signs = [*look.RUN.values(), *look.EFFECT.values(), *look.STEP.values()]
    assert {sign.icon for sign in signs} | set(look.TONE_ICONS.values()) <= SPRITE


def test_every_icon_named_in_a_template_is_in_the_sprite():
    named = re.compile(r"""(?:{% icon |{% tile |icon_name=|icon=|icon\|default:)"([a-z0-9-]+)""")
    used = {name for path in (ROOT / "templates").rglob("*.html") for name in named.findall(path.read_text())}
    assert used <= SPRITE


def test_an_icon_is_silent_unless_it_has_a_label():
    assert 'aria-hidden="true"' in written('{% icon "mail" %}')
    assert 'aria-label="Search"' in written('{% icon "search" 18 "Search" %}')


def test_a_badge_is_icon_word_and_tone():
    shown = written('{% run_badge "waiting" waiting_for=who %}', who="<b>Mara</b>")
    assert "tone-need" in shown and "#clock-pause" in shown and "Waiting for &lt;b&gt;Mara" in shown


def test_a_step_mark_says_its_state():
    assert 'aria-label="Not taken"' in written('{% step_mark "skipped" %}')


def test_a_time_carries_its_exact_moment():
    moment = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    with clock.freeze(datetime(2026, 11, 24, 12, 41, tzinfo=UTC)):
        shown = written("{% timeago moment %}", moment=moment)
    assert ">11 min ago</time>" in shown and 'datetime="2026-11-24T12:30' in shown


def test_a_value_is_shown_as_keys_and_values_and_escaped():
    shown = written("{% value_block value %}", value={"text": "<script>", "order": 4471, "paid": True, "note": None})
    assert '"&lt;script&gt;"' in shown and "<dt>order</dt><dd><span>4471</span></dd>" in shown
    assert "<span>true</span>" in shown and "nothing" in shown


def test_long_values_are_folded_and_long_lists_counted():
    assert "all 5000 characters" in written("{% value_block value %}", value="x" * 5000)
    assert "and 30 more" in written("{% value_block value %}", value=list(range(50)))


def test_a_value_nested_without_end_is_cut_into_json():
    value = []
    for _ in range(50):
        value = [value]
    assert "[[[[" in written("{% value_block value %}", value=value)


@override_settings(SERVICE_ICON_LOADER="tests.lib.test_elements.example_icon")
def test_a_service_brings_its_own_icon():
    assert '<svg id="mine">' in written('{% service_icon "known" %}')
    assert "#puzzle" in written('{% service_icon "unknown" %}')


class ExampleForm(forms.Form):
    name = forms.CharField(help_text="As others see it.")
    key = forms.CharField(widget=forms.PasswordInput, required=False)
    kind = forms.ChoiceField(choices=[("a", "First")], widget=forms.RadioSelect)


def test_a_field_ties_label_help_and_error_to_its_control():
    shown = written("{% field form.name %}", form=ExampleForm({}))
    assert 'aria-describedby="id_name_helptext id_name_error"' in shown and 'aria-invalid="true"' in shown
    assert 'id="id_name_helptext"' in shown and 'id="id_name_error"' in shown and 'for="id_name"' in shown


def test_a_stored_secret_is_never_written_only_its_end():
    shown = written('{% field form.key ends_in="9f2c" %}', form=ExampleForm({"key": "sk-secret"}))
    assert "…9f2c" in shown and "Replace" in shown and "sk-secret" not in shown


def test_a_group_of_choices_is_a_fieldset():
    shown = written("{% field form.kind %}", form=ExampleForm())
    assert "<legend>Kind" in shown and "First" in shown


def test_several_errors_are_listed_with_links():
    shown = written("{% form_errors form %}", form=ExampleForm({}))
    assert '<a href="#id_name">' in shown and '<a href="#id_kind">' in shown


def test_one_error_stands_in_its_place_only():
    assert "error-list" not in written("{% form_errors form %}", form=ExampleForm({"name": "x"}))


def test_a_post_button_asks_first_and_carries_hidden_fields():
    shown = written('{% post_button "Cancel run…" "/x/" confirm="Cancel run 3?" yes="Cancel the run" step=4 %}')
    assert 'data-confirm="Cancel run 3?"' in shown and '<input type="hidden" name="step" value="4">' in shown


def test_a_page_header_holds_crumbs_title_and_actions():
    shown = written('{% page_header "Run" crumbs=crumbs %}<a>Go</a>{% endpage_header %}', crumbs=[("Runs", "/runs/")])
    assert '<a href="/runs/">Runs</a>' in shown and "<h1>Run</h1>" in shown and "<a>Go</a>" in shown


@pytest.fixture
def request_of_a_page():
    request = RequestFactory().get("/elements/")
    request.session = {}
    request._messages = FallbackStorage(request)
    return request


def test_the_page_of_elements_has_no_inline_style_or_handler(request_of_a_page):
    page = elements_page(request_of_a_page).content.decode()
    assert not re.search(r"""\s(style|on[a-z]+|hx-on[^=]*)=["']""", page)
    assert page.count("<h1") == 1


@pytest.mark.parametrize("block", ["content", "inner"])
def test_a_page_outside_fills_the_card(request_of_a_page, block):
    source = '{% extends "base_signed_out.html" %}{% block BLOCK %}Hello{% endblock %}'.replace("BLOCK", block)
    page = Template(source).render(Context({"request": request_of_a_page}))
    assert "</h1>Hello</div>" in page and "sidebar" not in page
