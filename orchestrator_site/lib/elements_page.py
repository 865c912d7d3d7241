"""Every element of the design system on one page, with example data; routed only while developing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orchestrator_site.lib import clock, look

TONES = [
    ("ok", "Done", "Succeeded, confirmed"),
    ("run", "Moving", "Running, sending"),
    ("need", "Needs you", "Waiting, warning"),
    ("check", "Checking", "We look it up"),
    ("bad", "Failed", "Failed, refused"),
    ("idle", "Quiet", "Queued, cancelled"),
    ("dry", "Dry", "Would send"),
]
NAV = [
    {"label": "Home", "url": "#home", "icon": "home"},
    {"label": "Inbox", "url": "#inbox", "icon": "inbox", "count": 3},
    {"label": "Workflows", "url": "#workflows", "icon": "route"},
    {"label": "Runs", "url": "#runs", "icon": "activity"},
    {"label": "Effects", "url": "#effects", "icon": "receipt"},
    {"label": "Prompts", "url": "#prompts", "icon": "message-2-code", "section": "Build"},
    {"label": "Connections", "url": "#connections", "icon": "plug-connected", "section": "Build"},
    {"label": "Dashboard", "url": "#dashboard", "icon": "chart-bar", "section": "Build"},
    {"label": "Settings", "url": "#settings", "icon": "settings", "section": "Build", "active": True},
]
TABS = [
    {"label": "All", "url": "#all", "count": "1,382", "active": True},
    {"label": "Running", "url": "#running", "count": 1},
    {"label": "Needs you", "url": "#needs", "count": 3, "urgent": True},
    {"label": "Failed", "url": "#failed", "count": 22},
]
OUTPUT = {
    "text": "Hi Anna, thank you for writing, and sorry about the grinding hub…",
    "order": 4471,
    "sorted": {"topic": "refund", "urgent": True, "note": None},
    "tasks": ["Order replacement hub", "Send return label"],
    "photo": {"$file": "f1", "name": "hub.jpg", "mime_type": "image/jpeg", "size": 482_113},
}
RUNS: list[dict[str, Any]] = [
    {
        "status": "succeeded",
        "mode": "dry",
        "number": 1484,
        "by": "Mara Lindqvist",
        "cost": 0.0151,
        "took": 9.8,
        "ago": 20,
    },
    {"status": "running", "number": 1483, "by": "Refund for order 4471", "cost": 0.0142, "took": 91, "ago": 120},
    {"status": "waiting", "number": 1481, "by": "Issue #322 opened", "cost": 0.0087, "took": 4320, "ago": 7800},
    {
        "status": "failed",
        "number": 1480,
        "by": "Every day 08:00",
        "cost": 0.018,
        "took": 6.2,
        "ago": 90000,
        "why": "The wiki answered 503 four times. 1 page was written before that.",
    },
    {
        "status": "succeeded",
        "warnings": 1,
        "number": 1478,
        "by": "Very unhappy with the brakes",
        "cost": 0.0163,
        "took": 182,
        "ago": 400000,
    },
]
STEPS = [
    {"no": 1, "name": "Read the thread", "status": "succeeded", "why": "3 messages from Anna Keller", "cost": "0.6 s"},
    {
        "no": 4,
        "name": "Draft a reply",
        "status": "succeeded",
        "why": "“Hi Anna, thank you for writing…”",
        "cost": "3,100 tokens · $0.0131",
    },
    {"no": 7, "name": "Add label “Sorted”", "status": "skipped", "why": "Not taken"},
    {"no": 8, "name": "For each task", "status": "running", "why": "1 of 3 done, 1 checking", "cost": "34 s"},
    {
        "no": 9,
        "name": "Create an issue",
        "status": "unknown",
        "why": "Task 3: no answer, looking for it",
        "cost": "34 s",
    },
    {
        "no": 10,
        "name": "Tell the warehouse",
        "status": "attention",
        "why": "Task 2: no answer, and no way to look it up",
        "cost": "31 s",
    },
    {"no": 11, "name": "Add to the support log", "status": "pending", "why": "Waits for step 8"},
]
LANES = [
    {
        "no": 1,
        "name": "Read the thread",
        "took": "0.6 s",
        "say": "Done in 0.6 s",
        "bars": [{"tone": "ok", "x": 0, "width": 2}],
    },
    {
        "no": 2,
        "name": "Sort the mail",
        "took": "7.4 s",
        "say": "Failed once, then done in 7.4 s",
        "bars": [
            {"tone": "bad", "x": 2, "width": 2},
            {"tone": "pause", "x": 4, "end": 8},
            {"tone": "ok", "x": 8, "width": 4},
        ],
    },
    {
        "no": 5,
        "name": "Approve the reply",
        "took": "41 s",
        "say": "Waited 41 s for Mara",
        "bars": [{"tone": "need", "x": 18, "width": 44}],
    },
    {
        "no": 9,
        "name": "Create an issue",
        "took": "34 s",
        "say": "No answer, looking for it",
        "bars": [{"tone": "check", "x": 63, "width": 34}],
    },
]
OUTLINE = [
    {
        "number": 1,
        "name": "Read the thread",
        "note": "Mail · up to 20 messages",
        "url": "#1",
        "icon": "mail",
        "add_url": "#add",
    },
    {
        "number": 3,
        "name": "If it is a refund or a complaint",
        "note": "topic is refund or complaint",
        "url": "#3",
        "icon": "arrows-split-2",
        "add_url": "#add",
        "branches": [
            {
                "name": "Yes",
                "icon": "check",
                "steps": [
                    {
                        "number": 4,
                        "name": "Draft a reply",
                        "note": "Prompt “Support reply” · live",
                        "url": "#4",
                        "icon": "sparkles",
                        "current": True,
                        "add_url": "#add",
                    },
                    {
                        "number": 6,
                        "name": "Send the reply",
                        "note": "Mail · support@",
                        "url": "#6",
                        "icon": "mail",
                        "verb": "sends mail",
                    },
                ],
            },
            {"name": "Otherwise", "icon": "x", "steps": [], "add_url": "#add"},
        ],
    },
    {
        "number": 8,
        "name": "For each task",
        "note": "3 at a time, stops after 20",
        "url": "#8",
        "icon": "repeat",
        "inner": {
            "name": "For each task",
            "add_url": "#add",
            "steps": [
                {
                    "number": 9,
                    "name": "Create an issue",
                    "note": "fernhill/shop",
                    "url": "#9",
                    "icon": "git-commit",
                    "verb": "creates issue",
                }
            ],
        },
        "add_url": "#add",
    },
    {
        "number": 11,
        "name": "Add to the support log",
        "note": "“Channel” is gone",
        "url": "#11",
        "icon": "book",
        "verb": "adds page",
        "warning": "The page is gone",
    },
]


class ExampleForm(forms.Form):
    """A field of every kind, some of them wrong."""

    send_to = forms.EmailField(
        label="Send to", error_messages={"invalid": "This is not a full address. Did you mean anna.keller@example.org?"}
    )
    label = forms.ChoiceField(
        choices=[("support", "Support"), ("sales", "Sales")], help_text="Only mails with this label start a run."
    )
    key = forms.CharField(label="Key", widget=forms.PasswordInput, required=False)
    notes = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    days = forms.MultipleChoiceField(
        choices=[("mon", "Monday"), ("tue", "Tuesday")], widget=forms.CheckboxSelectMultiple
    )
    live = forms.BooleanField(label="Switch it on at once", required=False)


def elements_page(request: HttpRequest) -> HttpResponse:
    """Shows the elements, in the order of the picture that decided them."""
    form = ExampleForm({"send_to": "anna.keller@example", "label": "support"})
    now = clock.now()
    runs = [{**run, "started": now - timedelta(seconds=run["ago"])} for run in RUNS]
    shown: dict[str, Any] = {"tones": TONES, "nav": NAV, "tabs": TABS, "runs": runs, "steps": STEPS, "lanes": LANES}
    shown |= {
        "outline": OUTLINE,
        "output": OUTPUT,
        "form": form,
        "run_states": list(look.RUN),
        "effect_states": list(look.EFFECT),
    }
    shown |= {
        "workspace": {"name": "Fernhill Bikes"},
        "worker_state": {"text": "2 workers, nothing late", "state": "ok"},
    }
    shown |= {
        "facts": [("Started by", "Mail “Refund for order 4471?”"), ("Running for", "1 min 31 s"), ("Cost", "$0.0142")]
    }
    return render(request, "elements/all.html", shown)
