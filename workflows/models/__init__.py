"""Workflows and their versions, runs and what happened in them, and the workers that walk them."""

from workflows.models.blob import Blob
from workflows.models.cache import StepCache
from workflows.models.preview import Preview
from workflows.models.run import Attempt, DeliveredEvent, Effect, Run, RunEvent, RunStatus, StepRun, StepStatus, Wait
from workflows.models.variable import Variable
from workflows.models.worker import Slot, Worker
from workflows.models.workflow import DraftRevision, Step, Workflow, WorkflowVersion

__all__ = [
    "Attempt",
    "Blob",
    "DeliveredEvent",
    "DraftRevision",
    "Effect",
    "Preview",
    "Run",
    "RunEvent",
    "RunStatus",
    "Slot",
    "Step",
    "StepCache",
    "StepRun",
    "StepStatus",
    "Variable",
    "Wait",
    "Worker",
    "Workflow",
    "WorkflowVersion",
]
