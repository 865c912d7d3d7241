"""Actions that put mail in order: labels, read and unread, star, archive, trash. Doing one twice changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.context import Context, Found, LookFor, Order, Outcome
from integrations.errors import Rejected
from integrations.gmail import INTEGRATION as gmail
from integrations.gmail import plans
from integrations.gmail.interface import MAIL, GmailClient, Label
from integrations.spec import Change, Kind, Model, content


class MessageInput(Model):
    """Which mail."""

    message: str = content("Mail", help="The id of a mail, as a search gives it.", min_length=1, max_length=200)


class LabelsInput(MessageInput):
    """Which labels."""

    labels: list[str] = content("Labels", help="By name.", example=["Invoices"], min_length=1, max_length=100)


class Labelled(Model):
    """The labels the mail has now, by name."""

    id: str
    labels: list[str]


async def _modify(
    context: Context[GmailClient], op: str, message: str, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> Labelled:
    client, identifier = context.client, message.strip()
    known = await client.labels()
    adding, removing = [_id(known, name) for name in add], [_id(known, name) for name in remove]

    async def send(key: str) -> Outcome:
        held = await client.modify(identifier, adding, removing)
        return Outcome(identifier, f"{MAIL}#all/{identifier}", {"labels": list(held)})

    outcome = await context.change(
        Order(
            op=op,
            target={"message": identifier},
            request={"add": list(add), "remove": list(remove)},
            send=send,
            set_semantics=True,
            search_url=f"{MAIL}#all/{identifier}",
        )
    )
    held = outcome.data.get("labels")
    names = {one.id: one.name for one in known}
    return Labelled(id=identifier, labels=[names.get(one, one) for one in held] if isinstance(held, list) else [])


def _id(known: Sequence[Label], name: str) -> str:
    """The id of a label. Raises Rejected for one that is not there."""
    wanted = name.strip().lower()
    found = next((one.id for one in known if wanted in (one.name.lower(), one.id.lower())), None)
    if found is None:
        raise Rejected(
            f"There is no label “{name[:100]}”.",
            code="E_NOT_FOUND",
            refused=True,
            hint="Create it with a step “Create a label”, or check its name.",
        )
    return found


def _set(op: str, undo: str) -> list[Change]:
    return [Change(op, look=False, set_semantics=True, undo=undo, thing="mail to sort", weight=75)]


@gmail.action(
    "add_labels", kind=Kind.EFFECT, input=LabelsInput, output=Labelled, title="Add labels", phrase="adds labels",
    changes=_set("add_labels", "Take the labels away"), keywords=("tag", "file"),
    foretell={"add_labels": plans.changed_labels},
)  # fmt: skip
async def add_labels(context: Context[GmailClient], values: LabelsInput) -> Labelled:
    """Add labels to a mail; the others stay."""
    return await _modify(context, "add_labels", values.message, add=values.labels)


@gmail.action(
    "remove_labels", kind=Kind.EFFECT, input=LabelsInput, output=Labelled, title="Remove labels",
    phrase="removes labels", changes=_set("remove_labels", "Add the labels"),
    foretell={"remove_labels": plans.changed_labels},
)  # fmt: skip
async def remove_labels(context: Context[GmailClient], values: LabelsInput) -> Labelled:
    """Take labels away from a mail; the others stay."""
    return await _modify(context, "remove_labels", values.message, remove=values.labels)


@gmail.action(
    "mark_read", kind=Kind.EFFECT, input=MessageInput, output=Labelled, title="Mark as read",
    phrase="marks a mail as read", changes=_set("mark_read", "Mark as unread"),
    foretell={"mark_read": plans.changed_labels},
)  # fmt: skip
async def mark_read(context: Context[GmailClient], values: MessageInput) -> Labelled:
    """Mark a mail as read."""
    return await _modify(context, "mark_read", values.message, remove=["UNREAD"])


@gmail.action(
    "mark_unread", kind=Kind.EFFECT, input=MessageInput, output=Labelled, title="Mark as unread",
    phrase="marks a mail as unread", changes=_set("mark_unread", "Mark as read"),
    foretell={"mark_unread": plans.changed_labels},
)  # fmt: skip
async def mark_unread(context: Context[GmailClient], values: MessageInput) -> Labelled:
    """Mark a mail as unread."""
    return await _modify(context, "mark_unread", values.message, add=["UNREAD"])


@gmail.action(
    "star", kind=Kind.EFFECT, input=MessageInput, output=Labelled, title="Star a mail", phrase="stars a mail",
    changes=_set("star", "Take the star away"),
    foretell={"star": plans.changed_labels},
)  # fmt: skip
async def star(context: Context[GmailClient], values: MessageInput) -> Labelled:
    """Put a star on a mail."""
    return await _modify(context, "star", values.message, add=["STARRED"])


@gmail.action(
    "unstar", kind=Kind.EFFECT, input=MessageInput, output=Labelled, title="Take a star away",
    phrase="takes a star away", changes=_set("unstar", "Star it"),
    foretell={"unstar": plans.changed_labels},
)  # fmt: skip
async def unstar(context: Context[GmailClient], values: MessageInput) -> Labelled:
    """Take the star of a mail away."""
    return await _modify(context, "unstar", values.message, remove=["STARRED"])


@gmail.action(
    "archive", kind=Kind.EFFECT, input=MessageInput, output=Labelled, title="Archive a mail",
    phrase="archives a mail", changes=_set("archive", "Move it to the inbox"), keywords=("done", "inbox"),
    foretell={"archive": plans.changed_labels},
)  # fmt: skip
async def archive(context: Context[GmailClient], values: MessageInput) -> Labelled:
    """Take a mail out of the inbox; it stays in All Mail."""
    return await _modify(context, "archive", values.message, remove=["INBOX"])


class Trashed(Model):
    """The mail."""

    id: str


async def _trash(context: Context[GmailClient], op: str, message: str, *, back: bool) -> Trashed:
    client, identifier = context.client, message.strip()

    async def send(key: str) -> Outcome:
        await client.trash(identifier, back=back)
        return Outcome(identifier, f"{MAIL}#{'all' if back else 'trash'}/{identifier}")

    order = Order(op=op, target={"message": identifier}, request={}, send=send, set_semantics=True)
    outcome = await context.change(order)
    return Trashed(id=outcome.external_id or identifier)


@gmail.action(
    "trash", kind=Kind.EFFECT, input=MessageInput, output=Trashed, title="Move to the trash",
    phrase="moves a mail to the trash", changes=_set("trash", "Take it out of the trash"), keywords=("delete",),
    foretell={"trash": plans.trashed},
)  # fmt: skip
async def trash(context: Context[GmailClient], values: MessageInput) -> Trashed:
    """Move a mail to the trash; Gmail deletes it after 30 days."""
    return await _trash(context, "trash", values.message, back=False)


@gmail.action(
    "untrash", kind=Kind.EFFECT, input=MessageInput, output=Trashed, title="Take out of the trash",
    phrase="takes a mail out of the trash", changes=_set("untrash", "Move it to the trash"), keywords=("restore",),
    foretell={"untrash": plans.trashed},
)  # fmt: skip
async def untrash(context: Context[GmailClient], values: MessageInput) -> Trashed:
    """Take a mail out of the trash."""
    return await _trash(context, "untrash", values.message, back=True)


class CreateLabelInput(Model):
    """What the label is called."""

    name: str = content(
        "Name", help="With / for one below another.", example="Invoices/2026", min_length=1, max_length=225
    )


class LabelMade(Model):
    """The label; `created` is false where it was there already."""

    id: str
    name: str
    created: bool


@gmail.action(
    "create_label", kind=Kind.EFFECT, input=CreateLabelInput, output=LabelMade, title="Create a label",
    phrase="creates a label", changes=[
        Change("create_label", look=True, undo="Delete the label", thing="label", weight=78)
    ],
    foretell={"create_label": plans.new_label},
)  # fmt: skip
async def create_label(context: Context[GmailClient], values: CreateLabelInput) -> LabelMade:
    """Create a label; one that is there already is no error."""
    client, name = context.client, " ".join(values.name.split())
    there = await _named(client, name)
    if there is not None and not context.earlier_change:
        return LabelMade(id=there.id, name=there.name, created=False)

    async def send(key: str) -> Outcome:
        made = await client.create_label(name)
        return Outcome(made.id, "", {"name": made.name})

    async def look(what: LookFor) -> Found | None:
        found = await _named(client, name)
        return Found(found.id, "", {"name": found.name}) if found else None

    outcome = await context.change(
        Order(op="create_label", target={"label": name}, request={"name": name}, send=send, look=look)
    )
    return LabelMade(id=outcome.external_id, name=name, created=True)


async def _named(client: GmailClient, name: str) -> Label | None:
    return next((one for one in await client.labels() if one.name.lower() == name.lower()), None)
