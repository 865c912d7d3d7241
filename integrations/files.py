"""A file as a value of a workflow: `{"$file": id, name, mime_type, size, sha256}`; never a path. Pure.

The bytes lie in the workspace's store. An action takes a `File` as an input, asks `context.read_file(file)` for its
bytes, and gives a `File` back from `await context.write_file(content, name=…, mime_type=…)`.
"""

from __future__ import annotations

import mimetypes
import re
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from integrations.errors import Rejected

MAX_FILE = 25 * 1024 * 1024
_UNWANTED = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]+')
_MIME = re.compile(r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}$")
UNKNOWN_TYPE = "application/octet-stream"


class File(BaseModel):
    """A file of the workspace, as steps hand it on."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True, frozen=True)

    id: UUID = Field(alias="$file", title="File")
    name: str = Field(default="", max_length=200)
    mime_type: str = Field(default=UNKNOWN_TYPE, max_length=130)
    size: int = Field(default=0, ge=0)
    sha256: str = Field(default="", max_length=64)


class Files(Protocol):
    """Where the files of one workspace are kept; the engine implements it."""

    async def read(self, file: File) -> bytes:
        """The bytes. Raises Rejected E_NO_FILE when the workspace has no such file."""
        ...

    async def write(self, content: bytes, name: str, mime_type: str) -> File:
        """Keep a file of at most 25 MiB. Raises Rejected E_TOO_LARGE."""
        ...


class NoFiles:
    """Where no workspace is at hand."""

    async def read(self, file: File) -> bytes:
        """There is none."""
        raise no_file(file)

    async def write(self, content: bytes, name: str, mime_type: str) -> File:
        """There is no place for it."""
        raise Rejected("Files can only be kept inside a workflow.", code="E_NO_FILE", refused=True)


def no_file(file: File) -> Rejected:
    """The workspace does not have this file (any more, or it is another workspace's)."""
    return Rejected(
        f"The file “{file.name or file.id}” is not in this workspace.",
        code="E_NO_FILE",
        hint="It may have been deleted since; run the step that made it again, or upload it anew.",
        refused=True,
    )


def check_size(size: int, name: str = "") -> None:
    """Refuse what is larger than a file may be. Raises Rejected E_TOO_LARGE."""
    if size > MAX_FILE:
        shown = f"“{name}” has" if name else "The file has"
        raise Rejected(
            f"{shown} {size / 1024 / 1024:.1f} MiB; a file may have at most {MAX_FILE // 1024 // 1024}.",
            code="E_TOO_LARGE",
            hint="Use a smaller file.",
            refused=True,
        )


def clean_name(name: str, fallback: str = "file") -> str:
    """A name without folders, control characters and marks that turn text around; at most 150 characters."""
    kept = _UNWANTED.sub("_", name.strip()).strip(". _")
    if len(kept) > 150:
        stem, dot, ending = kept.rpartition(".")
        kept = f"{stem[: 149 - len(ending)]}{dot}{ending}" if dot and len(ending) <= 10 else kept[:150]
    return kept or fallback


def clean_type(mime_type: str, name: str = "") -> str:
    """A media type that may stand in a header: as given, else as the name suggests, else unknown."""
    given = mime_type.partition(";")[0].strip().lower()
    if _MIME.match(given):
        return given
    return mimetypes.guess_type(name)[0] or UNKNOWN_TYPE
