"""All addresses: each app brings its own lists; what each needs stands in `orchestrator_site.permissions`."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

import accounts.urls
import integrations.urls
import prompts.urls
import workflows.urls
from orchestrator_site import views
from orchestrator_site.lib.elements_page import elements_page

APPS = (accounts.urls, prompts.urls, integrations.urls, workflows.urls)

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include(("orchestrator_site.api", "api"), namespace="api")),
    path("", include((workflows.urls.hooks, "hooks"), namespace="hooks")),
    path("", include((workflows.urls.watching, "watching"), namespace="watching")),
    *[path("", include(app.public)) for app in APPS],
    path("w/<str:workspace>/", include([page for app in APPS for page in app.pages])),
    path("", include(("workflows.api.original.urls", "seed"), namespace="seed")),
]
if settings.DEBUG:
    urlpatterns.append(path("elements/", elements_page, name="elements"))

handler400 = "orchestrator_site.views.bad_request"
handler403 = "orchestrator_site.views.forbidden"
handler404 = "orchestrator_site.views.not_found"
handler500 = "orchestrator_site.views.server_error"
