"""The real product for a browser: on a folder that is gone afterwards, with one-time sign-in addresses."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests import product


class Product(product.Product):
    """A running product; `with Product() as product: product.base, product.login_link()`."""

    def __init__(self) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="awo-product-")), WORKERS="1")

    def __exit__(self, *_: Any) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def login_link(self) -> str:
        """A fresh one-time sign-in address."""
        found = re.search(r"https?://\S+", self.manage("login_link").stdout)
        assert found, "login_link printed no address"
        return found.group()


def chromium() -> str | None:
    """The browser to drive: CHROMIUM, or the usual places."""
    wanted = os.environ.get("CHROMIUM")
    names = [wanted] if wanted else ["/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if name and (path := shutil.which(name))), None)
