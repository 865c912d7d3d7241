"""A table is uploaded, its rows are looked at and started; many runs are cancelled with one question."""

from axe_playwright_python.sync_playwright import Axe

from tests.browser.test_every_page import WIDTH


def test_rows_are_seen_before_they_start_and_a_batch_shows_how_far_it_is(chrome, product, signed_in, data, complaints):
    context = chrome.new_context(storage_state=signed_in, base_url=product.base, viewport={"width": 360, "height": 800})
    page = context.new_page()
    stop = complaints.watch(page)
    page.goto(f"/w/demo/workflows/{data['workflow']}/batch")
    page.get_by_label("Or rows copied from a spreadsheet").fill("Which mail;else\nis:unread;1\nis:starred;2")
    page.get_by_role("button", name="Show the rows").click()
    assert page.get_by_role("button", name="Start 2 runs").is_visible() and page.evaluate(WIDTH) <= 0
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Start 2 runs").click()
    page.get_by_text("A batch of 2 runs").wait_for()
    page.get_by_text("2 ended").wait_for(timeout=60_000)
    page.get_by_label("For which runs").select_option("all")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Keep them running").click()
    assert "2 left as they are" not in page.content()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel the runs").click()
    page.get_by_text("2 left as they are: This run has ended already.").wait_for()
    stop()
    assert list(complaints) == []
    context.close()
