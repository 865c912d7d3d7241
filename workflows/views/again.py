"""The page on which a run is run again: from where, on which version, with which inputs and earlier outputs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import accumulate
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.fields import CleanJSONField
from workflows.engine.definition import InputSpec, StepSpec
from workflows.engine.reuse import WHERE_IT_FAILED, Place, place_of
from workflows.models import Run
from workflows.operations import runs as operations
from workflows.operations.again import Preview, Wanted, asks_a_person, preview, run_again
from workflows.operations.blobs import is_reference
from workflows.operations.files import upload_file
from workflows.operations.starting import MODES
from workflows.views.effect_line import EffectLine
from workflows.views.pages import PageRequest, go, link, tell_error
from workflows.views.run_form import PREFIX, Keep, RunForm

OUTPUT = "output_"
MOST_OUTPUTS = 40
MOST_BYTES = 16 * 1024
WORDS = {WHERE_IT_FAILED: "where it stopped", "": "the beginning"}


class AgainForm(RunForm):
    """The inputs and the outputs of the steps before, filled with what that run had; what is not touched stays."""

    def __init__(
        self,
        specs: Iterable[InputSpec],
        then: dict[str, Any],
        outputs: dict[str, tuple[str, Any]],
        data: Any = None,
        files: Any = None,
    ) -> None:
        super().__init__(specs, data, files)
        self.then, self.outputs = then, outputs
        for spec in self.specs:
            if then.get(spec.name) is None:
                continue
            if spec.type == "file":
                field = self.fields[PREFIX + spec.name]
                field.required, field.help_text = False, f"Left empty: {then[spec.name].get('name', 'the same file')}"
            else:
                self.fields[PREFIX + spec.name].initial = then[spec.name]
        for place, (title, value) in outputs.items():
            widget = forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false"})
            self.fields[OUTPUT + place] = _json_field(title, value, widget)

    def inputs(self, keep: Keep) -> dict[str, Any] | None:
        """The inputs where any was edited, else None."""
        edited = {spec.name for spec in self.specs if PREFIX + spec.name in self.changed_data}
        if not edited:
            return None
        filled = self.values(keep)
        known = {spec.name for spec in self.specs}
        kept = {name: value for name, value in self.then.items() if name in known and name not in edited}
        return {**kept, **{name: value for name, value in filled.items() if name in edited}}

    def given(self) -> dict[str, Any]:
        """The outputs that differ from what the steps gave."""
        found = {}
        for place, (_, then) in self.outputs.items():
            value = self.cleaned_data.get(OUTPUT + place)
            if value is not None and value != then:
                found[place] = value
        return found


def _json_field(title: str, value: Any, widget: forms.Widget) -> forms.Field:
    text = json.dumps(value, ensure_ascii=False, indent=2) if value is not None else ""
    found = _IndentedField(label=f"What “{title}” gave", required=False, widget=widget)
    found.initial = text
    return found


class _IndentedField(CleanJSONField):
    """JSON in lines; the text is already written."""

    def prepare_value(self, value: Any) -> Any:
        """Text as it was typed, a value in lines."""
        if isinstance(value, str) or value is None:
            return value or ""
        return json.dumps(value, ensure_ascii=False, indent=2)


@require_http_methods(["GET", "HEAD", "POST"])
def run_again_page(request: PageRequest, workspace: str, run: UUID) -> HttpResponse:
    """GET shows what would stand and what would be done again; POST starts the new run.

    A POST without the form (the buttons of the run page) leads here first where changes would be made again.
    """
    found = operations.get_run(request.actor, run)
    said = request.POST if request.method == "POST" else request.GET
    start, mode = said.get("from", "").strip()[:400], said.get("mode", "")
    wanted = Wanted(start, version=_version(said.get("version", "")), mode=mode if mode in MODES else None)
    if request.method == "POST" and "form" not in request.POST:
        return _at_once(request, found, wanted)
    try:
        shown = preview(request.actor, found, wanted, strict=False)
    except UserError as error:
        tell_error(request, error)
        return go(workspace, "run", run=found.pk)
    outputs = _editable(shown, wanted.start) if "edit" in request.actor.permissions else {}
    form = AgainForm(shown.definition.inputs, found.inputs, outputs, request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and (again := _start(request, form, found, wanted)):
            return go(workspace, "run", run=again.pk)
    return render(request, "workflows/run_again.html", _context(request, shown, wanted, form), status=status)


def _at_once(request: PageRequest, found: Run, wanted: Wanted) -> HttpResponse:
    """One click: starts where nothing is in the way and no change would be made again; else the page asks."""
    address = link(request.workspace, "run_again", run=found.pk)
    query = urlencode({"from": wanted.start, "version": request.POST.get("version", ""), "mode": wanted.mode or ""})
    try:
        shown = preview(request.actor, found, wanted, strict=False)
        if shown.repeated or shown.problems:
            return redirect(f"{address}?{query}")
        again = run_again(request.actor, found, wanted).run
    except UserError as error:
        tell_error(request, error)
        return go(request.workspace, "run", run=found.pk)
    return go(request.workspace, "run", run=again.pk)


def _start(request: PageRequest, form: AgainForm, found: Run, wanted: Wanted) -> Run | None:
    """The new run, or None with the reason in the form."""
    try:
        inputs = form.inputs(lambda upload: upload_file(request.actor, upload))
        wish = Wanted(wanted.start, inputs, form.given(), wanted.version, wanted.mode)
        if preview(request.actor, found, wish).repeated and request.POST.get("sure") != "1":
            form.add_error(None, "Say that the changes named below shall be made again, or begin at a later step.")
            return None
        return run_again(request.actor, found, wish).run
    except UserError as error:
        _add_errors(form, error)
    return None


def _add_errors(form: AgainForm, error: UserError) -> None:
    items = error.extra.get("errors", []) if isinstance(error, Problems) else [error.as_dict()]
    for item in items:
        where = str(item.get("field") or "")
        name = PREFIX + where.removeprefix("inputs.")
        if where.startswith("outputs."):
            places = [place for place in form.outputs if where.removeprefix("outputs.").startswith(place)]
            name = OUTPUT + max(places, key=len, default="")
        text = " ".join(part for part in (item.get("message"), item.get("hint")) if part)
        form.add_error(name if name in form.fields else None, text)


def _version(text: str) -> int | str | None:
    """A number, "newest", "draft", or (None) the run's own."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    return text if text in ("newest", "draft") else None


