"""The shared kernel as a Django app, so that its template tags are found."""

from django.apps import AppConfig


class LibConfig(AppConfig):
    """Holds no models."""

    name = "orchestrator_site.lib"
    label = "lib"
