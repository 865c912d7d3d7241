"""Mail, summary, approval, page: built from nothing by mouse, and by keyboard alone; published, run, approved, seen."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


def ends_well(page):
    page.goto("/w/demo/runs")
    page.locator("main tbody tr").first.get_by_role("link").first.click()
    expect(page.locator(".title-row .badge").first).to_contain_text("Succeeded", timeout=40_000)


def sees_the_page(page, title):
    page.goto("/w/demo/sandbox/notion/")
    expect(page.locator("main")).to_contain_text(title)


def offered(page):
    """The values under the field one is in."""
    return page.get_by_role("listbox", name="Values for").get_by_role("option")


# ---- By mouse ----------------------------------------------------------------------------------------------------


def add(page, search, action):
    page.get_by_role("searchbox", name="Search the catalogue").fill(search)
    page.get_by_role("button", name=action).first.click()
    page.wait_for_url(re.compile("fresh=1"))
    page.wait_for_selector("#step-form .cm-content")


def pick(page, field, value):
    """Click into a field and on one of the values that are offered under it."""
    page.get_by_role("textbox", name=field, exact=True).click()
    offered(page).filter(has_text=value).first.click()


def save(page):
    page.get_by_role("button", name="Save the step").click()
    expect(page.locator("#toasts")).to_contain_text("Saved in the draft")
    page.get_by_role("button", name="Close this message").first.click()


def test_by_mouse(page, complaints):
    page.goto("/w/demo/workflows")
    page.get_by_role("link", name="New workflow").click()
    page.get_by_label("Name").fill("Mail to a page")
    page.get_by_role("button", name="Make the workflow").click()
    page.get_by_role("link", name="Add the first step").click()
    add(page, "search mail", "Search mail")
    page.get_by_role("link", name="Add below").click()
    add(page, "summarize", "Summarize text")
    pick(page, "Text", re.compile("^text"))
    expect(page.locator(".cm-editor .ref").first).to_have_text("1 › text")
    save(page)

    page.get_by_role("link", name="Add a step after 2 Summarize text").click()
    add(page, "approval", "Ask for approval")
    page.get_by_role("textbox", name="Question").fill("File this summary?")
    draft = page.get_by_role("group", name="Draft")
    draft.get_by_role("textbox", name="Name").first.fill("summary")
    draft.get_by_label("Type").first.select_option("long_text")
    draft.get_by_role("textbox", name="Value").first.click()
    offered(page).filter(has_text=re.compile("^text")).first.click()
    save(page)
    expect(draft.locator("li").first.locator(".ref")).to_have_text("2 › text")

    page.get_by_role("link", name="Add below").click()
    add(page, "create a page", "Create a page")
    pick(page, "Parent", re.compile("Inbox summaries"))
    page.get_by_role("textbox", name="Title").fill("Built by mouse")
    pick(page, "Content", re.compile("^values.summary"))
    save(page)
    expect(page.locator("#problems li")).to_have_count(0)

    page.get_by_role("link", name="Publish version 1…").click()
    page.get_by_role("button", name="Publish version 1").click()
    page.get_by_role("link", name="Run…").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("link", name=re.compile("Decide")).first.click(timeout=40_000)
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    ends_well(page)
    sees_the_page(page, "Built by mouse")
    assert complaints == []


# ---- By keyboard alone: no mouse, no selector that a person has not --------------------------------------------------

SPOKEN = """() => {
  const at = document.activeElement
  const labels = [...(at.labels ?? [])].map(label => label.textContent)
  const said = [at.getAttribute('aria-label'), ...labels, at.textContent, at.value]
  return said.filter(Boolean).join(' ').replace(/\\s+/g, ' ').trim()
}"""


def tab_to(page, name, most=90, key="Tab"):
    """Press Tab until what has the focus is called so."""
    for _ in range(most):
        page.keyboard.press(key)
        if re.search(name, page.evaluate(SPOKEN)):
            return
    raise AssertionError(f"Tab never reached {name!r}; last {page.evaluate(SPOKEN)[:80]!r}")


def press_add(page, search, action):
    """The catalogue is open: search, go to the action, choose it."""
    page.keyboard.press("/")
    page.keyboard.type(search)
    tab_to(page, f"^{action}")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("fresh=1"))
    expect(page.locator(".panel-title")).to_have_text(action)
    page.wait_for_selector(".cm-content")


def type_pick(page, field, words):
    """Go to a field, type `{` and a part of a value's name, take the first with Enter."""
    tab_to(page, f"^{field}")
    page.keyboard.type("{" + words)
    expect(offered(page).first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")


def press_save(page):
    before = page.locator("#draft").get_attribute("data-draft")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#draft")).not_to_have_attribute("data-draft", before)
    expect(page.locator("#toasts")).to_contain_text("Saved in the draft")
    page.keyboard.press("Escape")


def test_by_keyboard_alone(page, complaints):
    page.goto("/w/demo/workflows")
    tab_to(page, "^New workflow")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/new")
    tab_to(page, "^Name")
    page.keyboard.type("Mail by keys")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/mail_by_keys")
    tab_to(page, "^Add the first step")
    page.keyboard.press("Enter")
    page.wait_for_selector("#catalogue")
    press_add(page, "search mail", "Search mail")
    page.keyboard.press("a")
    page.wait_for_selector("#catalogue")
    press_add(page, "summarize", "Summarize text")
    type_pick(page, "Text", "search.text")
    press_save(page)

    page.keyboard.press("a")
    page.wait_for_selector("#catalogue")
    press_add(page, "create a page", "Create a page")
    tab_to(page, "^Parent")
    page.keyboard.type("Inbox summaries")
    expect(offered(page).first).to_contain_text("Inbox summaries")
    page.keyboard.press("Enter")
    tab_to(page, "^Title")
    page.keyboard.type("Built by keys")
    tab_to(page, "^Content")
    page.keyboard.type("{{ steps.approve.values.summary }}")
    press_save(page)

    # The approval is added last and travels up by Alt+Up, announced.
    page.keyboard.press("a")
    page.wait_for_selector("#catalogue")
    press_add(page, "approval", "Ask for approval")
    tab_to(page, "^Question")
    page.keyboard.type("File this summary?")
    tab_to(page, "^Name", most=12)
    page.keyboard.type("summary")
    tab_to(page, "^Type", most=4)
    page.keyboard.type("long")
    tab_to(page, "^Value", most=4)
    page.keyboard.type("{summarize.text")
    page.keyboard.press("Enter")
    press_save(page)
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#live")).to_contain_text("Moved “Ask for approval” to place 3 of 4", timeout=10_000)
    expect(page.locator("#problems li")).to_have_count(0)
    assert [v["id"] for v in Axe().run(page).response["violations"]] == []

    page.keyboard.press("Escape")
    tab_to(page, "^Publish version 1…", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/publish")
    tab_to(page, "^Publish version 1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/mail_by_keys")
    page.keyboard.press("r")
    page.wait_for_url("**/run")
    tab_to(page, "^Run$")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/**")
    expect(page.get_by_role("link", name=re.compile("Decide")).first).to_be_visible(timeout=40_000)
    tab_to(page, "Decide")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/**")
    tab_to(page, "^Approve")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    ends_well(page)
    sees_the_page(page, "Built by keys")
    assert complaints == []
