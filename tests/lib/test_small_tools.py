"""Names, text, Markdown, limits and the environment."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from orchestrator_site.lib import clock, environment, names, ratelimit
from orchestrator_site.lib.errors import RateLimited
from orchestrator_site.lib.markdown import render_markdown
from orchestrator_site.lib.text import html_to_text


def test_keys():
    assert all(names.is_key(k) for k in ("a", "a_1", "a" * 48))
    assert not any(names.is_key(k) for k in ("", "A", "1a", "_a", "a b", "a-b", "a" * 49, "ä", "a\n"))


def test_the_nearest_name():
    assert names.nearest("subjet", ["subject", "body"]) == "subject"
    assert names.nearest("SUBJECT", ["subject"]) == "subject"
    assert names.nearest("zzz", ["subject"]) is None
    assert names.did_you_mean("zzz", ["b", "a"]) == "Known here: a, b."
    assert "nothing" in names.did_you_mean("zzz", [])
    started = time.process_time()
    names.nearest("a" * 100_000, ["b" * 100] * 3000)
    assert time.process_time() - started < 0.5


def test_keys_out_of_titles():
    assert names.slugify_key("Find mail!") == "find_mail"
    assert names.slugify_key("Füße & mehr") == "fusse_mehr"
    assert names.slugify_key("2 steps") == "step_2_steps"
    assert names.slugify_key("日本", fallback="workflow") == "workflow"
    assert names.slugify_key("a" * 60, {"a" * 48}) == "a" * 46 + "_2"
    assert names.slugify_key("x", {"x", "x_2"}) == "x_3"


def test_text_of_html_mail():
    source = """<html><head><title>no</title><style>p{}</style></head><body><h1>Hi</h1><p>one
    <b>two</b>&nbsp;&amp; three<br>four</p><ul><li>a</li><li>b</li></ul><a href="https://x.org/?a=1&amp;b=2">link</a>
    <a href="https://y.org">https://y.org</a>
    <script>alert(1)</script><img src="https://track/x.gif"><pre>  keep
  this</pre></body></html>"""
    text = html_to_text(source)
    assert text.startswith("Hi\n\none two & three\nfour")
    assert "- a\n- b" in text and "link (https://x.org/?a=1&b=2)" in text and text.count("https://y.org") == 1
    assert "alert" not in text and "track" not in text and "p{}" not in text and "no" not in text.split()
    assert "keep\nthis" in text


def test_html_that_attacks_is_text_in_time():
    assert "<script>" in html_to_text("&lt;script&gt;")
    for source in (
        "<" * 200_000,
        "<div>" * 50_000,
        "<a href='" * 20_000,
        "<!--" * 50_000,
        "&" * 200_000,
        "<p " + "a=b " * 50_000,
    ):
        started = time.process_time()
        html_to_text(source)
        assert time.process_time() - started < 3


XSS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](data:text/html,x)",
    "[a](vbscript:x)",
    "![a](https://evil/x.png)",
    "![a][1]\n\n[1]: https://evil/x.png",
    "<svg/onload=alert(1)>",
    "<iframe src=x>",
    "<style>*{}</style>",
    "<math><mi xlink:href='javascript:x'>",
    "[a](<javascript:alert(1)>)",
    "[a](JaVaScRiPt:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "`</code><script>alert(1)</script>`",
    '```html"><script>\nx\n```',
    "<a href='javascript:x'>y</a>",
    '[a](//evil.org "t\\"onx=")',
]


@pytest.mark.parametrize("source", XSS)
def test_markdown_can_do_nothing(source):
    made = render_markdown(source)
    for word in (
        "<script",
        "<img",
        "<svg",
        "<iframe",
        "<style",
        "<math",
        'href="javascript',
        'href="data',
        "onerror=x",
        "<a href='",
    ):
        assert word not in made.lower()


def test_markdown_links_show_where_they_go():
    made = render_markdown("[invoice](https://evil.example/?q=secret) and <https://plain.example>")
    assert 'rel="noopener noreferrer nofollow"' in made
    assert '<span class="link-target">(https://evil.example/?q=secret)</span>' in made
    assert made.count("https://plain.example") == 2
    assert "<strong>b</strong>" in render_markdown("**b**") and "<table>" in render_markdown("|a|\n|-|\n|b|")


def test_markdown_is_done_in_time():
    for source in (
        "[" * 20_000,
        "> " * 20_000,
        "*a" * 20_000,
        "`" * 40_000,
        "![" * 20_000,
        "- " * 20_000,
        "a" * 500_000,
        "<" * 60_000,
    ):
        started = time.process_time()
        render_markdown(source)
        assert time.process_time() - started < 3, source[:5]


def test_calls_are_counted_in_windows():
    with clock.freeze(datetime(2030, 1, 1, tzinfo=UTC)) as held:
        assert [ratelimit.hit("a", 2, 60) for _ in range(2)] == [None, None]
        refused = ratelimit.hit("a", 2, 60)
        assert isinstance(refused, RateLimited) and refused.status == 429 and refused.retry_after == 60
        assert ratelimit.hit("b", 2, 60) is None and ratelimit.hit("a", 0, 60) is None
        held.tick(60)
        assert ratelimit.hit("a", 2, 60) is None


def test_a_broken_cache_lets_calls_through(monkeypatch):
    class Broken:
        def add(self, *args, **kwargs):
            raise OSError("away")

    monkeypatch.setattr(ratelimit, "caches", {"shared": Broken()})
    assert [ratelimit.hit("c", 1, 60) for _ in range(3)] == [None] * 3


def test_the_environment_is_read_strictly(monkeypatch, tmp_path):
    monkeypatch.setenv("X_FLAG", "yes")
    monkeypatch.setenv("X_NUMBER", "12")
    monkeypatch.setenv("X_WORDS", "a, b,,c")
    secret = Path(tmp_path) / "secret"
    secret.write_text("s3cret\n")
    monkeypatch.setenv("X_SECRET_FILE", str(secret))
    assert environment.flag("X_FLAG", False) and environment.number("X_NUMBER", 1, low=0, high=99) == 12
    assert environment.words("X_WORDS") == ["a", "b", "c"] and environment.secret("X_SECRET") == "s3cret"
    monkeypatch.setenv("X_FLAG", "maybe")
    monkeypatch.setenv("X_NUMBER", "100")
    monkeypatch.setenv("X_SECRET_FILE", "/nowhere")
    for read in (
        lambda: environment.flag("X_FLAG", False),
        lambda: environment.number("X_NUMBER", 1, low=0, high=99),
        lambda: environment.secret("X_SECRET"),
    ):
        with pytest.raises(ImproperlyConfigured):
            read()
