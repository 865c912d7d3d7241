"""Every page of the product that can be looked at, by name; and the example data that fills them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.product import Product

EXAMPLE_DATA = Path(__file__).with_name("example_data.py")


@dataclass(frozen=True)
class Place:
    """A page: a short name, its address, whether one is signed in there."""

    name: str
    path: str
    signed_in: bool = True


def prepare(product: Product) -> dict[str, Any]:
    """Fill the demo workspace with workflows, runs and variables."""
    said = product.manage("shell", "-v", "0", "-c", EXAMPLE_DATA.read_text()).stdout
    line = next(line for line in said.splitlines() if line.startswith("DATA "))
    found: dict[str, Any] = json.loads(line.removeprefix("DATA "))
    return found


def places(data: dict[str, Any]) -> list[Place]:
    """The pages worth looking at, in the order of a first visit."""
    w, flow, broken = "/w/demo/", f"/w/demo/workflows/{data['workflow']}", f"/w/demo/workflows/{data['broken']}"
    return [
        Place("login", "/accounts/login/", signed_in=False),
        Place("not-here", "/w/elsewhere/"),
        Place("home", w),
        Place("inbox", f"{w}inbox"),
        Place("wait", f"{w}inbox/{data['wait_open']}"),
        Place("wait-decided", f"{w}inbox/{data['wait_decided']}"),
        Place("step-approve", f"{w}workflows/{data['waiting']}/steps/ask"),
        Place("step-wait", f"{w}workflows/{data['waiting']}/steps/paid"),
        Place("step-wait-fails", f"{w}workflows/{data['waiting']}/steps/paid?tab=fails"),
        Place("step-run-workflow", f"{w}workflows/{data['waiting']}/steps/report"),
        Place("run-waiting", f"{w}runs/{data['run_waiting']}"),
        Place("run-event", f"{w}runs/{data['run_event']}"),
        Place("workflows", f"{w}workflows"),
        Place("workflows-none", f"{w}workflows?q=zebra"),
        Place("workflow-new", f"{w}workflows/new"),
        Place("workflow-import", f"{w}workflows/import"),
        Place("tests", f"{flow}/tests"),
        Place("permissions", f"{flow}/permissions"),
        Place("imported", f"{w}workflows/{data['imported']}/imported"),
        Place("describe", f"{w}workflows/describe"),
        Place("gallery", f"{w}gallery"),
        Place("gallery-none", f"{w}gallery?q=zebra"),
        Place("gallery-item", f"{w}gallery/cv_screening"),
        Place("template-new", f"{flow}/template"),
        Place("workflow", flow),
        Place("workflow-empty", f"{w}workflows/{data['empty']}"),
        Place("workflow-problems", broken),
        Place("step", f"{flow}/steps/summary"),
        Place("step-if", f"{flow}/steps/any"),
        Place("step-loop", f"{flow}/steps/each"),
        Place("step-fails", f"{flow}/steps/summary?tab=fails"),
        Place("step-output", f"{flow}/steps/read?tab=output"),
        Place("ways", f"{w}workflows/{data['ways']}"),
        Place("step-switch", f"{w}workflows/{data['ways']}/steps/sort"),
        Place("step-parallel", f"{w}workflows/{data['ways']}/steps/both"),
        Place("step-repeat", f"{w}workflows/{data['ways']}/steps/again"),
        Place("step-notes", f"{flow}/steps/read?tab=notes"),
        Place("step-try", f"{flow}/steps/read/try"),
        Place("step-problems", f"{broken}/steps/issue"),
        Place("step-new", f"{flow}/steps/new?parent=each&branch=do&index=1"),
        Place("workflow-settings", f"{flow}/settings"),
        Place("triggers", f"{flow}/triggers"),
        Place("triggers-none", f"{broken}/triggers"),
        Place("trigger-new-schedule", f"{flow}/triggers/new?kind=schedule"),
        Place("trigger-new-webhook", f"{flow}/triggers/new?kind=webhook"),
        Place("trigger-schedule", f"{w}triggers/{data['trigger_timed']}"),
        Place("trigger-webhook", f"{w}triggers/{data['trigger_hooked']}"),
        Place("trigger-delivery", f"{w}triggers/{data['trigger_hooked']}/deliveries/1"),
        Place("publish", f"{flow}/publish"),
        Place("publish-problems", f"{broken}/publish"),
        Place("versions", f"{flow}/versions"),
        Place("version", f"{flow}/versions/1"),
        Place("run-form", f"{flow}/run"),
        Place("runs", f"{w}runs"),
        Place("runs-none", f"{w}runs?q=zebra"),
        Place("run", f"{w}runs/{data['run']}"),
        Place("run-loop", f"{w}runs/{data['run_loop']}"),
        Place("run-ways", f"{w}runs/{data['run_ways']}"),
        Place("run-dry", f"{w}runs/{data['run_planned']}"),
        Place("run-failed", f"{w}runs/{data['run_failed']}"),
        Place("run-continued", f"{w}runs/{data['run_continued']}"),
        Place("run-again", f"{w}runs/{data['run_failed']}/again?from=stop_here"),
        Place("run-again-changes", f"{w}runs/{data['run']}/again"),
        Place("runs-batch", f"{w}runs?batch={data['batch']}"),
        Place("runs-compared", f"{w}runs/compare?a={data['run_failed']}&b={data['run_continued']}"),
        Place("batch", f"{flow}/batch"),
        Place("run-asked", f"{w}runs/{data['run_asked']}"),
        Place("effects", f"{w}effects"),
        Place("prompts", f"{w}prompts/"),
        Place("prompt", f"{w}prompts/{data['prompt']}/"),
        Place("prompt-new", f"{w}prompts/new/"),
        Place("prompt-import", f"{w}prompts/import/"),
        Place("files", f"{w}files"),
        Place("workspace-delete", f"{w}settings/delete"),
        Place("connections", f"{w}connections/"),
        Place("connection-new", f"{w}connections/new/"),
        Place("connection-form", f"{w}connections/new/?service=notion"),
        Place("connection", f"{w}connections/{data['connection']}/"),
        Place("connection-switch", f"{w}connections/{data['connection']}/switch"),
        Place("catalogue", f"{w}catalogue/"),
        Place("catalogue-none", f"{w}catalogue/?q=zebra"),
        Place("catalogue-action", f"{w}catalogue/http.send/"),
        Place("stored", f"{w}stored/"),
        Place("stored-none", f"{w}stored/?q=zebra"),
        Place("connection-new-http", f"{w}connections/new/?service=http"),
        Place("sandbox", f"{w}sandbox/"),
        Place("sandbox-notion", f"{w}sandbox/notion/"),
        Place("sandbox-gmail", f"{w}sandbox/gmail/"),
        Place("sandbox-thing", f"{w}sandbox/notion/{data['thing']}/"),
        Place("members", f"{w}members/"),
        Place("tokens", f"{w}tokens/"),
        Place("variables", f"{w}variables"),
        Place("variable", f"{w}variables?name=labels"),
        Place("audit", f"{w}audit/"),
        Place("workspace-settings", f"{w}settings/"),
    ]
