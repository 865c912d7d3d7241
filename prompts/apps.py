"""The Django app of `prompts`: prompt texts and their versions."""

from django.apps import AppConfig


class PromptsConfig(AppConfig):
    """Registers the app."""

    name = "prompts"
    default_auto_field = "django.db.models.BigAutoField"
