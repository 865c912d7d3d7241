"""The API under /api/v1/: the routes of every app, the OpenAPI document and its page."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

app_name = "api"

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    path("", include("accounts.api.urls")),
    path("", include("prompts.api.urls")),
    path("", include("integrations.api.urls")),
    path("", include("workflows.api.urls")),
]
