"""Connections in the admin: looked at, never changed, never with their secret."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from integrations.models import Connection, SandboxObject


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    """Neither the secret nor its key id is among the fields; changes go through the pages and the API."""

    fields = (
        "name",
        "workspace",
        "service",
        "base_url",
        "sandbox",
        "is_default",
        "masked",
        "status",
        "status_text",
        "checked_at",
        "broken_at",
        "next_check_at",
        "expires_at",
        "expires_text",
        "sharing",
        "created_at",
        "created_by",
        "updated_at",
        "deleted_at",
    )
    list_display = ("name", "workspace", "service", "sandbox", "status", "checked_at", "deleted_at")
    list_filter = ("service", "sandbox", "status")
    search_fields = ("name", "workspace__name", "service")


@admin.register(SandboxObject)
class SandboxObjectAdmin(ReadOnlyAdmin):
    """The things of the sandbox worlds."""

    fields = (
        "workspace",
        "service",
        "kind",
        "external_id",
        "parent",
        "title",
        "data",
        "seeded",
        "created_at",
        "updated_at",
    )
    list_display = ("title", "workspace", "service", "kind", "seeded", "updated_at")
    list_filter = ("service", "kind", "seeded")
    search_fields = ("title", "external_id")
