"""Errors, ids and the clock."""

import pickle
import threading
from datetime import UTC, datetime

from orchestrator_site.lib import clock, ids
from orchestrator_site.lib.errors import Conflict, Forbidden, NotFound, Problems, RateLimited, TooLarge, UserError


def test_an_error_shows_code_sentence_field_hint_and_limit():
    error = UserError(
        "E_RANGE", "Too big.", field="timeout", hint="Use less.", limit=3600, extra={"code": "never", "x": 1}
    )
    assert error.as_dict() == {
        "code": "E_RANGE", "message": "Too big.", "field": "timeout", "hint": "Use less.", "limit": 3600, "x": 1,
    }  # fmt: skip
    assert (error.status, str(error)) == (400, "Too big.")


def test_the_kinds_know_their_code_and_status():
    kinds = [(k().code, k().status) for k in (NotFound, Forbidden, Conflict, TooLarge, RateLimited)]
    assert kinds == [
        ("E_NOT_FOUND", 404),
        ("E_FORBIDDEN", 403),
        ("E_CONFLICT", 409),
        ("E_TOO_LARGE", 413),
        ("E_RATE_LIMIT", 429),
    ]
    assert "30 seconds" in RateLimited(retry_after=30).hint
    assert Conflict("Stale.", extra={"mine": 1}).as_dict()["mine"] == 1


def test_several_problems_travel_together():
    one = UserError("E_KEY", "Bad key.", field="steps[0].key")
    assert Problems([one]).as_dict()["code"] == "E_KEY"
    two = Problems([one, {"code": "E_RANGE", "message": "Too big.", "field": "x"}])
    assert two.code == "E_PROBLEMS" and [e["code"] for e in two.as_dict()["errors"]] == ["E_KEY", "E_RANGE"]
    assert Problems([]).as_dict()["errors"] == []


def test_errors_survive_a_trip_between_processes():
    for error in (UserError("E_X", "m", limit=3), NotFound("gone"), RateLimited(retry_after=7), Problems([NotFound()])):
        back = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (type(back), back.as_dict(), back.status) == (type(error), error.as_dict(), error.status)


def test_ids_grow_and_never_repeat_across_threads():
    made = []

    def work():
        mine = [ids.uuid7() for _ in range(5000)]
        assert mine == sorted(mine)
        made.extend(mine)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(set(made)) == 20_000
    assert {u.version for u in made} == {7} and {u.variant for u in made} == {"specified in RFC 4122"}


def test_an_id_carries_its_time():
    made = ids.uuid7()
    seconds = (made.int >> 80) / 1000
    assert abs(seconds - datetime.now(UTC).timestamp()) < 2


def test_short_tokens_are_random_and_readable():
    assert len({ids.short_token(10) for _ in range(100)}) == 100
    assert not set(ids.short_token(500)) & set("0oil1")


def test_the_clock_can_be_held_and_moved():
    with clock.freeze(datetime(2030, 1, 1, tzinfo=UTC)) as held:
        assert clock.now() == datetime(2030, 1, 1, tzinfo=UTC)
        mono, boot = clock.monotonic(), clock.boottime()
        held.tick(90)
        assert clock.now() == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)
        assert (clock.monotonic() - mono, clock.boottime() - boot) == (90, 90)
        held.move_to(datetime(2029, 1, 1))
        assert clock.now().year == 2029 and clock.monotonic() - mono == 90
    assert clock.now().year < 2030 and clock.now().tzinfo is not None
    assert clock.boottime() > 0
