"""Addresses for the tests of accounts while other apps have none of their own yet."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path

import accounts.urls
from orchestrator_site.permissions import PAGES

MINE = {p.name for p in (*accounts.urls.pages, *accounts.urls.public)}
api = ([path("", include("accounts.api.urls")), path("docs", lambda r: HttpResponse("docs"), name="docs")], "api")
urlpatterns = [
    path("", lambda r: HttpResponse("root"), name="root"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api, namespace="api")),
    *accounts.urls.public,
    path(
        "w/<str:workspace>/",
        include(
            [
                *accounts.urls.pages,
                *[path(f"x-{n}/", lambda r, workspace: HttpResponse("ok"), name=n) for n in PAGES if n not in MINE],
            ]
        ),
    ),
    path("unlisted/", lambda r: HttpResponse("secret"), name="unlisted"),
]
