"""The Django app of `workflows`: workflows, runs and the engine."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import pre_migrate


class WorkflowsConfig(AppConfig):
    """Registers the app."""

    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add the control actions to the catalogue that integrations shows; stand before `migrate`."""
        from integrations import catalogue, neighbours
        from integrations.operations import rotation
        from workflows.engine.catalogue import control_entries
        from workflows.operations.connection_uses import Neighbours
        from workflows.operations.trigger_secrets import rotate_triggers

        rotation.also(rotate_triggers)

        catalogue.also(control_entries)
        neighbours.know(Neighbours())
        pre_migrate.connect(_refuse_old_runs, sender=self, dispatch_uid="workflows.refuse_old_runs")


def _refuse_old_runs(using: str, **_: Any) -> None:
    """`migrate` changes nothing where runs under way could not be walked afterwards."""
    from django.core.management.base import CommandError

    from orchestrator_site.lib.errors import UserError
    from workflows.engine.refusals import refuse_old_runs

    if using != "default":
        return
    try:
        refuse_old_runs()
    except UserError as problem:
        raise CommandError(f"{problem.message} {problem.hint}") from problem
