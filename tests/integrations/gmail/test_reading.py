"""Mails of every make, read over the sandbox and over the real SDK."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest

from tests.integrations.gate import run_action

pytestmark = pytest.mark.django_db


def mail(
    text: str = "Hello", subject: str = "Hi", sender: str = "Ada <ada@example.org>", **headers: str
) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "me@example.com", subject
    made["Date"], made["Message-ID"] = "Mon, 05 Jan 2026 10:30:00 +0100", "<one@example.org>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def raw(head: str, body: bytes = b"", kind: str = "text/plain") -> bytes:
    fixed = f"From: a@example.org\r\nTo: me@example.com\r\n{head}\r\nContent-Type: {kind}\r\n"
    return fixed.encode("utf-8") + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + body


def read(place, data, **more) -> dict:
    identifier = place.deliver(data if isinstance(data, bytes) else data.as_bytes(), **more)
    return run_action("gmail.get_message", {"id": identifier}, place.info).output


def test_a_plain_mail_is_read_whole(place):
    found = read(place, mail("Grüße\n", "Übersicht 📎", Cc="Bob <bob@example.net>", Reply_To="desk@example.org"))
    assert found["sender"] == {"name": "Ada", "email": "ada@example.org"}
    assert found["to"] == [{"name": "", "email": "me@example.com"}]
    assert found["cc"] == [{"name": "Bob", "email": "bob@example.net"}]
    assert found["reply_to"] == [{"name": "", "email": "desk@example.org"}]
    assert found["subject"] == "Übersicht 📎"
    assert found["text"] == "Grüße"
    assert found["date"] == "2026-01-05T10:30:00+01:00"
    assert found["message_id"] == "<one@example.org>"
    assert found["snippet"] == "Grüße"
    assert found["labels"] == ["INBOX", "UNREAD"]
    assert found["attachments"] == []
    assert found["thread_id"]
    assert found["url"]


def test_html_alone_becomes_text(place):
    made = mail()
    made.set_content("<h1>Hi</h1><p>Two<br>lines</p><script>bad()</script><style>p{}</style>", subtype="html")
    found = read(place, made)
    assert "Hi" in found["text"]
    assert "Two" in found["text"]
    assert "bad" not in found["text"]
    assert "p{}" not in found["text"]
    assert "<h1>Hi</h1>" in found["html"]


def test_plain_is_preferred_where_both_are_there(place):
    made = mail("The plain one\n")
    made.add_alternative("<p>The marked one</p>", subtype="html")
    found = read(place, made)
    assert found["text"] == "The plain one"
    assert "marked" in found["html"]


def test_an_empty_plain_part_gives_way_to_html(place):
    made = mail("  \n")
    made.add_alternative("<p>The marked one</p>", subtype="html")
    assert read(place, made)["text"] == "The marked one"


def test_attachments_are_listed_and_not_taken_for_text(place):
    made = mail("See file\n")
    made.add_attachment(b"%PDF" * 100, maintype="application", subtype="pdf", filename="Büro – Plan.pdf")
    made.add_attachment("a,b\n", subtype="csv", filename="list.csv")
    found = read(place, made)
    assert found["text"] == "See file"
    files = found["attachments"]
    assert [(f["filename"], f["mime_type"]) for f in files] == [
        ("Büro – Plan.pdf", "application/pdf"),
        ("list.csv", "text/csv"),
    ]
    assert files[0]["size"] == 400
    assert all(f["id"] for f in files)


def test_a_mail_inside_a_mail_is_read(place):
    outer = mail("Forwarded below\n")
    outer.add_attachment(mail("Inner text\n", "Inner"), filename="inner.eml")
    found = read(place, outer)
    assert found["subject"] == "Hi"
    assert found["text"].startswith("Forwarded below")


@pytest.mark.parametrize("charset, body, text", [
    ("utf-8", "Grüße".encode(), "Grüße"),
    ("iso-8859-1", "Grüße".encode("latin-1"), "Grüße"),
    ("windows-1252", "“quoted” – 5 €".encode("cp1252"), "“quoted” – 5 €"),
    ("us-ascii", "Grüße".encode(), "Grüße"),
    ("us-ascii", "Grüße".encode("latin-1"), "Grüße"),
    ("no-such-charset", "Grüße".encode("latin-1"), "Grüße"),
    ("iso-2022-jp", "こんにちは".encode("iso-2022-jp"), "こんにちは"),
    ("shift_jis", "こんにちは".encode("shift_jis"), "こんにちは"),
    ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
    ("gb2312", "你好".encode("gb2312"), "你好"),
    ("utf-16", "Grüße".encode("utf-16"), "Grüße"),
    ("'utf-8'", "Grüße".encode(), "Grüße"),
    ("", "Grüße".encode(), "Grüße"),
    ("utf-8", b"broken \xff\xfe end", "broken ÿþ end"),
])  # fmt: skip
def test_every_character_set_is_read(place, charset, body, text):
    kind = f'text/plain; charset="{charset}"' if charset else "text/plain"
    found = read(place, raw("Subject: x", base64.b64encode(body), kind).replace(b"8bit", b"base64"))
    assert found["text"] == text


@pytest.mark.parametrize("header, subject", [
    ("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
    ("=?iso-8859-1?Q?Gr=FC=DFe?= an alle", "Grüße an alle"),
    ("=?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe?=", "Grüße"),
    ("=?utf-8?B?broken", "=?utf-8?B?broken"),
    ("=?utf-8?B?!!!?=", None),
    ("=?no-such?Q?abc?=", "abc"),
    ("folded\r\n line", "folded line"),
    ("", ""),
])  # fmt: skip
def test_encoded_subjects_are_decoded_and_broken_ones_survive(place, header, subject):
    found = read(place, raw(f"Subject: {header}", b"x"))
    assert subject is None or found["subject"] == subject
    assert "\n" not in found["subject"]


@pytest.mark.parametrize("header, people", [
    ('"Lovelace, Ada" <a@example.org>, bob@example.net', [("Lovelace, Ada", "a@example.org"), ("", "bob@example.net")]),
    ("=?utf-8?Q?D=C3=BCrr=2C_Eva?= <eva@example.org>", [("Dürr, Eva", "eva@example.org")]),
    ("undisclosed-recipients:;", []),
])  # fmt: skip
def test_people_are_taken_apart(place, header, people):
    found = read(place, raw(f"Subject: x\r\nCc: {header}", b"x"))
    assert [(p["name"], p["email"]) for p in found["cc"]] == people


@pytest.mark.parametrize("date", ["not a date", "Mon, 99 Foo 2026 99:99:99", "", "Thu, 1 Jan 1970 00:00:00 -9999"])
def test_a_broken_date_is_not_the_end(place, date):
    read(place, raw(f"Subject: x\r\nDate: {date}", b"x"))


def test_a_mail_without_anything_is_read(place):
    found = read(place, b"\r\n")
    assert found["subject"] == ""
    assert found["text"] == ""
    assert found["sender"] == {"name": "", "email": ""}


def test_control_characters_do_not_come_through(place):
    found = read(place, raw("Subject: a\x00b", b"one\x00two\x1b[31m"))
    assert "\x00" not in found["text"] + found["subject"]


def test_names_of_own_labels_are_shown(real, contract):
    contract.gmail.labels["Label_7"] = {"id": "Label_7", "name": "Customers/North", "type": "user"}
    assert read(real, mail(), labels=["INBOX", "Label_7"])["labels"] == ["INBOX", "Customers/North"]
    assert len(contract.calls("gmail.users.labels.list")) == 1


def test_text_that_gmail_left_out_for_its_size_is_fetched(real, contract):
    identifier = real.deliver(mail("Long text\n").as_bytes())
    show = contract.gmail._part

    def left_out(message, part, number):
        shown = show(message, part, number)
        shown["body"] = {"attachmentId": "big", "size": 10}
        contract.gmail.attachments["big"] = b"The long text"
        return shown

    contract.gmail._part = left_out
    try:
        assert run_action("gmail.get_message", {"id": identifier}, real.info).output["text"] == "The long text"
    finally:
        contract.gmail._part = show
