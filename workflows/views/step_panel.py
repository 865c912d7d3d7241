"""The side panel of one step: its form, its problems, its last output, and the values it can use."""

from __future__ import annotations

from typing import Any

from integrations.fields import ChoiceOrExpression
from integrations.operations.finding import connections_of, default_connection
from integrations.rows import RowsWidget
from integrations.spec import choices_of
from prompts.models import Prompt
from workflows.engine.actions import ActionInfo
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.control import CONTROLS
from workflows.engine.findings import Problem
from workflows.engine.tree import find
from workflows.models import StepRun, Workflow
from workflows.operations import samples
from workflows.operations.blobs import with_outputs
from workflows.operations.reshape import BLOCKS
from workflows.views import picker
from workflows.views.editor import Addresses, editor_context, find_item, places, readable
from workflows.views.pages import PageRequest, link
from workflows.views.step_form import FailsForm, NotesForm, SetupForm, TabForm, connection_choices

JSON = dict[str, Any]
TABS = (("setup", "Set up"), ("fails", "If it fails"), ("output", "Last output"), ("notes", "Notes"))


def tab_of(request: PageRequest) -> str:
    """The tab that is open; the first for anything unknown."""
    wanted = request.GET.get("tab", "")
    return wanted if wanted in dict(TABS) else "setup"


def form_of(request: PageRequest, workflow: Workflow, step: JSON, tab: str, data: Any = None) -> TabForm | None:
    """The form of a tab, bound to `data` if there is any."""
    info = CATALOGUE.get(step["action"])
    if tab == "setup":
        connections = connections_of(request.workspace) if step["action"] == "agent" else ()
        plain = plain_of(request)
        return SetupForm(step, info, _choices(request, info), workflow.draft_etag, data, connections, plain)
    if tab == "fails":
        return FailsForm(step, info, workflow.draft_etag, data)
    return NotesForm(step, workflow.draft_etag, data) if tab == "notes" else None


def plain_of(request: PageRequest) -> list[str]:
    """The inputs that the address asks for as text: JSON in place of rows, an expression in place of a choice."""
    return [name for name in request.GET.get("plain", "").split(",")[:50] if name]


def _choices(request: PageRequest, info: ActionInfo | None) -> list[tuple[str, str]]:
    if info is None or not info.takes_connection:
        return []
    usual = None if info.keyless else default_connection(request.workspace, info.needs or info.service)
    return connection_choices(info, connections_of(request.workspace), usual)


def panel_context(
    request: PageRequest, workflow: Workflow, key: str, tab: str, form: TabForm | None = None
) -> dict[str, Any]:
    """Everything the page of a step shows. Raises NotFound."""
    context = editor_context(request, workflow, tab="steps", current=key)
    step, _, at = find(context["definition"], key)
    info = CATALOGUE.get(step["action"])
    form = form or form_of(request, workflow, step, tab)
    item = find_item(context["items"], key)
    own = [problem for problem in context["found"] if problem.step == key]
    address = link(request.workspace, "workflow_step", slug=workflow.slug, key=key)
    context |= {
        "step": step,
        "item": item,
        "info": info,
        "about": info.description.replace("`", "") if info else "",
        "form": form,
        "inputs": form.inputs if isinstance(form, SetupForm) else None,
        "plain": ",".join(plain_of(request)),
        "lists": form.lists if isinstance(form, SetupForm) else None,
        "tools": form.tools if isinstance(form, SetupForm) else None,
        "tab": tab,
        "step_tabs": [
            {"label": label, "url": f"{address}?tab={name}" if name != "setup" else address, "active": name == tab}
            for name, label in TABS
            if name != "fails" or info is None or not info.is_control or info.takes
        ]
        + [{"label": "Try", "url": f"{address}/try", "active": False}],
        "step_problems": _loose(form, own, fresh="fresh" in request.GET),
        "address": address,
        "check_url": link(request.workspace, "workflow_step_check", slug=workflow.slug, key=key),
        "close_url": link(request.workspace, "workflow", slug=workflow.slug),
        "add_below_url": Addresses(request, workflow, editable=True).add(at.parent, at.branch, (at.index or 0) + 1),
        "places": places(context["items"], key),
        "here": f"{at.parent}:{at.branch}" if at.parent else "",
        "blocks": [CONTROLS[name] for name in BLOCKS],
        "back": {"label": workflow.name, "url": link(request.workspace, "workflow", slug=workflow.slug)},
        "title": f"{step.get('name') or key} · {workflow.name}",
        "panel": "workflows/_step_panel.html",
        "panel_label": f"Step {item.number} {item.name}" if item else "Step",
    }
    extra = _output(workflow, key) if tab == "output" else _help(request, workflow, context, key)
    return {"shown": shown_inputs(request, context["inputs"], info)} | context | extra


def _loose(form: TabForm | None, own: list[Problem], *, fresh: bool) -> list[Problem]:
    """The problems that are shown above the form; the others stand at their fields (a new step has no complaints)."""
    if fresh:
        return []
    if isinstance(form, SetupForm) and not form.is_bound:
        return form.show_problems(own)
    return own


def _help(request: PageRequest, workflow: Workflow, context: JSON, key: str) -> JSON:
    """Values to use, and the prompts there are."""
    parsed = readable(context["definition"])
    if context["tab"] != "setup" or parsed is None or not context["can_edit"]:
        return {}
    run, variables = samples.newest_run(workflow), samples.variables_of(workflow)
    slugs = Prompt.objects.of(request.workspace).filter(archived_at__isnull=True).values_list("slug", flat=True)
    return {
        "groups": picker.groups(parsed, key, run, samples.last_outputs(workflow), variables),
        "newest": run,
        "prompts": list(slugs.order_by("slug")[:300]) if "prompt" in _widgets(context) else [],
    }


def shown_inputs(request: PageRequest, form: Any, info: ActionInfo | None) -> list[JSON]:
    """The inputs as the panel shows them: each field, what it can be switched to, where its choices come from."""
    plain, found = plain_of(request), []
    for name, field in form.fields.items() if form is not None else ():
        wanted, depends = choices_of(info.input, name) if info is not None else ("", ())
        if wanted and info is not None:
            url = link(request.workspace, "action_choices", action=info.name, field=name)
            others = ",".join(["connection", *(f"with-{other}" for other in depends)])
            field.widget.attrs |= {"data-choices": url, "data-depends": others}
        found.append({"name": name, "bound": form[name], "toggle": _toggle(name, form[name], name in plain)})
    return found


def _toggle(name: str, bound: Any, plain: bool) -> str:
    """The words of the button that shows an input the other way, "" where there is none."""
    field, widget = bound.field, bound.field.widget
    if isinstance(widget, RowsWidget):
        return "As JSON" if widget.shows_rows(bound.value()) else "As rows" if plain else ""
    if isinstance(field, ChoiceOrExpression):
        return "Choose from the list" if plain else "Use an expression"
    return ""


def _widgets(context: JSON) -> set[str]:
    form = context["inputs"]
    return set() if form is None else {str(f.widget.attrs.get("data-widget", "")) for f in form.fields.values()}


def _output(workflow: Workflow, key: str) -> JSON:
    """What the step gave in the newest run that reached it."""
    rows = StepRun.objects.of(workflow.workspace_id).filter(run__workflow=workflow, key=key)
    found = with_outputs(rows.select_related("run").order_by("-run_id", "-id")[:1], first_part=True)
    record = found[0] if found else None
    return {"record": record, "leaves": picker.leaves(key, record.output) if record else []}
