"""What each fault must come to, by the kind of the step and of the change. Pure; docs/contracts.md has it in words.

`again`: nothing happened, the step tries again by itself and succeeds. `held`: the key is refused; the step waits for
the connection to be repaired. `sign_in`, `rejected`: a certain no; the step fails with words. `found`: it happened, a
look found it, it is not sent again. `absent`: a look found nothing, so it is sent again. `set`: sent again unseen,
since twice is the same as once. `asks`: nobody can look, so a person is asked. `nothing`: there was nothing in the
answer to be spoiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from integrations import registry
from integrations.spec import Change, Kind

if TYPE_CHECKING:
    from tests.contracts.stage import Play

SIGN_IN = frozenset({"E_SIGN_IN"})
REJECTED = frozenset({"E_REJECTED", "E_NOT_FOUND", "E_MAIL_REFUSED", "E_TOO_LARGE"})
HAVE_LIMIT_403 = ("github", "gmail")
SPOILED = ("cut", "malformed_json", "huge_body", "slow_drip")
"""Kinds of fault that need a body to spoil."""
ENDS = ("again", "held", "sign_in", "rejected", "found", "absent", "set", "asks", "nothing")


@dataclass(frozen=True)
class Special:
    """Where a service's own rules say otherwise, and why."""

    comes_to: str
    why: str


SPECIAL: dict[tuple[str, str], Special] = {
    ("notion", "409"): Special(
        "again", "Notion's conflict_error says: try again (developers.notion.com/reference/status-codes)"
    ),
    ("gmail.users.drafts.send", "404"): Special(
        "absent", "the draft is used up by sending, so its absence may be our own doing: it is looked up"
    ),
    ("ai.list_models", "404"): Special("nothing", "a compatible server without a list of models has none to show"),
    ("http", "401"): Special(
        "sign_in", "one address that says 401 says nothing of the others below the connection's own"
    ),
    ("http.get", "huge body"): Special(
        "rejected", "what is too large stays too large: it is said, not asked for again"
    ),
    ("mail", "500, not done"): Special("again", "before the content has left, a mail server cannot have taken it"),
}  # fmt: skip


def comes_to(play: Play, plain: Play) -> str:
    """The name of the end that this play must have; `plain` is the same case without a fault."""
    assert play.fault is not None
    fault, service = play.fault, play.case.service
    for name in (play.case.action, play.operation, service):
        if special := SPECIAL.get((name, fault.name)):
            return special.comes_to
    if fault.comes_to == "limit":
        return "again" if service in (*HAVE_LIMIT_403, "mail") else "sign_in"
    if fault.comes_to != "lost":
        return fault.comes_to
    if fault.kind in SPOILED and _is_empty(play, plain):
        return "nothing"
    change = change_of(play, plain)
    if change is None:
        return "again"
    if change.look and play.case.way != "without a check":
        return "found" if fault.done else "absent"
    return "set" if change.set_semantics else "asks"


def change_of(play: Play, plain: Play) -> Change | None:
    """The declared change that the fault hits; None for a step that changes nothing."""
    action = registry.get_action(play.case.action)
    assert action
    if action.kind is not Kind.EFFECT:
        return None
    if plain.mails is not None:
        return action.changes[0]
    at = [call.operation for call in plain.changed].index(play.operation) + play.skip
    op = plain.effects[at].op
    return next(change for change in action.changes if change.op == op)


def _is_empty(play: Play, plain: Play) -> bool:
    return any(call.operation == play.operation and call.status == 204 for call in plain.calls)


def problems(play: Play, plain: Play) -> list[str]:
    """How a play strayed from what it must come to; empty where it did not."""
    end = comes_to(play, plain)
    return [*_state(play, end), *_words(play), *_count(play, plain, end), *_ledger(play, end)]


def _state(play: Play, end: str) -> list[str]:
    wanted = {"held": "waiting", "sign_in": "failed", "rejected": "failed", "asks": "attention"}.get(end, "succeeded")
    code = str((play.run.error or {}).get("code", ""))
    codes = {"sign_in": SIGN_IN, "rejected": REJECTED}.get(end, frozenset({""}))
    found = []
    if play.run.status != wanted:
        found.append(f"the run is {play.run.status} {code}, not {wanted}: {(play.run.error or {}).get('message', '')}")
    elif end == "held" and not play.held:
        found.append(f"it waits for something else: {play.step.decision}")
    elif code not in codes:
        found.append(f"the run failed with {code}")
    return found


def _words(play: Play) -> list[str]:
    """A failure is told in a sentence with advice, and is never an output."""
    if play.run.status != "failed":
        return (
            []
            if play.run.status in ("attention", "waiting") or play.step.output
            else ["it succeeded without an output"]
        )
    error = play.run.error
    told = str(error.get("message", "")).endswith(".") and error.get("hint") and error.get("step") == "it"
    return ([] if told else [f"no words: {error}"]) + (["an error is its output"] if play.step.output else [])


def _count(play: Play, plain: Play, end: str) -> list[str]:
    """How often the world was changed: never more than once a change, but where twice is the same as once."""
    if play.mails is not None:
        left = 1 if "END" in play.fault.smtp or end not in ("held", "sign_in", "rejected") else 0
        return [] if play.mails == left else [f"{play.mails} mails left"]
    before = [call.operation for call in plain.changed].index(play.operation) + play.skip if plain.changed else 0
    happened = {
        "held": before,
        "sign_in": before,
        "rejected": before,
        "asks": before + int(play.fault.done),
        "set": len(plain.changed) + int(play.fault.done),
    }.get(end, len(plain.changed))
    found = [] if len(play.changed) == happened else [f"{len(play.changed)} changes, not {happened}"]
    if end in ("again", "absent", "set"):
        asked = [call for call in play.calls if call.operation == play.operation]
        usual = [call for call in plain.calls if call.operation == play.operation]
        found += [] if len(asked) > len(usual) else ["it was not asked again: the spoiled answer was taken for one"]
        if end == "set" and len({str(call.body) for call in asked}) > len({str(call.body) for call in usual}):
            found.append("what was sent again is not the same")
    return found


def _ledger(play: Play, end: str) -> list[str]:
    """The ledger says what happened: no change without a row, none still on its way, unknown only while asking."""
    states = [effect.state for effect in play.effects]
    found = [f"a change is still {state}" for state in states if state == "sent"]
    if ("unknown" in states) is not (end == "asks"):
        found.append(f"effects are {states}")
    if end in ("found", "absent"):
        last = [effect.resolution for effect in play.effects]
        found += [] if end in last else [f"nobody looked: {last}"]
    confirmed = states.count("confirmed")
    if play.mails is None and play.changed:
        again = int(end in ("set", "asks") and play.fault.done)
        if len(play.changed) != confirmed + again:
            found.append(f"{len(play.changed)} changes, {confirmed} confirmed")
    return found
