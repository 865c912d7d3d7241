"""`make screenshots`: starts the product, visits every page, writes light, dark and 360 px pictures to docs/screens/.

ARGS="home run" takes only some pages. Prints a table: the page, its status, and whether it scrolls sideways at 360 px.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright  # noqa: E402

from tests.browser.pages import Place, places, prepare  # noqa: E402
from tests.browser.product import Product, chromium  # noqa: E402

SCREENS = ROOT / "docs" / "screens"
README_PICTURE = ROOT / "docs" / "img" / "run.png"
LOOKS = {"light": (1440, 900, "light"), "dark": (1440, 900, "dark"), "360": (360, 780, "light")}


def main(wanted: list[str]) -> int:
    """Take the pictures; 1 when a page scrolls sideways or did not answer well."""
    executable = chromium()
    if executable is None:
        print("There is no chromium here; set CHROMIUM to its path.")
        return 1
    SCREENS.mkdir(parents=True, exist_ok=True)
    with Product() as product, sync_playwright() as playwright:
        data = prepare(product)
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        chosen = [place for place in places(data) if not wanted or place.name in wanted]
        wrong = [place.name for place in chosen if not _take(browser, product, place)]
        browser.close()
    if not wanted or "run" in wanted:
        README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SCREENS / "run-light.png", README_PICTURE)
    print(
        f"\n{len(chosen)} pages in {SCREENS.relative_to(ROOT)}; {len(wrong)} to look at: {', '.join(wrong) or 'none'}"
    )
    return 1 if wrong else 0


_states: dict[str, object] = {}


def _take(browser: Browser, product: Product, place: Place) -> bool:
    """All looks of one page; True when it is well."""
    said, well = [], True
    for look, (width, height, scheme) in LOOKS.items():
        context = _context(browser, product, place, width, height, scheme)
        page = context.new_page()
        answer = page.goto(product.base + place.path, wait_until="load")
        page.wait_for_timeout(150)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": max(height, min(tall, 6000))})
        page.screenshot(path=SCREENS / f"{place.name}-{look}.png", full_page=True, animations="disabled")
        status = answer.status if answer else 0
        fine = wide <= 0 and (status < 400 or place.name.startswith("not-"))
        well = well and fine
        said.append(f"{look} {status}{'' if wide <= 0 else f' scrolls {wide} px'}")
        context.close()
    print(f"{place.name:20} {' · '.join(said)}{'' if well else '   <<<'}", flush=True)
    return well


def _context(browser: Browser, product: Product, place: Place, width: int, height: int, scheme: str) -> BrowserContext:
    if not place.signed_in:
        return browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    if "state" not in _states:
        first = browser.new_context()
        sign_in(first.new_page(), product)
        _states["state"] = first.storage_state()
        first.close()
    return browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, storage_state=_states["state"]
    )


def sign_in(page: Page, product: Product) -> None:
    """Use a one-time link as a person does."""
    page.goto(product.login_link())
    if page.get_by_role("button", name="Sign in").count():
        page.get_by_role("button", name="Sign in").first.click()
    page.wait_for_url("**/w/demo/**")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
