"""A prompt with two versions: 1 is live, 2 is the draft."""

from __future__ import annotations

import pytest

from prompts.operations.library import Text, add_version, create_prompt


@pytest.fixture
def prompt(editor):
    """“Greeting”."""
    made = create_prompt(
        editor.actor, slug="greeting", name="Greeting", description="Says hello",
        text=Text("Greet {{ name }}.", system="Be kind.", model="gpt-4o-mini", temperature=0.5),
    )  # fmt: skip
    add_version(
        editor.actor, made, text=Text("Greet {{ name }} in {{ language | default: 'English' }}."), note="Languages"
    )
    return made
