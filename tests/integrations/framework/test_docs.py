"""docs/actions.md says what the declarations say."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from integrations import registry
from integrations.docs import page


def test_the_page_of_actions_is_what_the_declarations_say():
    written = (Path(settings.BASE_DIR) / "docs" / "actions.md").read_text()
    assert written == page(), "run manage.py action_docs"


def test_every_action_and_every_input_is_on_it():
    text = page()
    for action in registry.actions():
        assert f"### {action.name}\n" in text
        for name in action.input.model_fields:
            assert name in text.split(f"### {action.name}\n")[1].split("###")[0]
