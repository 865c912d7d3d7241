"""Addresses of the API of integrations, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from integrations.api import views

urlpatterns = [
    path("actions", views.ActionList.as_view(), name="actions"),
    path("actions/<str:action>/choices/<str:field>", views.ActionChoices.as_view(), name="action_choices"),
    path("connections", views.ConnectionList.as_view(), name="connections"),
    path("connections/<uuid:pk>", views.ConnectionDetail.as_view(), name="connection"),
    path("connections/<uuid:pk>/test", views.ConnectionTest.as_view(), name="connection_test"),
    path("stored", views.StoredList.as_view(), name="stored"),
    path("stored/<uuid:pk>", views.StoredDetail.as_view(), name="stored_value"),
    path("sandbox/reset", views.SandboxReset.as_view(), name="sandbox_reset"),
    path("sandbox/<str:service>", views.SandboxService.as_view(), name="sandbox_service"),
]
