"""One step into plain data: a key of an object, an index of a list, or size, first and last. Never an attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator_site.lib.json import repair_text
from orchestrator_site.lib.names import did_you_mean
from orchestrator_site.lib.templating.problems import TemplateProblem

PSEUDO_FIELDS = frozenset({"size", "first", "last"})


class NotThere(Exception):
    """The next step of a path leads nowhere; knows what would have been there."""

    def __init__(self, container: Any, key: Any) -> None:
        super().__init__()
        self.container = container
        self.key = key

    def problem(self, path: Sequence[object], depth: int) -> TemplateProblem:
        """The sentence for the path whose element `depth` is missing."""
        before, key = path_text(path[:depth]), str(self.key)[:60]
        if isinstance(self.container, Mapping):
            names = [name for name in list(self.container)[:200] if isinstance(name, str)]
            return _undefined(f"“{before}” has no “{key}”.", did_you_mean(key, names))
        if isinstance(self.container, (list, tuple)):
            return _undefined(
                f"“{before}” is a list of {len(self.container)}; there is no [{key}] in it.",
                "Use an index, first, last or size, or a for loop.",
            )
        kind = _KINDS.get(type(self.container), "a value")
        return _undefined(f"“{before}” is {kind} and has no “{key}”.", "Use the default filter if it may be absent.")

    @staticmethod
    def root(name: object, known: Iterable[str]) -> TemplateProblem:
        """The sentence for a name that does not exist at all; lists the names that do."""
        names = list(known)
        listed = f" Known here: {', '.join(sorted(names)[:30])}." if names else ""
        hint = did_you_mean(str(name), names)
        return _undefined(f"There is no “{str(name)[:60]}” here.", hint + (listed if "Known here" not in hint else ""))


_KINDS = {type(None): "empty (null)", bool: "true or false", int: "a number", float: "a number", str: "text"}


def _undefined(message: str, hint: str) -> TemplateProblem:
    return TemplateProblem("E_TPL_UNDEFINED", repair_text(message), hint=repair_text(hint))


def step_into(container: Any, key: Any) -> Any:
    """`container.key`, `container[key]`. Raises NotThere."""
    if isinstance(container, Mapping):
        return _from_mapping(container, key)
    if isinstance(container, (list, tuple)):
        return _from_list(container, key)
    if isinstance(container, str) and key == "size":
        return len(container)
    raise NotThere(container, key)


def _from_mapping(container: Mapping[Any, Any], key: Any) -> Any:
    if isinstance(key, str):
        try:
            return container[key]
        except KeyError:
            pass
        if key == "size":
            return len(container)
        if key in ("first", "last") and container and isinstance(container, dict):
            pairs = list(container.items()) if len(container) <= 1000 else []
            if pairs:
                return list(pairs[0 if key == "first" else -1])
    raise NotThere(container, key)


def _from_list(container: Sequence[Any], key: Any) -> Any:
    if key == "size":
        return len(container)
    if key in ("first", "last") and container:
        return container[0 if key == "first" else -1]
    if isinstance(key, int) and not isinstance(key, bool) and -len(container) <= key < len(container):
        return container[key]
    raise NotThere(container, key)


def path_text(path: Sequence[object]) -> str:
    """A path as people write it: steps.fetch.messages[0]."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        elif isinstance(part, str) and part.replace("-", "_").replace("_", "a").isalnum():
            shown += f".{part[:60]}" if shown else part[:60]
        else:
            shown += f"[{str(part)[:60]!r}]"
    return shown
