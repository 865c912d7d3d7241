"""Markdown of any length, cut into parts that each fit one request. Pure.

A part never cuts through a code block, a table or a line, unless one alone is too big: then code is cut between lines
and fenced again, a table between rows under its header again, and a line between words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BYTES = 60_000
MAX_BLOCKS = 95
_FENCE = re.compile(r"\s*(`{3,}|~{3,})(.*)")
_ITEM = re.compile(r"( +)(?=([-*+]|\d+[.)]) )")


@dataclass(frozen=True)
class Atom:
    """A piece that should stay whole; `blocks` is how many blocks it makes, `top` whether a part may begin with it."""

    text: str
    blocks: int
    top: bool

    @property
    def size(self) -> int:
        """Its bytes in a request."""
        return len(json.dumps(self.text, ensure_ascii=False).encode()) - 1


def split_markdown(markdown: str, max_bytes: int = MAX_BYTES, max_blocks: int = MAX_BLOCKS) -> list[str]:
    """The parts of a text in their order; one, perhaps empty, at the least."""
    parts: list[list[Atom]] = [[]]
    size = blocks = 0
    for atom in _small_atoms(markdown, max_bytes, max_blocks):
        full = size + atom.size > max_bytes or blocks + atom.blocks > max_blocks
        if full and parts[-1]:
            carried = _carry(parts[-1]) if not atom.top else []
            parts.append(carried)
            size, blocks = sum(a.size for a in carried), sum(a.blocks for a in carried)
        parts[-1].append(atom)
        size, blocks = size + atom.size, blocks + atom.blocks
    texts = ["\n".join(atom.text for atom in part).strip("\n") for part in parts]
    return [text for text in texts if text.strip()] or [""]


def top_blocks(markdown: str) -> int:
    """How many blocks stand side by side for a text; those nested below others do not count."""
    return sum(1 for atom in _atoms(markdown) if atom.top and atom.blocks)


def _carry(part: list[Atom]) -> list[Atom]:
    """Take the last item that has children along into the next part, if that leaves something behind."""
    start = max((at for at, atom in enumerate(part) if atom.top), default=0)
    if not start or len(part) - start > len(part) // 2:
        return []
    carried = part[start:]
    del part[start:]
    return carried


def _small_atoms(markdown: str, max_bytes: int, max_blocks: int) -> Iterator[Atom]:
    for atom in _atoms(markdown):
        if atom.size <= max_bytes and atom.blocks <= max_blocks:
            yield atom
        elif _FENCE.match(atom.text):
            yield from _cut_code(atom, max_bytes)
        elif atom.text.startswith("|"):
            yield from _cut_table(atom, max_bytes, max_blocks)
        else:
            yield from (Atom(text, 1, atom.top) for text in _cut_line(atom.text, max_bytes))


def _atoms(markdown: str) -> Iterator[Atom]:
    lines = _tabbed(markdown.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    at = 0
    while at < len(lines):
        start, line = at, lines[at]
        at += 1
        top = not line[:1].isspace()
        if fence := _FENCE.match(line):
            while at < len(lines) and not re.match(rf"\s*{re.escape(fence[1])}\s*$", lines[at]):
                at += 1
            closed = at < len(lines)
            text = "\n".join(lines[start : at + 1] if closed else [*lines[start:], fence[1]])
            at += 1
            yield Atom(text, 1, top)
        elif line.startswith("|"):
            while at < len(lines) and lines[at].startswith("|"):
                at += 1
            yield Atom("\n".join(lines[start:at]), 1 + at - start, top)
        else:
            yield Atom(line, 1 if line.strip() else 0, top)


def _tabbed(lines: list[str]) -> list[str]:
    """Notion nests list items by tabs; models write two or four spaces."""
    out: list[str] = []
    widths: list[int] = []
    fence = ""
    for line in lines:
        found = _FENCE.match(line)
        if fence or found:
            if found and (not fence or (found[1].startswith(fence) and not found[2].strip())):
                fence = "" if fence else found[1]
            out.append(line)
            continue
        item = _ITEM.match(line)
        if not item:
            widths = [] if line.strip() and not line[0].isspace() else widths
            out.append(line)
            continue
        width = len(item[1])
        widths = [known for known in widths if known < width] + [width]
        out.append("\t" * len(widths) + line[width:])
    return out


def _cut_code(atom: Atom, max_bytes: int) -> Iterator[Atom]:
    opening, *lines = atom.text.split("\n")
    closing = lines.pop()
    room = max_bytes - len(opening.encode()) - len(closing.encode()) - 8
    for chunk in _packed((piece for line in lines for piece in _cut_line(line, room)), room, len(lines) + 1):
        yield Atom("\n".join([opening, *chunk, closing]), 1, atom.top)


def _cut_table(atom: Atom, max_bytes: int, max_blocks: int) -> Iterator[Atom]:
    header, *rows = atom.text.split("\n")
    head = [header]
    if rows and re.fullmatch(r"\|[\s:|-]+\|?\s*", rows[0]):
        head.append(rows.pop(0))
    room = max_bytes - sum(len(line.encode()) + 2 for line in head)
    for chunk in _packed(iter(rows), room, max_blocks - 3):
        yield Atom("\n".join([*head, *chunk]), 1 + len(head) + len(chunk), atom.top)


def _packed(lines: Iterator[str], room: int, most: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for line in lines:
        length = len(json.dumps(line, ensure_ascii=False).encode())
        if chunk and (size + length > room or len(chunk) >= most):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += length
    if chunk:
        yield chunk


def _cut_line(line: str, room: int) -> Iterator[str]:
    """Pieces of a line that fit; cut at a space where there is one in the second half."""
    while len(json.dumps(line, ensure_ascii=False).encode()) > room:
        end = max(1, room // 6)  # a character takes at most six bytes in JSON (\u00xx), four in UTF-8
        while end < len(line) and len(json.dumps(line[: end * 2], ensure_ascii=False).encode()) <= room:
            end *= 2
        space = line.rfind(" ", end // 2, end)
        end = space + 1 if space > 0 else end
        yield line[:end].rstrip()
        line = line[end:]
    yield line
