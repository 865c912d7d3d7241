"""The offline model: the same words for the same question, made from the text itself; no network, no key. Pure.

It reads `ModelRequest.task` to know what is wanted (summarize, sop) and otherwise answers the prompt plainly. Every
output says that it is the sandbox model.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integrations import sandbox_forms, sandbox_tools
from integrations.context import Calls, Choice, ConnectionInfo, ConnectionReport
from integrations.llm import KnownModel, ModelAnswer, ModelRequest, count_roughly, most_tokens
from integrations.prices import Used, read_table
from integrations.sandbox_media import SandboxMedia

TABLE = read_table(Path(__file__).with_name("sandbox_model.json"))
NAME = TABLE.defaults["text"][0]
SIGNED = "sandbox model"
LONG = 8_000
LONGEST = 400_000
PIECES, PAUSE = 10, 0.05
# Where prompts put the text they are about: between tags on lines of their own, or between lines of dashes.
_OPENING = re.compile(r"^<([a-z_-]{1,40})(?: [^>\n]{0,100})?>$|^(-{3,})$", re.MULTILINE)
MAX_BLOCKS = 20
# A sentence ends at a mark before a blank, so that addresses and numbers stay whole; the head of a mail is no sentence.
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s|\n")
_MAIL_HEAD = re.compile(
    r"^(?:(?:From|To|Cc|Bcc|Reply-To|Date|Subject|Message \d+|Attachments?|Labels?): ?.*|-* ?Message \d+ of \d+ ?-*)$",
    re.MULTILINE,
)
_WORD = re.compile(r"[^\W\d_]{4,}", re.UNICODE)
_LIMIT = re.compile(r"(?:at most|under|within|maximum(?: of)?|no more than|in)\s+(\d{1,4})\s+words", re.IGNORECASE)
_SUMMARY = re.compile(r"\b(summari[sz]e|summary|tl;?dr|condense|shorten)\b", re.IGNORECASE)
_PROCEDURE = re.compile(r"\b(standard operating procedure|sop|procedure|step[- ]by[- ]step)\b", re.IGNORECASE)
_REPLY = re.compile(r"\b(?:answer|reply) to (?:this|the) (?:mail|message)\b", re.IGNORECASE)
_FROM = re.compile(r"^From: ([^\s<]{1,60})", re.MULTILINE)
_ABOUT = re.compile(r"^Subject: (.{1,200})$", re.MULTILINE)
_POEM = re.compile(r"\b(poem|haiku|verse|limerick|ode)\b", re.IGNORECASE)
_NOISE = frozenset(
    [
        "about",
        "after",
        "again",
        "also",
        "been",
        "before",
        "being",
        "could",
        "does",
        "each",
        "from",
        "have",
        "here",
        "into",
        "just",
        "more",
        "most",
        "much",
        "other",
        "over",
        "same",
        "should",
        "some",
        "such",
        "than",
        "that",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "under",
        "very",
        "what",
        "when",
        "where",
        "which",
        "while",
        "will",
        "with",
        "would",
        "your",
        "please",
        "write",
        "following",
        "text",
        "summary",
        "summarize",
        "words",
    ]
)


class SandboxModel(SandboxMedia):
    """A `LanguageModel` that lives on this machine."""

    name, table = NAME, TABLE

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self.info, self.calls = info, calls

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Answer from the text of the request alone; a long one is read on a thread, so that nobody waits for it."""
        if len(request.prompt) > LONG:
            found = await self.calls.blocking(lambda: answer(request))
        else:
            found = answer(request)
        if request.on_text is not None:
            await _tell(found.text, request.on_text)
        return found

    async def models(self) -> list[KnownModel]:
        """The one model there is."""
        facts = TABLE.models[NAME]
        return [KnownModel(NAME, facts.input, facts.output)]

    async def count(self, request: ModelRequest) -> tuple[str, int, bool]:
        """The tokens that `complete` would count."""
        return NAME, _asked(request), True

    def price(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """What the offline model pretends to cost."""
        return TABLE.cost(NAME, Used(input_tokens, output_tokens))

    def most(self, request: ModelRequest) -> float | None:
        """What a request pretends to cost at most."""
        return TABLE.cost(NAME, Used(most_tokens(request), request.max_tokens or most_tokens(request)))

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """The one model there is."""
        return [Choice(NAME, TABLE.in_words(NAME))] if name == "models" or name in TABLE.defaults else []

    async def describe(self) -> ConnectionReport:
        """What the offline model is good for."""
        return ConnectionReport(
            ok=True,
            summary="The built-in offline model: the same text for the same prompt, sample prices, nothing leaves.",
            can=("complete prompts", "summarize text", "extract data", "sort texts", "make vectors and images"),
        )


def answer(request: ModelRequest) -> ModelAnswer:
    """The deterministic answer to a request, cut at `max_tokens` like a real one."""
    calls = sandbox_tools.next_calls(request) if request.tools else ()
    text = "" if calls else (sandbox_tools.last_words if request.tools else _writer(request))(request)
    finish, limit = "tools" if calls else "stop", request.max_tokens
    if limit is not None and count_tokens(text) > limit:
        text, finish = text[: limit * 4], "length"
    written = text + "".join(f"{call.name}{dict(call.arguments)}" for call in calls)
    asked, made = _asked(request), count_tokens(written)
    return ModelAnswer(text, NAME, finish, asked, made, TABLE.cost(NAME, Used(asked, made)), calls=calls)


def count_tokens(text: str) -> int:
    """Four characters are one token."""
    return count_roughly(text)


def _asked(request: ModelRequest) -> int:
    texts = (text for m in request.messages for text in (m.text, *(result.text for result in m.results)))
    return count_tokens(request.system) + sum(map(count_tokens, texts))


async def _tell(text: str, on_text: Callable[[str], None]) -> None:
    """The answer in a few pieces, so that whoever watches sees it being written; half a second at most."""
    size = max(40, len(text) // PIECES + 1)
    for at in range(0, len(text), size):
        on_text(text[at : at + size])
        await asyncio.sleep(PAUSE)


def _writer(request: ModelRequest) -> Callable[[ModelRequest], str]:
    told = _WRITERS.get(str(request.task.get("kind", "")))
    if told:
        return told
    if request.schema is not None:
        return lambda asked: sandbox_forms.extract(_subject(asked), asked.schema or {})
    prompt = request.prompt[:2000] + request.system[:2000]
    for pattern, writer in ((_REPLY, _reply), (_SUMMARY, _summary), (_PROCEDURE, _procedure), (_POEM, _poem)):
        if pattern.search(prompt):
            return writer
    return _plain


# ---- Summary -------------------------------------------------------------------------------------------------


def _summary(request: ModelRequest) -> str:
    """The sentences that hold most of the frequent words, in their order, within the number of words asked for."""
    text = _subject(request)
    limit = _word_limit(request)
    bullets = request.task.get("style") == "bullets" or "bullet" in request.prompt[:600].lower()
    note = f"({SIGNED})"
    chosen = _fitting(_ranked(_sentences(text)), max(1, limit - len(note.split())))
    if bullets:
        return "\n".join([*(f"- {sentence}" for sentence in chosen), "", note])
    return " ".join([*chosen, note])


def _word_limit(request: ModelRequest) -> int:
    asked = request.task.get("max_words")
    if isinstance(asked, int):
        return max(3, asked)
    found = _LIMIT.search(request.prompt)
    return max(3, int(found.group(1))) if found else 120


def _subject(request: ModelRequest) -> str:
    """The text the request is about: told by the action, or what stands in the data block, or the prompt."""
    told = request.task.get("text")
    if isinstance(told, str):
        return told
    blocks = _blocks(request.prompt[:LONGEST])
    if blocks:
        return max(blocks, key=len)
    _, colon, rest = request.prompt.partition(":\n")
    return rest if colon and len(rest) > 40 else request.prompt


def _blocks(prompt: str) -> list[str]:
    """The texts between tags or lines of dashes; at most twenty are looked for."""
    found, at = [], 0
    for _ in range(MAX_BLOCKS):
        opening = _OPENING.search(prompt, at)
        if opening is None:
            break
        closing = f"\n</{opening[1]}" if opening[1] else f"\n{opening[2]}"
        end = prompt.find(closing, opening.end())
        if end >= 0:
            found.append(prompt[opening.end() : end].strip("\n"))
        at = opening.end() if end < 0 else end + len(closing)
    return found


def _sentences(text: str) -> list[str]:
    told = _MAIL_HEAD.sub("", text[:200_000])
    parts = _BETWEEN_SENTENCES.split(told if told.strip() else text[:200_000])
    found = (" ".join(part.split()) for part in parts)
    return [sentence.lstrip("-*>#• ") for sentence in found if any(c.isalnum() for c in sentence)][:2000]


def _ranked(sentences: list[str]) -> list[tuple[int, str]]:
    """Sentences with their place, the weightiest first; the first sentence of a text counts a little more."""
    frequent = Counter(word for sentence in sentences for word in _words(sentence))

    def weight(item: tuple[int, str]) -> float:
        place, sentence = item
        words = _words(sentence)
        score = sum(frequent[word] for word in words) / (len(words) + 3)
        return score + (1.5 if place == 0 else 0)

    return sorted(enumerate(sentences), key=lambda item: (-weight(item), item[0]))


def _fitting(ranked: list[tuple[int, str]], limit: int) -> list[str]:
    chosen: dict[int, str] = {}
    room = limit
    for place, sentence in ranked:
        length = len(sentence.split())
        if length <= room and sentence not in chosen.values():
            chosen[place] = sentence
            room -= length
        if len(chosen) >= 8:
            break
    if not chosen and ranked:
        return [" ".join(ranked[0][1].split()[:limit])]
    return [chosen[place] for place in sorted(chosen)]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text) if word.lower() not in _NOISE]


