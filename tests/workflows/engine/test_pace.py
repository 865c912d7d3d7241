"""Rates, breakers and shares as pure arithmetic: whatever happens, no window holds more than its limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.registry import integrations
from integrations.spec import Limit
from workflows.engine.pace import Circuit, Share, applies, grant, interval, limits_for, share


@st.composite
def a_limit(draw):
    amount = draw(st.integers(1, 60))
    return Limit(amount, draw(st.sampled_from([1.0, 60.0, 3600.0])), draw(st.integers(1, amount)))


@given(st.lists(a_limit(), min_size=1, max_size=3), st.lists(st.tuples(st.integers(1, 20), st.floats(0, 30))))
def test_no_window_holds_more_than_its_limit_however_the_tokens_are_asked_for(limits, asked):
    taken: dict[str, float] = {}
    now, given_out = 1000.0, []
    for wanted, later in asked:
        now += later
        given_out += grant(taken, limits, wanted, now)[0]
    for limit in limits:
        for start in given_out:
            inside = sum(start <= moment < start + limit.seconds - 1e-6 for moment in given_out)
            assert inside <= limit.amount, limit


def test_a_burst_is_given_at_once_and_then_the_pace_is_kept():
    limits, taken = [Limit(120, 60.0, burst=10)], {}
    pace = interval(limits[0])
    given_out, later = grant(taken, limits, 100, 50.0)
    assert given_out == pytest.approx([50.0] * 10 + [50 + pace])
    assert later == pytest.approx(50 + 2 * pace)


def test_a_token_that_is_far_away_is_not_given_but_told():
    limits, taken = [Limit(6, 60.0)], {}
    assert grant(taken, limits, 5, 0.0)[0] == [0.0]
    assert grant(taken, limits, 5, 0.0) == ([], 10.0)


def test_several_limits_hold_together():
    minute, hour = Limit(80, 60.0, burst=20), Limit(500, 3600.0, burst=100)
    taken: dict[str, float] = {}
    now, count = 0.0, 0
    while now < 3600:
        count += len(grant(taken, [minute, hour], 10, now)[0])
        now += 1
    assert 480 <= count <= 500


def test_changes_have_limits_of_their_own_and_a_connections_own_limit_takes_their_place():
    declared = (Limit(5000, 3600.0), Limit(80, 60.0, burst=20, changes=True))
    assert applies(declared, change=False) == [declared[0]]
    assert applies(declared, change=True) == list(declared)
    assert limits_for(declared, None, lifted=True) == ()
    assert limits_for(declared, 0, lifted=False) == ()
    assert [limit.words for limit in limits_for(declared, 30, lifted=True)] == ["30 calls a minute"]


def test_every_limit_that_a_service_declares_makes_sense():
    for service in integrations().values():
        assert all(interval(limit) > 0 for limit in service.limits)
    with pytest.raises(ValueError, match="makes no sense"):
        Limit(5, 1.0, burst=9)


# Breakers


def test_a_breaker_opens_after_five_failures_in_a_row_and_tries_once_at_growing_intervals():
    circuit = Circuit()
    for _ in range(4):
        circuit.failed(100.0, "no answer")
    circuit.worked()
    for second in range(5):
        circuit.failed(100.0 + second, "no answer")
    assert (circuit.state, circuit.since, circuit.retry) == ("open", 100.0, 134.0)
    circuit.failed(105.0, "a call that was under way")
    circuit.worked()
    assert (circuit.state, circuit.retry) == ("open", 134.0), "calls that were under way change nothing"
    waits, now = [], 134.0
    for _ in range(6):
        assert not circuit.probe(circuit.retry - 0.1)
        assert circuit.probe(circuit.retry) and not circuit.probe(circuit.retry - 1), "one call tries for all"
        now += 1000
        circuit.failed(now, "still no answer")
        waits.append(circuit.retry - now)
    assert waits == [60, 120, 240, 300, 300, 300]
    assert circuit.probe(circuit.retry)
    circuit.worked()
    assert (circuit.state, circuit.failures, circuit.trips) == ("closed", 0, 0)


def test_a_probe_that_died_is_followed_by_another_a_minute_later():
    circuit = Circuit("open", 5, 1, 0.0, 0.0, 30.0, "x")
    assert circuit.probe(30.0) and not circuit.probe(89.0) and circuit.probe(90.0)


# Calls at once


@given(st.integers(1, 6), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8)), min_size=1, max_size=80))
def test_workers_together_never_hold_more_calls_at_once_than_there_are(limit, story):
    shares, allowed, in_use = [Share(0, 0)] * 3, [0] * 3, [0] * 3
    for me, wanted in story:
        in_use[me] = min(max(in_use[me], allowed[me]), wanted)
        others = [shares[n] for n in range(3) if n != me]
        held, allowed[me] = share(limit, Share(shares[me].held, wanted), in_use[me], others)
        shares[me] = Share(held, wanted)
        assert sum(one.held for one in shares) <= limit and held >= max(in_use[me], allowed[me])


def test_where_there_is_enough_everybody_has_what_it_wants():
    assert share(10, Share(0, 4), 0, []) == (4, 4)
    assert share(10, Share(0, 20), 0, [Share(3, 3)]) == (7, 7)
    assert share(3, Share(2, 0), 0, [Share(1, 5)]) == (0, 0)


def test_who_has_more_than_its_part_begins_no_new_call_until_it_is_down_to_it():
    assert share(4, Share(4, 9), 4, [Share(0, 5)]) == (4, 2), "what is under way is not taken away"
    assert share(4, Share(4, 9), 1, [Share(0, 5)]) == (2, 2)


def test_the_last_place_changes_hands():
    assert share(1, Share(0, 5), 0, [Share(0, 2)]) == (1, 1)
    assert share(1, Share(1, 5), 1, [Share(0, 2)]) == (1, 0)
    assert share(1, Share(1, 5), 0, [Share(0, 2)]) == (0, 0)
    assert share(1, Share(0, 2), 0, [Share(0, 5)]) == (1, 1)
