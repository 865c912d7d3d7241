"""The API under /api/v1/: the routes of every app, the OpenAPI document and its page."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

app_name = "api"

# JSON unless YAML is asked for: what reads JSON only need not say so.
RENDERERS = [OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer, OpenApiYamlRenderer2]

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(renderer_classes=RENDERERS), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    path("", include("accounts.api.urls")),
    path("", include("prompts.api.urls")),
    path("", include("integrations.api.urls")),
    path("", include("workflows.api.urls")),
]
