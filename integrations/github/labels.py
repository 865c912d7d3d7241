"""Actions on the labels of an issue and on who it is assigned to."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.github import INTEGRATION as github
from integrations.github import plans
from integrations.github.common import Data, names, need, page, place, said
from integrations.github.interface import GithubClient
from integrations.github.issues import IssueInput, read_issue, shown_after
from integrations.github.shapes import IssueDetails, details_of
from integrations.spec import Change, Kind, Model
from integrations.spec import content as text


class LabelsInput(IssueInput):
    """Which labels."""

    labels: list[str] = text("Labels", min_length=1, max_length=100)


class Labels(Model):
    """All labels the issue has now."""

    labels: list[str]


@github.action(
    "add_labels",
    kind=Kind.EFFECT,
    input=LabelsInput,
    output=Labels,
    title="Add labels",
    phrase="adds labels",
    changes=[Change("add_labels", look=False, set_semantics=True, undo="Remove the labels", thing="issue", weight=70)],
    keywords=("tag", "triage"),
    foretell={"add_labels": plans.changed_labels},
)
async def add_labels(context: Context[GithubClient], values: LabelsInput) -> Labels:
    """Add labels to an issue or pull request; the others stay."""
    return await _labels(context, "add_labels", values, "POST", "", {"labels": values.labels})


class RemoveLabelInput(IssueInput):
    """Which label."""

    label: str = text("Label", min_length=1, max_length=50, choices="labels", depends=["repository"])


@github.action(
    "remove_label",
    kind=Kind.EFFECT,
    input=RemoveLabelInput,
    output=Labels,
    title="Remove a label",
    phrase="removes a label",
    changes=[Change("remove_label", look=True, undo="Add the label", thing="issue", weight=70)],
    foretell={"remove_label": plans.changed_labels},
)
async def remove_label(context: Context[GithubClient], values: RemoveLabelInput) -> Labels:
    """Remove a label from an issue; one that is not there is no error and changes nothing."""
    name, path = place(values.repository)
    now = names(await read_issue(context.client, name, path, values.number), "labels", "name")
    if values.label.lower() not in [label.lower() for label in now] and not context.earlier_change:
        return Labels(labels=now)
    return await _labels(context, "remove_label", values, "DELETE", f"/{quote(values.label, safe='')}", None)


async def _labels(
    context: Context[GithubClient], op: str, values: IssueInput, verb: str, tail: str, body: dict[str, Any] | None
) -> Labels:
    client = context.client
    name, path = place(values.repository)
    where = f"{path}/issues/{values.number}/labels"

    async def send(key: str) -> Outcome:
        data = await client.rest(verb, f"{where}{tail}", body=body, about={"repository": name})
        return Outcome(str(values.number), "", {"labels": [said(label, "name") for label in data or []]})

    async def gone(what: LookFor) -> Found | None:
        now = names(await read_issue(client, name, path, values.number), "labels", "name")
        removed = str(getattr(values, "label", "")).lower()
        return None if removed in [one.lower() for one in now] else Found(str(values.number), "", {"labels": now})

    outcome = await context.change(
        Order(
            op=op,
            target={"repository": name, "number": values.number},
            request=body or {"label": getattr(values, "label", "")},
            send=send,
            look=gone if verb == "DELETE" else None,
            set_semantics=verb != "DELETE",
            search_url=page(client, f"{name}/issues/{values.number}"),
        )
    )
    held = outcome.data.get("labels")
    return Labels(labels=held if isinstance(held, list) else [])


class AssignInput(IssueInput):
    """Whom."""

    assignees: list[str] = text("Assignees", help="GitHub user names.", min_length=1, max_length=10)


@github.action(
    "assign",
    kind=Kind.EFFECT,
    input=AssignInput,
    output=IssueDetails,
    title="Assign an issue",
    phrase="assigns an issue",
    changes=[
        Change("assign", look=False, set_semantics=True, undo="Take the assignment back", thing="issue", weight=65)
    ],
    foretell={"assign": plans.assigned},
)
async def assign(context: Context[GithubClient], values: AssignInput) -> IssueDetails:
    """Assign people to an issue or pull request; those assigned already stay."""
    client = context.client
    name, path = place(values.repository)

    async def send(key: str) -> Outcome:
        where = f"{path}/issues/{values.number}/assignees"
        data: Data = await client.rest("POST", where, body={"assignees": values.assignees}, about={"repository": name})
        need(data, "id", "an issue")
        shown = details_of(data, name)
        return Outcome(str(shown.number), shown.url, shown.model_dump())

    outcome = await context.change(
        Order(
            op="assign",
            target={"repository": name, "number": values.number},
            request={"assignees": values.assignees},
            send=send,
            set_semantics=True,
            search_url=page(client, f"{name}/issues/{values.number}"),
        )
    )
    shown = await shown_after(context, outcome, name, path, values.number)
    held = {one.lower() for one in shown.assignees}
    if lost := [one for one in values.assignees if one.lower() not in held]:
        context.warn(f"GitHub did not assign {', '.join(lost)}: they may not be members of the repository.")
    return shown
