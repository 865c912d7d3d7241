"""A service of the tests with a trigger: letters that arrive in a box, told since a number, with an overlap of two."""

from __future__ import annotations

from typing import Any

from integrations.context import Context
from integrations.spec import Event, Integration, Model, Polled, setting

INTEGRATION = Integration(
    slug="post_office",
    title="Post office",
    description="A service of the tests.",
    client="tests.workflows.triggers.post_office.connect",
    connection="none",
)
LETTERS: list[str] = []
ASKED: list[Any] = []
TROUBLE: list[Exception] = []


class Settings(Model):
    """Which box."""

    box: str = setting("Box", default="A")


class Letter(Model):
    """A letter."""

    number: int
    text: str


def connect(info: Any, calls: Any) -> Any:
    """Nothing to connect to."""
    return object()


@INTEGRATION.trigger("letter", config=Settings, event=Letter, title="A letter has arrived", every=15)
async def letter(context: Context[Any], config: Settings, cursor: Any) -> Polled:
    """A letter has arrived in the box."""
    ASKED.append(cursor)
    if TROUBLE:
        raise TROUBLE[0]
    start = max(0, int(len(LETTERS) if cursor is None else cursor) - 2)
    found = [Event(f"{config.box}{n}", {"number": n, "text": LETTERS[n]}) for n in range(start, len(LETTERS))]
    return Polled(found, len(LETTERS))
