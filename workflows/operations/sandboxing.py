"""A definition in which every step uses the sandbox: nothing of it leaves this machine, and nothing costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from accounts.actor import Actor
from integrations.operations.sandbox import sandbox_connection
from orchestrator_site.lib.errors import UserError
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, StepSpec
from workflows.engine.manifest import tools_of


def sandboxed(actor: Actor, definition: Definition, without: Collection[str] = ()) -> Definition:
    """The definition with the sandbox's connection named at every step that takes one.

    `without`: steps that are not called, which may lack a sandbox. Raises UserError where another step's service has
    none, or where one must be made and the actor may not.
    """
    names: dict[tuple[str, ...], str] = {}

    def name_for(action: str, needed: bool) -> str:
        info = CATALOGUE.get(action)
        if info is None or not info.services:
            return ""
        if info.services not in names:
            try:
                names[info.services] = sandbox_connection(actor, info.services).name
            except UserError:
                if needed:
                    raise
                return ""
        return names[info.services]

    def connected(step: StepSpec) -> StepSpec:
        needed = not step.disabled and step.key not in without
        given = dict(step.with_)
        if tools := tools_of(step):
            given["tools"] = [{**tool, "connection": name_for(str(tool["action"]), needed)} for tool in tools]
        branches = {key: tuple(connected(child) for child in held) for key, held in step.branches.items()}
        return replace(step, connection=name_for(step.action, needed), with_=given, branches=branches)

    return replace(definition, steps=tuple(connected(step) for step in definition.steps))
