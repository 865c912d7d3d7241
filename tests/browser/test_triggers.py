"""A newcomer adds triggers on the pages and sees them fire: a schedule by its times, a webhook by a delivery."""

from __future__ import annotations

import hmac
import json
import urllib.request

import pytest


@pytest.fixture
def page(chrome, product, signed_in, data):
    context = chrome.new_context(storage_state=signed_in, base_url=product.base)
    yield context.new_page()
    context.close()


def test_a_webhook_is_added_tried_and_fires(page, product, data):
    page.goto(f"/w/demo/workflows/{data['workflow']}/triggers")
    page.get_by_role("link", name="Webhook").click()
    page.get_by_label("Name", exact=True).fill("From the shop")
    page.get_by_label("Switch it on at once").check()
    page.get_by_role("button", name="Add the trigger").click()
    address, secret = page.locator("#address").inner_text(), page.locator("#secret-text").inner_text()
    page.get_by_role("button", name="See what it makes of it").click()
    page.get_by_text("Starts a run").wait_for()

    body = json.dumps({"note": "4471"}).encode()
    signature = hmac.new(secret.encode(), body, "sha256").hexdigest()
    where = f"{product.base}/hooks/{address.rpartition('/')[2]}"
    headers = {"Content-Type": "application/json", "X-Signature-256": f"sha256={signature}"}
    with urllib.request.urlopen(urllib.request.Request(where, body, headers)) as answer:
        assert answer.status == 202
    page.goto(page.url.split("/test")[0])
    page.get_by_role("link", name="Delivery 1").click()
    page.get_by_text('"note": "4471"').first.wait_for()
    page.get_by_role("link", name="The run").click()
    page.wait_for_url("**/runs/**")


def test_a_schedule_says_when_while_it_is_filled_in(page, data):
    page.goto(f"/w/demo/workflows/{data['workflow']}/triggers/new?kind=schedule")
    page.get_by_text("Every weekday at 09:00, UTC").wait_for()
    page.locator("#id_at").fill("07:15")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_text("Every weekday at 07:15, Europe/Berlin time").wait_for()
    page.get_by_role("button", name="Add the trigger").click()
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("button", name="Switch off").wait_for()
    page.get_by_role("heading", name="Its times").wait_for()
