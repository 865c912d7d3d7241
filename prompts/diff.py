"""What changed between two texts, line by line and inside a line word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_MAX_WORDS = 2_000

SAME, ADDED, REMOVED = "same", "added", "removed"


@dataclass(frozen=True)
class Piece:
    """A run of text inside a line; `changed` where it differs from the other side."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Line:
    """One line of the comparison: same, added or removed."""

    kind: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The whole line."""
        return "".join(piece.text for piece in self.pieces)


def compare(old: str, new: str) -> list[Line]:
    """The lines of both texts in reading order; a changed line stands twice, removed and then added."""
    before, after = old.splitlines(), new.splitlines()
    lines: list[Line] = []
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [Line(SAME, (Piece(text),)) for text in before[i:j]]
        else:
            lines += _changed(before[i:j], after[k:m])
    return lines


def is_same(lines: list[Line]) -> bool:
    """Whether a comparison found no difference."""
    return all(line.kind == SAME for line in lines)


def fold(lines: list[Line], around: int = 2) -> Iterator[Line | int]:
    """The changed lines with `around` lines beside them; a number stands for that many lines left out."""
    near = {n + d for n, line in enumerate(lines) if line.kind != SAME for d in range(-around, around + 1)}
    hidden = 0
    for number, line in enumerate(lines):
        if number in near:
            if hidden:
                yield hidden
            hidden = 0
            yield line
        else:
            hidden += 1
    if hidden:
        yield hidden


def _changed(before: list[str], after: list[str]) -> list[Line]:
    removed: list[Line] = []
    added: list[Line] = []
    for old, new in zip_longest(before, after):
        if old is None:
            added.append(Line(ADDED, (Piece(new, True),)))
        elif new is None:
            removed.append(Line(REMOVED, (Piece(old, True),)))
        else:
            old_pieces, new_pieces = compare_words(old, new)
            removed.append(Line(REMOVED, old_pieces))
            added.append(Line(ADDED, new_pieces))
    return removed + added


def compare_words(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both lines cut into pieces, the words that differ marked; very long lines are marked whole."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if len(before) > _MAX_WORDS or len(after) > _MAX_WORDS:
        return (Piece(old, True),), (Piece(new, True),)
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if i < j:
            left.append(Piece("".join(before[i:j]), tag != "equal"))
        if k < m:
            right.append(Piece("".join(after[k:m]), tag != "equal"))
    return tuple(left), tuple(right)
