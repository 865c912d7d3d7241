"""The project as a Django app, so that its checks run before anything starts."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Loads the start-up checks; holds no models."""

    name = "orchestrator_site"
    label = "site_checks"

    def ready(self) -> None:
        """Register the checks."""
        from orchestrator_site import checks  # noqa: F401 - registering is its import
