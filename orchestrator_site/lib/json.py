"""The one gate for data from outside: bytes in, plain JSON values out, or one clear UserError.

Used by the API, forms, webhooks, imports, model answers and service answers. Nothing here recurses on its input.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NoReturn, TypeAlias

from orchestrator_site.lib.errors import TooLarge, UserError

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"

MIB = 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_MAX_NUMBER_LENGTH = 128

FORBIDDEN = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
SURROGATE = re.compile("[\ud800-\udfff]")
_SUSPECT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_DROP_ALL_BUT_STRUCTURE = bytes(c for c in range(256) if c not in b"[]{},")
_DELTA = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1, ord(","): 0}


def clean_json(
    raw: bytes | str,
    *,
    max_bytes: int = MIB,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
    max_string: int = MIB,
    field: str = "body",
    repair: bool = False,
) -> JSONValue:
    """Parse JSON that nobody has looked at yet.

    1. size, 2. encoding, 3. depth and count before the parser sees it, 4. parse (duplicate keys, NaN, huge numbers are
    refused), 5. control characters, surrogates and long strings. With `repair`, 5 mends instead of refusing (for what a
    service answered).
    """
    text = decode_text(raw, max_bytes=max_bytes, field=field)
    if not text.strip(" \t\r\n"):
        raise UserError("E_JSON", "The body is empty; JSON was expected.", field=field, extra={"line": 1, "column": 1})
    _scan_structure(text, max_depth, max_nodes, field)
    value = _parse(text, field)
    if "\\u" in text or "\x7f" in text or len(text) > max_string:
        return clean_value(
            value,
            max_bytes=None,
            max_depth=max_depth,
            max_nodes=max_nodes,
            max_string=max_string,
            field=field,
            repair=repair,
        )
    return value


def decode_text(raw: bytes | str, *, max_bytes: int = MIB, field: str = "body") -> str:
    """Bytes as strict UTF-8 (a byte order mark is fine), within `max_bytes`."""
    size = (
        len(raw) if isinstance(raw, bytes) or len(raw) * 4 <= max_bytes else len(raw.encode("utf-8", "surrogatepass"))
    )
    if size > max_bytes:
        raise TooLarge(
            f"This is {size:,} bytes; at most {max_bytes:,} are taken.",
            field=field,
            limit=max_bytes,
            hint="Send less at once.",
        )
    if isinstance(raw, str):
        return raw.removeprefix("\ufeff")
    if _looks_like_utf16(raw):
        raise _encoding(field)
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _encoding(field, error.start) from None


def clean_value(
    value: Any,
    *,
    max_bytes: int | None = 32 * MIB,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
    max_string: int = MIB,
    field: str = "body",
    repair: bool = False,
) -> JSONValue:
    """The same gate for a value that somebody else has parsed (YAML, an SDK's answer); returns a fresh plain copy."""
    if type(value) is dict and len(value) <= _FEW and max_string >= _SHORT and (max_bytes or 2 * MIB) >= 2 * MIB:
        copy = _plain_copy(value)
        if copy is not None and max_depth > 1 and max_nodes >= _FEW * _FEW:
            return copy
    return _Cleaner(max_bytes, max_depth, max_nodes, max_string, field, repair).clean(value)


_FEW, _SHORT = 30, 2000


def _plain_copy(value: dict[Any, Any]) -> dict[str, JSONValue] | None:
    """A copy of a small flat object of plain parts, the usual case; None for any other, which is gone through."""
    copy: dict[str, JSONValue] = {}
    for key, item in value.items():
        if not _is_short(key):
            return None
        if item is None or item is True or item is False or _is_short(item) or _is_whole(item):
            copy[key] = item
        elif type(item) is list and len(item) <= _FEW and all(map(_is_short, item)):
            copy[key] = list(item)
        else:
            return None
    return copy


def _is_whole(number: Any) -> bool:
    return type(number) is int and INT_MIN <= number <= INT_MAX


def _is_short(text: Any) -> bool:
    return type(text) is str and len(text) <= _SHORT and _SUSPECT.search(text) is None


def dumps(value: JSONValue) -> str:
    """Compact JSON text; keys keep their order, letters stay letters, NaN is an error."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def clean_text(text: str, *, field: str = "text", max_length: int | None = None) -> str:
    """One string through the same rules: no control characters, no half characters, not too long."""
    if max_length is not None and len(text) > max_length:
        raise _too_long(field, len(text), max_length)
    if _SUSPECT.search(text):
        _refuse_text(text, field)
    return text


def repair_text(text: str) -> str:
    """`text` without forbidden control characters; half characters become the replacement character."""
    return SURROGATE.sub("\ufffd", FORBIDDEN.sub("", text)) if _SUSPECT.search(text) else text


def _looks_like_utf16(raw: bytes) -> bool:
    head = raw[:64]
    return len(head) >= 4 and head.count(0) * 5 >= len(head) * 2


def _encoding(field: str, at: int | None = None) -> UserError:
    where = "" if at is None else f" (byte {at + 1})"
    return UserError("E_ENCODING", f"This is not UTF-8 text{where}.", field=field, hint="Send it as UTF-8.")


def _scan_structure(text: str, max_depth: int, max_nodes: int, field: str) -> None:
    """Depth and size from the brackets outside strings: linear, without recursion, before the parser runs."""
    raw = text.encode("utf-8", "surrogatepass")
    outside = b"".join(raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    marks = outside.translate(None, _DROP_ALL_BUT_STRUCTURE)
    openers = marks.count(b"[") + marks.count(b"{")
    if openers > max_depth:
        depth = 0
        for depth in accumulate(map(_DELTA.__getitem__, marks)):
            if depth > max_depth:
                raise _too_deep(field, max_depth)
    if openers + marks.count(b",") + 1 > max_nodes:
        raise _too_many(field, max_nodes)


def _parse(text: str, field: str) -> JSONValue:
    def pairs(items: list[tuple[str, JSONValue]]) -> dict[str, JSONValue]:
        found = dict(items)
        if len(found) != len(items):
            _refuse_duplicate([key for key, _ in items], field)
        return found

    def whole(digits: str) -> int:
        if len(digits) > 20 or not INT_MIN <= (number := int(digits)) <= INT_MAX:
            raise _bad_number(digits, field)
        return number

    def broken(digits: str) -> float:
        if len(digits) > _MAX_NUMBER_LENGTH or not math.isfinite(number := float(digits)):
            raise _bad_number(digits, field)
        return number

    def constant(name: str) -> NoReturn:
        raise _bad_number(name, field)

    decoder = json.JSONDecoder(object_pairs_hook=pairs, parse_int=whole, parse_float=broken, parse_constant=constant)
    try:
        value: JSONValue = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise _syntax(error, field) from None
    except RecursionError:
        raise _too_deep(field, MAX_DEPTH) from None
    return value


def _syntax(error: json.JSONDecodeError, field: str) -> UserError:
    at = error.doc[error.pos : error.pos + 1]
    where = {"line": error.lineno, "column": error.colno}
    if at and FORBIDDEN.match(at):
        return UserError(
            "E_TEXT_CONTROL",
            f"There is a control character (U+{ord(at):04X}) at line {error.lineno}, column {error.colno}.",
            field=field,
            hint="Remove it.",
            extra=where,
        )
    reason = error.msg[:1].lower() + error.msg[1:]
    return UserError(
        "E_JSON",
        f"This is not valid JSON: {reason} at line {error.lineno}, column {error.colno}.",
        field=field,
        hint="Check the brackets, commas and quotes there.",
        extra=where,
    )


def _refuse_duplicate(keys: list[str], field: str) -> NoReturn:
    seen: set[str] = set()
    twice = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    raise UserError(
        "E_JSON_DUP_KEY",
        f'The key "{repair_text(twice)[:80]}" appears twice in one object.',
        field=field,
        hint="Keep one of them.",
    )


def _bad_number(shown: str, field: str) -> UserError:
    short = shown if len(shown) <= 24 else f"{shown[:20]}… ({len(shown):,} characters)"
    return UserError(
        "E_NUMBER",
        f"{short} is not a number we can keep.",
        field=field,
        limit="whole numbers up to 64 bits, finite decimals",
        hint="Send it as text if it is an identifier.",
    )


def _too_deep(field: str, limit: int) -> UserError:
    return UserError("E_JSON_DEPTH", f"This is nested deeper than {limit} levels.", field=field, limit=limit)


def _too_many(field: str, limit: int) -> UserError:
    return UserError("E_JSON_NODES", f"This holds more than {limit:,} values.", field=field, limit=limit)


def _too_long(field: str, length: int, limit: int) -> UserError:
    return UserError(
        "E_LENGTH", f"This text has {length:,} characters; at most {limit:,} fit.", field=field, limit=limit
    )


def _refuse_text(text: str, field: str) -> NoReturn:
    if SURROGATE.search(text):
        raise UserError(
            "E_TEXT_SURROGATE",
            "This text holds half a character (a lone surrogate).",
            field=field,
            hint="Send it as UTF-8.",
        )
    found = FORBIDDEN.search(text)
    code = f"U+{ord(found.group()):04X}" if found else "unknown"
    raise UserError("E_TEXT_CONTROL", f"This text holds a control character ({code}).", field=field, hint="Remove it.")


_Path = tuple[Any, "str | int"] | None


class _Cleaner:
    """Copies a value piece by piece from a list of things to do, never by calling itself."""

    def __init__(
        self, max_bytes: int | None, max_depth: int, max_nodes: int, max_string: int, field: str, repair: bool
    ) -> None:
        self.max_bytes, self.max_depth, self.max_nodes = max_bytes, max_depth, max_nodes
        self.max_string, self.field, self.repair = max_string, field, repair
        self.nodes = self.size = 0
        self.todo: list[tuple[Any, Any, int, _Path]] = []

    def clean(self, value: Any) -> JSONValue:
        result = self._one(value, 0, None)
        while self.todo:
            source, target, depth, path = self.todo.pop()
            if isinstance(target, dict):
                for key, item in source.items():
                    target[self._key(key, target, path)] = self._one(item, depth, (path, str(key)))
            else:
                target.extend(self._one(item, depth, (path, i)) for i, item in enumerate(source))
        return result

    def _one(self, value: Any, depth: int, path: _Path) -> JSONValue:
        self.nodes += 1
        if self.nodes > self.max_nodes:
            raise _too_many(self._name(path), self.max_nodes)
        if value is None or value is True or value is False:
            return value  # type: ignore[no-any-return]
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, int):
            return self._whole(value, path)
        if isinstance(value, float):
            return self._broken(value, path)
        if isinstance(value, (dict, list, tuple)):
            return self._container(value, depth + 1, path)
        raise UserError(
            "E_TYPE",
            f"A value of type {type(value).__name__} has no place in JSON.",
            field=self._name(path),
            hint="Use text, a number, true, false, null, a list or an object.",
        )

    def _container(self, value: Any, depth: int, path: _Path) -> JSONValue:
        if depth > self.max_depth:
            raise _too_deep(self.field, self.max_depth)
        target: JSONValue = {} if isinstance(value, dict) else []
        self.todo.append((value, target, depth, path))
        return target

    def _key(self, key: Any, target: dict[str, JSONValue], path: _Path) -> str:
        if not isinstance(key, str):
            raise UserError(
                "E_TYPE", f"The key {key!r:.60} is not text.", field=self._name(path), hint="Put the key in quotes."
            )
        clean = self._text(key, path)
        if clean in target:
            _refuse_duplicate([clean, clean], self._name(path))
        return clean

    def _text(self, text: str, path: _Path) -> str:
        if len(text) > self.max_string:
            raise _too_long(self._name(path), len(text), self.max_string)
        self.size += len(text)
        if self.max_bytes is not None and self.size > self.max_bytes:
            raise TooLarge(
                f"This holds more than {self.max_bytes:,} characters of text.", field=self.field, limit=self.max_bytes
            )
        if _SUSPECT.search(text):
            if self.repair:
                return repair_text(text)
            _refuse_text(text, self._name(path))
        return text if type(text) is str else str.__str__(text)

    def _whole(self, number: int, path: _Path) -> int:
        if not INT_MIN <= number <= INT_MAX:
            raise _bad_number("A whole number of more than 64 bits", self._name(path))
        return number if type(number) is int else int(number)

    def _broken(self, number: float, path: _Path) -> float:
        if not math.isfinite(number):
            raise _bad_number(str(number), self._name(path))
        return number if type(number) is float else float(number)

    def _name(self, path: _Path) -> str:
        parts = [f"[{part}]" if isinstance(part, int) else f".{part[:48]}" for part in _upwards(path)]
        return repair_text(self.field + "".join(reversed(parts)))


def _upwards(path: _Path) -> Iterator[str | int]:
    while path is not None:
        path, part = path
        yield part
