"""50 webhooks a second, kill -9 of everything in the middle: what was acknowledged has its run, each exactly once."""

from __future__ import annotations

import hmac
import json
import os
import statistics
import threading
import time
import urllib.error
import urllib.request

import pytest

from tests.product import Product

pytestmark = pytest.mark.faults
SECONDS = float(os.environ.get("AWO_HOOK_SECONDS", "6"))
RATE, SENDERS = 50, 10


class Sender:
    """Sends numbered deliveries at a steady pace; each again until it is acknowledged."""

    def __init__(self, url: str, secret: str) -> None:
        self.url, self.secret = url, secret
        self.acked: dict[int, str] = {}
        self.took: list[float] = []
        self.began = time.monotonic()
        self.threads = [threading.Thread(target=self._send_all, args=(n,)) for n in range(SENDERS)]

    def _send_all(self, first: int) -> None:
        for number in range(first, int(RATE * SECONDS), SENDERS):
            time.sleep(max(0.0, self.began + number / RATE - time.monotonic()))
            while number not in self.acked:
                self._send(number)

    def _send(self, number: int) -> None:
        body = json.dumps({"who": f"n{number}"}).encode()
        sign = hmac.new(self.secret.encode(), body, "sha256").hexdigest()
        headers = {"Content-Type": "application/json", "X-Signature-256": f"sha256={sign}"}
        began = time.monotonic()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url, body, headers), timeout=20) as answer:
                self.acked[number] = json.loads(answer.read())["run"]
                self.took.append(time.monotonic() - began)
        except (OSError, urllib.error.URLError, ValueError):
            time.sleep(0.2)


def test_nothing_acknowledged_is_lost_and_nothing_doubled(tmp_path):
    with Product(tmp_path) as product:
        step = {"key": "hello", "action": "data.format", "with": {"template": "Hello {{ inputs.who }}"}}
        inputs = [{"name": "who", "type": "text"}]
        definition = {"format": 1, "name": "Greeting", "slug": "greet_all", "inputs": inputs, "steps": [step]}
        assert product.api("POST", "/api/v1/workflows", definition).status == 201
        assert product.api("POST", "/api/v1/workflows/greet_all/publish", {}).status in (200, 201)
        said = {
            "workflow": "greet_all",
            "kind": "webhook",
            "enabled": True,
            "inputs": {"who": "{{ trigger.body.who }}"},
        }
        made = product.api("POST", "/api/v1/triggers", said).body
        sender = Sender(f"{product.base}/hooks/{made['url'].rpartition('/')[2]}", made["secret"])
        for thread in sender.threads:
            thread.start()
        time.sleep(SECONDS / 2)
        product.kill_everything()
        product.start()
        for thread in sender.threads:
            thread.join(SECONDS + 120)
        sent = int(RATE * SECONDS)
        took = sorted(sender.took)
        middle, late = statistics.median(took) * 1000, took[int(len(took) * 0.99)] * 1000
        print(f"\n{sent} deliveries: p50 {middle:.0f} ms, p99 {late:.0f} ms to the acknowledgement")
        assert len(sender.acked) == sent
        runs = _runs(product, sent)
        assert {run["id"] for run in runs} == set(sender.acked.values())
        assert sorted(run["inputs"]["who"] for run in runs) == sorted(f"n{n}" for n in range(sent))
        assert {run["status"] for run in runs} == {"succeeded"}


def _runs(product: Product, count: int) -> list[dict]:
    """All runs of the trigger, once they have ended."""
    end = time.monotonic() + 90
    while True:
        found: list[dict] = []
        path: str | None = "/api/v1/runs?trigger=webhook&limit=200"
        while path:
            page = product.api("GET", path).body
            found += page["results"]
            path = (page["next"] and page["next"].partition(product.base)[2]) or None
        if time.monotonic() > end or (len(found) >= count and all(run["finished_at"] for run in found)):
            return found
        time.sleep(1)
