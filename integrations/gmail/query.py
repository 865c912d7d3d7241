"""Gmail's search language, as far as the sandbox speaks it: operators, words, quotes, minus, OR, groups. Pure.

`matcher("is:unread from:ada (invoice OR \\"your order\\") -label:later newer_than:7d")` gives a test of one mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from integrations.errors import Rejected
from integrations.gmail.interface import Address, Message
from orchestrator_site.lib.clock import now

Test = Callable[[Message], bool]
_TOKEN = re.compile(r'[(){}]|-?(?:[A-Za-z_]+:)?"[^"]*"|-?[A-Za-z_]+:\([^()]*\)|[^\s(){}]+')
_SPAN = {"d": 1, "m": 30, "y": 365}
_SIZE = {"k": 1024, "m": 1024**2}
MAX_TOKENS = 200


def matcher(query: str) -> Test:
    """A test for one mail. Spam and trash are left out unless the query names them. Raises Rejected for a bad date."""
    tokens = _TOKEN.findall(query)[:MAX_TOKENS]
    test = _Reader(tokens).all_of("")
    if re.search(r"\b(in|label|is):(trash|spam|anywhere)\b", query, re.IGNORECASE):
        return test
    return lambda mail: not {"TRASH", "SPAM"} & set(mail.labels) and test(mail)


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def all_of(self, closing: str, *, any_of: bool = False) -> Test:
        """The tests up to `closing`; side by side means and, in braces or; OR binds its two neighbours."""
        groups: list[list[Test]] = []
        joined = False
        while self.at < len(self.tokens) and self.tokens[self.at] != closing:
            token = self.tokens[self.at]
            self.at += 1
            if token in ("OR", "|"):
                joined = bool(groups)
            elif token not in ("AND", ")", "}"):
                test = self._one(token)
                if joined:
                    groups[-1].append(test)
                else:
                    groups.append([test])
                joined = False
        self.at += 1
        tests = [_any(group) for group in groups]
        return _any(tests) if any_of and tests else lambda mail: all(test(mail) for test in tests)

    def _one(self, word: str) -> Test:
        if word == "(":
            return self.all_of(")")
        if word == "{":
            return self.all_of("}", any_of=True)
        if word == "-" and self.at < len(self.tokens):
            inner = self._next()
            return lambda mail: not inner(mail)
        if word.startswith("-") and len(word) > 1:
            positive = _term(word[1:])
            return lambda mail: not positive(mail)
        return _term(word)

    def _next(self) -> Test:
        token = self.tokens[self.at]
        self.at += 1
        return self._one(token)


def _any(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda mail: any(test(mail) for test in tests)


def _term(term: str) -> Test:
    key, colon, value = term.partition(":")
    if colon and key.lower() in _OPERATORS and value:
        return _OPERATORS[key.lower()](value.strip('"').lower())
    word = term.strip('"').lower()
    return lambda mail: word in _all_text(mail)


def _all_text(mail: Message) -> str:
    people = " ".join(_person(p) for p in [mail.sender, *mail.to, *mail.cc])
    files = " ".join(a.filename for a in mail.attachments)
    return f"{mail.subject} {people} {mail.text} {files}".lower()


def _person(person: Address) -> str:
    return f"{person.name} {person.email}".lower()


def _from(value: str) -> Test:
    value = value.strip("()")
    return lambda mail: (value == "me" and "SENT" in mail.labels) or value in _person(mail.sender)


def _to(value: str) -> Test:
    return lambda mail: value == "me" or any(value in _person(p) for p in mail.to)


def _cc(value: str) -> Test:
    return lambda mail: any(value in _person(p) for p in mail.cc)


def _subject(value: str) -> Test:
    words = value.strip("()").split() if value.startswith("(") else [value]
    return lambda mail: all(word in mail.subject.lower() for word in words)


def _label(value: str) -> Test:
    wanted = _dashed({"drafts": "draft", "unread": "unread"}.get(value, value))
    return lambda mail: wanted in ("anywhere", "all") or wanted in {_dashed(name.lower()) for name in mail.labels}


def _category(value: str) -> Test:
    names = {"primary": "category_personal"}
    return lambda mail: names.get(value, f"category_{value}") in {name.lower() for name in mail.labels}


def _dashed(name: str) -> str:
    return re.sub(r"[ /]", "-", name)


def _is(value: str) -> Test:
    if value == "read":
        return lambda mail: "UNREAD" not in mail.labels
    return lambda mail: value.upper() in mail.labels


def _has(value: str) -> Test:
    if value == "attachment":
        return lambda mail: bool(mail.attachments)
    if value == "userlabels":
        return lambda mail: any(not name.isupper() for name in mail.labels)
    return lambda mail: any(value in a.filename.lower() for a in mail.attachments)


def _filename(value: str) -> Test:
    return lambda mail: any(value in a.filename.lower() for a in mail.attachments)


def _message_id(value: str) -> Test:
    return lambda mail: value.strip("<>") == mail.message_id.strip("<>").lower()


def _sized(larger: bool) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        found = re.fullmatch(r"(\d+)([km]?)b?", value)
        if not found:
            raise _bad(value, "a size such as 5M")
        size = int(found[1]) * _SIZE.get(found[2], 1)
        return (lambda mail: _weight(mail) >= size) if larger else (lambda mail: _weight(mail) < size)

    return make


def _weight(mail: Message) -> int:
    return len(mail.text) + sum(file.size for file in mail.attachments)


def _aged(newer: bool) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        found = re.fullmatch(r"(\d{1,5})([dmy])", value)
        if not found:
            raise _bad(value, "a time such as 7d, 2m or 1y")
        since = now() - timedelta(days=int(found[1]) * _SPAN[found[2]])
        return (lambda mail: _when(mail) >= since) if newer else (lambda mail: _when(mail) < since)

    return make


def _dated(after: bool) -> Callable[[str], Test]:
    def make(value: str) -> Test:
        day = _day(value)
        return (lambda mail: _when(mail) >= day) if after else (lambda mail: _when(mail) < day)

    return make


def _day(value: str) -> datetime:
    try:
        if value.isdigit() and len(value) > 4:
            return datetime.fromtimestamp(int(value), UTC)
        year, month, day = (int(part) for part in re.split(r"[/-]", value))
        return datetime(year, month, day, tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        raise _bad(value, "a date such as 2026/01/31") from None


def _when(mail: Message) -> datetime:
    try:
        return datetime.fromisoformat(mail.date)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)


def _bad(value: str, wanted: str) -> Rejected:
    return Rejected(
        f"“{value[:60]}” in the search is not {wanted}.", status=400, refused=True, hint="Correct the search."
    )


_OPERATORS: dict[str, Callable[[str], Test]] = {
    "from": _from,
    "to": _to,
    "cc": _cc,
    "bcc": _cc,
    "subject": _subject,
    "label": _label,
    "in": _label,
    "category": _category,
    "is": _is,
    "has": _has,
    "filename": _filename,
    "rfc822msgid": _message_id,
    "larger": _sized(True),
    "size": _sized(True),
    "smaller": _sized(False),
    "newer_than": _aged(True),
    "older_than": _aged(False),
    "after": _dated(True),
    "newer": _dated(True),
    "before": _dated(False),
    "older": _dated(False),
}
