"""Workflows in the admin: edited through the operations and their checks; the record of runs is read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import BaseModelFormSet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import ReadOnlyAdmin, admin_actor
from orchestrator_site.lib.errors import UserError
from workflows.admin_forms import EDITABLE_STEPS, StepForm, StepFormSet, WorkflowForm, merged, top_fields
from workflows.models import (
    Attempt,
    DeliveredEvent,
    DraftRevision,
    Effect,
    Run,
    RunEvent,
    Step,
    StepRun,
    Variable,
    Wait,
    Worker,
    Workflow,
    WorkflowVersion,
)
from workflows.operations.drafts import draft_problems, replace_draft
from workflows.operations.publish import publish_workflow
from workflows.operations.variables import delete_variable, set_variable
from workflows.operations.workflows import create_workflow, delete_workflow, set_enabled


def _say(request: HttpRequest, problem: UserError) -> None:
    messages.error(request, f"{problem.message} {problem.hint or ''}".strip())


class StepInline(admin.StackedInline):  # type: ignore[type-arg]
    """The draft's steps."""

    model = Step
    form = StepForm
    formset = StepFormSet
    extra = 1
    ordering = ("parent__position", "position")
    classes = ("collapse",)

    def _small(self, obj: Workflow | None) -> bool:
        return obj is None or Step.objects.of(obj.workspace_id).filter(workflow=obj).count() <= EDITABLE_STEPS

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Large workflows are edited on their own page."""
        return super().has_change_permission(request, obj) and self._small(obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Large workflows are edited on their own page."""
        return super().has_add_permission(request, obj) and self._small(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Large workflows are edited on their own page."""
        return super().has_delete_permission(request, obj) and self._small(obj)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Tell the rows whether they are the whole workflow."""
        formset = super().get_formset(request, obj, **kwargs)
        formset.editable = self._small(obj)  # type: ignore[attr-defined]
        return formset


@admin.register(Workflow)
class WorkflowAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Workflows with their draft; a save is a save of the draft, with a revision and an entry in the trail."""

    form = WorkflowForm
    inlines = (StepInline,)
    list_display = ("name", "workspace", "slug", "enabled", "published_number", "updated_at")
    list_filter = ("enabled", "workspace")
    search_fields = ("name", "slug", "description")
    ordering = ("-updated_at",)
    actions = ("publish", "delete_softly")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        """Those that are not deleted."""
        return super().get_queryset(request).filter(deleted_at__isnull=True).select_related("workspace", "published")

    def get_readonly_fields(self, request: HttpRequest, obj: Workflow | None = None) -> tuple[str, ...]:
        """Place and name of a workflow stay."""
        shown = ("problems", "published_number", "updated_at")
        return shown if obj is None else ("workspace", "slug", *shown)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not row by row: the action keeps the runs on record."""
        return False

    @admin.display(description="Published version")
    def published_number(self, obj: Workflow) -> str:
        """The number, or that there is none."""
        return str(obj.published.number) if obj.published else "none"

    @admin.display(description="Problems")
    def problems(self, obj: Workflow) -> str | SafeString:
        """What keeps the draft from being published."""
        if obj._state.adding:
            return "–"
        found = draft_problems(obj)
        rows = ((p.severity, p.step or p.field or "", p.message, p.hint or "") for p in found[:50])
        return (
            format_html("<ul>{}</ul>", format_html_join("", "<li>{}: <b>{}</b> {} {}</li>", rows)) if found else "None"
        )

    def save_model(self, request: HttpRequest, obj: Workflow, form: Any, change: bool) -> None:
        """A new one is made empty here and filled with its steps; switching on and off is an operation of its own."""
        actor = admin_actor(request, obj.workspace)
        if change:
            set_enabled(actor, obj, obj.enabled)
            return
        definition = {**top_fields(obj), **({"slug": obj.slug} if obj.slug else {}), "steps": []}
        made = create_workflow(actor, definition, draft=True)
        obj.pk, obj.slug, obj.draft_etag, obj._state.adding = made.pk, made.slug, made.draft_etag, False

    def save_formset(self, request: HttpRequest, form: Any, formset: BaseModelFormSet, change: bool) -> None:  # type: ignore[type-arg, override]
        """Save the whole draft at once through the operation."""
        workflow, tag = form.instance, form.cleaned_data.get("draft_tag") if change else form.instance.draft_etag
        definition = getattr(formset, "definition", None) or merged(workflow, top_fields(workflow))
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        try:
            replace_draft(admin_actor(request, workflow.workspace), workflow, definition, if_match=tag, draft=True)
        except UserError as problem:
            _say(request, problem)
        for found in draft_problems(Workflow.objects.of(workflow.workspace).get(pk=workflow.pk))[:10]:
            messages.warning(request, f"{found.step or found.field}: {found.message}")

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """A refusal of an operation is told on the page."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except UserError as problem:
            from django.http import HttpResponseRedirect

            _say(request, problem)
            return HttpResponseRedirect(request.get_full_path())

    @admin.action(description="Publish the draft", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        """Freeze each draft that has no errors."""
        for workflow in queryset:
            try:
                version = publish_workflow(admin_actor(request, workflow.workspace), workflow, note="from the admin")
                messages.success(request, f"{workflow.name}: version {version.number} is published.")
            except UserError as problem:
                messages.error(request, f"{workflow.name}: {problem.message}")

    @admin.action(description="Delete; runs stay on record", permissions=["change"])
    def delete_softly(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        """Delete each through the operation."""
        for workflow in queryset:
            delete_workflow(admin_actor(request, workflow.workspace), workflow)
            messages.success(request, f"{workflow.name} is deleted.")


@admin.register(Variable)
class VariableAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Variables, written through the operation."""

    fields = ("workspace", "name", "value", "help")
    list_display = ("name", "workspace", "updated_at", "updated_by")
    list_filter = ("workspace",)
    search_fields = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Variable | None = None) -> tuple[str, ...]:
        """Place and name stay."""
        return () if obj is None else ("workspace", "name")

    def save_model(self, request: HttpRequest, obj: Variable, form: Any, change: bool) -> None:
        """Through the operation; what it refuses is told."""
        try:
            saved = set_variable(admin_actor(request, obj.workspace), obj.name, obj.value, help=obj.help)
            obj.pk = saved.pk
        except UserError as problem:
            _say(request, problem)

    def delete_model(self, request: HttpRequest, obj: Variable) -> None:
        """Through the operation."""
        delete_variable(admin_actor(request, obj.workspace), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Variable]) -> None:
        """Each through the operation."""
        for row in queryset.select_related("workspace"):
            self.delete_model(request, row)


