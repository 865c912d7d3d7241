"""A folder of workflow files as a zip: read without unpacking to disk, and written. Pure.

Nothing of a name is used as a path. What a zip may not do here: hold links, name places outside itself, be locked, or
grow beyond what it may while it is read (its own figures are not believed).
"""

from __future__ import annotations

import io
import posixpath
import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator_site.lib.errors import TooLarge, UserError
from orchestrator_site.lib.json import MIB
from workflows.operations.imports.reading import MAX_DOCUMENTS, MAX_FILE

MAX_ZIP, MAX_TOTAL, MAX_ENTRIES = 5 * MIB, 20 * MIB, 500
ENDINGS = (".json", ".yaml", ".yml")
TESTS = ".tests.json"


@dataclass(frozen=True)
class FolderFile:
    """A file of the folder: its name as it stands in the zip, and its bytes."""

    name: str
    content: bytes

    @property
    def stem(self) -> str:
        """The name without folder and ending."""
        name = posixpath.basename(self.name)
        return name.removesuffix(TESTS) if self.is_tests else posixpath.splitext(name)[0]

    @property
    def is_tests(self) -> bool:
        """Whether it holds tests of the workflow beside it."""
        return self.name.endswith(TESTS)


def is_zip(content: bytes) -> bool:
    """Whether these bytes begin like a zip."""
    return content[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def read_zip(content: bytes) -> list[FolderFile]:
    """The workflow files of a zip, by name; other files are passed over. Raises UserError."""
    if len(content) > MAX_ZIP:
        raise TooLarge(f"A zip may have {MAX_ZIP:,} bytes; this has {len(content):,}.", limit=MAX_ZIP)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            return _read(opened)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError):
        text = "This zip is damaged, or packed in a way that is not read."
        raise UserError("E_IMPORT_ZIP", text, field="file", hint="Pack the folder again.") from None


def _read(opened: zipfile.ZipFile) -> list[FolderFile]:
    entries = opened.infolist()
    if len(entries) > MAX_ENTRIES:
        text = f"The zip holds {len(entries):,} files; at most {MAX_ENTRIES} are looked at."
        raise UserError("E_IMPORT_COUNT", text, field="file", limit=MAX_ENTRIES)
    found: dict[str, FolderFile] = {}
    room = MAX_TOTAL
    for entry in entries:
        _check_name(entry)
        if entry.is_dir() or not _is_ours(entry.filename):
            continue
        if entry.filename in found:
            raise UserError("E_IMPORT_PATH", f"The zip holds “{entry.filename[:80]}” twice.", field="file")
        made = FolderFile(entry.filename, _content(opened, entry, min(MAX_FILE, room)))
        room -= len(made.content)
        found[entry.filename] = made
    workflows = sum(not one.is_tests for one in found.values())
    if workflows > MAX_DOCUMENTS:
        text = f"The zip holds {workflows} workflow files; at most {MAX_DOCUMENTS} are imported at once."
        raise UserError("E_IMPORT_COUNT", text, field="file", limit=MAX_DOCUMENTS, hint="Split the folder.")
    if not workflows:
        raise UserError("E_IMPORT_COUNT", "The zip holds no JSON or YAML file.", field="file")
    return [found[name] for name in sorted(found)]


def _check_name(entry: zipfile.ZipInfo) -> None:
    """Refuse a place outside the folder, a link, and what is locked."""
    name = entry.filename
    parts = name.replace("\\", "/").split("/")
    outside = name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\x00" in entry.orig_filename
    if outside or "\\" in name or len(name) > 300:
        text = f"“{name[:80]}” is no name for a file of a folder."
        raise UserError("E_IMPORT_PATH", text, field="file", hint="Pack the folder itself, with plain names.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UserError("E_IMPORT_PATH", f"“{name[:80]}” is a link; links are not followed.", field="file")
    if entry.flag_bits & 0x1:
        raise UserError("E_IMPORT_ZIP", f"“{name[:80]}” is locked with a password.", field="file")


def _is_ours(name: str) -> bool:
    parts = name.split("/")
    return name.lower().endswith(ENDINGS) and not any(part.startswith((".", "__MACOSX")) for part in parts)


def _content(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """The bytes of one file, counted while they are unpacked."""
    with opened.open(entry) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        text = f"“{entry.filename[:80]}” unpacks to more than {limit:,} bytes."
        raise TooLarge(text, limit=limit)
    return content


def write_zip(files: Iterable[tuple[str, str]]) -> bytes:
    """A zip of these texts by name; the same texts give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files:
            made.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
