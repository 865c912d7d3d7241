"""The Django app of `workflows`: workflows, runs and the engine."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Registers the app."""

    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"
