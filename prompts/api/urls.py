"""Addresses of the API of prompts, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from prompts.api import views

urlpatterns = [
    path("prompts", views.PromptList.as_view(), name="prompts"),
    path("prompts/<str:slug>", views.PromptDetail.as_view(), name="prompt"),
    path("prompts/<str:slug>/versions", views.VersionList.as_view(), name="prompt_versions"),
    path("prompts/<str:slug>/render", views.Render.as_view(), name="prompt_render"),
]
