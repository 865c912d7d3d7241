"""Placeholders of old files as Liquid: what a name stood for, and how it is read now. Pure.

The original had one flat context: the variables, and `<step>_output` of each step that had run. A value that was
exactly one placeholder kept its type. Later files also mix placeholders into text, reach into outputs
(`{{a_output.id}}`), know `current_date`, and have variables whose value is a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.templating import MAX_SOURCE
from prompts.braces import escape_literal
from workflows.operations.imports.actions import Output, Want
from workflows.operations.imports.keys import Keys

BRACES = re.compile(r"\{\{((?:(?!\{\{|\}\}).)*)\}\}", re.DOTALL)
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[\s*-?\d{1,9}\s*\]|\[\s*(?:'[^'\]]*'|\"[^\"\]]*\")\s*\])*")
_PART = re.compile(r"\.?([\w-]+)|\[\s*(-?\d+)\s*\]|\[\s*['\"]([^'\"]*)['\"]\s*\]")
_ONE_PATH = re.compile(r"\{\{ ([\w.\[\]\"-]+) \}\}")
MAX_NESTED = 10
MAX_INPUTS = 500

Path = tuple[str, ...]

BUILT_IN = {
    "current_date": '{{ run.started_at | date: "%Y-%m-%d" }}',
    "current_time": '{{ run.started_at | date: "%H:%M:%S" }}',
    "current_datetime": '{{ run.started_at | date: "%Y-%m-%dT%H:%M:%S" }}',
}
# Some files say where a name comes from: ${inputs.topic}, {{steps.plan.text}}.
SPACES = frozenset({"inputs", "variables", "steps"})


@dataclass
class Input:
    """A variable of the file, or a name that nothing provides, as an input of the workflow."""

    key: str
    original: str
    type: str = "text"
    required: bool = False
    default: JSONValue = None
    template: str = ""
    help: str = ""

    def as_json(self) -> dict[str, Any]:
        """The input as the definition has it."""
        made: dict[str, Any] = {"name": self.key, "type": self.type, "required": self.required}
        if self.default is not None:
            made["default"] = self.default
        if self.key != self.original:
            made["label"] = self.original[:120]
        if self.help:
            made["help"] = self.help[:500]
        return made


@dataclass(frozen=True)
class StepOutput:
    """A step that can be referred to."""

    key: str
    output: Output
    may_be_absent: bool = False


def check_length(text: str) -> str:
    """A text with placeholders, no longer than a template may be. Raises UserError E_LENGTH."""
    if len(text) > MAX_SOURCE:
        shown = f"A text with placeholders has {len(text):,} characters; at most {MAX_SOURCE:,} fit."
        raise UserError("E_LENGTH", shown, field="params", limit=MAX_SOURCE, hint="Put the long text into a variable.")
    return text


def split_path(text: str) -> Path | None:
    """`a.b[0]` as its parts; None for what is no path."""
    if len(text) > 500 or not _PATH.fullmatch(text):
        return None
    parts = tuple(next(part for part in found if part) for found in _PART.findall(text) if any(found))
    return None if any(part.startswith("__") for part in parts) else parts


def input_type(value: JSONValue) -> str:
    """The input type that fits a variable's value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "json"
    return "long_text" if isinstance(value, str) and (len(value) > 200 or "\n" in value) else "text"


