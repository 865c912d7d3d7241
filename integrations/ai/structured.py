"""Answers with a form: fields taken out of a text, and a text put into one of several categories.

The model is held to a JSON Schema where it can be, told it in words where not; what comes back is checked, and an
answer that does not fit is sent back at most twice with what is wrong with it. Every request is booked.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, model_validator

from integrations.ai import INTEGRATION
from integrations.ai.asking import Answers, Fallback, Spent, ask, fallback_setting, model_setting, refuse_empty, spent
from integrations.ai.blocks import data_block
from integrations.errors import Rejected
from integrations.llm import Message, ModelAnswer, ModelRequest
from integrations.schema_words import check_schema, read_json
from integrations.spec import Kind, Model, content, setting
from orchestrator_site.lib.errors import UserError

MOST_REPAIRS = 2
Kinds = Literal["text", "number", "integer", "boolean", "date", "choice", "list"]
_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "description": "A date as YYYY-MM-DD."},
    "choice": {"type": "string"},
    "list": {"type": "array", "items": {"type": "string"}},
}


class BadInputs(UserError, ValueError):
    """A mistake in the inputs that pydantic hands on with its own code."""


class FieldWanted(Model):
    """One field to take out of a text."""

    name: str = Field(title="Name", pattern=r"^[a-z][a-z0-9_]{0,47}$")
    type: Kinds = Field(default="text", title="Type")
    description: str = Field(default="", title="What it is", max_length=500)
    required: bool = Field(default=True, title="Must be there")
    options: list[str] = Field(default=[], title="One of", max_length=100)

    def schema_part(self) -> dict[str, Any]:
        """The JSON Schema of the value."""
        part = dict(_TYPES[self.type])
        if self.options and self.type == "list":
            part["items"] = {"type": "string", "enum": self.options}
        elif self.options:
            part["enum"] = self.options
        words = " ".join(filter(None, (self.description, str(part.get("description", "")))))
        return {**part, "description": words} if words else part


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message='Field name "schema"')  # the word that everybody uses for it

    class ExtractInput(Model):
        """What `ai.extract` takes."""

        text: str = content("Text", help="What is read.", example="{{ steps.fetch.text }}", widget="long")
        fields: list[FieldWanted] = setting(
            "Fields",
            default=[],
            help="What to take out: name, type (text, number, integer, boolean, date, choice, list), description, "
            "required, options.",
            example=[{"name": "amount", "type": "number", "description": "The total, without currency"}],
            widget="json",
            max_length=100,
        )
        schema: dict[str, Any] | None = setting(  # type: ignore[assignment]
            "Or a JSON Schema", default=None, help="Instead of fields: a schema of an object.", widget="json"
        )
        instructions: str = setting(
            "What to mind", default="", help="Rules for doubtful cases.", example="Amounts in euros.", widget="long"
        )
        model: str | None = model_setting()
        fallback: list[str | Fallback] = fallback_setting()

        @model_validator(mode="after")
        def _one_of_both(self) -> ExtractInput:
            """Fields or a schema, and one that can be used."""
            try:
                self.wanted()
            except UserError as problem:
                raise BadInputs(problem.code, problem.message, field=problem.field, hint=problem.hint) from problem
            return self

        def wanted(self) -> dict[str, Any]:
            """The schema of the answer. Raises UserError."""
            if bool(self.fields) == bool(self.schema):
                text = "Say what to take out: either fields or a schema."
                raise UserError("E_REQUIRED", text, field="fields", hint="Add a field, like amount of type number.")
            if self.schema:
                check_schema(self.schema)
                return self.schema
            names = [field.name for field in self.fields]
            if len(set(names)) < len(names):
                raise UserError("E_DEF_DUP", "Two fields have the same name.", field="fields")
            empty = next((f.name for f in self.fields if f.type == "choice" and not f.options), None)
            if empty:
                raise UserError("E_REQUIRED", f"The field “{empty}” is a choice: give its options.", field="fields")
            return {
                "type": "object",
                "properties": {field.name: field.schema_part() for field in self.fields},
                "required": [field.name for field in self.fields if field.required],
                "additionalProperties": False,
            }


class Extracted(Spent):
    """What was taken out of a text; `text` is the answer as the model wrote it, `repairs` how often it went back."""

    data: dict[str, Any]
    text: str
    repairs: int = 0


class ClassifyInput(Model):
    """What `ai.classify` takes."""

    text: str = content("Text", help="What is sorted.", example="{{ steps.fetch.text }}", widget="long")
    categories: list[str] = setting(
        "Categories", help="The names to choose from, one a line.", example=["invoice", "complaint"], min_length=1,
        max_length=100,
    )  # fmt: skip
    allow_none: bool = setting("It may be none of them", default=True, help="Then the category is empty.")
    instructions: str = setting(
        "What to mind", default="", help="What belongs where.", example="A reminder is an invoice too.", widget="long"
    )
    model: str | None = model_setting()
    fallback: list[str | Fallback] = fallback_setting()


class Classified(Spent):
    """The category (null: none of them), how sure the model says it is (0 to 1), and why."""

    category: str | None
    confidence: float | None = None
    reason: str = ""


@INTEGRATION.action(
    "extract",
    kind=Kind.MODEL,
    input=ExtractInput,
    output=Extracted,
    title="Extract data",
    phrase="extracts data",
    needs="model",
    timeout=240,
    keywords=("structured", "json", "schema", "fields", "parse"),
)
async def extract(context: Answers, values: ExtractInput) -> Extracted:
    """Take fields out of a text. The answer is checked against the schema; one that does not fit is an error."""
    refuse_empty(values.text, "text")
    schema = values.wanted()
    block, rule = data_block(values.text)
    more = f" {values.instructions}" if values.instructions else ""
    request = ModelRequest.of(
        "Take the data that the schema asks for out of the text below. Use only what the text says; leave out, or set"
        f" to null, what it does not say.{more}\n\n{block}",
        system=f"You extract data exactly and invent nothing. {rule}",
        model=values.model or "",
        schema=schema,
        task={"kind": "extract", "text": values.text, "schema": schema},
    )
    data, answers = await ask_for_json(context, request, values.fallback)
    return Extracted(data=data, text=answers[-1].text, repairs=len(answers) - 1, **spent(answers))


@INTEGRATION.action(
    "classify",
    kind=Kind.MODEL,
    input=ClassifyInput,
    output=Classified,
    title="Sort into categories",
    phrase="sorts",
    needs="model",
    timeout=120,
    keywords=("classify", "label", "category", "route", "sentiment", "triage"),
)
async def classify(context: Answers, values: ClassifyInput) -> Classified:
    """Put a text into one of your categories, with how sure the model is and why. Orders in the text are data."""
    refuse_empty(values.text, "text")
    names = list(dict.fromkeys(name.strip() for name in values.categories if name.strip()))
    if not names:
        raise Rejected("There are no categories to choose from.", code="E_EMPTY_TEXT", refused=True)
    block, rule = data_block(values.text)
    listed = "\n".join(f"- {name}" for name in names)
    none = " If none of them fits, the category is null." if values.allow_none else ""
    more = f"\n{values.instructions}" if values.instructions else ""
    request = ModelRequest.of(
        f"Choose the one category that fits the text below best.{none}\nCategories:\n{listed}{more}\n\n{block}",
        system=f"You sort texts. {rule}",
        model=values.model or "",
        schema=_choice_schema(names, values.allow_none),
        task={
            "kind": "classify",
            "text": values.text,
            "categories": names,
            "allow_none": values.allow_none,
            "instructions": values.instructions,
        },
    )
    data, answers = await ask_for_json(context, request, values.fallback)
    confidence = min(1.0, max(0.0, float(data["confidence"])))
    return Classified(
        category=data["category"], confidence=confidence, reason=str(data.get("reason") or ""), **spent(answers)
    )


def _choice_schema(names: list[str], allow_none: bool) -> dict[str, Any]:
    category: dict[str, Any] = {"type": "string", "enum": names}
    return {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "Why, in one short sentence."},
            "category": {"anyOf": [category, {"type": "null"}]} if allow_none else category,
            "confidence": {"type": "number", "description": "How sure you are, from 0 to 1."},
        },
        "required": ["reason", "category", "confidence"],
        "additionalProperties": False,
    }


async def ask_for_json(
    context: Answers, request: ModelRequest, fallback: list[str | Fallback]
) -> tuple[dict[str, Any], list[ModelAnswer]]:
    """An object that follows the request's schema, and all answers on the way to it.

    Raises Rejected E_SCHEMA, with the last answer as its detail, when the model does not manage in three tries.
    """
    assert request.schema is not None
    answers: list[ModelAnswer] = []
    while True:
        answers.append(await ask(context, request, fallback))
        last = answers[-1]
        found, wrong = read_json(last.text, request.schema)
        if found is not None:
            return found, answers
        if len(answers) > MOST_REPAIRS or last.finish_reason == "length":
            raise _never_fits(last, wrong, len(answers))
        again = f"That does not fit: {'; '.join(wrong)}. Answer again with the whole corrected JSON object alone."
        request = replace(request, messages=(*request.messages, last.message, Message("user", again)))


def _never_fits(last: ModelAnswer, wrong: list[str], tries: int) -> Rejected:
    if last.finish_reason == "length":
        text = f"The answer of {last.model} was cut off before it was complete."
        return Rejected(text, code="E_SCHEMA", hint="Send less text, or ask for fewer fields.", detail=last.text)
    text = f"{last.model} gave no answer that fits in {tries} tries: {'; '.join(wrong)[:600]}."
    hint = "Make the fields simpler or describe them better, or use another model. Its last answer is kept below."
    return Rejected(text, code="E_SCHEMA", hint=hint, detail=last.text)
