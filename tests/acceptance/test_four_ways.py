"""One workflow run by page, by API, by command and by Python, each with the same record."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest

from tests.product import ROOT, Product

SLUG, INPUTS = "simple_ai_completion", {"prompt": "A haiku about queues"}
PYTHON = """
import django; django.setup()
from accounts.actor import Actor
from accounts.models import Member
from workflows.operations.runs import start_run
member = Member.objects.unscoped("a script of the owner's").select_related("workspace", "user").get(role="owner")
run = start_run(Actor.of_member(member), "simple_ai_completion", {"prompt": "A haiku about queues"}, wait=30)
print(run.pk)
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with Product(tmp_path_factory.mktemp("ways")) as running:
        yield running


def by_api(product: Product) -> str:
    run = product.run(SLUG, INPUTS)
    assert run["status"] == "succeeded"
    return run["id"]


def by_command(product: Product) -> str:
    done = product.manage(
        "run_workflow", SLUG, "--workspace", "demo", "--input", f"prompt={INPUTS['prompt']}", "--wait"
    )
    return json.loads(done.stdout)["id"]


def by_python(product: Product) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PYTHON], cwd=ROOT, env=product.environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1]


def by_page(product: Product) -> str:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    path = product.manage("login_link").stdout.strip().removeprefix(product.base)
    _press(browser, product.base + path)
    address = _press(browser, f"{product.base}/w/demo/workflows/{SLUG}/run", **{"input_prompt": INPUTS["prompt"]})
    return re.search(r"/runs/([0-9a-f-]{36})", address)[1]


def _press(browser, address: str, **fields: str) -> str:
    """Open a page with a form and send it; returns where that leads."""
    page = browser.open(address, timeout=30).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    data = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
    return browser.open(urllib.request.Request(address, data, {"Referer": address}), timeout=30).url


def record(product: Product, run_id: str):
    """What is the same whoever started it."""
    run = product.wait_for(run_id)
    steps = product.api("GET", f"/api/v1/runs/{run_id}/steps").body["results"]
    own = ("id", "url", "trigger", "created_at", "started_at", "finished_at")
    kept = {name: value for name, value in run.items() if name not in own}
    return kept, [(s["key"], s["path"], s["action"], s["status"], s["input"], s["output"]) for s in steps]


def test_the_record_is_the_same_whichever_way(product):
    started = {"api": by_api, "command": by_command, "python": by_python, "page": by_page}
    ids = {kind: start(product) for kind, start in started.items()}
    records = [record(product, run_id) for run_id in ids.values()]
    assert all(found == records[0] for found in records), records
    for kind, run_id in ids.items():
        assert product.api("GET", f"/api/v1/runs/{run_id}").body["trigger"]["kind"] == kind


def test_the_command_says_by_its_exit_status_how_it_went(product):
    bad = product.manage("run_workflow", SLUG, "--workspace", "demo", "--input", "nobody=1", "--wait", check=False)
    assert bad.returncode != 0 and "nobody" in bad.stderr + bad.stdout
