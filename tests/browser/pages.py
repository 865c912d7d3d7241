"""Every page of the product that can be looked at, by name; and the example data that fills them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.browser.product import Product

PREPARE = """
import json
from accounts.actor import Actor
from accounts.models import Workspace
from workflows.operations import drafts, runs, workflows
from workflows.operations.publish import publish_workflow
from workflows.operations.variables import set_variable
from workflows.operations.workflows import get_workflow

space = Workspace.objects.get(slug="demo")
actor = Actor.system(space, "example data")
support = {
    "format": 1, "name": "Sort support mail", "description": "Reads unread mail, sorts it and notes what needs an answer.",
    "inputs": [{"name": "query", "type": "text", "required": False, "default": "is:unread", "label": "Which mail"},
               {"name": "note", "type": "long_text", "label": "Note for the log"}],
    "steps": [
        {"key": "read", "name": "Read the mailbox", "action": "gmail.search", "with": {"query": "{{ inputs.query }}", "limit": 3}},
        {"key": "any", "name": "If there is mail", "action": "if", "with": {"condition": "steps.read.messages.size > 0"},
         "then": [{"key": "summary", "name": "Summarize the newest", "action": "ai.summarize",
                   "with": {"text": "{{ steps.read.messages[0].text }}", "max_words": 60}}],
         "else": [{"key": "nothing", "name": "Say that there is none", "action": "data.format", "with": {"template": "No mail."}}]},
        {"key": "each", "name": "For each mail", "action": "for_each", "with": {"items": "{{ steps.read.messages }}"},
         "do": [{"key": "line", "name": "Write a line", "action": "data.format", "with": {"template": "{{ item.subject }}"}},
                {"key": "words", "name": "Summarize the mail", "action": "ai.summarize", "with": {"text": "{{ item.text }}", "max_words": 40}}]},
    ],
    "outputs": {"count": "{{ steps.each.count }}"},
}
made = workflows.create_workflow(actor, support, draft=True)
problems = [p.message for p in drafts.draft_problems(made) if p.is_error]
if problems:
    raise SystemExit("; ".join(problems))
publish_workflow(actor, made, "First version")
made = drafts.edit_step(actor, get_workflow(actor, made.slug), "summary", {"name": "Summarize the newest mail"}, if_match="*")
broken = workflows.create_workflow(actor, {"format": 1, "name": "Half done", "steps": [
    {"key": "issue", "name": "Create an issue", "action": "github.create_issue", "with": {"title": "{{ inputs.nothing }}"}}]}, draft=True)
failing = workflows.create_workflow(actor, {"format": 1, "name": "Refuse without a repository", "steps": [
    {"key": "text", "name": "Write the text", "action": "data.format", "with": {"template": "Hello"}},
    {"key": "stop_here", "name": "Fail", "action": "fail", "with": {"message": "No repository was given."}}]})
publish_workflow(actor, failing)
empty = workflows.create_workflow(actor, {"format": 1, "name": "Nothing yet", "steps": []}, draft=True)
set_variable(actor, "tone", "friendly and short", help="How replies sound")
set_variable(actor, "labels", ["bug", "question"], help="Labels that may be used")
found = {}
for slug in ("email_to_notion", made.slug, failing.slug):
    found[slug] = runs.start_run(actor, slug, {}, trigger_kind="python", wait=40)
runs.start_run(actor, made.slug, {}, version="draft", trigger_kind="api", wait=30)
print("DATA " + json.dumps({
    "workflow": made.slug, "broken": broken.slug, "empty": empty.slug, "failing": failing.slug,
    "run": str(found["email_to_notion"].pk), "run_loop": str(found[made.slug].pk), "run_failed": str(found[failing.slug].pk),
}))
"""


@dataclass(frozen=True)
class Place:
    """A page: a short name, its address, whether one is signed in there."""

    name: str
    path: str
    signed_in: bool = True


def prepare(product: Product) -> dict[str, Any]:
    """Fill the demo workspace with workflows, runs and variables."""
    said = product.manage("shell", "-v", "0", "-c", PREPARE)
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
        Place("workflows", f"{w}workflows"),
        Place("workflows-none", f"{w}workflows?q=zebra"),
        Place("workflow-new", f"{w}workflows/new"),
        Place("workflow-import", f"{w}workflows/import"),
        Place("workflow", flow),
        Place("workflow-empty", f"{w}workflows/{data['empty']}"),
        Place("workflow-problems", broken),
        Place("step", f"{flow}/steps/summary"),
        Place("step-if", f"{flow}/steps/any"),
        Place("step-loop", f"{flow}/steps/each"),
        Place("step-fails", f"{flow}/steps/summary?tab=fails"),
        Place("step-output", f"{flow}/steps/read?tab=output"),
        Place("step-notes", f"{flow}/steps/read?tab=notes"),
        Place("step-problems", f"{broken}/steps/issue"),
        Place("step-new", f"{flow}/steps/new?parent=each&branch=do&index=1"),
        Place("workflow-settings", f"{flow}/settings"),
        Place("publish", f"{flow}/publish"),
        Place("publish-problems", f"{broken}/publish"),
        Place("versions", f"{flow}/versions"),
        Place("version", f"{flow}/versions/1"),
        Place("run-form", f"{flow}/run"),
        Place("runs", f"{w}runs"),
        Place("runs-none", f"{w}runs?q=zebra"),
        Place("run", f"{w}runs/{data['run']}"),
        Place("run-loop", f"{w}runs/{data['run_loop']}"),
        Place("run-failed", f"{w}runs/{data['run_failed']}"),
        Place("effects", f"{w}effects"),
        Place("prompts", f"{w}prompts"),
        Place("prompt", f"{w}prompts/{data.get('prompt', 'summarize_email')}"),
        Place("connections", f"{w}connections"),
        Place("connection-new", f"{w}connections/new"),
        Place("sandbox", f"{w}sandbox"),
        Place("sandbox-notion", f"{w}sandbox/notion"),
        Place("sandbox-gmail", f"{w}sandbox/gmail"),
        Place("members", f"{w}members"),
        Place("tokens", f"{w}tokens"),
        Place("variables", f"{w}variables"),
        Place("variable", f"{w}variables?name=labels"),
        Place("audit", f"{w}audit"),
        Place("workspace-settings", f"{w}settings"),
    ]
