"""Searching mail, over the sandbox and over the real SDK, and what happens when there is none."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import pytest

from integrations.errors import Rejected
from orchestrator_site.lib.clock import now
from tests.integrations.gate import attempt, run_action

pytestmark = pytest.mark.django_db


def post(place, subject, *, days=0.0, sender="Ada <ada@example.org>", text="Hello", labels=None, file=""):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "me@example.com", subject
    made["Date"] = format_datetime(now() - timedelta(days=days))
    made["Message-ID"] = f"<{subject.replace(' ', '.')}@example.org>"
    made.set_content(text)
    if file:
        made.add_attachment(b"data", maintype="application", subtype="pdf", filename=file)
    return place.deliver(made.as_bytes(), labels)


@pytest.fixture
def mailbox(place):
    post(place, "Invoice 7", days=3, sender="billing@hosting.example", file="invoice.pdf")
    post(place, "Weekly notes", days=1, text="The export is fixed", labels=["INBOX"])
    post(place, "Bug report", days=0.1, sender="Jonas <jonas@north.example>", labels=["INBOX", "UNREAD", "STARRED"])
    post(place, "Old contract", days=400, labels=["INBOX"])
    post(place, "Junk", days=0.5, labels=["SPAM"])
    return place


@pytest.mark.parametrize("query, subjects", [
    ("", ["Bug report", "Weekly notes", "Invoice 7", "Old contract"]),
    ("is:unread", ["Bug report", "Invoice 7"]),
    ("is:read", ["Weekly notes", "Old contract"]),
    ("is:starred", ["Bug report"]),
    ("from:hosting.example", ["Invoice 7"]),
    ("from:jonas is:unread", ["Bug report"]),
    ("subject:invoice", ["Invoice 7"]),
    ('subject:"weekly notes"', ["Weekly notes"]),
    ("has:attachment", ["Invoice 7"]),
    ("filename:pdf", ["Invoice 7"]),
    ("newer_than:2d", ["Bug report", "Weekly notes"]),
    ("older_than:1y", ["Old contract"]),
    ("label:inbox -is:unread newer_than:7d", ["Weekly notes"]),
    ("export", ["Weekly notes"]),
    ("in:spam", ["Junk"]),
    ("nothing-like-this", []),
])  # fmt: skip
def test_the_usual_operators_are_understood(mailbox, query, subjects):
    output = run_action("gmail.search", {"query": query}, mailbox.info).output
    assert [message["subject"] for message in output["messages"]] == subjects
    assert output["count"] == len(subjects)


def test_a_limit_gives_the_newest(mailbox):
    output = run_action("gmail.search", {"limit": 1}, mailbox.info).output
    assert [message["subject"] for message in output["messages"]] == ["Bug report"]


def test_the_text_is_readable_and_holds_every_mail(mailbox):
    text = run_action("gmail.search", {"query": "newer_than:7d"}, mailbox.info).output["text"]
    assert text.index("Subject: Bug report") < text.index("The export is fixed") < text.index("Subject: Invoice 7")
    assert "From: Jonas <jonas@north.example>" in text
    assert "Attachments: invoice.pdf (4 bytes)" in text
    assert "--- Message 1 of 3 ---" in text


def test_one_mail_stands_alone(mailbox):
    text = run_action("gmail.search", {"query": "is:starred"}, mailbox.info).output["text"]
    assert text.startswith("From: Jonas")


def test_nothing_found_goes_on_with_nothing(mailbox):
    ran = run_action("gmail.search", {"query": "zzz"}, mailbox.info)
    assert ran.output == {"messages": [], "count": 0, "text": ""}
    assert ran.finished == []


def test_nothing_found_may_finish_the_run(mailbox):
    ran = run_action("gmail.search", {"query": "zzz", "when_empty": "finish"}, mailbox.info)
    assert ran.finished == ["No mail matches “zzz”."]


def test_nothing_found_may_fail(mailbox):
    ran = attempt("gmail.search", {"query": "zzz", "when_empty": "fail"}, mailbox.info)
    assert isinstance(ran.error, Rejected)
    assert ran.error.code == "E_EMPTY"
    assert ran.finished == []


def test_a_mail_that_is_not_there_is_said(mailbox):
    for identifier in ("18c0000000009999", "nonsense"):
        ran = attempt("gmail.get_message", {"id": identifier}, mailbox.info)
        assert isinstance(ran.error, Rejected)
        assert ran.error.code == "E_NOT_FOUND"
        assert identifier in ran.error.message


def test_a_mail_deleted_in_between_is_left_out_with_a_warning(real, contract):
    for number in range(3):
        post(real, f"Mail {number}")
    contract.fail("not_found", "gmail.users.messages.get")
    ran = run_action("gmail.search", {}, real.info)
    assert ran.output["count"] == 2
    assert ran.warnings == ["1 of the mails was deleted while they were being read."]


def test_every_page_is_read(real, contract):
    for number in range(30):
        post(real, f"Mail {number}", days=number / 100)
    whole = contract.gmail._paged
    contract.gmail._paged = lambda request, items, key, show: _small(whole, request, items, key, show)
    try:
        output = run_action("gmail.search", {"limit": 25}, real.info).output
    finally:
        contract.gmail._paged = whole
    assert output["count"] == 25
    assert len({message["id"] for message in output["messages"]}) == 25
    assert len(contract.calls("gmail.users.messages.list")) == 3


def _small(whole, request, items, key, show):
    request.arguments["maxResults"] = min(10, request.arguments.get("maxResults", 100))
    return whole(request, items, key, show)


def test_a_test_says_whose_mailbox_it_is(place):
    found = place.ask("describe")
    assert found.ok
    assert found.summary
