"""What a declaration may say beyond its inputs and outputs: a plan, fields that are no secret, steps without a key."""

from __future__ import annotations

import pytest

from integrations.operations.secrets import check_secret, mask
from integrations.spec import Change, Integration, Kind, Model, SecretField, content
from orchestrator_site.lib.errors import UserError


class Input(Model):
    text: str = content("Text", default="")


async def send(context, values):
    """Send it."""
    return Input()


async def plan(context, values):
    return []


def declare(kind: Kind, plan) -> None:
    made = Integration("letters", "Letters")
    changes = [Change("send", look=False)] if kind is Kind.EFFECT else []
    made.action("send", kind=kind, input=Input, output=Input, title="Send", changes=changes, plan=plan)(send)


def test_a_plan_is_an_async_function_of_an_effect():
    declare(Kind.EFFECT, plan)
    for kind, wrong in ((Kind.READ, plan), (Kind.EFFECT, lambda context, values: [])):
        with pytest.raises(ValueError, match=r"letters.send: a plan is an async function of an effect"):
            declare(kind, wrong)


def test_a_shown_field_is_shown_and_may_hold_spaces():
    made = Integration(
        "letters", "Letters", secrets=(SecretField("password", "Password"), SecretField("sender", "From", shown=True))
    )
    secret = check_secret(made, {"password": "0123456789abcdef", "sender": "Ada Lovelace <ada@example.com>"})
    assert mask(made, secret) == {"password": "••••cdef", "sender": "Ada Lovelace <ada@example.com>"}
    for wrong in ("Ada\r\nBcc: eve@example.com", "Ada\x00"):
        with pytest.raises(UserError) as refused:
            check_secret(made, {"password": "x", "sender": wrong})
        assert refused.value.code == "E_CRED_CHARS"


@pytest.mark.parametrize(
    "connection, needs, takes", [("needed", True, True), ("optional", False, True), ("none", False, False)]
)
def test_a_service_says_whether_its_steps_need_a_connection(connection, needs, takes):
    made = Integration("letters", "Letters", client="letters.client.connect", connection=connection)
    assert (made.needs_connection, made.takes_connection) == (needs, takes)
