"""What Gmail starts runs with, over the sandbox and the real SDK: each mail once, and none missed over an outage."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import pytest

from integrations.errors import Rejected, SignInAgain
from integrations.spec import Polled
from orchestrator_site.lib.clock import now
from tests.integrations.gate import poll as look

pytestmark = pytest.mark.django_db


def mail(subject: str, reply_to: str = "", file: bool = False) -> bytes:
    """A mail from Anna."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Anna <anna@example.com>", "support@example.com", subject
    made["Date"] = format_datetime(now())
    made["Message-ID"] = f"<{subject.replace(' ', '-')}@example.com>"
    if reply_to:
        made["In-Reply-To"] = made["References"] = f"<{reply_to.replace(' ', '-')}@example.com>"
    made.set_content("Good morning")
    if file:
        made.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="bill.pdf")
    return made.as_bytes()


def poll(place: Any, kind: str, cursor: Any, **config: Any) -> Polled:
    """One look at a place."""
    return look(f"gmail.{kind}", place.info, cursor, **config)


def subjects(polled: Polled) -> list[Any]:
    return [event.data["subject"] for event in polled.events]


def test_what_is_there_when_it_is_switched_on_is_no_news_and_each_later_mail_comes_once(place):
    place.deliver(mail("Old"))
    began = poll(place, "new_mail", None)
    assert began.events == []
    place.deliver(mail("One"))
    place.deliver(mail("Two"))
    found = poll(place, "new_mail", began.cursor)
    assert sorted(subjects(found)) == ["One", "Two"]
    assert found.events[0].data["text"].strip() == "Good morning" and found.events[0].key == found.events[0].data["id"]
    assert poll(place, "new_mail", found.cursor).events == []


def test_a_search_narrows_them_down(place):
    began = poll(place, "new_mail", None, query="subject:invoice")
    place.deliver(mail("Your invoice"))
    place.deliver(mail("Lunch"))
    assert subjects(poll(place, "new_mail", began.cursor, query="subject:invoice")) == ["Your invoice"]


def test_only_mails_with_files(place):
    began = poll(place, "new_attachment", None)
    place.deliver(mail("Bare"))
    place.deliver(mail("Bill", file=True))
    found = poll(place, "new_attachment", began.cursor)
    assert subjects(found) == ["Bill"] and found.events[0].data["attachments"][0]["filename"] == "bill.pdf"


def test_own_mail_drafts_and_spam_are_no_arrivals(place):
    began = poll(place, "new_mail", None)
    for label in ("SENT", "DRAFT", "SPAM"):
        place.deliver(mail(label), labels=[label])
    assert poll(place, "new_mail", began.cursor).events == []


def test_a_label_put_on_a_mail(place):
    identifier = place.deliver(mail("Keep me"))
    began = poll(place, "labelled", None, label="starred")
    place.ask("modify", identifier, ["STARRED"], [])
    found = poll(place, "labelled", began.cursor, label="starred")
    assert subjects(found) == ["Keep me"]
    assert poll(place, "labelled", found.cursor, label="starred").events == []
    with pytest.raises(Rejected, match="no label “Nowhere”"):
        poll(place, "labelled", None, label="Nowhere")


def test_a_labelled_mail_keeps_its_key_when_the_history_is_lost(real, contract):
    identifier = real.deliver(mail("Keep me"))
    began = poll(real, "labelled", None, label="STARRED")
    real.ask("modify", identifier, ["STARRED"], [])
    first = poll(real, "labelled", began.cursor, label="STARRED")
    real.deliver(mail("Later"))
    contract.gmail.forget_history()
    again = poll(real, "labelled", first.cursor, label="STARRED")
    assert [event.key for event in again.events] == [event.key for event in first.events]


def test_a_label_that_a_filter_puts_on_at_once(place):
    began = poll(place, "labelled", None, label="IMPORTANT")
    place.deliver(mail("Urgent"), labels=["INBOX", "IMPORTANT"])
    assert subjects(poll(place, "labelled", began.cursor, label="IMPORTANT")) == ["Urgent"]


def test_an_answer_in_a_conversation(real, contract):
    first = contract.gmail.deliver(mail("Order 4471"))
    began = poll(real, "new_reply", None)
    contract.gmail.deliver(mail("Something new"))
    contract.gmail.deliver(mail("Re: Order 4471", reply_to="Order 4471"), thread=first["threadId"])
    assert subjects(poll(real, "new_reply", began.cursor)) == ["Re: Order 4471"]


def test_a_history_that_does_not_reach_back_is_made_up_for_by_a_search_and_the_keys_tell_what_is_known(real, contract):
    began = poll(real, "new_mail", None)
    contract.gmail.deliver(mail("Before"))
    seen = poll(real, "new_mail", began.cursor)
    contract.gmail.deliver(mail("During the outage"))
    contract.gmail.forget_history()
    found = poll(real, "new_mail", seen.cursor)
    assert "During the outage" in subjects(found)
    known = {event.key for event in seen.events}
    assert {event.data["subject"] for event in found.events if event.key not in known} == {"During the outage"}
    contract.gmail.deliver(mail("After"))
    assert subjects(poll(real, "new_mail", found.cursor)) == ["After"]


def test_more_mails_than_one_look_reads_come_in_order(real, contract, monkeypatch):
    monkeypatch.setattr("integrations.gmail.triggers.MOST_MAILS", 2)
    cursor = poll(real, "new_mail", None).cursor
    for n in range(5):
        contract.gmail.deliver(mail(f"Mail {n}"))
    found: list[str] = []
    for _ in range(5):
        polled = poll(real, "new_mail", cursor)
        found, cursor = [*found, *subjects(polled)], polled.cursor
        if not polled.more:
            break
    assert found == [f"Mail {n}" for n in range(5)]


def test_a_token_that_ends_in_the_middle_loses_nothing(real, contract):
    began = poll(real, "new_mail", None)
    contract.gmail.deliver(mail("One"))
    contract.fail("unauthorized", "gmail.users.messages.get", times=1)
    with pytest.raises(SignInAgain):
        poll(real, "new_mail", began.cursor)
    assert subjects(poll(real, "new_mail", began.cursor)) == ["One"], "the cursor stayed where it was"
