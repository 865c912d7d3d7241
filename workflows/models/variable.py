"""Workspace variables: values that workflows share; read as `workspace.variables.<name>`."""

from __future__ import annotations

from django.db import models

from accounts.models import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7


class Variable(WorkspaceModel):
    """A named JSON value of a workspace; not for secrets, which belong to connections."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=48)
    value = JSONText()
    help = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(default=now)
    updated_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="variable_name_in_workspace")]

    def __str__(self) -> str:
        return self.name
