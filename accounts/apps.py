"""The Django app of `accounts`: who may do what."""

from typing import Any

from django.apps import AppConfig
from django.core.management import call_command
from django.db.models.signals import post_migrate


def make_cache_tables(**_: Any) -> None:
    """Make the table of the shared cache where it lives in the database; idempotent."""
    call_command("createcachetable", verbosity=0)


class AccountsConfig(AppConfig):
    """Registers the app, its signals, and the table of the shared cache."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what listens."""
        from accounts import signals  # noqa: F401 - connecting is its import

        post_migrate.connect(make_cache_tables, sender=self)
