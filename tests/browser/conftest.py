"""A real chromium on the real product: web and worker as processes, the demo workspace, the login link used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.pages import prepare
from tests.browser.product import Product, chromium

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is marked `browser`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The product as `make run` starts it, on a data folder of its own."""
    if chromium() is None:
        pytest.skip("There is no chromium on this machine: set CHROMIUM to its path to run the browser tests.")
    with Product() as running:
        yield running


@pytest.fixture(scope="session")
def data(product: Product) -> dict[str, Any]:
    """Example data in the demo workspace, by name."""
    return prepare(product)


@pytest.fixture(scope="package")
def chrome(product: Product) -> Iterator[Any]:
    """The browser; it ends with this folder, because its loop must not be around when other tests use the database."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def signed_in(chrome: Any, product: Product) -> dict[str, Any]:
    """The cookies of the owner, got by using a one-time link."""
    context = chrome.new_context()
    page = context.new_page()
    page.goto(product.login_link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/demo/**")
    state: dict[str, Any] = context.storage_state()
    context.close()
    return state


class Complaints(list[str]):
    """What the browser complained about: errors on the console and in scripts, broken policies."""

    def watch(self, page: Any) -> Callable[[], None]:
        """Listen to a page; the answer stops it."""

        def on_console(said: Any) -> None:
            if said.type in ("error", "warning"):
                self.append(said.text)

        def on_error(error: Any) -> None:
            self.append(str(error))

        def stop() -> None:
            page.remove_listener("console", on_console)
            page.remove_listener("pageerror", on_error)

        page.on("console", on_console)
        page.on("pageerror", on_error)
        return stop


@pytest.fixture
def complaints() -> Complaints:
    """Filled while a page is used."""
    return Complaints()


@pytest.fixture
def page(chrome: Any, signed_in: dict[str, Any], product: Product, complaints: Complaints) -> Iterator[Any]:
    """A page of the signed-in owner; addresses are relative to the product."""
    context = chrome.new_context(
        storage_state=signed_in, base_url=product.base, viewport={"width": 1440, "height": 900}
    )
    context.set_default_timeout(float(os.environ.get("BROWSER_TIMEOUT", "20000")))
    found = context.new_page()
    complaints.watch(found)
    yield found
    context.close()