# ---- Other kinds of text -------------------------------------------------------------------------------------


def _procedure(request: ModelRequest) -> str:
    """A standard operating procedure by template, filled with the words of the task."""
    subject = " ".join(_subject_of_task(request).split())[:300].rstrip(".")
    key = ", ".join(_keywords(subject)) or subject
    return "\n".join(
        [
            f"# Standard operating procedure: {subject}",
            "",
            "## Purpose",
            f"Describe how “{subject}” is done, so that everyone does it the same way.",
            "",
            "## Scope",
            f"Applies to everyone who works on: {key}.",
            "",
            "## Before you start",
            "1. Check that you have the access and the materials you need.",
            f"2. Read the latest notes about {key}.",
            "",
            "## Steps",
            f"1. State the goal of “{subject}” and who is responsible.",
            "2. Gather what is needed and write down where it came from.",
            f"3. Carry out the work: {subject}.",
            "4. Compare the result with the goal and repair what differs.",
            "5. Record the result, the date and open questions.",
            "",
            "## Checks",
            "- A second person has looked at the result.",
            "- The record can be found by someone who was not there.",
            "",
            f"_Written by the {SIGNED}._",
        ]
    )


def _subject_of_task(request: ModelRequest) -> str:
    told = request.task.get("task")
    return told if isinstance(told, str) else _subject(request)