@dataclass
class Scope:
    """The names of one file. `placeholders` finds them in text, `read` says what path a placeholder's text is."""

    inputs: dict[str, Input] = field(default_factory=dict)
    outputs: dict[str, tuple[StepOutput, Path]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    pattern: re.Pattern[str] = BRACES
    keys: Keys = field(default_factory=lambda: Keys("input"))
    _open: list[str] = field(default_factory=list)
    _meant: dict[tuple[str, Want], str] = field(default_factory=dict)

    def add_variables(self, variables: Mapping[str, JSONValue]) -> None:
        """Each variable becomes an input with its value as default; a template becomes what an empty input means."""
        for name, value in variables.items():
            made = Input(self.keys.give(name), name, input_type(value), default=value)
            if isinstance(value, str) and self.pattern.search(value):
                made.template, made.default, made.type = value, None, "text"
                made.help = f"Left empty: {value}"
            self.add_input(made)

    def add_input(self, made: Input) -> None:
        """Keep an input. Raises UserError when the file asks for more of them than a form can hold."""
        if len(self.inputs) >= MAX_INPUTS:
            text = f"The file needs more than {MAX_INPUTS:,} inputs."
            raise UserError("E_DEF_SIZE", text, field="variables", limit=MAX_INPUTS, hint="Use fewer names.")
        self.inputs[made.original] = made

    # ---- Values ----------------------------------------------------------------------------------------------

    def value(self, value: JSONValue, want: Want = "text") -> JSONValue:
        """A parameter's value with its placeholders as Liquid, at any depth."""
        if isinstance(value, str):
            return self.text(value, want)
        if isinstance(value, list):
            return [self.value(item, "text" if want == "list" else want) for item in value]
        if isinstance(value, dict):
            return {name: self.value(item, want) for name, item in value.items()}
        return value

    def text(self, source: str, want: Want = "text") -> str:
        """One text. Exactly one placeholder keeps its type; text around placeholders stays as it is."""
        if "{" not in source:
            return source
        check_length(source)
        if whole := self.pattern.fullmatch(source.strip()):
            return self.placeholder(_content(whole), want)
        pieces: list[str] = []
        at = 0
        for found in self.pattern.finditer(source):
            pieces.append(escape_literal(source[at : found.start()], before_placeholder=True))
            pieces.append(self.placeholder(_content(found), "text"))
            at = found.end()
        return check_length("".join([*pieces, escape_literal(source[at:])]))

    def placeholder(self, content: str, want: Want) -> str:
        """What stands for one placeholder: a `{{ … }}`, or text with several."""
        path = split_path(content)
        if path is None:
            return self._missing(content, (), want)
        return self.reference(path, want)

    def reference(self, path: Path, want: Want) -> str:
        """The same for a path that is known to be one."""
        name, rest = path[0], path[1:]
        if name in self.outputs:
            step, inside = self.outputs[name]
            return output_reference(step, (*inside, *rest), want)
        if name in self.inputs:
            return self._input(self.inputs[name], rest, want)
        if name in BUILT_IN and not rest:
            return BUILT_IN[name]
        if name in SPACES and rest and (rest[0] in self.outputs or rest[0] in self.inputs):
            return self.reference(rest, want)
        return self._missing(name, rest, want)

    def expression(self, path: Path) -> str:
        """A path inside a condition: without braces and never a text of several placeholders."""
        found = _ONE_PATH.fullmatch(self.reference(path, "any"))
        return found.group(1) if found else f"inputs.{self._missing_input(path[0]).key}"

    def _input(self, made: Input, rest: Path, want: Want) -> str:
        if made.template and not rest:
            return self._template(made, want)
        expression = f"inputs.{made.key}{path_text(rest)}"
        if rest or want in ("any", "list"):
            return f"{{{{ {expression} }}}}"
        is_text = made.type in ("text", "long_text")
        cast = " | text" if want == "text" and not is_text else " | number" if want == "number" and is_text else ""
        return f"{{{{ {expression}{cast} }}}}"

    def _template(self, made: Input, want: Want) -> str:
        if made.original in self._open or len(self._open) >= MAX_NESTED:
            self.warnings.append(f"The variable {made.original} refers to itself; it is asked for when a run starts.")
            made.required, made.help = True, ""
            return f"{{{{ inputs.{made.key} }}}}"
        known = self._meant.get((made.original, want))
        if known is None:
            self._open.append(made.original)
            known = self.text(made.template, want)
            self._open.pop()
            self._meant[made.original, want] = known
        meant = known
        if made.required:
            return f"{{{{ inputs.{made.key} }}}}"
        if path := _ONE_PATH.fullmatch(meant):
            return f"{{{{ inputs.{made.key} | default: {path.group(1)} }}}}"
        return f"{{% if inputs.{made.key} == blank %}}{meant}{{% else %}}{{{{ inputs.{made.key} }}}}{{% endif %}}"

    def _missing(self, name: str, rest: Path, want: Want) -> str:
        made = self._missing_input(name, want)
        return f"{{{{ inputs.{made.key}{path_text(rest)} }}}}"

    def _missing_input(self, name: str, want: Want = "text") -> Input:
        """A required input for a name that is neither variable nor output."""
        if name not in self.inputs:
            kind = {"list": "list", "number": "number"}.get(want, "text")
            self.add_input(Input(self.keys.give(name), name, kind, required=True))
            self.warnings.append(f"Nothing in the file provides “{name[:60]}”; it is asked for when a run starts.")
        return self.inputs[name]


def _content(found: re.Match[str]) -> str:
    return next((group for group in found.groups() if group is not None), "").strip()


def path_text(path: Path) -> str:
    """The parts after a name, as Liquid writes them."""
    return "".join(_part(part) for part in path)


def _part(part: str) -> str:
    if re.fullmatch(r"-?[0-9]{1,9}", part):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[A-Za-z_][\w-]*", part) else f'["{part}"]'


def output_reference(step: StepOutput, path: Path, want: Want) -> str:
    """A step's output, whole or a part of it, as Liquid."""
    at = f"steps.{step.key}"
    absent = ' | default: ""' if step.may_be_absent else ""
    if path:
        return f"{{{{ {at}{_inside(step.output, path)}{absent} }}}}"
    output = step.output
    if output.readable and want in ("text", "number"):
        readable = output.readable.replace("@", at)
        return readable.replace(" }}", f"{absent} }}}}") if absent and readable.count("{{") == 1 else readable
    main = f".{output.main}" if output.main else ""
    return f"{{{{ {at}{main}{absent} }}}}"


def _inside(output: Output, path: Path) -> str:
    """A path into the original's value as one into ours."""
    first, rest = path[0], path[1:]
    if output.shape == "list":
        item = first if re.fullmatch(r"-?[0-9]+", first) else None
        if item is None:
            return f".{output.main}{path_text(path)}"
        renamed = (output.parts.get(rest[0], rest[0]), *rest[1:]) if rest else ()
        return f".{output.main}[{item}]{_joined(renamed)}"
    if output.main == "value":
        return f".value{path_text(path)}"
    return _joined((output.parts.get(first, first), *rest))


def _joined(parts: Path) -> str:
    """Parts of which the first may be a path of ours already (`block_ids[0]`)."""
    return f".{parts[0]}{path_text(parts[1:])}" if parts else ""
