"""Drafts, answers, forwards and sending in two phases; sandbox and real SDK alike."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from integrations.errors import Rejected, ServiceError
from tests.integrations.gate import Gate, MemoryFiles, attempt, run_action
from tests.integrations.looking import find_again

pytestmark = pytest.mark.django_db
MAIL = {"to": ["Ada <ada@example.com>"], "subject": "Grüße 📦", "text": "Hallo Ada,\n\nschöne Grüße."}


def letter(**headers) -> bytes:
    mail = EmailMessage()
    usual = {"From": "Bob <bob@example.com>", "To": "me@example.com", "Subject": "Question", "Message-ID": "<q1@x>"}
    for name, value in {**usual, **headers}.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("How does it work?")
    mail.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="invoice.pdf")
    return mail.as_bytes()


def run(place, verb, given, **more):
    return run_action(f"gmail.{verb}", given, place.info, **more)


def read(place, identifier):
    return run(place, "get_message", {"id": identifier}).output


def test_a_draft_is_written_and_found_again_and_nothing_is_sent(place):
    gate = Gate()
    made = run(place, "create_draft", MAIL, gate=gate).output
    assert made["draft_id"] and made["to"] == ["ada@example.com"]
    assert run(place, "search", {"query": "in:sent"}).output["count"] == 0
    assert find_again("gmail.create_draft", MAIL, place.info, gate).external_id == made["draft_id"]
    assert find_again("gmail.create_draft", MAIL, place.info, Gate()) is None


@pytest.fixture
def small_inline(monkeypatch):
    """Mails of more than a few bytes count as large."""
    monkeypatch.setattr("integrations.gmail.client.MOST_INLINE", 100)


def test_a_mail_with_large_files_is_uploaded_whole_in_one_request_to_the_connections_own_address(real, contract):
    files = MemoryFiles()
    content = bytes(range(256)) * 4 * 1024 * 6
    kept = files.put(content, "plan.zip", "application/zip").model_dump(mode="json", by_alias=True)
    sent = run(real, "send", {**MAIL, "attachments": [kept]}, files=files).output
    assert [call.operation for call in contract.calls("gmail.users.drafts.*")] == [
        "gmail.users.drafts.create.upload", "gmail.users.drafts.send",
    ]  # fmt: skip
    mail = message_from_bytes(contract.gmail.messages[sent["id"]]["raw"], policy=policy.default)
    assert mail["To"] == "Ada <ada@example.com>" and mail["Subject"] == MAIL["subject"]
    assert [part.get_content() for part in mail.iter_attachments()] == [content]
    there = read(real, sent["id"])["attachments"]
    given = {"message": sent["id"], "attachment": there[0]["id"]}
    taken = run(real, "get_attachment", given, files=files).output["file"]
    assert taken["sha256"] == kept["sha256"], "and files of that size come out again"


def test_an_uploaded_answer_stays_in_its_conversation(real, contract, small_inline):
    identifier = real.deliver(letter())
    thread = read(real, identifier)["thread_id"]
    assert run(real, "draft_reply", {"message": identifier, "text": "Like this."}).output["thread_id"] == thread
    assert len(contract.calls("gmail.users.drafts.create.upload")) == 1


@pytest.mark.strays
def test_an_upload_whose_answer_was_lost_is_found_among_the_drafts(real, contract, small_inline):
    contract.fail("reset", "gmail.users.drafts.create.upload", after_effect=True)
    gate = Gate()
    assert not attempt("gmail.create_draft", MAIL, real.info, gate=gate).error.refused
    assert find_again("gmail.create_draft", MAIL, real.info, gate) is not None
    assert len(contract.effects("gmail.users.drafts.create.upload")) == 1


def test_a_mail_larger_than_gmail_takes_is_refused_before_anything_leaves(real, contract, monkeypatch):
    monkeypatch.setattr("integrations.gmail.compose.MAX_MAIL", 1024 * 1024)
    files = MemoryFiles()
    kept = files.put(b"x" * 1024 * 1024, "big.bin", "application/octet-stream").model_dump(mode="json", by_alias=True)
    ran = attempt("gmail.send", {**MAIL, "attachments": [kept]}, real.info, files=files)
    assert isinstance(ran.error, Rejected) and ran.error.code == "E_TOO_LARGE" and ran.orders == []
    assert not contract.calls("*")


def test_sending_is_a_draft_and_then_that_draft(place):
    gate = Gate()
    sent = run(place, "send", MAIL, gate=gate).output
    assert [order.op for order in gate.orders] == ["create_draft", "send_draft"]
    mail = read(place, sent["id"])
    assert (mail["subject"], mail["to"][0]["email"]) == ("Grüße 📦", "ada@example.com")
    assert "schöne Grüße" in mail["text"] and "SENT" in mail["labels"]
    assert find_again("gmail.send", MAIL, place.info, gate, seq=2).external_id == sent["id"]
    assert run(place, "search", {"query": "in:sent"}).output["count"] == 1


def test_a_draft_that_stands_has_certainly_not_been_sent(place):
    gate = Gate()
    run(place, "create_draft", MAIL, gate=gate)
    assert find_again("gmail.send", MAIL, place.info, gate, seq=2) is None


def test_a_draft_that_was_deleted_by_hand_is_never_sent_anew_in_silence(place):
    gate = Gate()
    given = {"draft": "r-nothing"}
    ran = attempt("gmail.send_draft", given, place.info, gate=gate)
    assert isinstance(ran.error, ServiceError) and not ran.error.refused, "the outcome is unknown: a person is asked"
    assert ran.error.code == "E_DRAFT_GONE"
    with pytest.raises(ServiceError) as caught:
        find_again("gmail.send_draft", given, place.info, gate)
    assert "not found in Sent" in caught.value.message


def test_an_answer_stays_in_the_conversation_and_goes_where_answers_are_wanted(place):
    identifier = place.deliver(letter(Reply_To="Desk <desk@example.com>", References="<q0@x>", Cc="eve@example.com"))
    original = read(place, identifier)
    sent = run(place, "reply", {"message": identifier, "text": "Like this."}).output
    answer = read(place, sent["id"])
    assert (answer["subject"], answer["thread_id"]) == ("Re: Question", original["thread_id"])
    assert [one["email"] for one in answer["to"]] == ["desk@example.com"] and answer["cc"] == []
    everyone = run(place, "reply", {"message": identifier, "text": "All.", "everyone": True}).output
    assert "eve@example.com" in [one["email"] for one in read(place, everyone["id"])["cc"]]
    thread = run(place, "get_thread", {"id": original["thread_id"]}).output
    assert thread["count"] == 3 and "Like this." in thread["text"]


def test_an_answer_names_the_mails_before_it(real, contract):
    identifier = real.deliver(letter(References="<q0@x>"))
    made = run(real, "draft_reply", {"message": identifier, "text": "Soon."}).output
    headers = real.ask("headers", made["message_id"], ("In-Reply-To", "References"))
    assert headers == {"in-reply-to": "<q1@x>", "references": "<q0@x> <q1@x>"}


def test_a_mail_is_forwarded_with_its_file(place):
    identifier = place.deliver(letter())
    sent = run(place, "forward", {"message": identifier, "to": ["carl@example.com"], "text": "Please pay."}).output
    mail = read(place, sent["id"])
    assert mail["subject"] == "Fwd: Question" and "How does it work?" in mail["text"]
    assert [one["filename"] for one in mail["attachments"]] == ["invoice.pdf"]


def test_a_file_comes_out_of_a_mail_and_goes_into_another(real):
    identifier = real.deliver(letter())
    files = MemoryFiles()
    got = run(real, "get_attachment", {"message": identifier, "attachment": "invoice.pdf"}, files=files).output
    assert (got["name"], got["mime_type"], got["size"]) == ("invoice.pdf", "application/pdf", 6)
    sent = run(real, "send", {**MAIL, "attachments": [got["file"]]}, files=files).output
    assert [one["filename"] for one in read(real, sent["id"])["attachments"]] == ["invoice.pdf"]


@pytest.mark.parametrize("to", [["nobody"], ["a@b\nBcc: evil@example.com"], ["a@b, <c>"], ["a b@c.de"], [" "]])
def test_an_address_that_is_none_is_refused_before_anything_leaves(place, to):
    ran = attempt("gmail.send", {**MAIL, "to": to}, place.info)
    assert isinstance(ran.error, Rejected) and ran.error.refused and ran.orders == []


def test_a_subject_cannot_bring_headers_along(place):
    sent = run(place, "send", {**MAIL, "subject": "Hi\r\nBcc: evil@example.com"}).output
    assert read(place, sent["id"])["subject"] == "Hi Bcc: evil@example.com"


def test_mail_is_labelled_archived_starred_and_thrown_away(place):
    identifier = place.deliver(letter())
    about = {"message": identifier}
    made = run(place, "create_label", {"name": "Invoices"}).output
    assert made["created"] and not run(place, "create_label", {"name": "invoices"}).output["created"]
    assert "Invoices" in run(place, "add_labels", {**about, "labels": ["Invoices"]}).output["labels"]
    assert "Invoices" in [one["name"] for one in run(place, "list_labels", {}).output["labels"]]
    assert "Invoices" not in run(place, "remove_labels", {**about, "labels": ["Invoices"]}).output["labels"]
    assert "UNREAD" not in run(place, "mark_read", about).output["labels"]
    assert "UNREAD" in run(place, "mark_unread", about).output["labels"]
    assert "STARRED" in run(place, "star", about).output["labels"]
    assert "STARRED" not in run(place, "unstar", about).output["labels"]
    assert "INBOX" not in run(place, "archive", about).output["labels"]
    run(place, "trash", about)
    assert "TRASH" in read(place, identifier)["labels"]
    run(place, "untrash", about)
    assert "TRASH" not in read(place, identifier)["labels"]
    error = attempt("gmail.add_labels", {**about, "labels": ["Nope"]}, place.info).error
    assert isinstance(error, Rejected) and "no label “Nope”" in error.message


@pytest.mark.strays
@pytest.mark.parametrize("operation, seq", [("gmail.users.drafts.create", 1), ("gmail.users.drafts.send", 2)])
@pytest.mark.parametrize("kind", ["reset", "server_error", "malformed_json", "empty_body"])
def test_a_lost_answer_is_found_and_the_mail_leaves_once(real, contract, kind, operation, seq):
    contract.gmail.replace_message_ids = True
    contract.fail(kind, operation, after_effect=True)
    gate = Gate()
    ran = attempt("gmail.send", MAIL, real.info, gate=gate)
    assert ran.error is not None and not ran.error.refused
    found = find_again("gmail.send", MAIL, real.info, gate, seq=seq)
    assert found is not None and len(contract.effects(operation)) == 1
