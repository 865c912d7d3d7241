"""Puts our admin site in the place of Django's."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    """Django's admin with our site (security.md S15)."""

    default_site = "accounts.admin_site.OrchestratorAdmin"
