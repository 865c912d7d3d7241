"""The pure actions: fill a template and take a value out of a value here, the others in the files beside."""

from __future__ import annotations

from typing import Any

from integrations.context import Context
from integrations.data import INTEGRATION, dates, lists, records, tables, texts
from integrations.errors import Rejected
from integrations.spec import Kind, Model, content, setting
from orchestrator_site.lib.templating import TemplateProblem, evaluate_path

__all__ = ["dates", "lists", "records", "tables", "texts"]


class FormatInput(Model):
    """What `data.format` takes."""

    template: str = content(
        "Template", help="Text with placeholders.", example="{{ steps.fetch.count }} mails", widget="long"
    )


class FormatOutput(Model):
    """The filled text."""

    text: str


class ExtractInput(Model):
    """What `data.extract` takes."""

    source: Any = content("Source", help="The value to look into.", example="{{ steps.fetch.messages }}", widget="any")
    path: str = setting("Path", help="Names and numbers: a.b[0].c", example="[0].subject", min_length=1)
    default: Any = content("Otherwise", default=None, help="Used when there is nothing at the path.", widget="any")


class ExtractOutput(Model):
    """The value found."""

    value: Any


@INTEGRATION.action(
    "format",
    kind=Kind.PURE,
    input=FormatInput,
    output=FormatOutput,
    title="Fill a template",
    phrase="fills a template",
    keywords=("transform", "text"),
)
async def format(context: Context[None], values: FormatInput) -> FormatOutput:
    """Write a text from values of the run: the placeholders of the template are filled in before this step starts."""
    return FormatOutput(text=values.template)


@INTEGRATION.action(
    "extract",
    kind=Kind.PURE,
    input=ExtractInput,
    output=ExtractOutput,
    title="Take a value out",
    phrase="takes a value out",
    keywords=("transform", "json", "path"),
)
async def extract(context: Context[None], values: ExtractInput) -> ExtractOutput:
    """Take one value out of a bigger one by its path, such as `messages[0].subject`."""
    try:
        if "default" in values.model_fields_set:
            return ExtractOutput(value=evaluate_path(values.source, values.path, values.default))
        return ExtractOutput(value=evaluate_path(values.source, values.path))
    except TemplateProblem as problem:
        raise Rejected(problem.message, code=problem.code, hint=problem.hint or "", refused=True) from problem
