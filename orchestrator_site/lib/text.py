"""Text for people: readable text out of HTML mail, sizes in words, one line out of many."""

from __future__ import annotations

import html
import re

import nh3

from orchestrator_site.lib.json import repair_text

MAX_HTML = 2 * 1024 * 1024
MAX_TEXT = 1024 * 1024
MAX_TAGS = 20_000
_BLOCKS = re.compile(r"(?i)</?(?:div|section|article|header|footer|center|main)\b[^<>]*>")
_INLINE = re.compile(r"(?i)</?(?:span|font|b|i|u|em|strong|small|big|tbody|thead|o:p)\b[^<>]*>")
_ANY_TAG = re.compile(r"<[^<>]*>")
_TAG = re.compile(r'<(/?)(\w+)((?:\s+[\w-]+="[^"]*")*)\s*/?>')
_HREF = re.compile(r'href="([^"]*)"')
_KEPT = {
    "p", "div", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "table", "tr", "td", "th", "a",
    "blockquote", "pre", "section", "article", "header", "footer",
}  # fmt: skip
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "hr"}
_DROPPED = {"script", "style", "head", "title", "template", "noscript", "svg", "math", "iframe", "object"}


def html_to_text(source: str) -> str:
    """Readable text of HTML: paragraphs, list marks, addresses of links. Bounded, linear, never executed."""
    # Deep nesting is what makes a parser slow; marks that say nothing about the text go first.
    flat = _INLINE.sub("", _BLOCKS.sub("<br>", repair_text(source[:MAX_HTML])))
    if flat.count("<") > MAX_TAGS:
        return tidy(html.unescape(_ANY_TAG.sub(" ", flat)))[:MAX_TEXT]
    clean = nh3.clean(
        flat,
        tags=_KEPT,
        attributes={"a": {"href"}},
        clean_content_tags=_DROPPED - _KEPT,
        link_rel=None,
        url_schemes={"http", "https", "mailto"},
    )
    return tidy(_Writer().write(clean))[:MAX_TEXT]


class _Writer:
    """Writes the pieces between tags, with line ends where blocks were."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.links: list[tuple[str, int]] = []
        self.verbatim = 0

    def write(self, clean: str) -> str:
        at = 0
        for tag in _TAG.finditer(clean):
            self._text(clean[at : tag.start()])
            self._tag(tag.group(2), bool(tag.group(1)), tag.group(3))
            at = tag.end()
        self._text(clean[at:])
        return "".join(self.parts)

    def _text(self, piece: str) -> None:
        if piece:
            plain = html.unescape(piece)
            self.parts.append(plain if self.verbatim else re.sub(r"\s+", " ", plain))

    def _tag(self, name: str, closing: bool, attributes: str) -> None:
        if name == "pre":
            self.verbatim += -1 if closing else 1
        if name == "a":
            self._link(closing, attributes)
        elif name == "li":
            self.parts.append("" if closing else "\n- ")
        elif name in ("td", "th"):
            self.parts.append("\t" if closing else "")
        elif name in _PARAGRAPHS:
            self.parts.append("\n\n")
        else:
            self.parts.append("\n")

    def _link(self, closing: bool, attributes: str) -> None:
        if not closing:
            found = _HREF.search(attributes)
            self.links.append((html.unescape(found.group(1)) if found else "", len(self.parts)))
        elif self.links:
            href, start = self.links.pop()
            shown = "".join(self.parts[start:]).strip()
            if href.startswith(("http://", "https://")) and href != shown and len(href) <= 500:
                self.parts.append(f" ({href})" if shown else href)


def tidy(text: str) -> str:
    """No spaces at line ends, no more than one empty line in a row."""
    lines = [line.strip(" \t\xa0") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def web_address(text: str) -> str:
    """The address if it is one a person may follow (http or https, a host, nothing hidden in it), else ""."""
    parts = _ADDRESS.fullmatch(text.strip()) if len(text) <= 2000 else None
    return parts[0] if parts else ""


_ADDRESS = re.compile(r"https?://[^\s/\\@?#<>\"]+(?:[/?#][^\s\\<>\"]*)?", re.IGNORECASE)
