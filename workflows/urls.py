"""Pages of workflows and runs, below /w/<workspace>/."""

from __future__ import annotations

from django.urls import URLPattern, path

from workflows.api.metrics import metrics
from workflows.api.original.door import root
from workflows.views import (
    again,
    batch,
    compare,
    effects,
    files,
    gallery,
    home,
    inbox,
    run_list,
    runs,
    step_edits,
    steps,
    variables,
    versions,
    waits,
    workflows,
)

public: list[URLPattern] = [path("", root, name="root")]
watching: list[URLPattern] = [path("metrics", metrics, name="metrics")]

pages: list[URLPattern] = [
    path("", home.home, name="home"),
    path("inbox", inbox.inbox, name="inbox"),
    path("inbox/<uuid:pk>", waits.wait, name="wait"),
    path("workflows", workflows.workflow_list, name="workflows"),
    path("workflows/new", workflows.workflow_new, name="workflow_new"),
    path("workflows/import", workflows.workflow_import, name="workflow_import"),
    path("gallery", gallery.gallery, name="gallery"),
    path("gallery/<str:item>", gallery.gallery_item, name="gallery_item"),
    path("gallery/<str:item>/use", gallery.gallery_use, name="gallery_use"),
    path("gallery/<str:item>/try", gallery.gallery_try, name="gallery_try"),
    path("gallery/<str:item>/remove", gallery.gallery_delete, name="gallery_delete"),
    path("workflows/<str:slug>", workflows.workflow, name="workflow"),
    path("workflows/<str:slug>/settings", workflows.workflow_settings, name="workflow_settings"),
    path("workflows/<str:slug>/steps/new", steps.step_new, name="workflow_step_new"),
    path("workflows/<str:slug>/steps/<str:key>", steps.step, name="workflow_step"),
    path("workflows/<str:slug>/steps/<str:key>/move", step_edits.step_move, name="workflow_step_move"),
    path("workflows/<str:slug>/steps/<str:key>/remove", step_edits.step_remove, name="workflow_step_remove"),
    path("workflows/<str:slug>/steps/<str:key>/duplicate", step_edits.step_duplicate, name="workflow_step_duplicate"),
    path("workflows/<str:slug>/steps/<str:key>/switch", step_edits.step_switch, name="workflow_step_switch"),
    path("workflows/<str:slug>/steps/<str:key>/wrap", step_edits.step_wrap, name="workflow_step_wrap"),
    path("workflows/<str:slug>/steps/<str:key>/unwrap", step_edits.step_unwrap, name="workflow_step_unwrap"),
    path("workflows/<str:slug>/undo", step_edits.workflow_undo, name="workflow_undo"),
    path("workflows/<str:slug>/redo", step_edits.workflow_redo, name="workflow_redo"),
    path("workflows/<str:slug>/publish", versions.workflow_publish, name="workflow_publish"),
    path("workflows/<str:slug>/versions", versions.workflow_versions, name="workflow_versions"),
    path("workflows/<str:slug>/versions/<int:n>", versions.workflow_version, name="workflow_version"),
    path("workflows/<str:slug>/restore", versions.workflow_restore, name="workflow_restore"),
    path("workflows/<str:slug>/duplicate", workflows.workflow_duplicate, name="workflow_duplicate"),
    path("workflows/<str:slug>/toggle", workflows.workflow_toggle, name="workflow_toggle"),
    path("workflows/<str:slug>/delete", workflows.workflow_delete, name="workflow_delete"),
    path("workflows/<str:slug>/template", gallery.workflow_template, name="workflow_template"),
    path("workflows/<str:slug>/export", workflows.workflow_export, name="workflow_export"),
    path("workflows/<str:slug>/run", runs.workflow_run, name="workflow_run"),
    path("workflows/<str:slug>/batch", batch.workflow_batch, name="workflow_batch"),
    path("runs", run_list.run_list, name="runs"),
    path("runs/bulk", run_list.runs_bulk, name="runs_bulk"),
    path("runs/export", run_list.runs_export, name="runs_export"),
    path("runs/compare", compare.runs_compare, name="runs_compare"),
    path("runs/<uuid:run>", runs.run, name="run"),
    path("runs/<uuid:run>/events", runs.run_events, name="run_events"),
    path("runs/<uuid:run>/pause", waits.run_pause, name="run_pause"),
    path("runs/<uuid:run>/resume", waits.run_resume, name="run_resume"),
    path("runs/<uuid:run>/deliver", waits.run_event, name="run_event"),
    path("runs/<uuid:run>/cancel", runs.run_cancel, name="run_cancel"),
    path("runs/<uuid:run>/again", again.run_again_page, name="run_again"),
    path("runs/<uuid:run>/export", runs.run_export, name="run_export"),
    path("effects", effects.effect_list, name="effects"),
    path("effects/<uuid:pk>/settle", effects.effect_settle, name="effect_settle"),
    path("files/<uuid:pk>", files.file, name="file"),
    path("variables", variables.variable_list, name="variables"),
    path("variables/<str:name>/delete", variables.variable_delete, name="variable_delete"),
]
