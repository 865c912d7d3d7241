"""A file's text into plain JSON values: JSON by the input gate, YAML by its events. Pure.

YAML is never loaded: its events are read one by one, so that no tag makes an object, no alias multiplies anything and
nothing recurses. What JSON cannot say (dates, sets, binary, infinity, keys that are no text) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import MAX_DEPTH, MIB, JSONValue, clean_json, clean_value, decode_text

MAX_FILE = MIB
MAX_DOCUMENTS = 100
_MAX_NODES = 200_000
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_NO_JSON = {f"{_TAG}{name}" for name in ("binary", "set", "omap", "pairs", "timestamp")}
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE|yes|Yes|YES|on|On|ON")
_FALSE = re.compile(r"false|False|FALSE|no|No|NO|off|Off|OFF")
_INT = re.compile(r"[-+]?[0-9]{1,40}|0x[0-9a-fA-F]{1,16}|0o[0-7]{1,21}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")


def read_file(text: str | bytes) -> JSONValue:
    """The value of a JSON or YAML file. Several YAML documents become a list. Raises UserError."""
    source = decode_text(text, max_bytes=MAX_FILE, field="file")
    if source.lstrip()[:1] in ("{", "["):
        try:
            return clean_json(source, max_bytes=MAX_FILE, field="file")
        except UserError as problem:
            if problem.code != "E_JSON" or not _may_be_yaml(source):
                raise
    return read_yaml(source)


def _may_be_yaml(source: str) -> bool:
    """A flow mapping with bare keys, `{name: x}`, is YAML; a broken JSON file is told about as JSON."""
    return re.match(r"\s*\{\s*[A-Za-z_]", source) is not None


def read_yaml(source: str) -> JSONValue:
    """The same for YAML alone."""
    try:
        documents = _Builder().read(source)
    except yaml.YAMLError as error:
        raise _syntax(error) from None
    if not documents:
        raise UserError("E_JSON", "The file is empty.", field="file", hint="Choose a JSON or YAML file.")
    return clean_value(documents[0] if len(documents) == 1 else documents, field="file")


def _syntax(error: yaml.YAMLError) -> UserError:
    mark = getattr(error, "problem_mark", None)
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    said = str(getattr(error, "problem", "") or "it cannot be read")
    return UserError(
        "E_YAML", f"This is neither JSON nor YAML: {said[:200]}{where}.", field="file", hint="Check that line."
    )


class _Builder:
    """Builds plain values from YAML's events with a list of open containers."""

    def __init__(self) -> None:
        self.open: list[Any] = []
        self.keys: list[str | None] = []
        self.documents: list[Any] = []
        self.nodes = 0

    def read(self, source: str) -> list[Any]:
        for event in _events(source):
            if isinstance(event, yaml.AliasEvent):
                _refuse("E_IMPORT_ALIAS", "YAML aliases (*name) are not taken.", event, "Write the value out.")
            elif isinstance(event, yaml.ScalarEvent):
                self._tag(event)
                self._add(event, _scalar(event))
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._start(event)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self.open.pop()
                self.keys.pop()
        return self.documents

    def _start(self, event: Any) -> None:
        self._tag(event)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._add(event, value)
        if len(self.open) >= MAX_DEPTH:
            text = f"This is nested deeper than {MAX_DEPTH} levels."
            raise UserError("E_JSON_DEPTH", text, field="file", limit=MAX_DEPTH)
        self.open.append(value)
        self.keys.append(None)

    def _tag(self, event: Any) -> None:
        tag = event.tag
        if tag is None or tag == "!" or tag in _PLAIN_TAGS:
            return
        if tag in _NO_JSON:
            _refuse(
                "E_TYPE", f"A value of type {tag.removeprefix(_TAG)} has no place here.", event, "Write it as text."
            )
        shown = tag.replace(_TAG, "!!")[:60]
        _refuse(
            "E_IMPORT_TAG", f"The tag {shown} is not taken: files hold data, not objects.", event, "Remove the tag."
        )

    def _add(self, event: Any, value: Any) -> None:
        self.nodes += 1
        if self.nodes > _MAX_NODES:
            raise UserError(
                "E_JSON_NODES", f"This holds more than {_MAX_NODES:,} values.", field="file", limit=_MAX_NODES
            )
        if not self.open:
            self._document(value)
        elif isinstance(self.open[-1], list):
            self.open[-1].append(value)
        elif self.keys[-1] is None:
            self.keys[-1] = self._key(event, value)
        else:
            self.open[-1][self.keys[-1]] = value
            self.keys[-1] = None

    def _document(self, value: Any) -> None:
        if len(self.documents) >= MAX_DOCUMENTS:
            text = f"The file holds more than {MAX_DOCUMENTS} documents."
            raise UserError("E_IMPORT_COUNT", text, field="file", limit=MAX_DOCUMENTS)
        self.documents.append(value)

    def _key(self, event: Any, value: Any) -> str:
        if not isinstance(value, str):
            _refuse("E_TYPE", "A key is text.", event, "Put the key in quotes.")
        if value in self.open[-1]:
            _refuse(
                "E_JSON_DUP_KEY", f'The key "{value[:80]}" appears twice in one object.', event, "Keep one of them."
            )
        return str(value)


def _events(source: str) -> Iterator[Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.parse(source, Loader=loader)


def _scalar(event: Any) -> Any:
    text: str = event.value
    quoted = event.tag is None and not event.implicit[0]
    if quoted or event.tag in ("!", f"{_TAG}str"):
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text) or _DATE.fullmatch(text):
        _refuse("E_TYPE", f"“{text[:40]}” is a value that JSON does not know.", event, "Put it in quotes.")
    return text


def _refuse(code: str, message: str, event: Any, hint: str) -> NoReturn:
    mark = event.start_mark
    place = {"line": mark.line + 1, "column": mark.column + 1} if mark else {}
    where = f" (line {place['line']})" if place else ""
    raise UserError(code, f"{message.removesuffix('.')}{where}.", field="file", hint=hint, extra=place)
