"""Addresses of the API of accounts, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from accounts.api import schema, views  # noqa: F401 - the schema extensions register themselves

urlpatterns = [
    path("members", views.MemberList.as_view(), name="members"),
    path("members/<uuid:pk>", views.MemberDetail.as_view(), name="member"),
    path("tokens", views.TokenList.as_view(), name="tokens"),
    path("tokens/<uuid:pk>", views.TokenDetail.as_view(), name="token"),
    path("audit", views.AuditTrail.as_view(), name="audit"),
]
