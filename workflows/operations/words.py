"""Actions and changes in words, for pages, warnings and the API."""

from __future__ import annotations

from integrations.registry import get_action
from workflows.engine.control import CONTROLS
from workflows.models import Effect


def action_title(name: str) -> str:
    """An action in words, for people."""
    action = get_action(name)
    if action is not None:
        return action.title
    control = CONTROLS.get(name)
    return control.title if control else name


def effect_words(effect: Effect) -> str:
    """A change in words: the title of its action, with what it was called where the request says so."""
    title = action_title(effect.step_run.action)
    request = effect.request if isinstance(effect.request, dict) else {}
    name = next((request[field] for field in ("title", "subject", "path") if isinstance(request.get(field), str)), "")
    return f"{title}: {name}" if name else title
