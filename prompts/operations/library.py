"""The prompt library: create, save a new version, move a label, find, delete, and freeze a version for a run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet

from accounts import audit
from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Conflict, NotFound, UserError
from orchestrator_site.lib.json import clean_text
from orchestrator_site.lib.names import did_you_mean
from prompts.models import Prompt, PromptLabel, PromptVersion
from prompts.operations.checks import check_name, check_slug, check_text
from prompts.rendering import variables_of

LIVE, DRAFT = "live", "draft"
_TEXT_FIELDS = ("system", "user_template", "model", "temperature", "max_tokens")


@dataclass(frozen=True)
class Text:
    """What one version says: two templates (Liquid), and how the model is to be called."""

    user_template: str
    system: str = ""
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    declared: tuple[str, ...] = field(default=())

    @property
    def variables(self) -> list[str]:
        """The names used in the texts, then those only declared."""
        used = variables_of(self.system, self.user_template)
        return [*used, *(name for name in self.declared if name not in used)]


def text_of(version: PromptVersion) -> Text:
    """The text of a stored version."""
    return Text(**{name: getattr(version, name) for name in _TEXT_FIELDS}, declared=tuple(version.variables))


def create_prompt(
    actor: Actor,
    *,
    slug: str,
    name: str,
    text: Text,
    description: str = "",
    note: str = "",
    source: dict[str, Any] | None = None,
) -> Prompt:
    """A new prompt whose version 1 is both draft and live. Raises Conflict when the slug is taken."""
    actor.require("edit")
    check_slug(slug)
    name, description = check_name(name), clean_text(description, field="description", max_length=4_000)
    try:
        with transaction.atomic():
            prompt = Prompt.objects.create(
                workspace=actor.workspace, slug=slug, name=name, description=description, source=source or {}
            )
            version = _insert(actor, prompt, 1, text, note)
            for label in (DRAFT, LIVE):
                PromptLabel.objects.create(workspace=actor.workspace, prompt=prompt, name=label, version=version)
            audit.record(actor, "prompt.create", prompt, details={"slug": slug})
    except IntegrityError:
        raise Conflict(f"There is a prompt “{slug}” already.", field="slug", hint="Choose another key.") from None
    return prompt


def add_version(
    actor: Actor,
    prompt: Prompt,
    *,
    text: Text,
    note: str = "",
    make_live: bool = False,
    base: int | None = None,
) -> PromptVersion:
    """Save a text as the newest version; "draft" moves to it, and "live" too with `make_live`.

    A text equal to the newest version makes no new one. With `base` (the version the author began from) a save over
    somebody else's newer version is a Conflict.
    """
    actor.require("edit")
    with transaction.atomic():
        locked = Prompt.objects.of(actor.workspace).select_for_update().get(pk=prompt.pk)
        newest = newest_version(locked)
        if base is not None and newest.number != base:
            raise _stale(newest, base)
        version = newest
        if _differs(newest, text):
            version = _insert(actor, locked, newest.number + 1, text, note)
            audit.record(actor, "prompt.save", locked, details={"version": version.number, "note": version.note})
        _point(locked, DRAFT, version)
        if make_live:
            _point(locked, LIVE, version)
        Prompt.objects.of(actor.workspace).filter(pk=locked.pk).update(updated_at=now())
    return version


def edit_prompt(
    actor: Actor,
    prompt: Prompt,
    *,
    name: str | None = None,
    description: str | None = None,
    archived: bool | None = None,
    source: dict[str, Any] | None = None,
) -> Prompt:
    """Change what stands around the text. An archived prompt is out of the lists; steps that name it still work."""
    actor.require("edit")
    if name is not None:
        prompt.name = check_name(name)
    if description is not None:
        prompt.description = clean_text(description, field="description", max_length=4_000)
    if archived is not None:
        prompt.archived_at = (prompt.archived_at or now()) if archived else None
    if source is not None:
        prompt.source = source
    prompt.updated_at = now()
    with transaction.atomic():
        prompt.save(update_fields=["name", "description", "archived_at", "source", "updated_at"])
        audit.record(actor, "prompt.edit", prompt, details={"archived": prompt.archived_at is not None})
    return prompt


def move_label(actor: Actor, prompt: Prompt, *, label: str, number: int) -> PromptLabel:
    """Let a label ("live", "draft" or one of your own) point at a version."""
    actor.require("edit")
    check_slug(label, field="label")
    if label.isdigit():
        raise UserError("E_KEY", "A label is a word, not a number.", field="label", hint="Call it “live”.")
    version = get_version(prompt, str(number))
    with transaction.atomic():
        moved = _point(prompt, label, version)
        audit.record(actor, "prompt.label", prompt, details={"label": label, "version": number})
    return moved


def delete_prompt(actor: Actor, prompt: Prompt) -> None:
    """Remove a prompt with its versions. Runs keep the text they were started with."""
    actor.require("edit")
    with transaction.atomic():
        audit.record(actor, "prompt.delete", prompt, details={"slug": prompt.slug})
        prompt.delete()


def get_prompt(actor: Actor, slug: str) -> Prompt:
    """The prompt, or NotFound: absent and somebody else's are told apart by nobody."""
    actor.require("read")
    prompt = Prompt.objects.of(actor.workspace).filter(slug=slug).first()
    if prompt is None:
        raise NotFound(
            f"There is no prompt “{slug[:48]}” here.", field="slug", hint="Look it up in the list of prompts."
        )
    return prompt


