"""Addresses of `prompts`: `public` at the root, `pages` under /w/<workspace>/."""

from __future__ import annotations

from typing import Any

from django.urls import path

from prompts.views import editor, importing, library

public: list[Any] = []

pages = [
    path("prompts/", library.prompts, name="prompts"),
    path("prompts/new/", library.new, name="prompt_new"),
    path("prompts/import/", importing.import_file, name="prompt_import"),
    path("prompts/<str:slug>/", editor.prompt, name="prompt"),
    path("prompts/<str:slug>/label/", editor.label, name="prompt_label"),
    path("prompts/<str:slug>/delete/", editor.delete, name="prompt_delete"),
]
