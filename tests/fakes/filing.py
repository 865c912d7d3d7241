"""An integration of the tests without a connection: keeps a text as a file, and reads one."""

from __future__ import annotations

from typing import Any

from integrations.files import File
from integrations.spec import Integration, Kind, Model, content

INTEGRATION = Integration(slug="filing", title="Filing", description="Files of the tests.")


class Words(Model):
    text: str = content("Text")


class Kept(Model):
    file: File


class FileInput(Model):
    file: File = content("File")


class Back(Model):
    text: str


@INTEGRATION.action("keep", kind=Kind.PURE, input=Words, output=Kept, title="Keep")
async def keep(context: Any, values: Words) -> Kept:
    """Keep a text as a file."""
    return Kept(file=await context.write_file(values.text.encode(), name="../a\u202e/b.txt", mime_type="text/plain"))


@INTEGRATION.action("open", kind=Kind.PURE, input=FileInput, output=Back, title="Open")
async def open_(context: Any, values: FileInput) -> Back:
    """Read a file."""
    return Back(text=(await context.read_file(values.file)).decode())
