"""Which parts of an outline differ between two drafts, so that a page that shows the first gets only those. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workflows.operations.outline import OutlineItem


@dataclass(frozen=True)
class Touched:
    """A part to show anew: one step with all it holds (`key`), or one list of steps (`key` "")."""

    parent: str
    branch: str
    key: str = ""


def touched(before: Sequence[OutlineItem], after: Sequence[OutlineItem]) -> list[Touched]:
    """The smallest parts that cover every difference: steps where a list kept its steps in order, else the list."""
    return list(_in_list(before, after, "", ""))


def _in_list(
    before: Sequence[OutlineItem], after: Sequence[OutlineItem], parent: str, branch: str
) -> Iterator[Touched]:
    if [item.key for item in before] != [item.key for item in after]:
        yield Touched(parent, branch)
        return
    for old, new in zip(before, after, strict=True):
        if old == new:
            continue
        if _own(old) != _own(new):
            yield Touched(parent, branch, new.key)
        else:
            for was, now in zip(old.branches, new.branches, strict=True):
                yield from _in_list(was.items, now.items, new.key, now.branch)


def _own(item: OutlineItem) -> tuple[OutlineItem, list[tuple[str, str, bool]]]:
    """What an item shows itself: with a list that has become empty or got its first step, the "add" changes too."""
    return replace(item, branches=()), [(each.branch, each.name, bool(each.items)) for each in item.branches]
