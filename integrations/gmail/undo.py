"""How changes in a mailbox are taken back."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.gmail.interface import GmailClient
from integrations.gmail.plans import labels_of
from integrations.undoing import Made, Rule, Step


async def _labels_stand(client: GmailClient, made: Made) -> bool:
    return set(await labels_of(client, str(made.target["message"]))) == set(made.after["labels"])


def _old_labels(made: Made) -> Sequence[Step] | str:
    before, after, message = made.before["labels"], made.after["labels"], made.target["message"]
    gone, new = [one for one in before if one not in after], [one for one in after if one not in before]
    steps: list[Step] = []
    if "TRASH" in new:
        steps.append(("gmail.untrash", {"message": message}))
    if "TRASH" in gone:
        steps.append(("gmail.trash", {"message": message}))
    if more := [one for one in gone if one != "TRASH"]:
        steps.append(("gmail.add_labels", {"message": message, "labels": more}))
    if less := [one for one in new if one != "TRASH"]:
        steps.append(("gmail.remove_labels", {"message": message, "labels": less}))
    return steps or "It changed nothing."


async def _draft_stands(client: GmailClient, made: Made) -> bool:
    return await client.draft_stands(made.external_id)


SORTED = ("add_labels", "remove_labels", "mark_read", "mark_unread", "star", "unstar", "archive", "trash", "untrash")
RULES: dict[str, Rule] = {
    **{op: Rule(_old_labels, _labels_stand, remember=True) for op in SORTED},
    "create_draft": Rule(lambda made: [("gmail.delete_draft", {"draft": made.external_id})], _draft_stands),
    "send_draft": Rule(no="A mail that was sent cannot be called back."),
    "create_label": Rule(no="Delete the label in Gmail; mails may carry it by now."),
}