class LogInline(admin.TabularInline):  # type: ignore[type-arg]
    """Rows of a record."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False


class StepRunInline(LogInline):
    """The steps of a run."""

    model = StepRun
    fields = ("key", "path", "action", "status", "attempts_count", "cost_usd", "started_at", "finished_at")


class EffectInline(LogInline):
    """The changes a run made outside."""

    model = Effect
    fields = ("op", "state", "attempt", "external_id", "external_url", "sent_at", "resolution")


class EventInline(LogInline):
    """The run's own transitions."""

    model = RunEvent
    fields = ("kind", "data", "at")


class AttemptInline(LogInline):
    """The calls of a step that failed or was repeated."""

    model = Attempt
    fields = ("n", "status", "error", "started_at", "finished_at", "cost_usd")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs and what happened in them."""

    list_display = ("id", "workspace", "workflow", "status", "mode", "trigger_kind", "created_at", "finished_at")
    list_filter = ("status", "mode", "workspace")
    list_select_related = ("workspace", "workflow")
    search_fields = ("=id", "workflow__name", "workflow__slug")
    ordering = ("-id",)
    exclude = ("frozen", "idempotency_key", "request_sha256")
    inlines = (StepRunInline, EffectInline, EventInline)
    show_full_result_count = False


@admin.register(StepRun)
class StepRunAdmin(ReadOnlyAdmin):
    """One step of a run, with its calls."""

    list_display = ("key", "path", "action", "status", "run", "workspace", "started_at")
    list_filter = ("status", "workspace")
    list_select_related = ("workspace", "run")
    search_fields = ("key", "action", "=run__id")
    ordering = ("-id",)
    inlines = (AttemptInline,)
    show_full_result_count = False


@admin.register(Effect)
class EffectAdmin(ReadOnlyAdmin):
    """The ledger."""

    list_display = ("op", "state", "workspace", "run", "external_id", "sent_at", "resolution")
    list_filter = ("state", "op", "workspace")
    list_select_related = ("workspace", "run")
    search_fields = ("external_id", "external_url", "=run__id")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(Wait)
class WaitAdmin(ReadOnlyAdmin):
    """What runs wait for; decided on the run's page."""

    list_display = ("kind", "title", "workspace", "run", "due_at", "decision", "decided_by")
    list_filter = ("kind", "workspace")
    list_select_related = ("workspace", "run")
    ordering = ("-id",)


@admin.register(DeliveredEvent)
class DeliveredEventAdmin(ReadOnlyAdmin):
    """Events that were delivered to runs."""

    list_display = ("name", "workspace", "run", "delivered_by", "delivered_at", "taken_by")
    list_filter = ("workspace",)
    list_select_related = ("workspace", "run", "taken_by")
    ordering = ("-id",)


@admin.register(WorkflowVersion)
class VersionAdmin(ReadOnlyAdmin):
    """Frozen definitions."""

    list_display = ("workflow", "number", "workspace", "note", "created_at", "created_by")
    list_filter = ("workspace",)
    list_select_related = ("workspace", "workflow")
    search_fields = ("workflow__name", "workflow__slug", "sha256")
    ordering = ("-id",)


@admin.register(DraftRevision)
class RevisionAdmin(ReadOnlyAdmin):
    """What drafts were after each save."""

    list_display = ("workflow", "workspace", "saved_at", "saved_by")
    list_filter = ("workspace",)
    list_select_related = ("workspace", "workflow")
    ordering = ("-id",)


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    """The processes that walk runs."""

    list_display = ("id", "host", "pid", "state", "in_flight", "beat_at", "started_at", "ended_at")
    list_filter = ("state",)
    ordering = ("-started_at",)
