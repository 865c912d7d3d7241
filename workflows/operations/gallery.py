"""The gallery: workflows to begin from, built in or kept by the workspace; each can be tried in the sandbox at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from accounts import audit
from accounts.actor import Actor
from integrations import registry
from integrations.operations.finding import default_connection
from orchestrator_site.lib.errors import Conflict, NotFound
from orchestrator_site.lib.json import clean_text
from orchestrator_site.lib.names import slugify_key
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, parse, to_json
from workflows.engine.manifest import grants_of
from workflows.models import Run, Template, Workflow
from workflows.operations.drafts import draft_definition
from workflows.operations.imports.importing import convert
from workflows.operations.sandboxing import sandboxed
from workflows.operations.starting import start_run
from workflows.operations.workflows import create_workflow, free_slug, workflows_of

FOLDER = Path(__file__).resolve().parent.parent / "gallery"
OWN = "Yours"
TRIED = "_sandbox"
JSON = dict[str, Any]


@dataclass(frozen=True)
class GalleryItem:
    """A workflow of the gallery with what people read before they use it.

    `example` are inputs that mean something in the sandbox, `decisions` what a test answers its approvals; `trigger` is
    what should start it by itself: a wish, shown and never switched on by using the workflow.
    """

    slug: str
    name: str
    about: str
    category: str
    definition: JSON
    does: tuple[str, ...] = ()
    changes: str = ""
    tags: tuple[str, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, JSON] = field(default_factory=dict)
    trigger: JSON | None = None
    own: bool = False

    @cached_property
    def parsed(self) -> Definition:
        """The definition as values."""
        return parse(self.definition, trusted=True)

    @cached_property
    def services(self) -> list[str]:
        """The services whose tiles it shows, in the order of its steps."""
        found = (CATALOGUE.get(step.action) for step, _ in self.parsed.walk() if not step.disabled)
        return list(dict.fromkeys(info.service for info in found if info and info.takes_connection))

    @cached_property
    def needs(self) -> list[str]:
        """What must be connected, in words; a need that several services meet names them all."""
        needed: dict[str, None] = {}
        for grant in grants_of(self.parsed, CATALOGUE):
            if grant.services and not grant.keyless:
                known = [registry.get_integration(slug) for slug in grant.services]
                needed[" or ".join(one.title for one in known if one)] = None
        return list(needed)

    def matches(self, word: str) -> bool:
        """Whether a word of a search is in what the item says of itself."""
        said = [self.name, self.about, self.category, self.changes, *self.does, *self.tags, *self.needs]
        return word.lower() in " ".join(said).lower()


# ---- What there is -------------------------------------------------------------------------------------------


@cache
def built_in() -> tuple[GalleryItem, ...]:
    """The items that come with the program, by category and name."""
    originals = json.loads((FOLDER / "about" / "originals.json").read_text())
    items = [_read(path, originals) for path in sorted(FOLDER.glob("*.json"))]
    return tuple(sorted(items, key=lambda item: (item.category, item.name)))


def _read(path: Path, originals: Mapping[str, JSON]) -> GalleryItem:
    """An item from its file: what is said of it beside the definition, or an original's file as it is."""
    value = json.loads(path.read_text())
    said = value if "definition" in value else originals[path.stem]
    definition = value["definition"] if "definition" in value else convert(value).definition
    return GalleryItem(
        slug=path.stem,
        name=definition["name"],
        about=definition["description"],
        category=said["category"],
        definition=definition,
        does=tuple(said["does"]),
        changes=said["changes"],
        tags=tuple(said["tags"]),
        example=said["example"],
        decisions=said["decisions"],
        trigger=said["trigger"],
    )


def list_gallery(actor: Actor, q: str = "", category: str = "") -> list[GalleryItem]:
    """The items of a category in which every word of `q` occurs; the workspace's own come first."""
    actor.require("read")
    words = clean_text(q, field="q", max_length=200).split()
    own = [_own(row) for row in Template.objects.of(actor.workspace).order_by("name")]
    items = [*own, *built_in()]
    return [
        item
        for item in items
        if (not category or item.category == category) and all(item.matches(word) for word in words)
    ]


def categories(actor: Actor) -> list[str]:
    """The categories that hold something, in the order of their names."""
    return sorted({item.category for item in list_gallery(actor)})


def get_item(actor: Actor, slug: str) -> GalleryItem:
    """One item; the workspace's own come before the built-in ones. Raises NotFound."""
    actor.require("read")
    row = Template.objects.of(actor.workspace).filter(slug=slug).first() if "\x00" not in slug else None
    found = _own(row) if row else next((item for item in built_in() if item.slug == slug), None)
    if found is None:
        raise NotFound("That is not in the gallery.", hint="Open the gallery to see what there is.")
    return found


