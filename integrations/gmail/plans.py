"""What changes in a mailbox would do, told before they are made, and the client that shows what is only planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integrations.context import Context, Foreseen, Order, Outcome, is_planned
from integrations.gmail.failures import no_mail
from integrations.gmail.interface import GmailClient, Label, Message
from integrations.rehearsal import Foretold

Gmail = Context[GmailClient]


def _name(context: Gmail, kind: str) -> str:
    return (context.foreseen or Foreseen()).name(kind)


def _request(order: Order) -> Mapping[str, Any]:
    return order.request if isinstance(order.request, Mapping) else {}


async def mail(client: GmailClient, identifier: str) -> Message:
    """A mail as it is. Raises Rejected for one that is not there."""
    found = (await client.messages([identifier]))[0]
    if found is None:
        raise no_mail(identifier)
    return found


async def labels_of(client: GmailClient, identifier: str) -> list[str]:
    """The labels of a mail, by name. Raises Rejected for one that is not there."""
    names = {one.id: one.name for one in await client.labels()}
    return [names.get(one, one) for one in (await mail(client, identifier)).labels]


async def gone_draft(context: Gmail, order: Order) -> Foretold:
    """A draft that would be deleted."""
    draft = str(order.target["draft"])
    return Foretold(f"Deletes the draft {draft}.", {"draft": draft}, None, Outcome(draft))


async def new_draft(context: Gmail, order: Order) -> Foretold:
    """A draft that would be written."""
    said = dict(_request(order))
    data = {"message": _name(context, "mail"), "thread": _name(context, "thread"), "key": "planned"}
    outcome = Outcome(_name(context, "draft"), "", data)
    return Foretold(f"Writes the draft “{said.get('subject')}”.", None, said, outcome)


async def sent_mail(context: Gmail, order: Order) -> Foretold:
    """A mail that would leave."""
    said = dict(_request(order))
    draft = str(order.target.get("draft", ""))
    planned = (context.foreseen or Foreseen()).changes
    written = next((plan.after for plan in planned if plan.op == "create_draft" and plan.external_id == draft), None)
    after = dict(written) if isinstance(written, Mapping) else said
    to = ", ".join(after.get("to") or ()) if "to" in after else "those it names"
    what = f"“{after['subject']}”" if "subject" in after else f"the draft {draft}"
    outcome = Outcome(_name(context, "mail"), "", {"thread": _name(context, "thread")})
    return Foretold(f"Sends {what} to {to}.", None, after, outcome)


async def changed_labels(context: Gmail, order: Order) -> Foretold:
    """Labels that would be set or taken away (read, starred and archived are labels too)."""
    client, said, identifier = context.client, _request(order), str(order.target["message"])
    found = await mail(client, identifier)
    names = {one.id: one.name for one in await client.labels()}
    before = [names.get(one, one) for one in found.labels]
    remove = {str(one).lower() for one in said.get("remove") or ()}
    known = {one.lower() for one in before}
    after = [one for one in before if one.lower() not in remove]
    after += [names.get(one, one) for one in said.get("add") or () if str(one).lower() not in known]
    outcome = Outcome(identifier, found.url, {"labels": after})
    return Foretold(f"Sorts the mail “{found.subject}”.", {"labels": before}, {"labels": after}, outcome)


async def trashed(context: Gmail, order: Order) -> Foretold:
    """A mail that would go into the trash, or come out of it."""
    identifier, into = str(order.target["message"]), order.op == "trash"
    found = await mail(context.client, identifier)
    verb = "Moves the mail “{}” to the trash." if into else "Takes the mail “{}” out of the trash."
    gone = {"INBOX", "TRASH"} if into else {"TRASH"}
    after = [one for one in found.labels if one not in gone] + ["TRASH"] * into
    before = {"labels": list(found.labels)}
    return Foretold(verb.format(found.subject), before, {"labels": after}, Outcome(identifier, found.url))


async def new_label(context: Gmail, order: Order) -> Foretold:
    """A label that would be made."""
    name = str(_request(order).get("name"))
    return Foretold(f"Creates the label {name}.", None, {"name": name}, Outcome(_name(context, "label")))


class Overlay:
    """A mailbox in which what a dry run has planned lies as if it had happened."""

    def __init__(self, client: GmailClient, foreseen: Foreseen) -> None:
        self._client, self._foreseen = client, foreseen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def labels(self) -> list[Label]:
        """Every label, also those that are not made yet."""
        made = [plan for plan in self._foreseen.changes if plan.op == "create_label"]
        return [*await self._client.labels(), *(Label(p.external_id, p.after["name"], own=True) for p in made)]

    async def messages(self, ids: Sequence[str]) -> list[Message | None]:
        """These mails with the labels they would have."""
        found = await self._client.messages(ids)
        return [None if one is None else self._sorted(one) for one in found]

    async def draft_key(self, draft: str) -> str:
        """The key of a draft; one that is not written yet has none."""
        return "" if is_planned(draft) else await self._client.draft_key(draft)

    def _sorted(self, found: Message) -> Message:
        labels = found.labels
        for plan in self._foreseen.changes:
            if plan.target.get("message") == found.id:
                labels = plan.after["labels"]
        return found.model_copy(update={"labels": labels})
