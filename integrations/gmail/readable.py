"""Mails as one text that a person or a model can read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.gmail.interface import Address, Message


def readable(messages: Sequence[Message]) -> str:
    """All messages one after the other, each with its headers above its text."""
    count = len(messages)
    return "\n\n".join(
        (f"--- Message {number} of {count} ---\n" if count > 1 else "") + _one(message)
        for number, message in enumerate(messages, 1)
    )


def _one(message: Message) -> str:
    lines = [
        ("From", _people([message.sender])),
        ("Reply to", _people(message.reply_to)),
        ("To", _people(message.to)),
        ("Cc", _people(message.cc)),
        ("Date", message.date),
        ("Subject", message.subject or "(no subject)"),
        ("Attachments", ", ".join(f"{a.filename} ({_size(a.size)})" for a in message.attachments)),
    ]
    head = "\n".join(f"{name}: {value}" for name, value in lines if value)
    return f"{head}\n\n{message.text or message.snippet or '(no text)'}"


def _people(people: Sequence[Address]) -> str:
    return ", ".join(f"{p.name} <{p.email}>" if p.name and p.email else p.email or p.name for p in people)


def _size(size: int) -> str:
    return f"{size} bytes" if size < 1024 else f"{size / 1024:.0f} KB" if size < 1024**2 else f"{size / 1024**2:.1f} MB"
