"""Workflows and their versions, runs and what happened in them, and the workers that walk them."""

from workflows.models.blob import Blob
from workflows.models.cache import StepCache
from workflows.models.chunk import LoopChunk
from workflows.models.preview import Preview
from workflows.models.run import (
    Attempt,
    DeliveredEvent,
    Effect,
    PlannedEffect,
    Run,
    RunEvent,
    RunStatus,
    StepRun,
    StepStatus,
    Undo,
    Wait,
)
from workflows.models.sample import Sample
from workflows.models.template import Template
from workflows.models.trigger import InboundEvent, ScheduleTick, Trigger, TriggerDay
from workflows.models.variable import Variable
from workflows.models.worker import Slot, Worker
from workflows.models.workflow import DraftRevision, Step, Workflow, WorkflowVersion
from workflows.models.workflow_test import WorkflowTest

__all__ = [
    "Attempt",
    "Blob",
    "DeliveredEvent",
    "DraftRevision",
    "Effect",
    "InboundEvent",
    "LoopChunk",
    "PlannedEffect",
    "Preview",
    "Run",
    "RunEvent",
    "RunStatus",
    "Sample",
    "ScheduleTick",
    "Slot",
    "Step",
    "StepCache",
    "StepRun",
    "StepStatus",
    "Template",
    "Trigger",
    "TriggerDay",
    "Undo",
    "Variable",
    "Wait",
    "Worker",
    "Workflow",
    "WorkflowTest",
    "WorkflowVersion",
]
