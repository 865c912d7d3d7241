"""W6: the second start of the product (`manage.py up`, what `make run` ends in), and what it costs while idle."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks.stage import ROOT, Meter, Stage, wait_for_page

IDLE_SECONDS = 20
IMPORTS = (
    "import time; import django; django.setup(); from django.core.wsgi import get_wsgi_application as application; "
    "application(); from django.urls import get_resolver; list(get_resolver().url_patterns); print(time.process_time())"
)
Found = dict[str, float]


def w6(stage: Stage) -> Found:
    """Seconds to the first page of a second start; PSS and CPU of web and workers at idle; the web's import time."""
    from django.urls import reverse

    page = f"{stage.base}{reverse('account_login')}"
    took = 0.0
    for _ in range(2):
        stage.stop_commands()
        began = time.monotonic()
        tree = stage.manage("up")
        wait_for_page(page, 60)
        took = time.monotonic() - began
        time.sleep(2)
    time.sleep(10)
    meter = Meter(stage, up=tree)
    time.sleep(IDLE_SECONDS)
    return {
        "second_start_s": round(took, 2),
        "idle_pss_mb": round(tree.pss()),
        "idle_cpu_percent": round(100 * meter.cpu() / IDLE_SECONDS, 2),
        "web_import_cpu_s": round(float(_import(stage)), 2),
    }


def _import(stage: Stage) -> str:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], cwd=ROOT, env={**os.environ, **stage.environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout
