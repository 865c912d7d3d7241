"""Run in `manage.py shell`: fills the demo workspace with workflows, runs and variables; prints their names."""

import json
from datetime import timedelta
from pathlib import Path

from accounts.actor import Actor
from accounts.models import Workspace
from integrations.models import Connection, SandboxObject, StoredValue
from orchestrator_site.lib.clock import now
from prompts.models import Prompt
from workflows.models import Effect, Run, StepRun, Wait
from workflows.operations import drafts, runs, workflows
from workflows.operations.imports import import_workflow
from workflows.operations.publish import publish_workflow
from workflows.operations.variables import set_variable
from workflows.operations.workflows import get_workflow

space = Workspace.objects.get(slug="demo")
actor = Actor.system(space, "example data")
support = {
    "format": 1,
    "name": "Sort support mail",
    "description": "Reads unread mail, sorts it and notes what needs an answer.",
    "inputs": [
        {"name": "query", "type": "text", "required": False, "default": "is:unread", "label": "Which mail"},
        {"name": "note", "type": "long_text", "label": "Note for the log"},
    ],
    "steps": [
        {
            "key": "read",
            "name": "Read the mailbox",
            "action": "gmail.search",
            "with": {"query": "{{ inputs.query }}", "limit": 3},
        },
        {
            "key": "any",
            "name": "If there is mail",
            "action": "if",
            "with": {"condition": "steps.read.messages.size > 0"},
            "then": [
                {
                    "key": "summary",
                    "name": "Summarize the newest",
                    "action": "ai.summarize",
                    "with": {"text": "{{ steps.read.messages[0].text }}", "max_words": 60},
                }
            ],
            "else": [
                {
                    "key": "nothing",
                    "name": "Say that there is none",
                    "action": "data.format",
                    "with": {"template": "No mail."},
                }
            ],
        },
        {
            "key": "each",
            "name": "For each mail",
            "action": "for_each",
            "with": {"items": "{{ steps.read.messages }}"},
            "do": [
                {
                    "key": "line",
                    "name": "Write a line",
                    "action": "data.format",
                    "with": {"template": "{{ item.subject }}"},
                },
                {
                    "key": "words",
                    "name": "Summarize the mail",
                    "action": "ai.summarize",
                    "with": {"text": "{{ item.text }}", "max_words": 40},
                },
            ],
        },
    ],
    "outputs": {"count": "{{ steps.each.count }}"},
}
ways = {
    "format": 1,
    "name": "Ways through a workflow",
    "inputs": [{"name": "kind", "type": "text", "default": "bug"}],
    "steps": [
        {
            "key": "sort",
            "name": "Sort by kind",
            "action": "switch",
            "with": {"value": "{{ inputs.kind }}"},
            "cases": [
                {
                    "equals": "bug",
                    "steps": [{"key": "bug", "action": "data.format", "with": {"template": "A bug"}}],
                },
                {
                    "equals": "idea",
                    "steps": [{"key": "idea", "action": "data.format", "with": {"template": "An idea"}}],
                },
            ],
            "else": [{"key": "other", "action": "stop", "with": {"message": "Nothing to do."}}],
        },
        {
            "key": "both",
            "name": "Look in both places",
            "action": "parallel",
            "with": {"join": "any"},
            "timeout": 60,
            "branches": [
                {"key": "mail", "steps": [{"key": "mails", "action": "gmail.search", "with": {"limit": 2}}]},
                {"key": "pages", "steps": [{"key": "found", "action": "notion.search", "with": {"query": "log"}}]},
            ],
        },
        {
            "key": "again",
            "name": "Until it is long enough",
            "action": "repeat",
            "with": {"until": "steps.longer.text.size > 5", "limit": 9},
            "do": [
                {"key": "longer", "action": "data.format", "with": {"template": "{{ last.longer.text }}ab"}},
            ],
        },
        {
            "key": "answer",
            "name": "Read a mail that is not there",
            "action": "gmail.get_message",
            "with": {"id": "nowhere"},
            "on_error": {
                "do": "branch",
                "steps": [
                    {"key": "say", "action": "data.format", "with": {"template": "Sorry: {{ error.message }}"}},
                ],
            },
        },
    ],
    "outputs": {"size": "{{ steps.again.count }}"},
}
forked = workflows.create_workflow(actor, ways)
publish_workflow(actor, forked)
ways_run = runs.start_run(actor, forked.slug, wait=30)
made = workflows.create_workflow(actor, support, draft=True)
problems = [p.message for p in drafts.draft_problems(made) if p.is_error]
if problems:
    raise SystemExit("; ".join(problems))
publish_workflow(actor, made, "First version")
made = drafts.edit_step(
    actor, get_workflow(actor, made.slug), "summary", {"name": "Summarize the newest mail"}, if_match="*"
)
broken = workflows.create_workflow(
    actor,
    {
        "format": 1,
        "name": "Half done",
        "steps": [
            {
                "key": "issue",
                "name": "Create an issue",
                "action": "github.create_issue",
                "with": {"title": "{{ inputs.nothing }}"},
            }
        ],
    },
    draft=True,
)
failing = workflows.create_workflow(
    actor,
    {
        "format": 1,
        "name": "Refuse without a repository",
        "steps": [
            {"key": "text", "name": "Write the text", "action": "data.format", "with": {"template": "Hello"}},
            {"key": "stop_here", "name": "Fail", "action": "fail", "with": {"message": "No repository was given."}},
        ],
    },
)
publish_workflow(actor, failing)
empty = workflows.create_workflow(actor, {"format": 1, "name": "Nothing yet", "steps": []}, draft=True)
set_variable(actor, "tone", "friendly and short", help="How replies sound")
set_variable(actor, "labels", ["bug", "question"], help="Labels that may be used")
found = {}
for slug in ("email_to_notion", made.slug, failing.slug):
    found[slug] = runs.start_run(actor, slug, {}, trigger_kind="python", wait=40)
runs.start_run(actor, made.slug, {}, version="draft", trigger_kind="api", wait=30)
continued = runs.rerun(actor, found[failing.slug], from_step="@failed", wait=20)
batch = runs.start_batch(actor, made.slug, [{"note": str(number)} for number in range(3)])


def triggers_of(slug):
    """A schedule and a webhook of a workflow, on, with a try and with a delivery that was refused its inputs."""
    from workflows.operations.deliveries import run_event
    from workflows.operations.triggers import NewTrigger, create_trigger

    daily = {"at": ["09:00", "17:30"], "weekdays": ["mon", "tue", "wed", "thu", "fri"], "timezone": "Europe/Berlin"}
    timed = create_trigger(actor, NewTrigger(slug, "schedule", "Each morning", config=daily, enabled=True)).trigger
    hooked = create_trigger(actor, NewTrigger(slug, "webhook", "Orders from the shop", enabled=True)).trigger
    run_event(actor, hooked, event={"body": {"order": 4471}, "headers": {}, "query": {}})
    return str(timed.pk), str(hooked.pk)


trigger_timed, trigger_hooked = triggers_of(made.slug)


