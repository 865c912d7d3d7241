"""Every page: nothing for axe to complain about in light and dark, nothing on the console, no sideways scrolling."""

from collections import defaultdict

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import places

NAMES = [place.name for place in places(defaultdict(str))]
WIDTH = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


LOOKS = (("light", 1440), ("dark", 1440), ("light", 360))


@pytest.fixture(scope="package")
def windows(chrome, product, signed_in):
    """A window for each look: one of the owner, one of nobody."""
    made = {}
    for scheme, width in LOOKS:
        for state in (signed_in, None):
            context = chrome.new_context(
                storage_state=state,
                base_url=product.base,
                color_scheme=scheme,
                viewport={"width": width, "height": 800},
            )
            made[scheme, width, state is not None] = context.new_page()
    return made


def findings(page, place, look):
    """What axe finds on a page, and by how much it scrolls sideways."""
    page.goto(place.path)
    found = [f"{look}: {each['id']} {_where(each)}" for each in Axe().run(page).response["violations"]]
    wide = page.evaluate(WIDTH)
    return found + ([f"{look}: scrolls {wide} px sideways"] if wide > 0 else [])


def _where(violation):
    return "; ".join(f"{node['target']} {node['html'][:160]}" for node in violation["nodes"][:3])


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_well(windows, data, complaints, name):
    place = next(place for place in places(data) if place.name == name)
    wrong = []
    for look in LOOKS:
        page = windows[(*look, place.signed_in)]
        stop = complaints.watch(page)
        wrong += findings(page, place, look)
        stop()
    said = [text for text in complaints if not (name.startswith("not-") and "404" in text)]
    assert wrong + said == []