def _own(row: Template) -> GalleryItem:
    return GalleryItem(
        slug=row.slug,
        name=row.name,
        about=row.about,
        category=row.category or OWN,
        definition=row.definition,
        own=True,
    )


# ---- Using it ------------------------------------------------------------------------------------------------


def use_item(actor: Actor, item: GalleryItem, name: str = "") -> Workflow:
    """Make a workflow of an item: a draft, not published, with no trigger. Where all it needs is the sandbox here, its
    inputs begin with the example."""
    actor.require("edit")
    definition = _with_example(item) if _only_sandbox(actor, item) else dict(item.definition)
    definition["name"] = name.strip()[:120] or item.name
    definition["slug"] = free_slug(actor, name.strip() or item.slug)
    workflow = create_workflow(actor, definition, draft=True)
    audit.record(actor, "gallery.use", workflow, details={"item": item.slug, "own": item.own})
    return workflow


def try_item(actor: Actor, item: GalleryItem, mode: str = "live") -> Run:
    """Run an item in the sandbox with its example: a copy of it whose every step uses the sandbox, and nothing else.

    The copy is made once and used again while nobody has changed it; whoever may run may try. Raises UserError where
    the sandbox of a service is missing and the actor may not add it.
    """
    actor.require("run")
    definition = _with_example(item)
    definition["steps"] = to_json(sandboxed(actor, item.parsed))["steps"]
    definition["name"] = f"{item.name[:100]} (sandbox)"
    definition["slug"] = f"{item.slug[: 48 - len(TRIED)]}{TRIED}"
    slug = _copy(actor, definition).slug
    return start_run(actor, slug, {}, mode=mode, version="draft", trigger_kind="gallery")


def _copy(actor: Actor, definition: JSON) -> Workflow:
    wanted = to_json(parse(definition))
    found = workflows_of(actor.workspace).filter(slug=definition["slug"]).first()
    if found is not None:
        if found.enabled and draft_definition(found) == wanted:
            return found
        definition = {**definition, "slug": free_slug(actor, definition["slug"])}
    return create_workflow(Actor.system(actor.workspace, "gallery"), definition, draft=True)


def _with_example(item: GalleryItem) -> JSON:
    """The definition with the example as what its inputs begin with."""
    inputs = []
    for spec in item.definition["inputs"]:
        known = item.example.get(spec["name"])
        inputs.append(spec if known is None else {**spec, "required": False, "default": known})
    return {**item.definition, "inputs": inputs}


def _only_sandbox(actor: Actor, item: GalleryItem) -> bool:
    """Whether every connection that its steps would use here is the sandbox's."""
    for grant in grants_of(item.parsed, CATALOGUE):
        info = CATALOGUE.get(grant.action)
        if info is None or not grant.services:
            continue
        if grant.keyless:
            return False
        found = default_connection(actor.workspace, info.needs or info.service)
        if found is None or not found.sandbox:
            return False
    return True


# ---- The workspace's own -------------------------------------------------------------------------------------


def save_template(actor: Actor, workflow: Workflow, *, name: str = "", about: str = "", category: str = "") -> Template:
    """Keep the draft of a workflow as a template of the workspace. Raises Conflict when the name is taken."""
    actor.require("edit")
    definition = draft_definition(workflow)
    shown = clean_text(name, field="name", max_length=120).strip() or workflow.name
    said = clean_text(about, field="about", max_length=500).strip() or workflow.description[:500]
    definition |= {"name": shown, "description": said}
    slug = slugify_key(shown, fallback="template")
    taken = Template.objects.of(actor.workspace).filter(slug=slug).exists()
    if taken or any(item.slug == slug for item in built_in()):
        raise Conflict(f"The gallery has “{shown}” already.", field="name", hint="Choose another name.")
    row = Template.objects.create(
        workspace=actor.workspace,
        slug=slug,
        name=shown,
        about=said,
        category=clean_text(category, field="category", max_length=40).strip(),
        definition={name: value for name, value in definition.items() if name != "slug"},
        created_by=actor.label[:200],
    )
    audit.record(actor, "template.create", row, details={"slug": slug, "workflow": workflow.slug})
    return row


def delete_template(actor: Actor, slug: str) -> None:
    """Remove a template of the workspace; workflows made from it stay. Raises NotFound, for a built-in one too."""
    actor.require("edit")
    row = Template.objects.of(actor.workspace).filter(slug=slug).first() if "\x00" not in slug else None
    if row is None:
        raise NotFound("That template is not here.", hint="What comes with the program cannot be removed.")
    audit.record(actor, "template.delete", row, details={"slug": slug})
    row.delete()
