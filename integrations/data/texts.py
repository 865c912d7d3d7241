"""Text: take it apart, put it together, find and replace in it, encode it, take its hash. No patterns: plain text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import unicodedata
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote, unquote

from integrations.context import Context
from integrations.data import INTEGRATION
from integrations.data.expressions import check_length
from integrations.data.tables import Text, check_size
from integrations.spec import Kind, Model, content, setting
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import MIB, repair_text
from orchestrator_site.lib.templating.values import as_text

MAX_TEXT = 10 * MIB


class SplitInput(Model):
    """A text, and where it is cut."""

    text: str = content("Text", widget="long", example="ada@example.com, bob@example.com")
    separator: str = setting(
        "Cut at", default="\n", help="Plain text; empty: at spaces and line ends.", example=", ", max_length=100
    )
    limit: int | None = setting("At most", default=None, help="Parts; the last one holds the rest.", ge=1, le=10_000)
    strip: bool = setting("Without spaces around the parts", default=True)
    skip_empty: bool = setting("Without empty parts", default=True)


class Parts(Model):
    """The parts."""

    parts: list[str]
    count: int


@INTEGRATION.action(
    "split",
    kind=Kind.PURE,
    input=SplitInput,
    output=Parts,
    title="Split a text",
    phrase="splits a text",
    keywords=("text", "lines", "cut", "separate"),
)
async def split(context: Context[None], values: SplitInput) -> Parts:
    """Cut a text into a list of parts, at line ends or at any plain text."""
    check_size(values.text)
    most = -1 if values.limit is None else values.limit - 1
    text = values.text.replace("\r\n", "\n") if values.separator == "\n" else values.text
    parts = text.split(values.separator or None, most)
    parts = [part.strip() for part in parts] if values.strip else parts
    parts = [part for part in parts if part] if values.skip_empty else parts
    check_length(parts, "The result")
    return Parts(parts=parts, count=len(parts))


class JoinInput(Model):
    """A list, and what stands between its items."""

    items: list[Any] = content("List", example="{{ steps.people.items }}", widget="json", max_length=10_000)
    separator: str = setting("Between them", default=", ", max_length=1000)
    last: str = setting(
        "Before the last", default="", help="Empty: the same as between them.", example=" and ", max_length=1000
    )
    before: str = setting("Before each", default="", example="- ", max_length=1000)
    skip_empty: bool = setting("Without empty items", default=True)


@INTEGRATION.action(
    "join",
    kind=Kind.PURE,
    input=JoinInput,
    output=Text,
    title="Join a list to a text",
    phrase="joins a list",
    keywords=("text", "concatenate", "bullet", "lines"),
)
async def join(context: Context[None], values: JoinInput) -> Text:
    """Write the items of a list as one text, with a separator between them."""
    written = [as_text(item) for item in values.items]
    written = [f"{values.before}{text}" for text in written if text or not values.skip_empty]
    head, tail = written[:-1], written[-1:]
    between = values.last if values.last and head else values.separator
    text = between.join([values.separator.join(head), *tail]) if head else "".join(tail)
    check_size(text)
    return Text(text=text)


class FindInput(Model):
    """A text, and what is looked for in it."""

    text: str = content("Text", widget="long", example="{{ steps.fetch.text }}")
    search: str = content("Look for", help="Plain text.", example="Invoice no.", min_length=1, max_length=1000)
    until: str = setting(
        "Up to",
        default="",
        help="Plain text that ends what stands behind it; empty: the end of the line.",
        example=" ",
        max_length=1000,
    )
    ignore_case: bool = setting("Capitals and small letters alike", default=True)


class FoundText(Model):
    """Whether, how often and where; `after` is what stands behind the first find."""

    found: bool
    count: int
    position: int | None
    before: str
    after: str


@INTEGRATION.action(
    "find",
    kind=Kind.PURE,
    input=FindInput,
    output=FoundText,
    title="Find in a text",
    phrase="finds something in a text",
    keywords=("text", "search", "contains", "extract", "between"),
)
async def find(context: Context[None], values: FindInput) -> FoundText:
    """Find plain text in a text: whether it is there, how often, and what stands before and after it."""
    check_size(values.text)
    fold: Callable[[str], str] = _folded if values.ignore_case else str
    text, search = fold(values.text), fold(values.search)
    at = text.find(search)
    if at < 0:
        return FoundText(found=False, count=0, position=None, before="", after="")
    behind = values.text[at + len(search) :]
    after = behind.partition(values.until or "\n")[0].strip("\r")
    return FoundText(found=True, count=text.count(search), position=at, before=values.text[:at], after=after.strip())


def _folded(text: str) -> str:
    """Small letters, one for one, so that places stay where they are."""
    return "".join(small if len(small := char.lower()) == 1 else char for char in text)


class ReplaceInput(Model):
    """A text, and what is put in place of what."""

    text: str = content("Text", widget="long")
    replacements: dict[str, str] = content(
        "Replace",
        help="Plain text to plain text, one after the other.",
        example={"Mr.": "Mister"},
        widget="json",
        min_length=1,
        max_length=100,
    )


@INTEGRATION.action(
    "replace",
    kind=Kind.PURE,
    input=ReplaceInput,
    output=Text,
    title="Replace in a text",
    phrase="replaces text",
    keywords=("text", "substitute", "change", "remove"),
)
async def replace(context: Context[None], values: ReplaceInput) -> Text:
    """Replace plain text in a text, one replacement after the other."""
    text = values.text
    check_size(text)
    for old, new in values.replacements.items():
        if not old:
            raise UserError("E_LENGTH", "What is replaced must not be empty.", field="with.replacements")
        if len(text) + text.count(old) * (len(new) - len(old)) > MAX_TEXT:
            raise UserError("E_TOO_LARGE", "The text would grow beyond 10 MB.", limit=MAX_TEXT)
        text = text.replace(old, new)
    return Text(text=text)


class EncodeInput(Model):
    """A text, and how it is written."""

    text: str = content("Text", widget="long")
    encoding: Literal["base64", "base64url", "hex", "url", "html"] = setting("As", default="base64")
    direction: Literal["encode", "decode"] = setting("What to do", default="encode")


@INTEGRATION.action(
    "encode",
    kind=Kind.PURE,
    input=EncodeInput,
    output=Text,
    title="Encode or decode a text",
    phrase="encodes a text",
    keywords=("base64", "hex", "url", "html", "escape", "decode"),
)
async def encode(context: Context[None], values: EncodeInput) -> Text:
    """Write a text as Base64, hexadecimal, for an address or for HTML, or read it back."""
    check_size(values.text)
    coder = (_ENCODE if values.direction == "encode" else _DECODE)[values.encoding]
    try:
        return Text(text=repair_text(coder(values.text)))
    except (ValueError, binascii.Error):
        raise UserError(
            "E_VALUE", f"The text is not {values.encoding}.", field="with.text", hint="Choose another encoding."
        ) from None


def _padded(text: str) -> str:
    plain = "".join(text.split())
    return plain + "=" * (-len(plain) % 4)


_ENCODE: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "url": lambda text: quote(text, safe=""),
    "html": html.escape,
}
_DECODE: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64decode(_padded(text), validate=True).decode(),
    "base64url": lambda text: base64.b64decode(_padded(text), altchars=b"-_", validate=True).decode(),
    "hex": lambda text: bytes.fromhex(text).decode(),
    "url": lambda text: unquote(text, errors="strict"),
    "html": html.unescape,
}


class HashInput(Model):
    """A text, and which hash of it."""

    text: str = content("Text", widget="long", example="{{ steps.fetch.id }}")
    algorithm: Literal["sha256", "sha512", "sha1", "md5"] = setting(
        "Algorithm", default="sha256", help="sha1 and md5 only where a service asks for them."
    )
    output: Literal["hex", "base64"] = setting("As", default="hex")
    normalize: bool = setting(
        "Same letters, same hash",
        default=True,
        help="Unicode is normalized first: é is é however it was typed.",
    )


@INTEGRATION.action(
    "hash",
    kind=Kind.PURE,
    input=HashInput,
    output=Text,
    title="Take a hash",
    phrase="takes a hash",
    keywords=("checksum", "fingerprint", "sha256", "md5", "id"),
)
async def hash_(context: Context[None], values: HashInput) -> Text:
    """Take the hash of a text: the same text gives the same short name for it."""
    check_size(values.text)
    text = unicodedata.normalize("NFC", values.text) if values.normalize else values.text
    digest = hashlib.new(values.algorithm, text.encode(), usedforsecurity=False)
    return Text(text=digest.hexdigest() if values.output == "hex" else base64.b64encode(digest.digest()).decode())
