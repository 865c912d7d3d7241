"""Workspaces (tenants), who belongs to them, and the invitations that let people in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from accounts.models.scope import WorkspaceModel
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.ids import uuid7

if TYPE_CHECKING:
    from accounts.models.user import User


class Role(models.TextChoices):
    """What a member is, from least to most; what each may do stands in `accounts.roles`."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"
    OWNER = "owner"


class Workspace(models.Model):
    """A tenant: everything else belongs to exactly one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.CharField(max_length=48, unique=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=now, editable=False)
    quotas = JSONText(default=dict, blank=True, help_text="Limits of this workspace; 0 or absent = none.")
    timezone = models.CharField(max_length=64, default="UTC", help_text="Where its people are: an IANA name.")
    deleted_at = models.DateTimeField(null=True, editable=False, help_text="Nobody gets in; its rows are purged later.")
    served_at = models.DateTimeField(default=now, editable=False, help_text="When a run was last claimed (fairness).")

    def __str__(self) -> str:
        return self.name


class Member(WorkspaceModel):
    """A user in a workspace, with one role."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_user")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @classmethod
    def home_of(cls, user: User) -> Member | None:
        """The membership in the workspace this person opened last, or else their first; None where there is none."""
        theirs = cls.objects.unscoped("a person's own memberships").filter(user=user)
        rows = theirs.select_related("workspace").order_by("created_at")
        return rows.filter(workspace=user.last_workspace_id).first() or rows.first()


class Invitation(WorkspaceModel):
    """An open door for one e-mail address; the token is stored hashed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace_id}"


class LoginLink(models.Model):
    """A one-time sign-in link; the token is stored hashed and dies at its first use."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link for {self.user_id}"
