"""Building a workflow with the mouse: new, add, fill, publish, run; then edit, move and remove."""

from playwright.sync_api import expect


def add(page, action, search):
    page.get_by_role("searchbox", name="Search the catalogue").fill(search)
    page.get_by_role("button", name=action).first.click()


def field(page, name):
    """A field of the open step, once it has become an editor."""
    page.wait_for_selector("#step-form .cm-content")
    return page.locator(".cm-content").and_(page.get_by_role("textbox", name=name, exact=True))


def test_a_small_workflow_is_built_published_and_run(page, complaints):
    page.goto("/w/demo/workflows")
    page.get_by_role("link", name="New workflow").click()
    page.get_by_label("Name").fill("Say hello")
    page.get_by_role("button", name="Make the workflow").click()
    page.get_by_role("link", name="Add the first step").click()
    add(page, "Fill a template", "template")
    page.get_by_label("Name", exact=False).first.fill("Greet")
    field(page, "Template").fill("Hello from the browser")
    page.get_by_role("button", name="Save the step").click()
    expect(page.locator(".step-card")).to_contain_text("Greet")

    page.get_by_role("link", name="Publish version 1…").click()
    expect(page.locator(".changes")).to_contain_text("Greet")
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.locator(".toast").first).to_contain_text("Version 1 is live")

    page.get_by_role("link", name="Run…").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".title-row .badge")).to_contain_text("Succeeded", timeout=30_000)
    expect(page.locator(".run-steps")).to_contain_text("Hello from the browser")
    assert complaints == []


def test_steps_are_moved_copied_removed_and_brought_back(page, complaints):
    page.goto("/w/demo/workflows/new")
    page.get_by_label("Name").fill("Juggle steps")
    page.get_by_role("button", name="Make the workflow").click()
    page.get_by_role("link", name="Add the first step").click()
    add(page, "Fill a template", "template")
    page.get_by_role("link", name="Add below").click()
    add(page, "If", "goes one of two")
    names = page.locator(".outline > li > :is(.step-card, .frame) .step-name")
    expect(names).to_have_count(2)

    page.keyboard.press("Alt+ArrowUp")
    page.wait_for_load_state()
    expect(names.first).to_contain_text("If")

    page.locator(".branch").first.get_by_role("link", name="Add a step").click()
    add(page, "Stop here", "stop")
    expect(page.locator(".branch .step-card")).to_contain_text("Stop here")

    page.get_by_label("More about this step").click()
    page.get_by_role("button", name="Duplicate").last.click()
    expect(page.locator(".branch .step-card")).to_have_count(2)
    page.get_by_label("More about this step").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".branch .step-card")).to_have_count(1)
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(page.locator(".branch .step-card")).to_have_count(2)
    assert complaints == []


def test_a_value_is_put_into_the_field_last_used(page, data, complaints):
    page.goto(f"/w/demo/workflows/{data['workflow']}/steps/summary")
    field(page, "Text").fill("Subject: ")
    page.keyboard.press("Escape")
    page.get_by_text("Values you can use").click()
    page.locator("[data-picker] [data-insert='{{ steps.read.count }}']").click()
    expect(page.locator("[name=with-text]")).to_have_value("Subject: {{ steps.read.count }}")
    expect(page.locator(".cm-editor .ref")).to_have_text("1 › count")
    expect(page.locator("#id_with-text_live")).to_contain_text("Subject: 3")
    assert complaints == []


def test_what_a_save_would_find_is_said_while_one_types(page, data, complaints):
    page.goto(f"/w/demo/workflows/{data['workflow']}/steps/summary")
    field(page, "Text").fill("{{ steps.read.cuont }}")
    expect(page.locator("#id_with-text_live .error")).to_contain_text("count")
    field(page, "Most words").fill("many")
    expect(page.locator("#id_with-max_words_live .error")).to_contain_text("whole number")
    field(page, "Most words").fill("50")
    expect(page.locator("#id_with-max_words_live .error")).to_have_count(0)
    assert complaints == []


