"""Stored values: kept from run to run, changed exactly once, two at a time without losing one."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from integrations.context import Place
from integrations.errors import Rejected
from integrations.models import StoredValue, StoreWrite
from orchestrator_site.lib.clock import freeze
from orchestrator_site.lib.errors import UserError
from tests.integrations.gate import Gate, info_of, plan_of, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db
NOTHING = {"value": None, "found": False, "updated_at": None, "expires_at": None}


@pytest.fixture
def store(workspace):
    """Runs an action in a workflow of the workspace."""
    place = Place(workspace.pk, uuid4(), uuid4(), "report")
    info = info_of("store", workspace_id=workspace.pk)

    def run(action, *, at=place, gate=None, **inputs):
        return run_action(f"store.{action}", inputs, info, place=at, gate=gate).output

    run.place, run.info = place, info
    return run


def test_what_is_stored_is_read_by_a_later_run(store):
    assert store("get", key="last") == NOTHING
    made = store("set", key="last", value={"id": [1, None, "ü"]})
    assert made == {"key": "last", "value": {"id": [1, None, "ü"]}, "stored": True, "existed": False, "previous": None}
    assert store("get", key="last")["value"] == {"id": [1, None, "ü"]}
    assert store("set", key="last", value=2)["previous"] == {"id": [1, None, "ü"]}
    assert store("get", key="other", default=7)["value"] == 7


def test_every_workflow_has_its_own_and_the_workspace_one_more(store, workspace):
    other = Place(workspace.pk, uuid4(), uuid4(), "other")
    store("set", key="n", value=1)
    store("set", key="n", value=2, at=other)
    store("set", key="n", value=3, scope="workspace")
    assert [store("get", key="n")["value"], store("get", key="n", at=other)["value"]] == [1, 2]
    assert store("get", key="n", at=other, scope="workspace")["value"] == 3


def test_no_other_workspace_sees_it(store, outsider):
    store("set", key="n", value=1, scope="workspace")
    place = Place(outsider.workspace.pk, store.place.workflow_id, uuid4(), "report")
    info = info_of("store", workspace_id=outsider.workspace.pk)
    for scope in ("workspace", "workflow"):
        assert run_action("store.get", {"key": "n", "scope": scope}, info, place=place).output == NOTHING


def test_only_the_first_is_stored_where_that_is_asked(store):
    assert store("set", key="seen 7", value="a", only_new=True)["stored"] is True
    again = store("set", key="seen 7", value="b", only_new=True)
    assert (again["stored"], again["value"], again["previous"]) == (False, "a", "a")


def test_a_counter_begins_at_nothing_and_stays_a_number(store):
    assert store("increment", key="n") == {"key": "n", "value": 1, "previous": 0}
    assert store("increment", key="n", by=2.5)["value"] == 3.5
    assert store("increment", key="n", by=-3.5)["value"] == 0
    store("set", key="text", value="a")
    with pytest.raises(Rejected) as wrong:
        store("increment", key="text")
    assert wrong.value.code == "E_TYPE" and wrong.value.refused
    assert store("get", key="text")["value"] == "a"


def test_a_list_grows_to_its_end_and_no_further(store):
    for number in (1, 2, 3):
        grown = store("append", key="l", item=number, keep=2)
    assert grown == {"key": "l", "added": True, "count": 2}
    assert store("append", key="l", item=3, unique=True) == {"key": "l", "added": False, "count": 2}
    assert store("delete", key="l") == {"key": "l", "existed": True, "previous": [2, 3]}
    assert store("delete", key="l")["existed"] is False


def test_values_are_listed_by_name(store):
    for key in ("b", "a 2", "a 1"):
        store("set", key=key, value=key)
    assert [one["key"] for one in store("list")["items"]] == ["a 1", "a 2", "b"]
    assert store("list", prefix="a ", limit=1)["count"] == 1


def test_a_value_is_forgotten_when_its_time_is_over(store, workspace):
    with freeze(datetime(2026, 1, 1, tzinfo=UTC)) as clock:
        store("set", key="once", value=1, lifetime=60)
        assert store("get", key="once")["expires_at"] == "2026-01-01T00:01:00Z"
        clock.tick(61)
        assert store("get", key="once") == NOTHING and store("list")["count"] == 0
        assert store("set", key="once", value=2, only_new=True)["stored"] is True
        clock.tick(1)
        store("set", key="x", value=1, lifetime=1)
        clock.tick(2)
        store("set", key="y", value=1)
    assert set(StoredValue.objects.of(workspace).values_list("key", flat=True)) == {"once", "y"}


@pytest.mark.parametrize(
    "action, inputs",
    [
        ("increment", {"key": "n"}),
        ("append", {"key": "l", "item": 1}),
        ("set", {"key": "s", "value": 1}),
        ("delete", {"key": "s"}),
    ],
)
def test_a_change_is_made_once_whatever_becomes_of_its_answer(store, action, inputs):
    gate, name = Gate(), f"store.{action}"
    first = store(action, gate=gate, **inputs)
    again = store(action, gate=Gate(seed=gate.seed), **inputs)
    assert again == first, "the same key: answered from the proof, not done again"
    found = find_again(name, inputs, store.info, gate, place=store.place)
    assert found is not None and found.data["answer"] == first
    assert find_again(name, inputs, store.info, Gate(), place=store.place) is None


@pytest.mark.parametrize(
    "action, inputs, code",
    [
        ("set", {"key": "a\nb", "value": 1}, "E_KEY"),
        ("set", {"key": "a", "value": "x" * 65_536}, "E_TOO_LARGE"),
        ("append", {"key": "a", "item": "x" * 65_536}, "E_TOO_LARGE"),
    ],
)
def test_what_does_not_fit_is_refused(store, workspace, action, inputs, code):
    with pytest.raises((Rejected, UserError)) as wrong:
        store(action, **inputs)
    assert wrong.value.code == code
    assert not StoredValue.objects.of(workspace).exists() and not StoreWrite.objects.of(workspace).exists()


def test_a_list_that_grows_too_large_is_a_certain_no(store):
    store("append", key="l", item="x" * 40_000)
    with pytest.raises(Rejected) as wrong:
        store("append", key="l", item="x" * 40_000)
    assert wrong.value.refused and store("get", key="l")["value"] == ["x" * 40_000]


def test_there_is_room_for_so_many(store, monkeypatch):
    from integrations.operations import stored

    monkeypatch.setattr(stored, "MAX_KEYS", 2)
    for key in ("a", "b"):
        store("set", key=key, value=1)
    with pytest.raises(Rejected) as wrong:
        store("set", key="c", value=1)
    assert (wrong.value.code, wrong.value.refused) == ("E_LIMIT", True)
    store("set", key="a", value=2)


def test_a_plan_shows_what_would_change(store, workspace):
    store("set", key="n", value=4)
    for action, inputs, after in (
        ("set", {"key": "n", "value": 9}, 9),
        ("set", {"key": "n", "value": 9, "only_new": True}, 4),
        ("increment", {"key": "n", "by": 2}, 6),
        ("delete", {"key": "n"}, None),
    ):
        (plan,) = plan_of(f"store.{action}", {**inputs, "scope": "workspace"}, store.info)
        assert plan.before is None
        (plan,) = plan_of(f"store.{action}", inputs, store.info, place=store.place)
        assert (plan.before, plan.after) == (4, after)
    assert store("get", key="n")["value"] == 4
