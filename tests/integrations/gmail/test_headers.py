"""What people wrote never becomes a header of its own, however it is encoded."""

from __future__ import annotations

import email

import pytest

from integrations.gmail.compose import Enclosed, Letter, raw_of
from integrations.gmail.interface import Address

TRICKS = [
    "=?utf-8?q?=0D=0ABcc:_eve@example.org?=",
    "a =?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLm9yZw==?= b",
    "x\r\nBcc: eve@example.org",
]


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("place", ["subject", "name", "answers", "references", "file"])
def test_no_text_begins_a_header_of_its_own(trick, place):
    letter = Letter(
        to=(Address(name=trick if place == "name" else "Bob", email="bob@example.org"),),
        subject=trick if place == "subject" else "Hi",
        text="Hi",
        answers=trick if place == "answers" else "",
        references=trick if place == "references" else "",
        files=(Enclosed(trick if place == "file" else "a.txt", "text/plain", b"x"),),
    )
    for part in email.message_from_bytes(raw_of(letter, "k" * 32)).walk():
        assert part["bcc"] is None