def asked_run():
    """A run whose change was sent and not answered, and that cannot be looked up: a person is asked."""
    steps = [
        {"key": "text", "name": "Write the note", "action": "data.format", "with": {"template": "Order a new hub"}},
        {
            "key": "issue",
            "name": "Create an issue",
            "action": "github.create_issue",
            "with": {"repository": "fernhill/shop", "title": "{{ steps.text.text }}"},
        },
    ]
    workflow = workflows.create_workflow(actor, {"format": 1, "name": "Order parts", "steps": steps})
    version = publish_workflow(actor, workflow)
    begin = now() - timedelta(seconds=91)
    run = Run.objects.create(
        workspace=space,
        workflow=workflow,
        version=version,
        status="attention",
        started_at=begin,
        started_by="Owner",
        due_at=now() + timedelta(days=3650),
    )
    own = {"workspace": space, "run": run}
    StepRun.objects.create(
        **own, key="text", action="data.format", kind="pure", status="succeeded", output={"text": "Order a new hub"},
        input={"template": "Order a new hub"}, started_at=begin, finished_at=begin + timedelta(seconds=1),
    )  # fmt: skip
    step = StepRun.objects.create(
        **own, key="issue", action="github.create_issue", kind="effect", status="waiting", attempts_count=1,
        input={"repository": "fernhill/shop", "title": "Order a new hub"}, started_at=begin + timedelta(seconds=1),
    )  # fmt: skip
    effect = Effect.objects.create(
        **own, step_run=step, key="example", op="issue", state="unknown", request_sha256="0" * 64, looks=3,
        target={"repository": "fernhill/shop"}, request={"title": "Order a new hub", "body": "Rear wheel, batch 11"},
        search_url="https://github.com/fernhill/shop/issues", sent_at=begin + timedelta(seconds=2),
    )  # fmt: skip
    Wait.objects.create(
        **own, step_run=step, effect=effect, kind="unknown", title="Was the issue “Order a new hub” created?",
        body="GitHub closed the connection before it answered, and three looks did not find it.",
    )  # fmt: skip
    return run


def planned_run():
    """A dry run: a mail, a page before and after, a file, and a call that nobody can tell."""
    from workflows.models import PlannedEffect

    asked = Run.objects.of(space).get(pk=run_asked)
    run = Run.objects.create(
        workspace=space, workflow=asked.workflow, version=asked.version, status="succeeded", mode="dry",
        started_at=now(), finished_at=now(), started_by="Owner", input_tokens=900, cost_usd="0.0151",
    )  # fmt: skip
    own = {"workspace": space, "run": run}
    step = StepRun.objects.create(
        **own, key="issue", action="github.create_issue", kind="effect", status="succeeded", started_at=now(),
        decision={"assumed": "“Send this reply?” was taken as approved; nobody was asked."},
    )  # fmt: skip
    long = "Hi Anna, thank you for writing, and sorry about the grinding hub on your new wheel. " * 8
    plans = [
        ("gmail.send", "send_draft", "Sends “Re: Refund” to anna.keller@example.org.",
         {"to": ["anna.keller@example.org"]}, None,
         {"to": ["anna.keller@example.org"], "subject": "Re: Refund", "text": long}),
        ("notion.update_page", "update_page", "Changes the page “Order 4471”.", {"page": "1f2e3d"},
         {"Status": "New", "Owner": None, "Topic": "Bikes"},
         {"Status": "Refund offered", "Owner": "Mara", "Topic": "Bikes"}),
        ("github.commit_file", "commit_file", "Replaces docs/returns.md in fernhill/shop, branch main.",
         {"repository": "fernhill/shop", "path": "docs/returns.md"}, {"content": "## Rear wheels\n- Batch 11: none\n"},
         {"content": "## Rear wheels\n- Batch 11: grinding hub\n- Any sturdy carton\n"}),
        ("other.call", "call", "Tell the warehouse cannot tell what it would change.", {}, None, None),
    ]  # fmt: skip
    for seq, (action, op, summary, target, before, after) in enumerate(plans, 1):
        PlannedEffect.objects.create(
            **own, step_run=step, seq=seq, action=action, op=op, summary=summary, target=target, before=before,
            after=after, state="stopped" if action == "other.call" else "planned",
        )  # fmt: skip
    return run


