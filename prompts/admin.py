"""Prompts in the admin: a save makes a new version through the operation; versions themselves are read-only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import ReadOnlyAdmin, admin_actor
from orchestrator_site.lib.errors import NotFound, Problems, UserError
from prompts.models import Prompt, PromptLabel, PromptVersion
from prompts.operations.checks import check_name, check_slug, check_text
from prompts.operations.library import (
    LIVE,
    Text,
    add_version,
    create_prompt,
    delete_prompt,
    edit_prompt,
    move_label,
    newest_version,
)

_TEXT_FIELDS = ("system", "user_template", "model", "temperature", "max_tokens")
_LONG = forms.Textarea(attrs={"rows": 12, "cols": 100})


class PromptForm(forms.ModelForm):  # type: ignore[type-arg]
    """A prompt with the text of its newest version."""

    system = forms.CharField(required=False, strip=False, widget=_LONG)
    user_template = forms.CharField(label="User text", strip=False, widget=_LONG)
    model = forms.CharField(required=False)
    temperature = forms.FloatField(required=False)
    max_tokens = forms.IntegerField(required=False)
    note = forms.CharField(label="What changed", required=False, max_length=200)
    make_live = forms.BooleanField(label="Use it at once (label live)", required=False)
    base = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Prompt
        fields = ("workspace", "slug", "name", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            return
        try:
            newest = newest_version(self.instance)
        except NotFound:
            return
        for name in _TEXT_FIELDS:
            self.initial.setdefault(name, getattr(newest, name))
        self.initial.setdefault("base", newest.number)

    def clean(self) -> dict[str, Any]:
        """The checks of the operations, told at their fields; a text somebody else has changed meanwhile is refused."""
        values = super().clean() or {}
        if self.errors:
            return values
        try:
            check_name(values["name"])
            if "slug" in values:
                check_slug(values["slug"])
            check_text(self.text)
        except UserError as problem:
            field = problem.field if problem.field in self.fields and not isinstance(problem, Problems) else None
            self.add_error(field, f"{problem.message} {problem.hint or ''}".strip())
        if not self.instance._state.adding and values.get("base") != newest_version(self.instance).number:
            self.add_error(None, "Somebody saved a newer version meanwhile. Copy your text, load the page and compare.")
        return values

    @property
    def text(self) -> Text:
        """What was typed."""
        values = self.cleaned_data
        texts = {name: values[name].replace("\r\n", "\n") for name in ("user_template", "system")}
        return Text(**texts, model=values["model"], temperature=values["temperature"], max_tokens=values["max_tokens"])


class LabelInline(admin.TabularInline):  # type: ignore[type-arg]
    """Where the labels point; they are moved by the action, or on the prompt's page."""

    model = PromptLabel
    fields = readonly_fields = ("name", "version", "moved_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No."""
        return False


@admin.register(Prompt)
class PromptAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Prompts."""

    form = PromptForm
    inlines = (LabelInline,)
    list_display = ("name", "workspace", "slug", "archived_at", "updated_at")
    list_filter = ("workspace",)
    search_fields = ("name", "slug", "description")
    ordering = ("name",)
    actions = ("make_newest_live", "archive")

    def get_readonly_fields(self, request: HttpRequest, obj: Prompt | None = None) -> tuple[str, ...]:
        """Place and key stay."""
        return () if obj is None else ("workspace", "slug")

    def save_model(self, request: HttpRequest, obj: Prompt, form: Any, change: bool) -> None:
        """Through the operations."""
        actor, values = admin_actor(request, obj.workspace), form.cleaned_data
        if not change:
            made = create_prompt(
                actor, slug=obj.slug, name=obj.name, description=obj.description, text=form.text, note=values["note"]
            )
            obj.pk, obj._state.adding = made.pk, False
            return
        edit_prompt(actor, obj, name=obj.name, description=obj.description)
        version = add_version(
            actor, obj, text=form.text, note=values["note"], make_live=values["make_live"], base=values["base"]
        )
        messages.info(request, f"The newest version is {version.number}.")

    def delete_model(self, request: HttpRequest, obj: Prompt) -> None:
        """Through the operation."""
        delete_prompt(admin_actor(request, obj.workspace), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> None:
        """Each through the operation."""
        for prompt in queryset.select_related("workspace"):
            self.delete_model(request, prompt)

    @admin.action(description="Make the newest version live", permissions=["change"])
    def make_newest_live(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> None:
        """Move the label live."""
        for prompt in queryset.select_related("workspace"):
            number = newest_version(prompt).number
            move_label(admin_actor(request, prompt.workspace), prompt, label=LIVE, number=number)
            messages.success(request, f"{prompt.name}: version {number} is live.")

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> None:
        """Take them out of the lists."""
        for prompt in queryset.select_related("workspace"):
            edit_prompt(admin_actor(request, prompt.workspace), prompt, archived=True)


@admin.register(PromptVersion)
class PromptVersionAdmin(ReadOnlyAdmin):
    """Versions never change."""

    list_display = ("prompt", "number", "note", "created_by", "created_at")
    list_filter = ("workspace",)
    search_fields = ("prompt__name", "prompt__slug", "note")
    list_select_related = ("prompt", "created_by")
