"""Real processes: kill -9 while runs wait for a person, an event and another workflow; decide, and they go on."""

from __future__ import annotations

import time

import pytest

from tests.product import Product

pytestmark = [pytest.mark.faults]

ASKS = {
    "format": 1,
    "slug": "asks",
    "name": "Asks",
    "steps": [
        {
            "key": "ask", "action": "approve",
            "with": {"title": "Send it?", "fields": [{"name": "to", "value": "a@example.com"}]},
        },
        {"key": "go", "action": "wait", "with": {"event": "go"}},
        {"key": "text", "action": "data.format", "with": {"template": "{{ steps.ask.values.to }} {{ steps.go.data }}"}},
    ],
    "outputs": {"text": "{{ steps.text.text }}"},
}  # fmt: skip
CALLS = {
    "format": 1,
    "slug": "calls",
    "name": "Calls",
    "steps": [{"key": "call", "action": "run_workflow", "with": {"workflow": "asks"}}],
    "outputs": {"text": "{{ steps.call.outputs.text }}"},
}


def _until(check, seconds: float = 40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not become true in time")


def test_runs_that_wait_survive_kill_9_and_go_on_when_somebody_decides(tmp_path):
    with Product(tmp_path) as product:
        for definition in (ASKS, CALLS):
            assert product.api("POST", "/api/v1/workflows", definition).status == 201
            assert product.api("POST", f"/api/v1/workflows/{definition['slug']}/publish", {}).status == 200
        run = product.api("POST", "/api/v1/workflows/calls/runs", {}).body["id"]
        wait = _until(lambda: product.api("GET", "/api/v1/waits?kind=approval").body["results"])[0]
        _until(lambda: product.api("GET", f"/api/v1/runs/{run}").body["status"] == "waiting")
        product.kill_everything()
        product.start()
        assert [w["id"] for w in product.api("GET", "/api/v1/waits").body["results"]] == [wait["id"]]
        decide = f"/api/v1/waits/{wait['id']}/decide"
        decided = product.api("POST", decide, {"decision": "approve", "values": {"to": "b@example.com"}})
        assert decided.status == 200, decided.body
        _until(lambda: product.api("GET", "/api/v1/waits?kind=event").body["results"])
        product.kill_everything()
        product.start()
        assert product.api("GET", "/api/v1/waits?kind=approval").body["results"] == [], "nobody is asked twice"
        again = product.api("POST", decide, {"decision": "approve", "values": {"to": "b@example.com"}})
        assert again.status == 200 and again.body["decided_at"] == decided.body["decided_at"]
        assert product.api("POST", f"/api/v1/runs/{wait['run']}/events", {"name": "go", "data": "now"}).status == 202
        done = product.wait_for(run, seconds=60)
        assert (done["status"], done["outputs"]) == ("succeeded", {"text": "b@example.com now"}), done
        assert len(product.api("GET", "/api/v1/runs?workflow=asks").body["results"]) == 1, "one run a step"
