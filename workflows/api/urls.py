"""Routes of the API of workflows and runs, below /api/v1/."""

from django.urls import path

from workflows.api import bulk, ledger, runs, triggers, workflows, workspace

urlpatterns = [
    path("workflows", workflows.WorkflowList.as_view(), name="workflows"),
    path("workflows/<str:slug>", workflows.WorkflowDetail.as_view(), name="workflow"),
    path("workflows/<str:slug>/publish", workflows.Publish.as_view(), name="workflow_publish"),
    path("workflows/<str:slug>/versions", workflows.VersionList.as_view(), name="workflow_versions"),
    path("workflows/<str:slug>/versions/<int:n>", workflows.VersionDetail.as_view(), name="workflow_version"),
    path("workflows/<str:slug>/diff", workflows.Diff.as_view(), name="workflow_diff"),
    path("workflows/<str:slug>/restore", workflows.Restore.as_view(), name="workflow_restore"),
    path("workflows/<str:slug>/runs", runs.WorkflowRuns.as_view(), name="workflow_runs"),
    path("workflows/<str:slug>/runs/batch", runs.Batch.as_view(), name="workflow_batch"),
    path("runs", runs.RunList.as_view(), name="runs"),
    path("runs/compare", bulk.CompareRuns.as_view(), name="runs_compare"),
    path("runs/cancel", bulk.CancelRuns.as_view(), name="runs_cancel"),
    path("runs/rerun", bulk.RerunRuns.as_view(), name="runs_rerun"),
    path("runs/<str:run>", runs.RunDetail.as_view(), name="run"),
    path("runs/<str:run>/steps", runs.RunSteps.as_view(), name="run_steps"),
    path("runs/<str:run>/effects", runs.RunEffects.as_view(), name="run_effects"),
    path("runs/<str:run>/events", runs.RunEvents.as_view(), name="run_events"),
    path("runs/<str:run>/pause", runs.Pause.as_view(), name="run_pause"),
    path("runs/<str:run>/resume", runs.Resume.as_view(), name="run_resume"),
    path("runs/<str:run>/cancel", runs.Cancel.as_view(), name="run_cancel"),
    path("runs/<str:run>/rerun", runs.Rerun.as_view(), name="run_rerun"),
    path("waits", ledger.WaitList.as_view(), name="waits"),
    path("waits/<str:pk>", ledger.WaitDetail.as_view(), name="wait"),
    path("waits/<str:pk>/decide", ledger.Decide.as_view(), name="wait_decide"),
    path("effects", ledger.EffectList.as_view(), name="effects"),
    path("effects/<str:pk>/settle", ledger.Settle.as_view(), name="effect_settle"),
    path("triggers", triggers.TriggerList.as_view(), name="triggers"),
    path("triggers/kinds", triggers.TriggerKinds.as_view(), name="trigger_kinds"),
    path("triggers/preview", triggers.SchedulePreview.as_view(), name="trigger_preview"),
    path("triggers/<str:pk>", triggers.TriggerDetail.as_view(), name="trigger"),
    path("triggers/<str:pk>/backfill", triggers.BackfillView.as_view(), name="trigger_backfill"),
    path("variables", workspace.VariableList.as_view(), name="variables"),
    path("variables/<str:name>", workspace.VariableDetail.as_view(), name="variable"),
    path("usage", workspace.Usage.as_view(), name="usage"),
    path("workers", workspace.WorkerList.as_view(), name="workers"),
]