def approvals():
    """A workflow with every step that waits, a run that waits for a decision, and one that was decided with changes."""
    fields = [
        {"name": "to", "label": "To", "required": True, "value": "anna.keller@example.org"},
        {"name": "text", "label": "Reply", "type": "long_text", "value": "Hi Anna,\n\nyou get €198.00 back.\n\nMara"},
        {"name": "when", "label": "On", "type": "date", "value": "2026-12-01"},
    ]
    ask = {"title": "Approve the reply to Anna Keller", "body": "This mail leaves the company.", "fields": fields}
    steps = [
        {"key": "ask", "name": "Approve the reply", "action": "approve", "with": {**ask, "due": 86400}},
        {"key": "paid", "name": "Wait for the payment", "action": "wait", "with": {"event": "paid"}},
        {"key": "report", "name": "Report", "action": "run_workflow", "with": {"workflow": made.slug}},
    ]
    flow = workflows.create_workflow(actor, {"format": 1, "name": "Answer a customer", "steps": steps})
    version = publish_workflow(actor, flow)
    runs = []
    for decided in (False, True):
        run = Run.objects.create(
            workspace=space, workflow=flow, version=version, status="waiting", started_at=now(), started_by="Owner",
            claims=1, due_at=now() + timedelta(days=3650),
        )  # fmt: skip
        own = {"workspace": space, "run": run}
        step = StepRun.objects.create(
            **own, key="ask", action="approve", kind="control", status="succeeded" if decided else "waiting",
            input=ask, started_at=now(), decision={},
            output={"decision": "approve", "values": {}, "edited": ["text"], "decided_by": "Mara"} if decided else None,
        )  # fmt: skip
        wait = Wait.objects.create(
            **own, step_run=step, kind="approval", title=ask["title"], body=ask["body"], fields=fields,
            rules={"approvers": ["owner"], "tainted": True}, due_at=now() + timedelta(hours=4),
        )  # fmt: skip
        if decided:
            values = {
                **{one["name"]: one["value"] for one in fields},
                "text": "Hi Anna,\n\nyou get €189.00 back.\n\nMara",
            }
            Wait.objects.of(space).filter(pk=wait.pk).update(
                decision="approve", values=values, decided_by="Mara", decided_at=now(), comment="The sum was wrong."
            )
            waits = StepRun.objects.create(
                **own, key="paid", action="wait", kind="control", status="waiting", started_at=now(), decision={},
                input={"event": "paid"},
            )  # fmt: skip
            Wait.objects.create(**own, step_run=waits, kind="event", title="paid")
        runs.append((str(run.pk), str(wait.pk)))
    return flow.slug, runs


waiting_flow, ((run_waiting, wait_open), (run_event, wait_decided)) = approvals()


run_asked = str(asked_run().pk)
own = {"owner": str(get_workflow(actor, made.slug).pk), "workflow": made.slug}
StoredValue.objects.create(workspace=space, key="office", value={"city": "Oslo", "desks": 14})
StoredValue.objects.create(workspace=space, key="seen 18c3f2", value="2026-03-01T08:00:00Z", **own)
StoredValue.objects.create(workspace=space, key="mails", value=211, expires_at=now() + timedelta(days=2), **own)

shipped = Path("tests/workflows/n8n/files/mail_to_notion.json").read_text()
imported = import_workflow(actor, shipped).workflow
print(
    "DATA "
    + json.dumps(
        {
            "prompt": Prompt.objects.of(space).order_by("slug").first().slug,
            "connection": str(Connection.objects.of(space).get(name="notion").pk),
            "thing": str(SandboxObject.objects.of(space).filter(service="notion", seeded=False).first().pk),
            "workflow": made.slug,
            "broken": broken.slug,
            "ways": forked.slug,
            "run_ways": str(ways_run.pk),
            "empty": empty.slug,
            "failing": failing.slug,
            "run_asked": run_asked,
            "run_planned": str(planned_run().pk),
            "waiting": waiting_flow,
            "imported": imported.slug,
            "run_waiting": run_waiting,
            "run_event": run_event,
            "wait_open": wait_open,
            "wait_decided": wait_decided,
            "run": str(found["email_to_notion"].pk),
            "run_loop": str(found[made.slug].pk),
            "run_failed": str(found[failing.slug].pk),
            "run_continued": str(continued.pk),
            "trigger_timed": trigger_timed,
            "trigger_hooked": trigger_hooked,
            "batch": batch[0].trigger_id.removeprefix("batch:"),
        }
    )
)
