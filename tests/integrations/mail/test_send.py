"""Sending mail through a real server: what arrives, and what becomes of every refusal and every broken line."""

from __future__ import annotations

import email
import email.header
import email.utils
from email.policy import default

import pytest

from integrations.errors import Rejected, SignInAgain, Unavailable
from tests.integrations.gate import Gate, MemoryFiles, attempt, plan_of, run_action

MAIL = {"to": ["Bob <bob@example.org>"], "subject": "Über uns", "text": "Hällo\n.\nBob\n"}


def read(envelope):
    return email.message_from_bytes(envelope.content, policy=default)


def text_of(mail, kind="plain"):
    return mail.get_body((kind,)).get_content().replace("\r\n", "\n")


def test_a_mail_arrives_as_it_was_written(post):
    keeper, place = post
    files = MemoryFiles()
    pdf = files.put(b"%PDF\r\n.\r\n", name="../report \u202e.pdf", mime_type="application/pdf")
    given = {
        **MAIL,
        "html": "<p>Hällo</p>",
        "cc": ["carl@example.org, Dora Ö <dora@bücher.example>"],
        "bcc": ["eve@example.org"],
        "reply_to": ["team@example.com"],
        "attachments": [pdf.model_dump(mode="json", by_alias=True)],
    }
    gate = Gate()
    output = run_action("mail.send", given, place, gate=gate, files=files).output
    (envelope,) = keeper.taken
    assert envelope.mail_from == "ada@example.com"
    assert envelope.rcpt_tos == ["bob@example.org", "carl@example.org", "dora@xn--bcher-kva.example", "eve@example.org"]
    mail = read(envelope)
    assert (mail["subject"], mail["from"], mail["to"]) == ("Über uns", "Ada Lovelace <ada@example.com>", MAIL["to"][0])
    assert mail["reply-to"] == "team@example.com" and "eve" not in envelope.content.decode()
    assert text_of(mail) == MAIL["text"] and text_of(mail, "html") == "<p>Hällo</p>\n"
    (part,) = mail.iter_attachments()
    assert (
        part.get_content() == b"%PDF\r\n.\r\n"
        and part.get_filename().endswith(".pdf")
        and "/" not in part.get_filename()
    )
    assert output["message_id"] == mail["message-id"] == f"<workflow.{gate.key(1)}@example.com>"
    assert output["recipients"] == envelope.rcpt_tos


def test_the_same_mail_has_the_same_name_on_every_attempt(post):
    keeper, place = post
    gate = Gate()
    run_action("mail.send", MAIL, place, gate=gate)
    run_action("mail.send", MAIL, place, gate=Gate(seed=gate.seed))
    first, second = (read(one) for one in keeper.taken)
    assert first["message-id"] == second["message-id"]


@pytest.mark.parametrize(
    "more",
    [
        {"to": ["bob@example.org\r\nBcc: eve@example.org"]},
        {"to": ["bob@example.org\u2028x"]},
        {"to": ["bob"]},
        {"to": [" "]},
        {"to": ["bob@example.org", "@example.org"]},
        {"to": ["bob@exa mple.org"]},
        {"to": ["<bob@example.org> SIZE=1"]},
        {"to": ["bob@[127.0.0.1]"]},
        {"to": ["bob@example.org>\nRCPT TO:<eve@example.org"]},
        {"to": ["büro@example.org"]},
        {"to": [f"{'a' * 65}@example.org"]},
        {"cc": ["Bob <bob@@example.org>"]},
        {"reply_to": ["nobody"]},
        {"to": [", ".join(f"p{n}@example.org" for n in range(101))]},
    ],
)
def test_what_is_no_address_is_refused_before_anything_leaves(post, more):
    keeper, place = post
    ran = attempt("mail.send", {**MAIL, **more}, place)
    assert isinstance(ran.error, Rejected) and ran.error.refused and ran.error.code in ("E_ADDRESS", "E_LENGTH")
    assert (ran.orders, keeper.taken) == ([], [])


@pytest.mark.parametrize(
    "subject", ["A\r\nBcc: eve@example.org", "A\nX: 1\n\nbody", "A\x00\x0bB", "=?utf-8?q?=0D=0ABcc:_eve?="]
)
def test_a_subject_cannot_become_a_header(post, subject):
    keeper, place = post
    run_action("mail.send", {**MAIL, "subject": subject}, place)
    (envelope,) = keeper.taken
    mail = read(envelope)
    assert envelope.rcpt_tos == ["bob@example.org"]
    assert mail["bcc"] is None and mail["x"] is None
    assert text_of(mail) == MAIL["text"]


