"""Addresses of `integrations`: `public` at the root, `pages` under /w/<workspace>/."""

from __future__ import annotations

from django.urls import path

from integrations.views import catalogue, choices, connections, oauth, sandbox, stored

public = [
    path("oauth/callback/", oauth.callback, name="oauth_callback"),
]

pages = [
    path("connections/", connections.connections, name="connections"),
    path("connections/new/", connections.new, name="connection_new"),
    path("connections/connect/<str:service>/", oauth.start, name="oauth_start"),
    path("connections/<uuid:pk>/", connections.connection, name="connection"),
    path("connections/<uuid:pk>/test/", connections.test, name="connection_test"),
    path("connections/<uuid:pk>/share/", connections.share, name="connection_share"),
    path("connections/<uuid:pk>/default/", connections.default, name="connection_default"),
    path("connections/<uuid:pk>/delete/", connections.delete, name="connection_delete"),
    path("actions/<str:action>/choices/<str:field>", choices.choices, name="action_choices"),
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("catalogue/<str:action>/", catalogue.action, name="catalogue_action"),
    path("stored/", stored.stored, name="stored"),
    path("stored/clear/", stored.clear, name="stored_clear"),
    path("stored/<uuid:pk>/delete/", stored.delete, name="stored_delete"),
    path("sandbox/", sandbox.sandbox, name="sandbox"),
    path("sandbox/reset/", sandbox.reset, name="sandbox_reset"),
    path("sandbox/<str:service>/", sandbox.service, name="sandbox_service"),
    path("sandbox/<str:service>/<uuid:pk>/", sandbox.thing, name="sandbox_object"),
]
