"""The Django app of `workflows`: workflows, runs and the engine."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Registers the app."""

    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add the control actions to the catalogue that integrations shows."""
        from integrations import catalogue
        from workflows.engine.catalogue import control_entries

        catalogue.also(control_entries)
