"""`approve`: a person looks at a draft, may edit it, and decides. Pure declaration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from integrations.spec import Model, content, setting, target
from workflows.engine.control.wait import YEAR

FieldType = Literal[
    "text", "long_text", "number", "integer", "boolean", "choice", "date", "datetime", "json", "list"
]  # those of a workflow's inputs; a test compares
NOT_A_CHOICE = ("approve", "reject", "timeout", "ended")


class ApproveField(Model):
    """One value of the draft, as the form asks for it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")
    type: FieldType = "text"
    label: str = Field("", max_length=120)
    value: Any = None
    required: bool = False
    options: list[str] = Field(default_factory=list, max_length=100)
    help: str = Field("", max_length=500)


class ApproveInput(Model):
    """What is asked, of whom, and what happens when nobody answers."""

    title: str = content(
        "Question", help="One line, as the inbox shows it.", example="Send this reply?", min_length=1, max_length=300
    )
    body: str = content(
        "What the person must know",
        default="",
        help="Plain text above the draft: why they are asked, what follows.",
        widget="long",
        max_length=20_000,
    )
    fields: list[ApproveField] = content(
        "Draft",
        default=[],
        help="The values to approve; the person may edit them. Once approved, later steps may use them as targets.",
        example=[{"name": "text", "type": "long_text", "value": "{{ steps.reply.text }}"}],
        widget="code",
        max_length=50,
    )
    choices: list[str] = setting(
        "Ways to choose from",
        default=[],
        help="Buttons in place of “Approve”; the one pressed is `decision`.",
        example=["refund", "replace"],
        max_length=10,
    )
    approvers: list[str] = target(
        "Who may decide",
        default=[],
        help="E-mail addresses of members, or a role (that one and those above). Empty: everybody who may decide.",
        example=["admin", "mara@example.com"],
        max_length=50,
    )
    no_self_approval: bool = setting(
        "Not whoever started the run", default=False, help="Somebody else must decide than the person who started it."
    )
    due: int | None = setting(
        "Wait at most (seconds)", default=None, help="Left empty, for ever; at most one year.", ge=1, le=YEAR
    )
    on_timeout: Literal["approve", "reject", "fail"] = setting(
        "When nobody answered",
        default="fail",
        help="Values that nobody has seen stay text from outside: they fill no target.",
    )
    on_reject: Literal["stop", "continue", "fail"] = setting(
        "When it is rejected",
        default="stop",
        help="Stop: the run ends here as succeeded, with a warning, and does nothing more. Continue: later steps ask "
        "for `decision`. Fail: the step fails.",
    )


class ApproveOutput(Model):
    """What was decided."""

    decision: str = Field(description="approve, reject, or one of the choices.")
    values: dict[str, Any] = Field(default_factory=dict, description="The draft as it was approved, by name.")
    edited: list[str] = Field(default_factory=list, description="The names of the values that were changed.")
    decided_by: str = Field("", description="Who decided; empty when nobody answered in time.")
    comment: str = Field("", description="What they said.")
    decided_at: str = Field("", description="When.")