def test_what_is_typed_is_saved_before_one_goes_on_to_another_step(page, data, complaints):
    page.goto(f"/w/demo/workflows/{data['workflow']}/steps/line")
    field(page, "Template").fill("Typed and left")
    expect(page.locator("[data-saved]")).to_have_text("Not saved yet")
    page.locator("#a-words").click()
    expect(page.locator(".panel-title")).to_have_text("Summarize the mail")
    expect(page.locator("#a-line")).to_contain_text("Typed and left")
    expect(page.locator("#toasts")).to_contain_text("Saved in the draft")
    field(page, "Most words").fill("many")
    page.locator("#a-line").click()
    expect(page.locator(".panel-title")).to_have_text("Summarize the mail")
    expect(page.locator("#id_with-max_words_live")).to_contain_text("whole number")
    field(page, "Most words").fill("40")
    page.keyboard.press("Control+Enter")
    page.keyboard.type("0")  # on and on, while the save is under way
    expect(page.locator("#toasts [data-toast]").nth(1)).to_contain_text("Saved in the draft")
    expect(page.locator("[name=with-max_words]")).to_have_value("400")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts [data-toast]").nth(2)).to_contain_text("Saved in the draft")
    said = [text for text in complaints if "422" not in text]
    assert said == []


def test_a_step_is_dragged_into_a_branch(page, complaints):
    page.goto("/w/demo/workflows/new")
    page.get_by_label("Name").fill("Drag a step")
    page.get_by_role("button", name="Make the workflow").click()
    page.get_by_role("link", name="Add the first step").click()
    add(page, "Fill a template", "template")
    page.get_by_role("link", name="Add below").click()
    add(page, "If", "goes one of two")
    expect(page.locator("#a-if")).to_have_attribute("aria-current", "true")
    card = page.locator("#s-format .step-card").bounding_box()
    page.mouse.move(card["x"] + 60, card["y"] + 20)
    page.mouse.down()
    page.mouse.move(card["x"] + 60, card["y"] + 40, steps=4)
    place = page.locator("#l-if-then")
    expect(place).to_have_class("outline drop")
    for _ in range(3):  # the list may give way while the step comes nearer
        box = place.bounding_box()
        page.mouse.move(box["x"] + 60, box["y"] + 10, steps=6)
    page.mouse.up()
    expect(page.locator("#l-if-then #s-format")).to_contain_text("Fill a template")
    expect(page.locator("#toasts")).to_contain_text("Moved “Fill a template” to place 1 of 1 in “If”, yes")
    assert complaints == []


def test_keys_go_through_the_outline(page, data):
    page.goto(f"/w/demo/workflows/{data['workflow']}")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent").strip().startswith("2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/steps/any")
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/workflows/{data['workflow']}")


def test_everything_works_without_javascript(chrome, signed_in, product, data):
    context = chrome.new_context(storage_state=signed_in, base_url=product.base, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/w/demo/workflows/{data['empty']}")
    page.get_by_role("link", name="Add the first step").click()
    page.get_by_role("searchbox", name="Search the catalogue").fill("template")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("button", name="Fill a template").click()
    page.locator("[name=with-template]").fill("Plain")
    page.get_by_role("button", name="Save the step").click()
    expect(page.locator(".step-card")).to_contain_text("Plain")
    page.get_by_label("More about this step").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".outline-area")).to_contain_text("No steps yet")
    context.close()


def test_a_switch_gets_cases_and_each_case_its_steps(page, complaints):
    page.goto("/w/demo/workflows/new")
    page.get_by_label("Name").fill("Sort by kind")
    page.get_by_role("button", name="Make the workflow").click()
    page.get_by_role("link", name="Add the first step").click()
    add(page, "Switch", "switch")
    field(page, "Value").fill("bug")
    for count, case in enumerate(("bug", "idea"), 2):
        page.get_by_label("Value of one more case").fill(case)
        page.get_by_role("button", name="Save the step").click()
        expect(page.locator(".branch-name")).to_have_count(count)
    expect(page.locator(".branch-name")).to_have_text(["“bug”", "“idea”", "Otherwise"])
    page.locator(".branch").first.get_by_role("link", name="Add a step").click()
    add(page, "Stop here", "stop")
    expect(page.locator(".branch").first.locator(".step-card")).to_contain_text("Stop here")
    assert complaints == []
    page.locator(".frame-head").click()
    page.get_by_label("Take away").first.check()
    page.get_by_role("button", name="Save the step").click()
    expect(page.locator("#lists .error")).to_contain_text("still holds 1 step")
