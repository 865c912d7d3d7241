"""A definition in which every step uses the sandbox: nothing of it leaves this machine, and nothing costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from accounts.actor import Actor
from integrations.operations.sandbox import sandbox_connection
from orchestrator_site.lib.errors import UserError
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.definition import Definition, StepSpec


def sandboxed(actor: Actor, definition: Definition, without: Collection[str] = ()) -> Definition:
    """The definition with the sandbox's connection named at every step that takes one.

    `without`: steps that are not called, which may lack a sandbox. Raises UserError where another step's service has
    none, or where one must be made and the actor may not.
    """
    names: dict[tuple[str, ...], str] = {}

    def connected(step: StepSpec) -> StepSpec:
        info = CATALOGUE.get(step.action)
        name = ""
        if info is not None and info.services and not step.disabled:
            try:
                names.setdefault(info.services, "") or names.update(
                    {info.services: sandbox_connection(actor, info.services).name}
                )
                name = names[info.services]
            except UserError:
                if step.key not in without:
                    raise
        branches = {key: tuple(connected(child) for child in held) for key, held in step.branches.items()}
        return replace(step, connection=name, branches=branches)

    return replace(definition, steps=tuple(connected(step) for step in definition.steps))
