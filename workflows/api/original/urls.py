"""The original's routes at the root (its namespace is `seed`). `/` itself is `root`, a page."""

from __future__ import annotations

from django.urls import path

from workflows.api.original import door, openapi, prompts, workflows

app_name = "seed"

urlpatterns = [
    path("openapi.json", openapi.document, name="openapi"),
    path("docs", openapi.swagger, name="docs"),
    path("docs/oauth2-redirect", openapi.oauth2_redirect, name="docs_oauth2"),
    path("redoc", openapi.redoc, name="redoc"),
    path("health", door.Health.as_view(), name="health"),
    path("auth/login", door.Login.as_view(), name="login"),
    path("workflows", workflows.WorkflowList.as_view(), name="workflows"),
    path("workflows/execute", workflows.Execute.as_view(), name="execute"),
    path("workflows/<path:workflow_id>", workflows.WorkflowDetail.as_view(), name="workflow"),
    path("prompts", prompts.PromptList.as_view(), name="prompts"),
    path("prompts/<path:template_id>", prompts.PromptDetail.as_view(), name="prompt"),
]
