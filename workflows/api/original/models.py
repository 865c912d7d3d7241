"""The original's request and answer models; their errors are the ones its clients know. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field, WrapValidator


class StepType(StrEnum):
    """Types of workflow steps."""

    OPENAI = "openai"
    GITHUB = "github"
    NOTION = "notion"
    GMAIL = "gmail"
    TRANSFORM = "transform"


LATER_TYPES = ("claude_code",)


def _or_later(value: Any, check: Callable[[Any], Any]) -> Any:
    """Types that later versions added are taken too; the error for others stays the original's."""
    return value if value in LATER_TYPES else check(value)


class WorkflowStep(BaseModel):
    """A single step in a workflow."""

    id: str = Field(..., description="Step identifier")
    type: Annotated[StepType, WrapValidator(_or_later)] = Field(..., description="Step type")
    action: str = Field(..., description="Action to perform")
    params: dict[str, Any] = Field(default_factory=dict, description="Step parameters")
    next_step: str | None = Field(None, description="Next step ID")


class Workflow(BaseModel):
    """A workflow definition."""

    id: str = Field(..., description="Workflow identifier")
    name: str = Field(..., description="Workflow name")
    description: str = Field(..., description="Workflow description")
    steps: list[WorkflowStep] = Field(default_factory=list, description="Workflow steps")
    variables: dict[str, Any] = Field(default_factory=dict, description="Workflow variables")


class WorkflowResult(BaseModel):
    """Result of a workflow execution."""

    workflow_id: str
    status: str
    started_at: str
    completed_at: str | None = None
    steps_executed: list[str] = Field(default_factory=list)
    outputs: dict[str, Any] = Field(default_factory=dict)
    errors: list[str] = Field(default_factory=list)


class WorkflowExecuteRequest(BaseModel):
    """Request to execute a workflow."""

    workflow_id: str
    variables: dict[str, Any] | None = None


class PromptTemplate(BaseModel):
    """A reusable prompt template."""

    id: str = Field(..., description="Template identifier")
    name: str = Field(..., description="Template name")
    description: str = Field(..., description="Template description")
    system_prompt: str | None = Field(None, description="System prompt")
    user_prompt: str = Field(..., description="User prompt template")
    variables: list[str] = Field(default_factory=list, description="Variables used in the template")
    model: str = Field("gpt-4o-mini", description="Model to use")
    temperature: float = Field(0.7, description="Temperature for generation")


class LoginRequest(BaseModel):
    """Login request."""

    user_id: str
    password: str


class LoginResponse(BaseModel):
    """Login response."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the name of a header scheme


class Summary(BaseModel):
    """One line of a list."""

    id: str
    name: str
    description: str


class WorkflowSaved(BaseModel):
    """The answer to a workflow that was saved."""

    status: str = "success"
    workflow_id: str


class TemplateSaved(BaseModel):
    """The answer to a template that was saved."""

    status: str = "success"
    template_id: str


class Done(BaseModel):
    """The answer to what was done."""

    status: str = "success"


class Health(BaseModel):
    """Alive."""

    status: str = "healthy"
    timestamp: str


class Root(BaseModel):
    """What this is."""

    app: str
    version: str
    status: str = "running"


class Accepted(WorkflowResult):
    """A run that has not ended yet: where to see it."""

    run_url: str
