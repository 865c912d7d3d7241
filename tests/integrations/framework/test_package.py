"""A package that somebody else wrote: installed by pip, its action is there."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from django.conf import settings

EXAMPLE = Path(settings.BASE_DIR) / "examples" / "hello_package"


def test_ten_lines_in_a_package_of_their_own_add_an_action(tmp_path):
    source = (EXAMPLE / "hello_orchestrator.py").read_text()
    lines = [line for line in source.splitlines()[1:] if line.strip()]
    assert len(lines) <= 10
    for name in ("pyproject.toml", "hello_orchestrator.py"):
        (tmp_path / name).write_text((EXAMPLE / name).read_text())
    site = tmp_path / "site"
    install = ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--no-compile"]
    subprocess.run([sys.executable, *install, "--target", str(site), str(tmp_path)], check=True, capture_output=True)
    code = """
        import django
        django.setup()
        from integrations import catalogue, registry
        from integrations.docs import page
        from tests.integrations.gate import run_action
        print(run_action("hello.greet", {"name": "Ada"}).output["text"])
        known = "### hello.greet" in page(), "github" in registry.integrations()
        print(catalogue.entries(service="hello")[0]["title"], *known)
    """
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": f".{os.pathsep}{site}"},
        capture_output=True,
        text=True,
        check=True,
        cwd=settings.BASE_DIR,
    )
    assert told.stdout.split("\n")[:2] == ["Hello, Ada!", "Say hello True True"]
