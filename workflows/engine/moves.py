"""Moving steps through the tree, wrapping them and taking blocks apart, as edits of a definition's JSON. Pure.

A slot is a place where a step can stand. In reading order the slots of a tree go through every list, so that one
move down leads past the next step, or into it if it holds steps, and out again behind its last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from orchestrator_site.lib.errors import UserError
from workflows.engine.lists import BRANCH, CASE, lists_of
from workflows.engine.tree import At, every_step, find, insert, list_at, move, remove

JSON = dict[str, Any]
Names = Callable[[JSON], Iterable[str]]
_ORDER = ("then", "case", "branch", "else", "do", "on_error")


def reading_order(name: str) -> tuple[int, int]:
    """The order of a step's lists as they are read: then, cases, branches, else, do, on_error."""
    kind, _, rest = name.partition(":")
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER), int(rest) if rest.isdigit() else 0


def slots(definition: JSON, names: Names, without: str = "") -> Iterator[At]:
    """Every slot in reading order. `names` gives the lists a step may have; what is inside `without` is left out."""
    yield from _slots(definition["steps"], "", "", names, without)


def _slots(steps: list[JSON], parent: str, branch: str, names: Names, without: str) -> Iterator[At]:
    there = [step for step in steps if step["key"] != without]
    yield At(parent, branch, 0)
    for number, step in enumerate(there, 1):
        held = dict(lists_of(step))
        for name in sorted(dict.fromkeys([*held, *names(step)]), key=reading_order):
            yield from _slots(held.get(name, []), step["key"], name, names, without)
        yield At(parent, branch, number)


def travel(definition: JSON, key: str, by: int, names: Names) -> At:
    """Move a step one slot up (-1) or down (1), into and out of blocks; at an end it stays. Gives its new place."""
    _, _, here = find(definition, key)
    ways = list(slots(definition, names, without=key))
    to = ways[max(0, min(len(ways) - 1, ways.index(here) + (1 if by > 0 else -1)))]
    if to != here:
        move(definition, key, to)
    return to


def wrap(definition: JSON, key: str, block: JSON, branch: str) -> None:
    """Put `block` where the step stands, and the step as the first into its list `branch`."""
    _, _, at = find(definition, key)
    insert(definition, block, at)
    step = remove(definition, key)
    list_at(definition, block["key"], branch).insert(0, step)


def unwrap(definition: JSON, key: str) -> list[str]:
    """Put the steps of a block where it stands, list after list; the block goes. Gives the keys of its steps."""
    step, steps, at = find(definition, key)
    inner = [one for _, held in sorted(lists_of(step), key=lambda each: reading_order(each[0])) for one in held]
    if not list(lists_of(step)):
        raise UserError("E_CHOICE", f"“{key}” holds no steps, so there is nothing to take apart.", field="key")
    assert at.index is not None
    steps[at.index : at.index + 1] = inner
    return [str(one["key"]) for one in inner]


def place_words(definition: JSON, key: str) -> str:
    """Where a step stands, for a sentence: "place 2 of 3 in “Yes” of “Any mail?”"."""
    _, steps, at = find(definition, key)
    words = f"place {(at.index or 0) + 1} of {len(steps)}"
    if not at.parent:
        return words
    around, _, _ = find(definition, at.parent)
    return f"{words} in “{around.get('name') or at.parent}”, {list_words(at.branch)}"


def list_words(name: str) -> str:
    """A list's name as a person says it."""
    if name.startswith(CASE):
        return f"case {int(name.removeprefix(CASE)) + 1}"
    if name.startswith(BRANCH):
        return f"branch {name.removeprefix(BRANCH)}"
    return {"then": "yes", "else": "otherwise", "do": "its steps", "on_error": "if it fails"}.get(name, name)


def step_named(definition: JSON, key: str) -> str:
    """A step's name in quotes, its key where it has none or is not there."""
    step = next((one for one, _, _ in every_step(definition["steps"]) if one["key"] == key), {})
    return f"“{str(step.get('name') or key)[:80]}”"
