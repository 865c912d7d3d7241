"""Routes of the API of workflows and runs, below /api/v1/."""

from django.urls import path

<<<<<<< HEAD
from workflows.api import bulk, files, gallery, ledger, runs, triggers, trying, workflows, workspace
=======
from workflows.api import bulk, files, gallery, ledger, runs, triggers, uploads, workflows, workspace
>>>>>>> a2174fe (Files are put into the workspace by page, API and run form; inputs of the kind file)

urlpatterns = [
    path("import", files.Import.as_view(), name="import"),
    path("export", files.Export.as_view(), name="export"),
    path("gallery", gallery.Gallery.as_view(), name="gallery"),
    path("gallery/<str:item>", gallery.GalleryDetail.as_view(), name="gallery_item"),
    path("gallery/<str:item>/use", gallery.Use.as_view(), name="gallery_use"),
    path("gallery/<str:item>/try", gallery.Try.as_view(), name="gallery_try"),
    path("workflows", workflows.WorkflowList.as_view(), name="workflows"),
    path("workflows/<str:slug>", workflows.WorkflowDetail.as_view(), name="workflow"),
    path("workflows/<str:slug>/publish", workflows.Publish.as_view(), name="workflow_publish"),
    path("workflows/<str:slug>/permissions", gallery.Permissions.as_view(), name="workflow_permissions"),
    path("workflows/<str:slug>/versions", workflows.VersionList.as_view(), name="workflow_versions"),
    path("workflows/<str:slug>/versions/<int:n>", workflows.VersionDetail.as_view(), name="workflow_version"),
    path("workflows/<str:slug>/diff", workflows.Diff.as_view(), name="workflow_diff"),
    path("workflows/<str:slug>/restore", workflows.Restore.as_view(), name="workflow_restore"),
    path("workflows/<str:slug>/runs", runs.WorkflowRuns.as_view(), name="workflow_runs"),
    path("workflows/<str:slug>/try", trying.Try.as_view(), name="workflow_try"),
    path("workflows/<str:slug>/samples", trying.Samples.as_view(), name="workflow_samples"),
    path("workflows/<str:slug>/samples/<str:key>", trying.SampleDetail.as_view(), name="workflow_sample"),
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
    path("effects/<str:pk>/undo", ledger.UndoEffect.as_view(), name="effect_undo"),
    path("runs/<str:run>/undo", ledger.UndoRun.as_view(), name="run_undo"),
    path("effects/<str:pk>/settle", ledger.Settle.as_view(), name="effect_settle"),
    path("triggers", triggers.TriggerList.as_view(), name="triggers"),
    path("triggers/kinds", triggers.TriggerKinds.as_view(), name="trigger_kinds"),
    path("triggers/preview", triggers.SchedulePreview.as_view(), name="trigger_preview"),
    path("triggers/<str:pk>", triggers.TriggerDetail.as_view(), name="trigger"),
    path("triggers/<str:pk>/backfill", triggers.BackfillView.as_view(), name="trigger_backfill"),
    path("files", uploads.FileList.as_view(), name="files"),
    path("files/<uuid:pk>", uploads.FileDetail.as_view(), name="file"),
    path("variables", workspace.VariableList.as_view(), name="variables"),
    path("variables/<str:name>", workspace.VariableDetail.as_view(), name="variable"),
    path("usage", workspace.Usage.as_view(), name="usage"),
    path("workers", workspace.WorkerList.as_view(), name="workers"),
]
