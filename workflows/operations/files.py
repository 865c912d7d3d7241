"""The files of a workspace for people: put in, read, listed. Steps refer to a file by its id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.actor import Actor
from integrations.errors import Rejected
from integrations.files import File, clean_name, clean_type
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.upload import MAX_UPLOAD, too_large
from workflows.engine.definition import InputSpec
from workflows.engine.files import keep
from workflows.engine.findings import DefinitionProblems, Problem
from workflows.engine.inputs import is_file
from workflows.models import Blob


def get_file(actor: Actor, pk: UUID) -> Blob:
    """One file of the actor's workspace. Raises NotFound, for a foreign one too."""
    actor.require("read")
    found = Blob.objects.of(actor.workspace).filter(pk=pk).first()
    if found is None:
        raise NotFound("That file is not here.", hint="It may have been deleted.")
    return found


def list_uploads(actor: Actor) -> QuerySet[Blob]:
    """The files that people have put in, newest first, without their bytes."""
    actor.require("read")
    rows = Blob.objects.of(actor.workspace).filter(uploaded_at__isnull=False)
    found: QuerySet[Blob] = rows.defer("content").order_by("-uploaded_at", "-id")
    return found


def upload_file(actor: Actor, upload: Any) -> dict[str, Any]:
    """Keep a file that a person or program sends, and give the value that steps take.

    Its name is cleaned; what it says of its type is only a label: nothing is ever shown in place. Raises UserError
    for no file or an empty one, TooLarge above 25 MiB.
    """
    actor.require("run")
    if not isinstance(upload, UploadedFile):
        raise UserError("E_REQUIRED", "There is no file in the form.", field="file", hint="Send one field, file.")
    content = upload.read(MAX_UPLOAD + 1)
    if len(content) > MAX_UPLOAD:
        raise too_large()
    if not content:
        raise UserError("E_LENGTH", "The file is empty.", field="file", hint="Choose another one.")
    with transaction.atomic():
        try:
            kept = keep(actor.workspace, content, upload.name or "", upload.content_type or "")
        except Rejected as problem:
            raise UserError(problem.code, problem.message, field="file", hint=problem.hint) from None
        row = {"name": kept.name, "mime_type": kept.mime_type, "uploaded_at": now(), "uploaded_by": actor.label[:200]}
        Blob.objects.of(actor.workspace).filter(pk=kept.id).update(**row)
        audit.record(actor, "file.upload", details={"file": str(kept.id), "name": kept.name, "size": kept.size})
    return value_of(kept)


def value_of(file: File) -> dict[str, Any]:
    """A file as steps hand it on: {$file, name, mime_type, size, sha256}."""
    return file.model_dump(mode="json", by_alias=True)


def blob_value(row: Blob) -> dict[str, Any]:
    """The value of a stored file."""
    name = clean_name(row.name)
    kind = clean_type(row.mime_type, name)
    return value_of(File(id=row.pk, name=name, mime_type=kind, size=row.size, sha256=row.sha256))


def with_files(workspace: Any, specs: Iterable[InputSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with each file as it lies in the workspace. Raises DefinitionProblems where one is not there."""
    names = [spec.name for spec in specs if spec.type == "file" and is_file(given.get(spec.name))]
    if not names:
        return dict(given)
    ids = {name: _id(given[name]) for name in names}
    rows = Blob.objects.of(workspace).filter(pk__in=[pk for pk in ids.values() if pk]).defer("content")
    there = {row.pk: row for row in rows}
    wrong = [_missing(name) for name, pk in ids.items() if pk not in there]
    if wrong:
        raise DefinitionProblems(wrong)
    found = {}
    for name, pk in ids.items():
        assert pk is not None
        said = {part: given[name][part] for part in ("name", "mime_type") if isinstance(given[name].get(part), str)}
        value = blob_value(there[pk])
        name_said = clean_name(said.get("name", "") or value["name"])
        found[name] = {
            **value,
            "name": name_said,
            "mime_type": clean_type(said.get("mime_type", "") or value["mime_type"]),
        }
    return {**given, **found}


def _id(value: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID(str(value.get("$file")))
    except ValueError:
        return None


def _missing(name: str) -> Problem:
    hint = "Upload it first (POST /api/v1/files, or the run form), and give the value that came back."
    return Problem("E_NOT_FOUND", "That file is not in this workspace.", field=f"inputs.{name}", hint=hint)
