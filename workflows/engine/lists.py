"""The lists of steps that a step's JSON holds, by name: then, case:0, branch:a, else, do, on_error. Pure.

The name of a list is what a draft's row keeps as its branch; `case:0` is the first case of a switch, `branch:a` the
branch `a` of a parallel, `on_error` the steps that run after the step has failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator_site.lib.names import is_key

JSON = dict[str, Any]
CASE, BRANCH, ON_ERROR = "case:", "branch:", "on_error"
PLAIN = ("then", "else", "do")
HELD = (*PLAIN, "cases", "branches")


def lists_of(step: Any) -> Iterator[tuple[str, list[Any]]]:
    """Each list with its name, in reading order; what is not well formed is passed over."""
    if not isinstance(step, dict):
        return
    yield from _plain(step, "then")
    for number, case in enumerate(_list(step.get("cases"))):
        if isinstance(case, dict) and isinstance(case.get("steps"), list):
            yield f"{CASE}{number}", case["steps"]
    for branch in _list(step.get("branches")):
        if isinstance(branch, dict) and isinstance(branch.get("key"), str) and isinstance(branch.get("steps"), list):
            yield f"{BRANCH}{branch['key']}", branch["steps"]
    yield from _plain(step, "else")
    yield from _plain(step, "do")
    error = step.get("on_error")
    if isinstance(error, dict) and error.get("do") == "branch" and isinstance(error.get("steps"), list):
        yield ON_ERROR, error["steps"]


def list_named(step: JSON, name: str) -> list[JSON] | None:
    """A step's list of this name, made where the step may have it and has none yet; else None."""
    if name in PLAIN:
        made: list[JSON] = step.setdefault(name, [])
        return made
    error = step.get("on_error")
    if name == ON_ERROR and isinstance(error, dict) and error.get("do") == "branch":
        error.setdefault("steps", [])
    return dict(lists_of(step)).get(name)


def own_fields(step: JSON) -> JSON:
    """A step without the steps it holds: cases as their values, branches as their keys."""
    own = {name: value for name, value in step.items() if name not in HELD}
    if cases := _list(step.get("cases")):
        own["cases"] = [case.get("equals") for case in cases]
    if branches := _list(step.get("branches")):
        own["branches"] = [branch.get("key") for branch in branches]
    if isinstance(own.get("on_error"), dict):
        own["on_error"] = {name: value for name, value in own["on_error"].items() if name != "steps"}
    return own


def with_lists(own: JSON, lists: Mapping[str, list[JSON]], cases: list[Any]) -> JSON:
    """A step's JSON from its own fields, its lists by name and the values of its cases, in canonical order."""
    step = {name: value for name, value in own.items() if name not in HELD}
    if ON_ERROR in lists and isinstance(step.get("on_error"), dict):
        step["on_error"] = {**step["on_error"], "steps": lists[ON_ERROR]}
    branches = [
        {"key": name.removeprefix(BRANCH), "steps": steps} for name, steps in lists.items() if name.startswith(BRANCH)
    ]
    return {
        **step,
        **_named(lists, "then"),
        **({"cases": [_case(value, lists.get(f"{CASE}{i}", [])) for i, value in enumerate(cases)]} if cases else {}),
        **({"branches": branches} if branches else {}),
        **_named(lists, "else"),
        **_named(lists, "do"),
    }


def title_of(name: str, cases: Any = ()) -> str:
    """A list's name in words for places: "case bug", "branch a", "on error"."""
    if name.startswith(CASE):
        number = name.removeprefix(CASE)
        known = _list(list(cases))
        return f"case {known[int(number)]}" if number.isdigit() and int(number) < len(known) else name
    return name.replace(":", " ") if name.startswith(BRANCH) else name


def is_list_name(name: str) -> bool:
    """Whether a name can be that of a list of steps."""
    kind, _, rest = name.partition(":")
    if kind == "case":
        return rest.isdigit() and len(rest) < 4
    return is_key(rest) if kind == "branch" else name in (*PLAIN, ON_ERROR)


def _case(value: Any, steps: list[JSON]) -> JSON:
    return {"equals": value, "steps": steps}


def _named(lists: Mapping[str, list[JSON]], name: str) -> JSON:
    return {name: lists[name]} if name in lists else {}


def _plain(step: JSON, name: str) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(step.get(name), list):
        yield name, step[name]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
