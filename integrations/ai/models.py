"""Which models there are, and what a text would cost before it is sent."""

from __future__ import annotations

from integrations.ai import INTEGRATION
from integrations.ai.asking import Answers, model_setting, refuse_empty
from integrations.llm import ModelCatalogue, ModelRequest
from integrations.spec import Kind, Model, content, setting


class ListModelsInput(Model):
    """What `ai.list_models` takes."""

    contains: str = setting("Contains", default="", help="Only models with this in their name.", max_length=100)


class ListedModel(Model):
    """One model: what a million tokens cost (null: not known), and the day it ends."""

    id: str
    input_usd: float | None = None
    output_usd: float | None = None
    ends: str | None = None


class ListedModels(Model):
    """The models that the connection may use."""

    models: list[ListedModel]
    count: int


class EstimateInput(Model):
    """What `ai.estimate` takes."""

    text: str = content("Text", help="What would be sent.", example="{{ steps.fetch.text }}", widget="long")
    output_tokens: int = setting(
        "Tokens of the answer", default=500, help="How long you expect it.", ge=0, le=1_000_000
    )
    model: str | None = model_setting()


class Estimate(Model):
    """What it would take; `cost_usd` is null where no price is known, `exact` says whether the service counted."""

    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None
    exact: bool = False


@INTEGRATION.action(
    "list_models",
    kind=Kind.READ,
    input=ListModelsInput,
    output=ListedModels,
    title="List models",
    phrase="lists models",
    needs="model",
    timeout=30,
    tainted=False,
    keywords=("models", "prices"),
)
async def list_models(context: Answers, values: ListModelsInput) -> ListedModels:
    """List the models that the connection may use, with prices where they are known."""
    found = []
    if isinstance(context.client, ModelCatalogue):
        for known in await context.client.models():
            if values.contains.lower() in known.id.lower():
                ends = known.ends.isoformat() if known.ends else None
                found.append(ListedModel(id=known.id, input_usd=known.input, output_usd=known.output, ends=ends))
    return ListedModels(models=found, count=len(found))


@INTEGRATION.action(
    "estimate",
    kind=Kind.READ,
    input=EstimateInput,
    output=Estimate,
    title="Estimate tokens and cost",
    phrase="estimates the cost",
    needs="model",
    timeout=30,
    tainted=False,
    keywords=("tokens", "count", "price", "budget"),
)
async def estimate(context: Answers, values: EstimateInput) -> Estimate:
    """Count the tokens of a text and say what asking about it would cost, before anything is sent."""
    refuse_empty(values.text, "text")
    assert isinstance(context.client, ModelCatalogue)
    request = ModelRequest.of(values.text, model=values.model or "")
    model, count, exact = await context.client.count(request)
    cost = context.client.price(model, count, values.output_tokens)
    return Estimate(model=model, input_tokens=count, output_tokens=values.output_tokens, cost_usd=cost, exact=exact)