def _reply(request: ModelRequest) -> str:
    """An answer to a mail: whom, about what, and the one sentence of the notes that shares most words with it."""
    mail = _subject(request)
    who, about = _FROM.search(mail), _ABOUT.search(mail)
    asked = set(_words(mail))
    notes = [one for one in _sentences(request.prompt.partition("<")[0]) if not _REPLY.search(one)]
    best = max(notes, key=lambda one: len(asked & set(_words(one))), default="")
    known = best.partition(": ")[2] if best.lower().startswith(("notes:", "our offer:")) else best
    helps = known if asked & set(_words(known)) else "A colleague will look into it."
    subject = f" about “{about[1].strip()}”" if about else ""
    name = who[1] if who else "there"
    return f"Hello {name},\n\nthank you for your mail{subject}. {helps}\n\nKind regards\n\n({SIGNED})"


def _poem(request: ModelRequest) -> str:
    words = (_keywords(request.prompt) * 4)[:4] or ["morning", "river", "window", "light"]
    words += ["morning"] * (4 - len(words))
    return "\n".join(
        [
            f"A quiet word about {words[0]},",
            f"and {words[1]} answers in the hall;",
            f"the day keeps {words[2]} in its pocket,",
            f"and {words[3]} is the name of all.",
            "",
            f"({SIGNED})",
        ]
    )


def _plain(request: ModelRequest) -> str:
    """One paragraph that takes up the question; the same for the same question."""
    subject = " ".join(request.prompt.split())
    short = subject if len(subject) <= 240 else f"{subject[:237]}…"
    about = ", ".join(_keywords(subject)) or "your question"
    return f"About {about}: this is a fixed answer of the {SIGNED} to “{short}”. Connect a model for a real one."


def _extracted(request: ModelRequest) -> str:
    return sandbox_forms.extract(str(request.task.get("text", "")), request.task.get("schema") or {})


def _classified(request: ModelRequest) -> str:
    task = request.task
    told = str(task.get("instructions") or "")
    text, none = str(task.get("text", "")), bool(task.get("allow_none"))
    return sandbox_forms.classify(text, list(task["categories"]), none, told)


def _graded(request: ModelRequest) -> str:
    return sandbox_forms.grade(str(request.task.get("text", "")), int(request.task.get("scale", 10)))


def _translated(request: ModelRequest) -> str:
    """The text itself: the offline model speaks no other language, and says so."""
    return f"{request.task.get('text', '')}\n\n({SIGNED}: this would be in {request.task.get('language', '')})"


def _rewritten(request: ModelRequest) -> str:
    text = "\n\n".join(" ".join(part.split()) for part in str(request.task.get("text", "")).split("\n\n"))
    return f"{text}\n\n({SIGNED})"


def _described(request: ModelRequest) -> str:
    """What is known of the bytes without looking: kind and size."""
    pictures = [picture for message in request.messages for picture in message.pictures]
    shown = [f"{one.name or 'an image'}, {one.mime_type}, {len(one.content):,} bytes" for one in pictures]
    return f"The {SIGNED} cannot see; it was given {'; '.join(shown) or 'no image'}."


_WRITERS: dict[str, Callable[[ModelRequest], str]] = {
    "summarize": _summary,
    "sop": _procedure,
    "extract": _extracted,
    "classify": _classified,
    "grade": _graded,
    "translate": _translated,
    "rewrite": _rewritten,
    "describe": _described,
}


def _keywords(text: str, count: int = 4) -> list[str]:
    ranked: Any = Counter(_words(_POEM.sub("", text)))
    return [word for word, _ in sorted(ranked.items(), key=lambda item: (-item[1], text.lower().find(item[0])))[:count]]