def list_prompts(actor: Actor, q: str = "", *, archived: bool = False) -> QuerySet[Prompt]:
    """The prompts by name, each with `newest` (number); `q` searches slug, name, description and the texts."""
    actor.require("read")
    found = Prompt.objects.of(actor.workspace).filter(archived_at__isnull=not archived)
    for word in clean_text(q, field="q", max_length=200).split()[:10]:
        texts = PromptVersion.objects.of(actor.workspace).filter(
            Q(user_template__icontains=word) | Q(system__icontains=word), labels__isnull=False
        )
        found = found.filter(
            Q(slug__icontains=word)
            | Q(name__icontains=word)
            | Q(description__icontains=word)
            | Q(pk__in=texts.values("prompt"))
        )
    return found.annotate(newest=Max("versions__number")).order_by("name", "slug")


def newest_version(prompt: Prompt) -> PromptVersion:
    """The version saved last."""
    version = prompt.versions.order_by("-number").first()
    if version is None:
        raise NotFound(f"The prompt “{prompt.slug}” has no version.", hint="Save a text for it.")
    return version


def get_version(prompt: Prompt, version_or_label: str | int = LIVE) -> PromptVersion:
    """The version with that number, or the one its label points at. Raises NotFound."""
    wanted = str(version_or_label)
    if re.fullmatch(r"[0-9]{1,9}", wanted):
        version = prompt.versions.filter(number=int(wanted)).first()
    else:
        version = prompt.versions.filter(labels__name=wanted).first()
    if version is None:
        known = [
            *prompt.labels.values_list("name", flat=True),
            *map(str, prompt.versions.values_list("number", flat=True)),
        ]
        raise NotFound(
            f"The prompt “{prompt.slug}” has no version or label “{wanted[:48]}”.",
            field="version",
            hint=did_you_mean(wanted, known),
        )
    return version


def freeze(workspace: Workspace, slug: str, version_or_label: str | int = LIVE) -> dict[str, Any]:
    """What a run keeps of a prompt when it starts; later changes of the prompt do not reach it.

    Raises UserError (E_PROMPT) for a prompt, version or label that does not exist in this workspace.
    """
    prompts = Prompt.objects.of(workspace)
    prompt = prompts.filter(slug=slug).first()
    if prompt is None:
        known = list(prompts.values_list("slug", flat=True)[:200])
        raise UserError(
            "E_PROMPT", f"There is no prompt “{slug[:48]}”.", field="prompt", hint=did_you_mean(slug, known)
        )
    try:
        version = get_version(prompt, version_or_label)
    except NotFound as problem:
        raise UserError("E_PROMPT", problem.message, field="version", hint=problem.hint) from None
    return frozen(version)


def frozen(version: PromptVersion) -> dict[str, Any]:
    """A version as plain data."""
    kept = {name: getattr(version, name) for name in _TEXT_FIELDS}
    return {"slug": version.prompt.slug, **kept, "variables": list(version.variables), "version": version.number}


def _insert(actor: Actor, prompt: Prompt, number: int, text: Text, note: str) -> PromptVersion:
    check_text(text)
    return PromptVersion.objects.create(
        workspace=actor.workspace,
        prompt=prompt,
        number=number,
        **{name: getattr(text, name) for name in _TEXT_FIELDS},
        variables=text.variables,
        note=clean_text(note, field="note", max_length=200),
        created_by=actor.user,
    )


def _differs(version: PromptVersion, text: Text) -> bool:
    return any(getattr(version, name) != getattr(text, name) for name in _TEXT_FIELDS)


def _point(prompt: Prompt, label: str, version: PromptVersion) -> PromptLabel:
    moved, _ = PromptLabel.objects.of(prompt.workspace_id).update_or_create(
        prompt=prompt,
        name=label,
        defaults={"version": version, "moved_at": now()},
        create_defaults={"workspace_id": prompt.workspace_id, "version": version},
    )
    return moved


def _stale(newest: PromptVersion, base: int) -> Conflict:
    who = str(newest.created_by) if newest.created_by else "Somebody"
    return Conflict(
        f"{who} saved version {newest.number} while you worked on version {base}.",
        hint="Compare both texts below, then save again.",
        extra={"theirs": {name: getattr(newest, name) for name in _TEXT_FIELDS}, "version": newest.number},
    )
