"""Markdown from mails, pages and models as HTML that can do nothing: no images, no styles, links show their address."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

MAX_MARKDOWN = 64 * 1024
MAX_BRACKETS = 4000  # what makes the parser slow
TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "del", "code", "pre", "blockquote",
    "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a", "span",
}  # fmt: skip
SCHEMES = {"http", "https", "mailto"}
REL = "noopener noreferrer nofollow"


def render_markdown(text: str) -> SafeString:
    """Safe HTML of Markdown; longer than 64 KiB, or mostly brackets, it is shown as plain text."""
    if len(text) > MAX_MARKDOWN or text.count("[") > MAX_BRACKETS:
        return SafeString(f"<pre>{html.escape(text)}</pre>")
    try:
        made = _parser().render(text)
    except (RecursionError, ValueError, IndexError):
        made = f"<pre>{html.escape(text)}</pre>"
    return clean_html(made)


def clean_html(made: str) -> SafeString:
    """HTML from anywhere, reduced to harmless text marks and links."""
    return SafeString(
        nh3.clean(
            made,
            tags=TAGS,
            attributes={"a": {"href"}, "span": {"class"}, "ol": {"start"}},
            url_schemes=SCHEMES,
            link_rel=REL,
            strip_comments=True,
        )
    )


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}, renderer_cls=_Renderer)
    return parser.enable(["table", "strikethrough"])


class _Renderer(RendererHTML):
    """Images become words; after a link stands the address it leads to."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """[image: what it shows]"""
        alt = self.renderInlineAsText(tokens[idx].children or [], options, env)
        return html.escape(f"[image: {alt or 'no description'}]")

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """</a>, then the address unless the link's text is the address."""
        opening = next(i for i in range(idx, -1, -1) if tokens[i].type == "link_open")
        href = str(tokens[opening].attrGet("href") or "")
        shown = "".join(token.content for token in tokens[opening + 1 : idx])
        if not href or shown.strip() in (href, href.removeprefix("mailto:")):
            return "</a>"
        return f'</a> <span class="link-target">({html.escape(href)})</span>'


__all__ = ["clean_html", "render_markdown"]
