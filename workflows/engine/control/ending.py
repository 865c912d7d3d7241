"""`stop` and `fail`: the two ways to end a run early. Pure declarations."""

from __future__ import annotations

from integrations.spec import Model, content


class StopInput(Model):
    """Why the run ends here."""

    message: str = content("Message", default="", help="Shown on the run.", example="No mail today.", max_length=1000)


class StopOutput(Model):
    """What was said."""

    message: str = ""


class FailInput(Model):
    """Why the run fails here."""

    message: str = content(
        "Message", help="Shown on the run.", example="No repository given.", min_length=1, max_length=1000
    )


class FailOutput(Model):
    """What was said."""

    message: str = ""