# What is shown


def _editable(shown: Preview, start: str) -> dict[str, tuple[str, Any]]:
    """The outputs that later steps can see, by place; large ones and people's decisions are left alone.

    Of the rounds of a loop only those around the place to begin at.
    """
    found: dict[str, tuple[str, Any]] = {}
    around = {spec.key: parents for spec, parents in shown.definition.walk()}
    stands = shown.found.stands
    near = {"", *accumulate(place_of(start).path.split("/"), lambda path, part: f"{path}/{part}")}
    rows = shown.earlier.whole({place for place in stands if place.path in near and _seen(place, around, stands)})
    specs = {spec.key: spec for spec, _ in shown.definition.walk()}
    order = {key: number for number, key in enumerate(specs)}
    for place in sorted(rows, key=lambda place: (order[place.key], place.path))[:MOST_OUTPUTS]:
        output, spec = rows[place].output, specs[place.key]
        small = not is_reference(output) and len(json.dumps(output)) <= MOST_BYTES
        if small and output is not None and not asks_a_person(spec):
            found[str(place)] = (spec.title, output)
    for spec in shown.found.needed:
        found.setdefault(spec.key, (spec.title, None))
    return found


def _seen(place: Place, around: dict[str, tuple[StepSpec, ...]], stands: set[Place]) -> bool:
    """Whether a later step can read it: it is not inside a block that stands as a whole."""
    inside = [parent.key for parent in around.get(place.key, ())]
    return not any(Place(key, place.path) in stands for key in inside)


def _context(request: PageRequest, shown: Preview, wanted: Wanted, form: AgainForm) -> dict[str, Any]:
    run = shown.run
    url = link(request.workspace, "run", run=run.pk)
    return {
        "run": run,
        "form": form,
        "wanted": wanted,
        "starts": _starts(shown, wanted),
        "versions": _versions(run, wanted),
        "diff": _diff(request, run, shown),
        "kept": sum(not place.path for place in shown.found.stands),
        "problems": shown.problems,
        "notes": shown.notes,
        "repeated": [EffectLine(effect) for effect in shown.repeated],
        "input_fields": [form[PREFIX + spec.name] for spec in form.specs],
        "output_fields": [form[OUTPUT + place] for place in form.outputs],
        "begin": _begin(shown, wanted),
        "crumbs": [("Runs", link(request.workspace, "runs")), (run.workflow.name, url), ("Run again", "")],
        "back": {"label": run.workflow.name, "url": url},
    }


def _begin(shown: Preview, wanted: Wanted) -> str:
    if wanted.start in WORDS:
        return WORDS[wanted.start]
    key = wanted.start.rpartition("/")[2]
    spec = shown.definition.step(key)
    return f"“{spec.title if spec else key}”"


def _starts(shown: Preview, wanted: Wanted) -> list[tuple[str, str]]:
    found = [("", "The beginning")]
    if shown.run.is_terminal:
        found.append((WHERE_IT_FAILED, "Where it stopped"))
        for number, (spec, parents) in enumerate(shown.definition.walk(), start=1):
            found.append((spec.key, f"{'· ' * len(parents)}{number} {spec.title}"))
    if wanted.start not in dict(found):
        found.append((wanted.start, wanted.start))
    return found


def _versions(run: Run, wanted: Wanted) -> list[tuple[str, str]]:
    own = f"The run's own, version {run.version.number}" if run.version.number else "The draft as it was then"
    found = [("", own)]
    published = run.workflow.published
    if published is not None and published.pk != run.version_id:
        found.append(("newest", f"The newest, version {published.number}"))
    found.append(("draft", "The draft as it is now"))
    if wanted.version is not None and str(wanted.version) not in dict(found):
        found.append(
            (str(wanted.version), f"Version {wanted.version}" if isinstance(wanted.version, int) else "The newest")
        )
    return found


def _diff(request: PageRequest, run: Run, shown: Preview) -> str:
    """Where the chosen version is compared with the run's own."""
    if not run.version.number or not shown.version.number or shown.version.pk == run.version_id:
        return ""
    page = link(request.workspace, "workflow_version", slug=run.workflow.slug, n=shown.version.number)
    return f"{page}?since={run.version.number}"
