"""A small catalogue of actions for the pure tests: the names and marks of design.md §3, without any service."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from integrations import spec
from integrations.spec import Model
from workflows.engine.actions import CONTROL_INFOS, ActionInfo, ConnectionFacts, Facts, PromptFacts, WorkflowFacts


class Person(BaseModel):
    name: str
    email: str


class Message(BaseModel):
    id: str
    subject: str
    text: str
    url: str
    sender: Person
    to: list[Person] = []
    labels: list[str] = []


class SearchInput(Model):
    query: str = spec.content("Query", default="")
    limit: int = spec.setting("Limit", default=10, ge=1, le=100)
    when_empty: Literal["continue", "finish", "fail"] = spec.setting("When empty", default="continue")


class SearchOutput(BaseModel):
    messages: list[Message]
    count: int
    text: str


class SummarizeInput(Model):
    text: str = spec.content("Text", min_length=1)
    max_words: int = spec.setting("Words", default=500, ge=1, le=5000)
    style: Literal["paragraph", "bullets"] = spec.setting("Style", default="paragraph")
    model: str = spec.setting("Model", default="", max_length=200)
    temperature: float | None = spec.setting("Temperature", default=None, ge=0, le=2)


class Answer(BaseModel):
    text: str
    model: str
    input_tokens: int = 0


class PageInput(Model):
    parent: str = spec.target("Parent", min_length=1)
    title: str = spec.content("Title", min_length=1, max_length=2000)
    content: str = spec.content("Content", default="")
    properties: dict[str, Any] = spec.content("Properties", default={})


class Page(BaseModel):
    id: str
    url: str
    title: str


class AppendInput(Model):
    page: str = spec.target("Page")
    content: str = spec.content("Content")


class Appended(BaseModel):
    page_id: str
    block_ids: list[str]
    url: str


class IssueInput(Model):
    repository: str = spec.target("Repository", pattern=r"^[^/\s]+/[^/\s]+$")
    title: str = spec.content("Title")
    body: str = spec.content("Body", default="")
    labels: list[str] = spec.content("Labels", default=[])
    assignees: list[str] = spec.content("Assignees", default=[])


class Issue(BaseModel):
    id: int
    number: int
    url: str
    title: str
    repository: str


class FormatInput(Model):
    template: str = spec.content("Template")


class Text(BaseModel):
    text: str


class ReadInput(Model):
    """Nothing is asked."""


class ExtractInput(Model):
    source: Any = spec.content("Source")
    path: str = spec.setting("Path", min_length=1)
    default: Any = spec.content("Default", default=None)


class Extracted(BaseModel):
    value: Any


class RunPromptInput(Model):
    prompt: str = spec.target("Prompt", widget="prompt")
    version: int | None = spec.setting("Version", default=None)
    label: str = spec.setting("Label", default="live")
    values: dict[str, Any] = spec.content("Values", default={})


def _action(name: str, kind: str, input: type[BaseModel], output: type[BaseModel], **more: Any) -> ActionInfo:
    return ActionInfo(
        name=name,
        kind=kind,
        title=name.split(".")[1].replace("_", " ").capitalize(),
        description=name,
        input=input,
        output=output,
        service=name.split(".")[0],
        tainted=kind != "pure",
        **more,
    )


class FakeCatalogue:
    """The actions below and the control actions."""

    def __init__(self) -> None:
        models = ("openai", "anthropic")
        own = [
            _action("gmail.search", "read", SearchInput, SearchOutput, services=("gmail",)),
            _action("wiki.read", "read", ReadInput, Text, services=()),
            _action("ai.summarize", "model", SummarizeInput, Answer, needs="model", services=models),
            _action("ai.run_prompt", "model", RunPromptInput, Answer, needs="model", services=models),
            _action(
                "notion.create_page", "effect", PageInput, Page, services=("notion",), can_look=True, verb="adds page"
            ),
            _action("notion.append", "effect", AppendInput, Appended, services=("notion",), can_look=True),
            _action("github.create_issue", "effect", IssueInput, Issue, services=("github",), can_look=False),
            _action("data.format", "pure", FormatInput, Text),
            _action("data.extract", "pure", ExtractInput, Extracted),
        ]
        self.infos = {**CONTROL_INFOS, **{info.name: info for info in own}}

    def get(self, name: str) -> ActionInfo | None:
        return self.infos.get(name)

    def names(self) -> list[str]:
        return list(self.infos)

    def ending(self, services: Any, model: str) -> None:
        return None


CATALOGUE = FakeCatalogue()
KNOWN = Facts(
    variables={"team": "Fernhill", "places": {"log": "abc"}},
    connections={name: ConnectionFacts(name, name) for name in ("openai", "github", "notion", "gmail")},
    prompts={"support_reply": PromptFacts("support_reply", {"live": ("mail",), "2": ("mail",)})},
    defaults=frozenset({"openai", "github", "notion", "gmail"}),
    workflows={"other": WorkflowFacts("other", "Other")},
)
