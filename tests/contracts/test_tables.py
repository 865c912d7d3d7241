"""Every action of every service: held to the service's own description, and tried with every fault.

Each case is a real run: engine, effects ledger, database, the real client and transport; the service is the contract
server, or where it lacks an operation a fake of the project's own, held to the same description (docs/contracts.md).
All runs are walked at once; the tests below read what came of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from integrations import registry
from tests.contract import PRESENT, REASON

if not PRESENT:
    pytest.skip(REASON, allow_module_level=True)

from tests.contracts import report
from tests.contracts.cases import CASES, Case
from tests.contracts.faults import FAULTS
from tests.contracts.meanings import problems
from tests.contracts.server import World
from tests.contracts.stage import Play, Stage, open_stage

pytestmark = [
    pytest.mark.contract,
    pytest.mark.django_db,
    pytest.mark.skipif(os.environ.get("TEST_DB") == "postgres", reason="the first pass has played it"),
]


@dataclass
class Played:
    """Everything that was played: each case without a fault, and with each fault beside the one without."""

    where: dict[str, str]
    plain: list[Play]
    faults: list[tuple[Play, Play]]
    by_hand: list[Play]


@pytest.fixture(scope="module")
def played(django_db_setup, django_db_blocker) -> Played:
    """All runs, played once for the whole module."""
    from django.core.management import call_command

    with django_db_blocker.unblock():
        try:
            with open_stage() as stage:
                plain = [Play(case) for case in CASES]
                stage.play(plain)
                pairs = [(play, one) for one in plain for play in _with_faults(one)]
                by_hand = [Play(case, meanwhile=("gmail.users.drafts.create", _delete_drafts)) for case in _sending()]
                stage.play([*(play for play, _ in pairs), *by_hand])
                where = {play.name: _where(stage, play) for play in plain}
        finally:
            call_command("flush", verbosity=0, interactive=False)
    return Played(where, plain, pairs, by_hand)


def _sending() -> list[Case]:
    return [case for case in CASES if case.action in ("gmail.send", "gmail.reply", "gmail.forward")]


def _delete_drafts(world: World) -> None:
    for message in world.gmail.drafts.values():
        del world.gmail.messages[message]
    world.gmail.drafts.clear()


def _with_faults(plain: Play) -> Iterator[Play]:
    """A play for each fault at each change, or at the first request of a step that changes nothing."""
    if not plain.case.faults:
        return
    for operation, skip in _places(plain):
        for fault in FAULTS:
            yield Play(plain.case, fault, operation, skip)


def _places(plain: Play) -> list[tuple[str, int]]:
    if plain.mails is not None:
        return [("", 0)]
    if plain.case.at:
        return [(plain.case.at, 0)]
    if not plain.changed:
        return [(str(plain.calls[0].operation), 0)] if plain.calls else []
    seen: Counter[str] = Counter()
    places = []
    for call in plain.changed:
        places.append((str(call.operation), seen[str(call.operation)]))
        seen[str(call.operation)] += 1
    return places


def test_every_action_has_a_case():
    named = {case.action for case in CASES}
    known = {action.name for action in registry.actions()}
    assert known - named == set(), "actions without a case in tests/contracts/cases.py"
    assert named - known == set(), "cases of actions that are not there"


def test_every_action_conforms_to_the_description_of_its_service(played, record_property):
    wrong = []
    for play in played.plain:
        strays = [f"{v.severity} {v.where}: {v.message}" for call in play.calls for v in call.violations]
        if play.run.status != "succeeded":
            strays.append(f"{play.run.status}: {play.run.error}")
        if play.mails is None and play.case.service and len(play.changed) != len(play.effects):
            strays.append(f"{len(play.effects)} orders made {len(play.changed)} changing requests")
        if {effect.state for effect in play.effects} - {"confirmed"}:
            strays.append(f"effects {[effect.state for effect in play.effects]}")
        wrong += [f"{play.name}: {stray}" for stray in strays]
    record_property("contract_table", report.conforming(played.plain, played.where))
    assert not wrong, "\n".join(wrong)


def _where(stage: Stage, play: Play) -> str:
    if play.mails is not None:
        return "fake (SMTP)"
    if not play.case.service:
        return "no service"
    if not play.calls:
        return "no request"
    own = any(stage.server.own(call) for call in play.calls)
    return "fake, held to the description" if own else "contract server"


def test_every_action_comes_to_the_right_end_under_every_fault(played, record_property):
    wrong = [(play, found) for play, plain in played.faults if (found := problems(play, plain))]
    record_property("fault_table", report.faults(played.faults, [play for play, _ in wrong]))
    assert not wrong, "\n".join(f"{play.name}: {'; '.join(found)}" for play, found in wrong)


def test_every_action_of_a_service_was_tried_with_every_fault(played):
    tried = Counter((play.case.action, play.fault.name) for play, _ in played.faults)
    called = {one.case.action for one in played.plain if one.calls or one.mails}
    missing = [(name, fault.name) for name in sorted(called) for fault in FAULTS if not tried[name, fault.name]]
    assert not missing
    assert len(called) >= 90


def test_a_draft_that_somebody_deletes_before_it_is_sent_is_asked_about_and_nothing_is_written_or_sent_anew(played):
    """F45 of the fault matrix."""
    for play in played.by_hand:
        assert play.run.status == "attention", f"{play.name}: {play.run.error}"
        assert [(one.op, one.state) for one in play.effects] == [
            ("create_draft", "confirmed"), ("send_draft", "unknown"),
        ], play.name  # fmt: skip
        assert play.effects[1].error["code"] == "E_DRAFT_GONE"
        assert [call.operation for call in play.changed] == ["gmail.users.drafts.create"], play.name
        asked = [call.operation for call in play.calls if call.operation == "gmail.users.drafts.send"]
        assert len(asked) == 1, "the send left once"
