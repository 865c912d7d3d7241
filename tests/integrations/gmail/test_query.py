"""Gmail's search language as the sandbox speaks it."""

from __future__ import annotations

import pytest

from integrations.errors import Rejected
from integrations.gmail.interface import Address, Attachment, Message
from integrations.gmail.query import matcher

MAIL = Message(
    id="1",
    sender=Address(name="Ada Lovelace", email="ada@example.org"),
    to=[Address(email="me@example.com")],
    cc=[Address(email="bob@example.net")],
    subject="Invoice for order 7",
    date="2026-11-20T10:00:00+00:00",
    text="Please pay the order within two weeks.",
    labels=["INBOX", "UNREAD", "Customers/North", "CATEGORY_PERSONAL"],
    attachments=[Attachment(id="1", filename="invoice.pdf", mime_type="application/pdf", size=3_000_000)],
    message_id="<abc@example.org>",
)


@pytest.mark.parametrize("query", [
    "invoice OR receipt", "receipt OR invoice", "{receipt invoice}", "(invoice order)", "-(receipt)", "-receipt",
    "from:(ada)", "to:me", "cc:bob", "label:customers-north", 'label:"Customers/North"', "category:primary",
    "after:2026/11/19 before:2026/11/21", "after:2026-11-19", "larger:2M", "smaller:4M",
    "rfc822msgid:<abc@example.org>",
    '"two weeks"', "subject:(invoice order)", "is:unread (receipt OR pay)", "FROM:Ada", "in:inbox", "in:anywhere",
    "has:attachment filename:pdf", "a OR zzz", "((invoice))", "AND invoice", "OR invoice", "invoice OR",
])  # fmt: skip
def test_it_matches(query):
    assert matcher(query)(MAIL)


@pytest.mark.parametrize("query", [
    "receipt", "-invoice", "-(invoice)", "{receipt bill}", "from:bob", "label:customers", "is:starred",
    "before:2026/01/01",
    "larger:9M", "rfc822msgid:other", '"weeks two"', "subject:pay", "invoice receipt", "is:read", "in:trash",
    "invoice OR receipt from:bob",
])  # fmt: skip
def test_it_does_not_match(query):
    assert not matcher(query)(MAIL)


@pytest.mark.parametrize("query", ["newer_than:soon", "after:yesterday", "larger:big", "before:2026/13/45"])
def test_a_value_that_cannot_be_read_is_said(query):
    with pytest.raises(Rejected):
        matcher(query)


def test_no_query_hangs_or_breaks():
    for query in ("(" * 5000, ")" * 5000, "{" * 300 + "a", '"' * 4001, "-" * 3000, "OR " * 2000, "a:" * 3000):
        matcher(query)(MAIL)
