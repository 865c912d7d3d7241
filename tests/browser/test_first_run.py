"""From the printed address to a finished run."""

import time

from playwright.sync_api import expect


def test_three_clicks_from_the_link_to_a_finished_run(chrome, product):
    context = chrome.new_context(base_url=product.base)
    page = context.new_page()
    clicks, begin = 0, time.monotonic()
    page.goto(product.login_link())
    for name in ("Sign in", "Run"):
        page.get_by_role("button", name=name, exact=True).first.click()
        clicks += 1
    expect(page.locator(".title-row .badge")).to_contain_text("Succeeded", timeout=60_000)
    assert time.monotonic() - begin < 60 and clicks <= 3
    assert page.locator("h1").inner_text().startswith("Email to Notion Summary")
    expect(page.locator(".effects .badge").first).to_contain_text("Confirmed")
    context.close()


def test_the_run_page_changes_by_itself(page, product, complaints):
    page.goto("/w/demo/workflows/email_to_notion/run")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/*")
    expect(page.locator(".title-row .badge")).to_contain_text("Succeeded", timeout=30_000)
    expect(page.locator(".run-steps > li")).to_have_count(3)
    page.locator(".run-steps summary").first.click()
    expect(page.locator(".step-detail").first).to_be_visible()
    assert complaints == []


def test_what_was_changed_can_be_looked_at(page, data):
    page.goto(f"/w/demo/runs/{data['run']}")
    page.locator("#main").get_by_role("link", name="Open it").first.click()
    page.wait_for_load_state()
    assert "/sandbox/notion/" in page.url and page.locator("h1").is_visible()
