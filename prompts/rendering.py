"""Turns a prompt version and its values into the two texts a model gets. Pure: knows no database and no service.

The author's text is kept as it is. Values are data, and stay data:

* They are put in once; nothing in a value is ever read as a template.
* Authors fence the values off, with a pair of tags (`<email>` … `</email>`) or with lines of marks (`---`, three
  backquotes). A value that holds the very fence of its own prompt could step over it and speak as the author; so those
  tags lose their bracket (`&lt;/email>`) and those lines get spaces (`- - -`). Everything else in a value is untouched:
  a mail may hold other tags, code may hold other fences.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator_site.lib import templating
from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.names import did_you_mean
from orchestrator_site.lib.templating.values import as_text

_TAG = re.compile(r"<(/?)([A-Za-z][\w-]{0,47})\s*>")
_FENCE = re.compile(r"^[ \t]*([-=*~#`\"_+]{3,})[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class RenderedPrompt:
    """What is sent: the system text ("" for none) and the user text."""

    system: str
    user: str


def render(version: Mapping[str, Any], values: Mapping[str, JSONValue]) -> RenderedPrompt:
    """The texts of a prompt version (`system`, `user_template`) with `values` put in.

    Every name the texts use needs a value (E_REQUIRED) unless a `default` filter provides for its absence; no other
    name is taken (E_UNKNOWN_FIELD).
    """
    system, user = str(version.get("system") or ""), str(version["user_template"])
    known = [*variables_of(system, user), *(version.get("variables") or ())]
    check_values(values, needed=required_of(system, user), known=known)
    fences = Fences.of(system, user)
    safe = {name: fences.neutralise(value) for name, value in values.items()}
    return RenderedPrompt(_text(system, safe), _text(user, safe))


def variables_of(*texts: str) -> list[str]:
    """The names that the texts use, in the order in which they appear. Raises TemplateProblem for a bad template."""
    found: dict[str, None] = {}
    for text in texts:
        for reference in templating.compile(text).references():
            found.setdefault(str(reference.path[0]))
    return list(found)


def required_of(*texts: str) -> list[str]:
    """Those of the names whose absence no text provides for."""
    found: dict[str, None] = {}
    for text in texts:
        for reference in templating.compile(text).references():
            if not reference.optional:
                found.setdefault(str(reference.path[0]))
    return list(found)


def check_values(values: Mapping[str, JSONValue], *, needed: Iterable[str], known: Collection[str]) -> None:
    """Raise for a value that is missing and for one that no text uses, all of them at once."""
    problems = [_missing(name) for name in needed if values.get(name) is None]
    problems += [_unknown(name, known) for name in values if name not in known]
    if problems:
        raise Problems(problems)


def _missing(name: str) -> UserError:
    return UserError(
        "E_REQUIRED", f"The prompt needs a value for “{name}”.", field=f"values.{name}", hint="Give it a value."
    )


def _unknown(name: str, known: Collection[str]) -> UserError:
    return UserError(
        "E_UNKNOWN_FIELD",
        f"The prompt has no value named “{name[:48]}”.",
        field=f"values.{name[:48]}",
        hint=did_you_mean(name, sorted(known)),
    )


def _text(template: str, values: Mapping[str, JSONValue]) -> str:
    return as_text(templating.compile(template).render(dict(values))) if template else ""


@dataclass(frozen=True)
class Fences:
    """The marks with which a prompt's author fences values off."""

    tags: frozenset[str]
    lines: frozenset[str]

    @classmethod
    def of(cls, *texts: str) -> Fences:
        """Tags that are opened and closed in one of the texts, and lines of marks that stand at least twice."""
        tags: set[str] = set()
        lines: set[str] = set()
        for text in texts:
            marks = {(bool(slash), name.lower()) for slash, name in _TAG.findall(text)}
            tags |= {name for closing, name in marks if closing and (False, name) in marks}
            fences = _FENCE.findall(text)
            lines |= {fence for fence in fences if fences.count(fence) > 1}
        return cls(frozenset(tags), frozenset(lines))

    def neutralise(self, value: JSONValue) -> JSONValue:
        """The value with these marks made harmless, in every text it holds."""
        if isinstance(value, str):
            return self._neutral_text(value)
        if isinstance(value, list):
            return [self.neutralise(item) for item in value]
        if isinstance(value, dict):
            return {self._neutral_text(key): self.neutralise(item) for key, item in value.items()}
        return value

    def _neutral_text(self, text: str) -> str:
        if self.tags and "<" in text:
            names = "|".join(sorted(map(re.escape, self.tags), key=len, reverse=True))
            text = re.sub(rf"<(?=\s*/?\s*(?:{names})(?![\w-]))", "&lt;", text, flags=re.IGNORECASE)
        if self.lines:
            text = _FENCE.sub(self._neutral_line, text)
        return text

    def _neutral_line(self, found: re.Match[str]) -> str:
        return " ".join(found.group(1)) if found.group(1) in self.lines else found.group()