@pytest.mark.parametrize(
    "refuse, kind, words",
    [
        ({"MAIL": "550 no"}, Rejected, "ada@example.com"),
        ({"bob@example.org": "550 no such user"}, Rejected, "bob@example.org (550 no such user)"),
        ({"bob@example.org": "450 greylisted"}, Unavailable, "bob@example.org now (450 greylisted)"),
        ({"DATA": "554 spam"}, Rejected, "the mail (554 spam)"),
        ({"DATA": "452 disk full"}, Unavailable, "the mail now"),
        ({"MAIL": "530 authentication required"}, SignInAgain, "did not let us in"),
    ],
)
def test_a_no_of_the_server_is_a_certain_one(post, refuse, kind, words):
    keeper, place = post
    keeper.refuse = refuse
    error = attempt("mail.send", {**MAIL, "cc": ["carl@example.org"]}, place).error
    assert isinstance(error, kind) and error.refused and words in error.message
    assert keeper.taken == [], "nobody gets a mail that not everybody gets"


@pytest.mark.parametrize(
    "answers",
    [
        {"greet": "drop"}, {"greet": "554 go away"}, {"greet": "HTTP/1.1 400 Bad Request"}, {"EHLO": "500 what"},
        {"MAIL": "drop"}, {"RCPT": "421 shutting down"}, {"DATA": "drop"}, {"DATA": "451 later"}, {"greet": "hang"},
        {"EHLO": "drip"}, {"END": "550 no"},
    ],
    ids=str,
)  # fmt: skip
def test_before_the_mail_has_left_every_failure_is_certain(script, answers):
    server, place = script(**answers)
    slow = {"hang", "drip"} & set(answers.values())
    error = attempt("mail.send", MAIL, place, timeout=1.0 if slow else 10).error
    assert error is not None and error.message.endswith(".")
    if not slow:  # there the gate of the tests ends the call itself, and says no more than that
        assert error.refused
    assert len(server.contents) <= int("END" in answers)


@pytest.mark.parametrize("answer", ["drop", "hang", "drip"])
def test_after_it_only_the_answer_tells(script, answer):
    server, place = script(END=answer)
    ran = attempt("mail.send", MAIL, place, timeout=1.0 if answer != "drop" else 10)
    assert isinstance(ran.error, Unavailable) and not ran.error.refused
    assert len(server.contents) == 1
    assert ran.orders[0].look is None and not ran.orders[0].set_semantics, "so a person is asked"


def test_a_line_that_is_a_dot_does_not_end_the_mail(script):
    server, place = script()
    run_action("mail.send", {**MAIL, "text": ".\r\nQUIT\r\n.\r\n..x"}, place)
    assert len(server.contents) == 1 and server.commands.count("QUIT") <= 1 and server.contents[0].endswith(b"...x\r\n")


def test_nobody_listening_is_a_certain_no(place):
    error = attempt("mail.send", MAIL, place(1)).error
    assert isinstance(error, Unavailable) and error.refused and "could not be reached" in error.message


def test_a_plan_is_the_mail_and_sends_nothing(post):
    keeper, place = post
    (plan,) = plan_of("mail.send", MAIL, place)
    assert plan.summary == "Sends “Über uns” to bob@example.org."
    assert plan.after["text"] == MAIL["text"] and plan.target == {"to": ["bob@example.org"]}
    assert keeper.taken == []


@pytest.mark.parametrize(
    "address, name",
    [
        ('"=?utf-8?q?=0D=0ABcc:_eve@example.org?=" <bob@example.org>', "=?utf-8?q?=0D=0ABcc:_eve@example.org?="),
        ('"Bob, the \\"Builder\\"" <bob@example.org>', 'Bob, the "Builder"'),
        ("Bøb Ångström ありがとう <bob@example.org>", "Bøb Ångström ありがとう"),
        ("  bob@example.org ", ""),
    ],
)
def test_a_name_is_a_name_and_nothing_else(post, address, name):
    keeper, place = post
    run_action("mail.send", {**MAIL, "to": [address]}, place)
    (envelope,) = keeper.taken
    raw = email.message_from_bytes(envelope.content)
    assert envelope.rcpt_tos == ["bob@example.org"] and raw["bcc"] is None
    shown, _ = email.utils.parseaddr(raw["to"])
    assert str(email.header.make_header(email.header.decode_header(shown))) == name
