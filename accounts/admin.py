"""Users, workspaces, members, tokens and the audit trail in the admin: edited through the operations, or read-only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.actor import Actor
from accounts.addresses import client_ip
from accounts.models import ApiToken, AuditEntry, Invitation, Member, User, Workspace
from accounts.operations.login_links import request_login_link
from accounts.operations.members import change_role, remove_member
from accounts.operations.sessions import end_sessions
from accounts.operations.setup import create_user, create_workspace
from accounts.operations.tokens import revoke_token
from accounts.roles import PERMISSIONS
from accounts.text import clean_email, clean_line
from orchestrator_site.lib.errors import UserError


def admin_actor(request: HttpRequest, workspace: Workspace) -> Actor:
    """The superuser, acting in a workspace from the admin; records say so."""
    assert isinstance(request.user, User)
    return Actor(
        workspace,
        request.user,
        None,
        "system",
        PERMISSIONS,
        client_ip(request),
        name=f"admin {request.user}",
        role="owner",
    )


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that are looked at."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False


class MemberInline(admin.TabularInline):  # type: ignore[type-arg]
    """The members of a workspace; roles are changed through the operation."""

    model = Member
    extra = 0
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """E-mail and name through the same checks as everywhere."""

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_superuser")

    def clean_email(self) -> str:
        """A checked address, in lower case."""
        return _checked(lambda: clean_email(self.cleaned_data["email"]))

    def clean_name(self) -> str:
        """One line."""
        return _checked(lambda: clean_line(self.cleaned_data["name"], field="name", high=120, low=0))


def _checked(work: Any) -> str:
    try:
        return str(work())
    except UserError as problem:
        raise forms.ValidationError(problem.message, code=problem.code) from problem


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """People. Passwords are set by themselves: a mailed link lets them in."""

    form = UserForm
    list_display = ("email", "name", "is_active", "is_superuser", "last_login", "date_joined")
    search_fields = ("email", "name")
    list_filter = ("is_active", "is_superuser")
    ordering = ("email",)
    actions = ("mail_link", "end_all_sessions", "deactivate")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: deactivate, so that records keep their names."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Write through the operations, and record before and after."""
        if not change:
            made = create_user(obj.email, None, name=obj.name, superuser=obj.is_superuser)
            obj.pk, obj._state.adding = made.pk, False
            made.is_active = obj.is_active
            made.save(update_fields=["is_active"])
            self._record(request, "user.create", made, {})
            return
        obj.is_staff = obj.is_superuser
        before: dict[str, Any] = dict(User.objects.values("email", "name", "is_active", "is_superuser").get(pk=obj.pk))
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            end_sessions(obj)
        after = {name: getattr(obj, name) for name in before}
        changed = {
            name: {"before": before[name], "after": after[name]} for name in before if before[name] != after[name]
        }
        self._record(request, "user.change", obj, changed)

    def _record(self, request: HttpRequest, action: str, user: User, details: dict[str, Any]) -> None:
        by = f"admin {request.user}"
        audit.record_instance(action, by=by, user=user, ip=client_ip(request), details=details)

    @admin.action(description="Mail a sign-in link")
    def mail_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """A one-time link to each."""
        base = request.build_absolute_uri("/").rstrip("/")
        for user in queryset:
            request_login_link(user.email, base_url=base)
            self._record(request, "user.mail_link", user, {})
        messages.success(request, "The links are on their way.")

    @admin.action(description="End all sessions")
    def end_all_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Sign them out everywhere."""
        for user in queryset:
            self._record(request, "user.end_sessions", user, {"sessions": end_sessions(user)})

    @admin.action(description="Deactivate, and end all sessions")
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Shut them out; not yourself."""
        for user in queryset.exclude(pk=str(request.user.pk)):
            user.is_active = False
            user.save(update_fields=["is_active"])
            self._record(request, "user.deactivate", user, {"sessions": end_sessions(user)})


QUOTAS = ("runs_in_flight",)


class WorkspaceForm(forms.ModelForm):  # type: ignore[type-arg]
    """The name through the same checks as everywhere; a new one needs its owner."""

    owner = forms.ModelChoiceField(User.objects.filter(is_active=True), required=False, help_text="Of a new workspace.")

    class Meta:
        model = Workspace
        fields = ("name", "quotas")

    def clean_name(self) -> str:
        """One line."""
        return _checked(lambda: clean_line(self.cleaned_data["name"], field="name", high=120))

    def clean_quotas(self) -> dict[str, int]:
        """Known limits only, each a whole number; 0 is none."""
        found = self.cleaned_data["quotas"] or {}
        wrong = not isinstance(found, dict) or any(
            name not in QUOTAS or type(value) is not int or not 0 <= value <= 1_000_000 for name, value in found.items()
        )
        if wrong:
            raise forms.ValidationError(f"Whole numbers by name; known names: {', '.join(QUOTAS)}. 0 is no limit.")
        return dict(found)

    def clean_owner(self) -> User | None:
        """Needed for a new workspace."""
        owner: User | None = self.cleaned_data["owner"]
        if self.instance._state.adding and owner is None:
            raise forms.ValidationError("A workspace needs an owner.")
        return owner


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Workspaces with their members; every change goes through the operations and into the trail."""

    form = WorkspaceForm
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    readonly_fields = ("slug",)
    inlines = (MemberInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: a workspace holds the record of what was done outside."""
        return False

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        """A new one by the operation; a changed one with before and after."""
        if not change:
            made = create_workspace(form.cleaned_data["owner"], obj.name)
            obj.pk, obj.slug, obj._state.adding = made.pk, made.slug, False
            return
        before: dict[str, Any] = dict(Workspace.objects.values("name", "quotas").get(pk=obj.pk))
        super().save_model(request, obj, form, change)
        changed = {n: {"before": before[n], "after": getattr(obj, n)} for n in before if before[n] != getattr(obj, n)}
        audit.record(admin_actor(request, obj), "workspace.change", obj, details=changed)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Members: added, given a role, removed. What an operation refuses is said, and nothing of it is written."""
        formset.save(commit=False)
        actor = admin_actor(request, form.instance)
        try:
            for member, _ in formset.changed_objects:
                change_role(actor, member.pk, member.role)
            for member in formset.new_objects:
                member.workspace = form.instance
                member.save()
                audit.record(actor, "member.add", member, details={"role": member.role})
            for member in formset.deleted_objects:
                remove_member(actor, member.pk)
        except UserError as problem:
            messages.error(request, f"{problem.message} {problem.hint or ''}")


@admin.register(ApiToken)
class TokenAdmin(ReadOnlyAdmin):
    """Tokens without their hash; they may be revoked."""

    fields = (
        "name",
        "workspace",
        "user",
        "prefix",
        "scopes",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
        "last_used_ip",
    )
    list_display = ("name", "workspace", "user", "prefix", "expires_at", "revoked_at", "last_used_at")
    search_fields = ("name", "prefix", "user__email")
    actions = ("revoke",)

    @admin.action(description="Revoke", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """End them now."""
        for token in queryset.select_related("workspace"):
            revoke_token(admin_actor(request, token.workspace), token.pk)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations without their hash."""

    fields = list_display = ("email", "workspace", "role", "invited_by", "created_at", "expires_at", "accepted_at")


@admin.register(AuditEntry)
class AuditAdmin(ReadOnlyAdmin):
    """The trail of every workspace and of the instance."""

    list_display = ("at", "workspace", "actor", "action", "outcome", "object_name", "ip")
    search_fields = ("actor", "action", "object_name")
    list_filter = ("outcome",)
    ordering = ("-at",)
