"""The first five minutes: a workspace `demo` with the sandbox world, prompts and the gallery, ready to run.

Idempotent: what is there stays as people have changed it; only what is missing is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accounts.actor import Actor
from accounts.models import User, Workspace
from accounts.operations.setup import create_user, create_workspace
from integrations.operations.sandbox import seed_sandbox
from prompts.operations.files import seed_prompts
from workflows.models import Workflow
from workflows.operations.imports import import_workflow

GALLERY = Path(__file__).resolve().parent.parent / "gallery"
CARDS = ("email_to_notion", "generate_sop_to_github", "simple_ai_completion")
OWNER, SLUG = "owner@localhost", "demo"


@dataclass(frozen=True)
class Quickstart:
    """What stands now, and what was made this time."""

    workspace: Workspace
    owner: User
    made: list[str]


def quickstart() -> Quickstart:
    """Make whatever is missing of the demo workspace, its owner, sandbox, prompts and workflows."""
    owner = User.objects.filter(email=OWNER).first() or create_user(OWNER, name="Owner", superuser=True)
    workspace = Workspace.objects.filter(slug=SLUG).first() or create_workspace(owner, "Demo", slug=SLUG)
    actor = Actor.system(workspace, "quickstart")
    seed_sandbox(workspace)
    seed_prompts(actor)
    made = [name for name in CARDS if _add(actor, name)]
    return Quickstart(workspace, owner, made)


def _add(actor: Actor, name: str) -> bool:
    """Import one file of the gallery unless the workspace has (or had) a workflow of this slug."""
    if Workflow.objects.of(actor.workspace).filter(slug=name).exists():
        return False
    text = (GALLERY / f"{name}.json").read_text()
    workflow = import_workflow(actor, text, publish=True).workflow
    Workflow.objects.of(actor.workspace).filter(pk=workflow.pk).update(is_card=True)
    return True
