"""The body of a request in its four kinds. Pure but for the bytes of files, which are handed in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from integrations.errors import Rejected
from integrations.files import File
from orchestrator_site.lib.json import MIB
from orchestrator_site.lib.templating.values import as_text

MAX_BODY = 25 * MIB


@dataclass(frozen=True)
class Body:
    """Bytes and what they are."""

    content: bytes = b""
    content_type: str = ""


def is_file(value: Any) -> bool:
    """Whether a value is a file of the workspace."""
    return isinstance(value, Mapping) and "$file" in value


def files_in(value: Any) -> list[File]:
    """The files among the parts of a multipart body."""
    parts = value.values() if isinstance(value, Mapping) else ()
    found = [one for part in parts for one in (part if isinstance(part, list) else [part])]
    return [File.model_validate(one) for one in found if is_file(one)]


def make_body(kind: str, value: Any, files: Mapping[Any, bytes], key: str = "", key_field: str = "") -> Body:
    """The body to send. `key_field` names the field of an object that gets our key. Raises Rejected, nothing sent."""
    if key_field:
        value = {**fields_of(kind, value), key_field: key}
    made = _KINDS[kind](value, files)
    if len(made.content) > MAX_BODY:
        raise Rejected(
            f"The body has more than {MAX_BODY // MIB} MiB.",
            code="E_TOO_LARGE",
            refused=True,
            hint="Send less at once.",
        )
    return made


def fields_of(kind: str, value: Any) -> Mapping[str, Any]:
    """An object of fields. Raises Rejected for anything else."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Rejected(
            f"A body of kind {kind} is an object with fields here.",
            code="E_TYPE",
            refused=True,
            hint='Write {"name": "value"}.',
        )
    return value


def _json(value: Any, files: Mapping[Any, bytes]) -> Body:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Body(text.encode(), "application/json")


def _form(value: Any, files: Mapping[Any, bytes]) -> Body:
    pairs = [
        (name, as_text(one))
        for name, part in fields_of("form", value).items()
        for one in (part if isinstance(part, list) else [part])
        if one is not None
    ]
    return Body(urlencode(pairs).encode(), "application/x-www-form-urlencoded")


def _text(value: Any, files: Mapping[Any, bytes]) -> Body:
    if is_file(value):
        file = File.model_validate(value)
        return Body(files[file.id], file.mime_type)
    return Body(as_text(value).encode(), "text/plain; charset=utf-8")


def _multipart(value: Any, files: Mapping[Any, bytes]) -> Body:
    """The boundary is made of the content, so that every attempt sends the same bytes."""
    parts = []
    for name, part in fields_of("multipart", value).items():
        for one in part if isinstance(part, list) else [part]:
            if one is not None:
                parts.append(_part(name, one, files))
    boundary = hashlib.sha256(b"".join(parts)).hexdigest()[:40]
    lines = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return Body(lines + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}")


def _part(name: str, value: Any, files: Mapping[Any, bytes]) -> bytes:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if not is_file(value):
        return f"{head}\r\n\r\n{as_text(value)}".encode()
    file = File.model_validate(value)
    head += f'; filename="{_quoted(file.name or "file")}"\r\nContent-Type: {_quoted(file.mime_type)}'
    return f"{head}\r\n\r\n".encode() + files[file.id]


def _quoted(text: str) -> str:
    """A name inside quotes, as browsers write it."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


_KINDS: dict[str, Callable[[Any, Mapping[Any, bytes]], Body]] = {
    "json": _json,
    "form": _form,
    "text": _text,
    "multipart": _multipart,
    "none": lambda value, files: Body(),
}
