"""Whether those behind a run may use its connections, asked when a worker loads it. On the reads thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from accounts.models import Member, User
from integrations.operations.sharing import usable_by
from workflows.engine.fallbacks import step_of
from workflows.engine.loading import ClaimedRun
from workflows.engine.plan import Plan
from workflows.engine.records import Failure
from workflows.models import WorkflowVersion

HINT = "Those who look after connections can share it with them, or somebody who may use it publishes and runs it."


def not_shared(
    run: ClaimedRun, plan: Plan, found: Mapping[str, UUID], limited: Mapping[UUID, tuple[str, Any]]
) -> dict[str, Failure]:
    """Steps whose connection is not shared with who started the run, or with who made its version; in words.

    `limited` are the connections that not everybody may use: {id: (name, sharing)}. What the product itself started
    or made is not asked about.
    """
    steps = [(step_of(place), *limited[pk]) for place, pk in found.items() if pk in limited]
    if not steps:
        return {}
    titles = {step.key: step.title for step, _ in plan.definition.walk()}
    wrong: dict[str, Failure] = {}
    for user, role, doing in _behind(run):
        for key, name, sharing in steps:
            if key not in wrong and not usable_by(sharing, user.pk, role):
                text = f"“{titles[key]}” uses the connection “{name}”, which is not shared with {user}, who {doing}."
                wrong[key] = Failure("E_CONN_SHARED", text, HINT, step=key)
    return wrong


def _behind(run: ClaimedRun) -> Iterator[tuple[User, str, str]]:
    """Who started the run and who made its version, each with their role now ("": no member any more)."""
    version = (
        WorkflowVersion.objects.of(run.workspace_id).only("author_id", "number", "workspace_id").get(pk=run.version_id)
    )
    made = "published this version" if version.number else "made this draft"
    starter = UUID(str(run.starter_id)) if run.starter_id else None
    people = [(starter, "started this run"), (version.author_id, made)]
    asked = [pk for pk, _ in people if pk is not None]
    members = Member.objects.of(run.workspace_id).filter(user__in=asked)
    roles = dict(members.values_list("user_id", "role"))
    users = {user.pk: user for user in User.objects.filter(pk__in=asked)}
    for pk, doing in people:
        if pk is not None and pk in users:
            yield users[pk], roles.get(pk, ""), doing
