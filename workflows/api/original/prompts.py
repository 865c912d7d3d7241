"""The original's prompt routes."""

from __future__ import annotations

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.errors import NotFound, UserError
from prompts.dialects import read_seed
from prompts.models import Prompt
from prompts.operations.files import Imported, find_original, original_id, save_file, seed_template
from prompts.operations.library import delete_prompt, list_prompts
from workflows.api.original import models
from workflows.api.original.base import Detail, OriginalView, read_body, unprocessable


class PromptList(OriginalView):
    """All templates."""

    def get(self, request: Request) -> Response:
        """List all prompt templates."""
        rows = list_prompts(actor_of(request)).order_by("slug")
        return Response([{"id": original_id(row), "name": row.name, "description": row.description} for row in rows])

    def post(self, request: Request) -> Response:
        """Create a new prompt template; one with the same id gets a new live version."""
        actor = actor_of(request)
        body, text = read_body(request, models.PromptTemplate)
        try:
            with transaction.atomic():
                save_file(actor, read_seed(body.model_dump(), source=text), Imported(), overwrite=True)
        except UserError as problem:
            if problem.status != 400:
                raise
            raise unprocessable(
                problem.field or "id", f"{problem.message} {problem.hint or ''}".strip(), body.id
            ) from None
        return Response({"status": "success", "template_id": body.id})


class PromptDetail(OriginalView):
    """One template."""

    def get(self, request: Request, template_id: str) -> Response:
        """Get a specific prompt template."""
        try:
            return Response(seed_template(self._find(request, template_id)))
        except NotFound:
            raise Detail(404, "Template not found") from None

    def delete(self, request: Request, template_id: str) -> Response:
        """Delete a prompt template."""
        delete_prompt(actor_of(request), self._find(request, template_id))
        return Response({"status": "success"})

    def _find(self, request: Request, template_id: str) -> Prompt:
        found = find_original(actor_of(request), template_id) if "\x00" not in template_id else None
        if found is None:
            raise Detail(404, "Template not found")
        return found
